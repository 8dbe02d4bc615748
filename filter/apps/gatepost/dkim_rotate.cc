// gatepost dkim rotate: from one key to the next, as far as it can be gone now.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/dns/unbound_resolver.h"
#include "core/mail/address.h"
#include "filter/apps/gatepost/dkim_options.h"
#include "filter/config/settings.h"
#include "filter/keys/name_servers.h"
#include "filter/keys/rotation.h"

namespace gatepost::command {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config_file, domain, selector, replace;
  std::string algorithm = "rsa";
  int bits = dkim::kGoodRsaBits;
  std::string folder = "/etc/gatepost/keys";
  std::string retire_after = "7d", wait = "1h", interval = "30s";
  std::vector<std::string> nameservers;
  std::int64_t at = -1;
  bool again = false, status = false, reload = false, json = false;
};

std::string time_text(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

/// Two at once would make two keys.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~FolderLock() {
    if (folder_ >= 0) ::close(folder_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  bool taken() const { return folder_ >= 0 && ::flock(folder_, LOCK_EX | LOCK_NB) == 0; }

 private:
  int folder_;
};

class Runner {
 public:
  Runner(const Options& options, const std::string& domain)
      : options_(options),
        clock_(options.at),
        rotation_(keys::KeyFolder(fs::path(options.folder) / domain), domain) {}

  int run(std::chrono::milliseconds wait, std::chrono::milliseconds interval,
          std::int64_t retire_after) {
    const auto there = rotation_.load(options_.again);
    if (!there) return fail(there.error());
    if (options_.status) return *there ? finish(kOk) : finish_without();
    if (!*there) {
      keys::Rotation::Plan plan{options_.selector, options_.replace, key_type(options_.algorithm),
                                options_.bits, retire_after};
      if (const auto begun = rotation_.begin(plan, clock_.unix_time()); !begun)
        return fail(begun.error());
      say("begun: the new key is " + rotation_.name());
    } else {
      say(std::string("continued at step ") + keys::to_string(rotation_.state().step) + ": " +
          rotation_.name());
    }
    return steps(wait, interval);
  }

 private:
  /// For people while it goes on; standard output has the result only, with --json.
  void say(const std::string& text) const {
    std::fprintf(options_.json ? stderr : stdout, "%s\n", text.c_str());
    std::fflush(options_.json ? stderr : stdout);
  }

  int steps(std::chrono::milliseconds wait, std::chrono::milliseconds interval) {
    using keys::RotationStep;
    // A run that ended between the switch and the reload left that to this one.
    if (options_.reload && rotation_.state().step == RotationStep::retire) {
      if (const int code = reload(); code != kOk) return code;
    }
    for (;;) {
      const RotationStep before = rotation_.state().step;
      if (before == RotationStep::publish) {
        if (const int code = publish(wait, interval); code != kOk) return code;
        continue;
      }
      if (before == RotationStep::revoke) tell_revocation();
      const auto moved = rotation_.advance(clock_.unix_time());
      if (!moved) return fail(moved.error());
      if (before == RotationStep::change) {
        say("switched: " + rotation_.state().selector + " signs once the daemon reloads" +
            (options_.reload ? "" : " (gatepost reload)"));
        if (const int code = options_.reload ? reload() : kOk; code != kOk) return code;
      }
      if (!*moved) return finish(kOk);
    }
  }

  int reload() const {
    Common common;
    common.config_file = options_.config_file;
    int code = kOk;
    const auto answer = ask_daemon(common, "", {{"command", "reload"}}, code);
    if (!answer) return code;
    if (!answer->value("ok", false)) {
      std::fprintf(stderr, "gatepost: the daemon refused to reload, see: gatepostd --check\n");
      return kConfig;
    }
    say("reloaded");
    return kOk;
  }

  void tell_revocation() const {
    const auto text = rotation_.revocation();
    say("retired: put this in place of the old record, or remove that:\n\n" +
        keys::zone_lines(rotation_.old_name(), *text) + "\n");
  }

  /// Waits until every name server has the record.
  int publish(std::chrono::milliseconds wait, std::chrono::milliseconds interval) {
    const auto record = rotation_.record();
    if (!record) return fail(record.error());
    say("publish this record, the old one stays beside it:\n\n" +
        keys::zone_lines(rotation_.name(), *record) + "\n\non one line for a web form:\n" +
        *record + "\n");
    const auto until = std::chrono::steady_clock::now() + wait;
    for (;;) {
      const auto all = everywhere(*record);
      if (!all) say("name servers: " + all.error().text());
      if (all && *all) {
        say("served by all name servers");
        const auto next = rotation_.served();
        return next ? kOk : fail(next.error());
      }
      if (std::chrono::steady_clock::now() + interval > until) {
        std::fprintf(stderr,
                     "gatepost: not served by all name servers yet; run the same command again\n");
        return finish(kTemporary);
      }
      std::this_thread::sleep_for(interval);
    }
  }

  Result<keys::Servers> servers() {
    keys::Servers given;
    given.name = rotation_.name();
    for (const std::string& server : options_.nameservers) {
      const auto address = dns::parse_server(server);
      if (!address) return address.error();
      given.servers.push_back({"", *address});
    }
    if (!given.servers.empty()) return given;
    Common common;
    common.config_file = options_.config_file;
    if (tools_ == nullptr) {
      int code = kOk;
      tools_ = Tools::open(common, code);
      if (tools_ == nullptr) return config_error("the configuration cannot be used");
    }
    keys::ServersFlow flow(given.name);
    Answers answers(clock_.unix_time());
    auto found = tools_->run(flow, answers);
    if (!found) return found.error();
    return *std::move(found);
  }

  static std::string state_of(const dns::Answer& answer, const dkim::KeyRecord& wanted) {
    if (dns::is_temporary(answer.status))
      return std::string(dns::to_string(answer.status)) +
             (answer.reason.empty() ? "" : " (" + answer.reason + ")");
    bool served = false, other = false;
    for (const std::string& text : answer.texts) {
      const auto record = dkim::parse_key_record(text);
      const bool same = record && record->type == wanted.type && record->key == wanted.key;
      (same ? served : other) = true;
    }
    if (served && !other) return "";
    return served ? "another TXT record beside it" : other ? "another record" : "no record yet";
  }

  Result<bool> everywhere(const std::string& record) {
    const auto wanted = dkim::parse_key_record(record);
    if (!wanted) return wanted.error();
    const auto asked = servers();
    if (!asked) return asked.error();
    bool all = !asked->servers.empty();
    const auto query = dns::make_query(asked->name, dns::RrType::txt);
    for (const auto& server : asked->servers) {
      const std::string who = server.name + (server.name.empty() ? "" : " ") + server.address;
      const std::string missing =
          state_of(keys::ask_server(server.address, query, std::chrono::seconds(5)), *wanted);
      all = all && missing.empty();
      std::string& last = told_[who];  // only what changed is told again
      const std::string now = missing.empty() ? "serves it" : missing;
      if (last != now) say("  " + printable(who) + ": " + printable(now));
      last = now;
    }
    return all;
  }

  int finish_without() const {
    if (options_.json)
      std::printf("%s\n", Json{{"step", nullptr}}.dump().c_str());
    else
      std::printf("no rotation was begun\n");
    return kOk;
  }

  int finish(int code) const {
    using keys::RotationStep;
    const auto& state = rotation_.state();
    if (options_.json) {
      Json json{{"domain", state.domain},
                {"step", keys::to_string(state.step)},
                {"selector", state.selector},
                {"old_selector", state.old_selector},
                {"name", rotation_.name()}};
      if (const auto record = rotation_.record(); state.step != RotationStep::make && record)
        json["record"] = *record;
      if (state.step == RotationStep::retire) json["retire_at"] = rotation_.retire_at();
      if (state.step == RotationStep::done && !state.old_selector.empty())
        json["revocation"] = {{"name", rotation_.old_name()}, {"record", *rotation_.revocation()}};
      std::printf("%s\n", json.dump().c_str());
    } else if (state.step == RotationStep::retire) {
      std::printf("the old key %s stays published until %s; run the same command then\n",
                  rotation_.old_name().c_str(), time_text(rotation_.retire_at()).c_str());
    } else if (state.step == RotationStep::done) {
      std::printf("done: %s signs; --new begins the next rotation\n", state.selector.c_str());
    } else if (options_.status) {
      std::printf("step %s of %s\n", keys::to_string(state.step), rotation_.name().c_str());
    }
    return code;
  }

  const Options& options_;
  SystemClock clock_;
  keys::Rotation rotation_;
  std::unique_ptr<Tools> tools_;
  std::map<std::string, std::string> told_;
};

int run(const Options& options) {
  const auto usage = [](const std::string& what) { return fail(permanent_error(what)), kUsage; };
  const auto domain = mail::normalize_domain(options.domain);
  if (!domain) return usage(options.domain + ": " + domain.error().what);
  Options normal = options;
  for (std::string* selector : {&normal.selector, &normal.replace}) {
    if (selector->empty()) continue;
    const auto name = mail::normalize_domain(*selector);
    if (!name) return usage(*selector + ": " + name.error().what);
    *selector = *name;
  }
  std::int64_t times[3] = {};
  const std::string* texts[3] = {&options.wait, &options.interval, &options.retire_after};
  for (int i = 0; i < 3; ++i) {
    const auto parsed = config::parse_duration(*texts[i]);
    if (!parsed) return usage(*texts[i] + ": " + parsed.error().what);
    times[i] = *parsed;
  }
  const fs::path folder = fs::path(options.folder) / *domain;
  std::error_code error;
  fs::create_directories(folder, error);
  const FolderLock lock(folder);
  if (!lock.taken())
    return fail(temporary_error(folder.string() + " cannot be used, or another rotation of " +
                                *domain + " runs"));
  Runner runner(normal, *domain);
  return runner.run(std::chrono::milliseconds(times[0]),
                    std::chrono::milliseconds(std::max<std::int64_t>(times[1], 10)),
                    times[2] / 1000);
}

}  // namespace

void add_dkim_rotate(CLI::App& dkim, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = dkim.add_subcommand(
      "rotate", "go on to a new key: make it, wait for DNS, switch, retire the old one");
  app->add_option("domain,--domain", options->domain, "the domain that signs")->required();
  app->add_option("-c,--config", options->config_file, "configuration file, for DNS and --reload");
  app->add_option("--selector", options->selector,
                  "the new key's name, made of the day if missing");
  app->add_option("--replace", options->replace,
                  "the selector that goes; that with a key of the same type if missing");
  add_key_options(*app, options->algorithm, options->bits, options->folder);
  app->add_option("--retire-after", options->retire_after,
                  "how long the old key stays published after the switch, 7d by default");
  app->add_option("--wait", options->wait,
                  "how long to wait for DNS, 1h by default; 0s: look once");
  app->add_option("--interval", options->interval, "between two looks, 30s by default");
  app->add_option("--nameserver", options->nameservers,
                  "ask these, ADDRESS or ADDRESS:PORT, instead of the zone's own (repeatable)");
  app->add_option("--at", options->at, "the time to act for, seconds since 1970")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--new", options->again, "begin the next rotation when the last one is done");
  app->add_flag("--status", options->status, "only say where it stands");
  app->add_flag("--reload", options->reload, "have the daemon reload after the switch");
  app->add_flag("--json", options->json, "print JSON");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
