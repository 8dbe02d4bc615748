// gatepost quarantine list|show|release|delete: the daemon keeps the state, the messages go from
// here to the MTA.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/fields.h"
#include "core/mail/header_block.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/quarantine_control.h"
#include "filter/config/settings.h"
#include "filter/control/control.h"
#include "filter/quarantine/release.h"

namespace gatepost::command {

namespace {

using quarantine::Begun;
using quarantine::ReleaseOutcome;
using Steady = std::chrono::steady_clock;

constexpr auto kWaitForDaemon = std::chrono::seconds(60);

struct Options {
  Common common;
  std::string socket;
  std::vector<std::string> references;
  std::string from, to, since, state, via;
  std::vector<std::string> recipients;
  int limit = 0;
  bool all = false;
  bool again = false;
  bool raw = false;
};

/// The daemon behind its control socket.
class Daemon {
 public:
  explicit Daemon(std::string socket) : socket_(std::move(socket)) {}

  Result<Json> ask(const char* command, Json request) const {
    request["command"] = command;
    const auto answer =
        control::ask(socket_, request.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!answer.ok()) return Error{ErrorKind::temporary, answer.error().what, kNobody};
    const Json json = Json::parse(*answer, nullptr, false);
    if (!json.is_object()) return internal_error("the daemon's answer is no JSON");
    if (!json.contains("error")) return json;
    const std::string kind = json.value("kind", "internal");
    return Error{kind == "permanent"   ? ErrorKind::permanent
                 : kind == "temporary" ? ErrorKind::temporary
                                       : ErrorKind::internal,
                 json["error"].get<std::string>(), ""};
  }
  /// Whether no daemon answered at all.
  static bool nobody(const Error& error) { return error.where == kNobody; }

 private:
  static constexpr const char* kNobody = "control socket";
  std::string socket_;
};

int exit_of(const Error& error) {
  fail(Error{error.kind, error.what, Daemon::nobody(error) ? "" : error.where});
  if (Daemon::nobody(error)) return kUnavailable;
  return error.kind == ErrorKind::permanent   ? kNoInput
         : error.kind == ErrorKind::temporary ? kTemporary
                                              : kInternal;
}

/// Notes releases with the daemon. The end of one is told until somebody hears it: the daemon may
/// just be starting again.
class ControlJournal final : public quarantine::ReleaseJournal {
 public:
  explicit ControlJournal(const Daemon& daemon) : daemon_(daemon) {}

  Result<std::optional<Begun>> begin(const std::string& reference, bool again) override {
    const auto answer =
        daemon_.ask("quarantine-begin", {{"reference", reference}, {"again", again}});
    if (!answer.ok()) return answer.error();
    Begun begun{entry_from_json(answer->at("entry")),
                answer->at("recipients").get<std::vector<std::string>>()};
    left_ = begun.recipients;
    return std::optional<Begun>(std::move(begun));
  }

  Result<bool> end(const std::string& reference, const std::string& nonce,
                   const std::vector<std::string>& delivered, bool whole) override {
    Json request = {
        {"reference", reference}, {"nonce", nonce}, {"delivered", delivered}, {"whole", whole}};
    if (!delivered.empty() && delivered == left_) request["delivered"] = {"*"};
    for (const auto until = Steady::now() + kWaitForDaemon;;) {
      const auto answer = daemon_.ask("quarantine-end", request);
      if (answer.ok()) return answer->value("passed", false);
      if (answer.error().kind != ErrorKind::temporary || Steady::now() > until)
        return answer.error();
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
  }

 private:
  const Daemon& daemon_;
  std::vector<std::string> left_;
};

/// "12 of 300" on a terminal, for what takes more than 2 s.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total) {}
  void step() {
    ++done_;
    if (!terminal_ || Steady::now() - begun_ < std::chrono::seconds(2)) return;
    std::fprintf(stderr, "\r%zu of %zu", done_, total_);
    shown_ = true;
  }
  void clear() {
    if (shown_) std::fprintf(stderr, "\r%40s\r", "");
    shown_ = false;
  }
  ~Progress() { clear(); }

 private:
  const std::size_t total_;
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  const Steady::time_point begun_ = Steady::now();
  std::size_t done_ = 0;
  bool shown_ = false;
};

/// "3d" ago, a date "2026-11-26", or seconds since 1970.
Result<std::int64_t> parse_since(const std::string& text) {
  if (text.empty()) return std::int64_t{0};
  std::tm date{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &date);
  if (end != nullptr && *end == '\0') {
    date.tm_isdst = -1;
    return static_cast<std::int64_t>(std::mktime(&date));
  }
  if (std::all_of(text.begin(), text.end(), is_digit) && text.size() < 12) return std::stoll(text);
  if (const auto span = config::parse_duration(text); span.ok())
    return std::max<std::int64_t>(0, std::time(nullptr) - *span / 1000);
  return permanent_error(
      "--since: expected a span such as 2h or 3d, a date such as 2026-11-26, or "
      "seconds since 1970, got '" +
      printable(text, 60) + "'");
}

std::string local_time(std::int64_t time) {
  char out[32] = "";
  const std::time_t value = time;
  std::tm parts{};
  if (::localtime_r(&value, &parts) != nullptr)
    std::strftime(out, sizeof out, "%Y-%m-%d %H:%M", &parts);
  return out;
}

/// Calls `use` with each entry, newest first. @return kOk or what went wrong.
template <class Use>
int for_each_entry(const Daemon& daemon, const Options& options, const std::string& state,
                   Json* last_page, Use&& use) {
  const auto since = parse_since(options.since);
  if (!since.ok()) return fail(since.error()), kUsage;
  std::string after;
  for (int left = options.limit > 0 ? options.limit : 1 << 30; left > 0;) {
    const int page = std::min(left, 200);
    auto answer = daemon.ask("quarantine-list", {{"from", options.from},
                                                 {"to", options.to},
                                                 {"since", *since},
                                                 {"state", state},
                                                 {"after", after},
                                                 {"limit", page}});
    if (!answer.ok()) return exit_of(answer.error());
    const Json entries = answer->at("entries");
    if (last_page != nullptr) *last_page = std::move(*answer);
    for (const Json& entry : entries) use(entry);
    if (static_cast<int>(entries.size()) < page) break;
    after = entries.back().at("reference");
    left -= page;
  }
  return kOk;
}

void print_entry_line(const Json& e) {
  const auto column = [&](const char* key, std::size_t width) {
    return printable(e.at(key).get<std::string>(), width);
  };
  const auto& to = e.at("recipients");
  std::string recipients = to.empty() ? "" : printable(to[0].get<std::string>(), 36);
  const auto count = e.value("recipient_count", to.size());
  if (count > 1) recipients += " +" + std::to_string(count - 1);
  const std::string sender = e.at("mail_from").get<std::string>();
  std::printf("%-12s  %s  %-11s %6.1f  <%s> -> <%s>  %s  [%s]\n", column("reference", 32).c_str(),
              local_time(e.at("time")).c_str(), column("state", 12).c_str(),
              e.at("score").get<double>(), printable(sender, 40).c_str(), recipients.c_str(),
              column("subject", 60).c_str(), column("reason", 60).c_str());
}

int list(const Daemon& daemon, const Options& options) {
  Json page;
  Json all = Json::array();
  std::size_t count = 0;
  const int code = for_each_entry(daemon, options, options.state, &page, [&](const Json& entry) {
    ++count;
    if (options.common.json)
      all.push_back(entry);
    else
      print_entry_line(entry);
  });
  if (code != kOk) return code;
  if (options.common.json) {
    page["entries"] = std::move(all);
    std::printf("%s\n", page.dump(2).c_str());
  } else {
    std::printf("%zu shown; the quarantine holds %lld messages, %lld octets\n", count,
                static_cast<long long>(page.value("messages", std::int64_t{0})),
                static_cast<long long>(page.value("octets", std::int64_t{0})));
  }
  return kOk;
}

int show_raw(const std::string& path, std::size_t message_at) {
  std::ifstream file(path, std::ios::binary);
  if (!file.seekg(static_cast<std::streamoff>(message_at)))
    return fail(temporary_error("cannot be read; root and the daemon's user may", path)), kNoInput;
  char buffer[65536];
  while (file.read(buffer, sizeof buffer), file.gcount() > 0)
    std::fwrite(buffer, 1, static_cast<std::size_t>(file.gcount()), stdout);
  return std::fflush(stdout) == 0 ? kOk : kInternal;
}

void print_header(const std::string& path, std::size_t message_at) {
  constexpr std::size_t kShown = 65536;
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(message_at));
  std::string head(kShown, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  std::printf("\nheader\n");
  if (head.empty()) std::printf("  (%s cannot be read by you)\n", printable(path).c_str());
  for (const auto& field : mail::parse_message(head).fields)
    std::printf("  %s:%s\n", printable(field.name, 100).c_str(),
                printable(mail::unfold(field.value), 400).c_str());
}

int show(const Daemon& daemon, const Options& options) {
  const auto answer = daemon.ask("quarantine-show", {{"reference", options.references[0]}});
  if (!answer.ok()) return exit_of(answer.error());
  const Json& e = *answer;
  const std::string path = e.at("file");
  const std::size_t message_at = e.at("message_at");
  if (options.raw) return show_raw(path, message_at);
  if (options.common.json) {
    std::printf("%s\n", e.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return kOk;
  }
  const auto joined = [](const Json& array) {
    std::string list;
    for (const Json& item : array) list += (list.empty() ? "" : ", ") + item.get<std::string>();
    return list;
  };
  const Json& record = e.at("record");
  std::vector<std::pair<std::string, std::string>> rows = {
      {"reference", e.at("reference")},
      {"time", local_time(e.at("time"))},
      {"state", e.at("state")},
      {"sender", "<" + e.at("mail_from").get<std::string>() + ">"},
      {"recipients", joined(e.at("recipients"))},
      {"released to", joined(e.at("released"))},
      {"from", e.at("from")},
      {"subject", e.at("subject")},
      {"message-id", e.at("message_id")},
      {"client", e.at("client")},
      {"helo", record.value("helo", "")},
      {"queue id", e.at("queue_id")},
      {"size", std::to_string(e.at("size").get<std::uint64_t>())},
      {"file", path},
      {"verdict", record.value("verdict", "") + ", score " + record.value("score", Json(0)).dump()},
      {"authentication", "spf=" + record.value("spf", "") + " dmarc=" + record.value("dmarc", "")},
  };
  print_rows(rows);
  std::printf("\nwhy\n");
  for (const Json& finding : record.value("findings", Json::array())) {
    std::printf("  %-24s %6.1f  %s\n", printable(finding.value("name", ""), 60).c_str(),
                finding.value("score", 0.0), printable(finding.value("detail", ""), 200).c_str());
  }
  print_header(path, message_at);
  return kOk;
}

int worse(int a, int b) {
  return a == kOk ? b : a == kTemporary || b == kOk ? a : b;
}

int erase(const Daemon& daemon, const Options& options) {
  Json deleted = Json::array();
  int code = kOk;
  Progress progress(options.references.size());
  for (const std::string& reference : options.references) {
    const auto answer = daemon.ask("quarantine-delete", {{"reference", reference}});
    progress.step();
    if (answer.ok()) {
      deleted.push_back(reference);
      continue;
    }
    progress.clear();
    code = worse(code, exit_of(answer.error()));
    if (code == kUnavailable) break;
  }
  progress.clear();
  if (options.common.json)
    std::printf("%s\n", Json{{"deleted", deleted}}.dump(2).c_str());
  else
    std::printf("%zu deleted\n", deleted.size());
  return code;
}

std::string_view word_of(ReleaseOutcome::Kind kind) {
  constexpr std::string_view kWords[] = {"released", "partly released", "failed", "unknown",
                                         "refused"};
  return kWords[static_cast<int>(kind)];
}

int code_of(const ReleaseOutcome& outcome) {
  if (outcome.kind == ReleaseOutcome::Kind::released) return kOk;
  if (outcome.kind == ReleaseOutcome::Kind::unknown || outcome.temporary) return kTemporary;
  return kDataError;
}

/// What a person should know of one release.
void print_outcome(const std::string& reference, const ReleaseOutcome& outcome) {
  const bool good = outcome.kind == ReleaseOutcome::Kind::released;
  std::fprintf(good ? stdout : stderr, "%s: %s: %s\n", printable(reference, 40).c_str(),
               std::string(word_of(outcome.kind)).c_str(), printable(outcome.detail, 600).c_str());
  if (outcome.unseen) {
    std::fprintf(
        stderr,
        "%s: the mail server took it, but this filter did not see its token: it is not "
        "attached there, or the message was changed on the way and was judged as any mail\n",
        printable(reference, 40).c_str());
  }
}

/// Fills in what the command line says; kOk or an exit code.
int release_options(const Daemon& daemon, const Options& options, std::vector<std::string>& all,
                    quarantine::ReleaseOptions& out) {
  const auto configuration = options.common.load();
  if (!configuration) return kConfig;
  const auto server = quarantine::SmtpServer::parse(
      options.via.empty() ? configuration->daemon.quarantine_release_to : options.via);
  if (!server.ok())
    return fail(permanent_error("--via or quarantine.release_to: " + server.error().what)), kUsage;
  out.server = *server;
  out.again = options.again;
  for (const std::string& address : options.recipients) {
    const auto parsed = mail::parse_forward_path(address);
    if (!parsed.ok()) return fail(permanent_error("--to: " + parsed.error().text())), kUsage;
    out.to.push_back(parsed->text());
  }
  Json page;
  Options any = options;
  any.to.clear();
  if (!options.all) any.limit = 1;  // where the messages are is told with a list
  for (const char* state : {"stored", "unconfirmed"}) {
    const int code = for_each_entry(daemon, any, state, &page, [&](const Json& entry) {
      if (options.all) all.push_back(entry.at("reference"));
    });
    if (code != kOk) return code;
  }
  out.directory = page.at("directory").get<std::string>();
  return kOk;
}

int release(const Daemon& daemon, const Options& options) {
  if (options.references.empty() != options.all)
    return fail(permanent_error("expected references, or --all")), kUsage;
  std::vector<std::string> references = options.references;
  quarantine::ReleaseOptions how;
  if (const int code = release_options(daemon, options, references, how); code != kOk) return code;
  const SystemClock clock;
  ControlJournal journal(daemon);
  Json rows = Json::array();
  int code = kOk;
  Progress progress(references.size());
  for (const std::string& reference : references) {
    const ReleaseOutcome outcome = quarantine::release(reference, journal, how, clock);
    code = worse(code, code_of(outcome));
    progress.step();
    if (options.common.json) {
      rows.push_back({{"reference", reference},
                      {"result", word_of(outcome.kind)},
                      {"delivered", outcome.delivered},
                      {"detail", outcome.detail},
                      {"token_seen", !outcome.unseen}});
    } else {
      progress.clear();
      print_outcome(reference, outcome);
    }
  }
  progress.clear();
  if (options.common.json)
    std::printf(
        "%s\n",
        Json{{"releases", rows}}.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return code;
}

using Run = int (*)(const Daemon&, const Options&);

int with_daemon(const Options& options, Run run) {
  std::string socket = options.socket;
  if (socket.empty()) {
    const auto configuration = options.common.load();
    if (!configuration) return kConfig;
    socket = configuration->daemon.control_socket;
  }
  return run(Daemon(socket), options);
}

}  // namespace

void add_quarantine(CLI::App& program, int& exit_code) {
  CLI::App* quarantine =
      program.add_subcommand("quarantine", "messages that the filter has stored");
  quarantine->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, Run run) {
    auto options = std::make_shared<Options>();
    CLI::App* app = quarantine->add_subcommand(name, help);
    options->common.add_to(*app);
    app->add_option("--socket", options->socket,
                    "the daemon's control socket (default: daemon.control_socket)");
    app->callback([options, run, &exit_code] { exit_code = with_daemon(*options, run); });
    return std::pair(app, options);
  };
  const auto add_filters = [](CLI::App* app, Options& o) {
    app->add_option("--from", o.from, "part of the sender or of From");
    app->add_option("--since", o.since, "not older: 2h, 3d, 2026-11-26, or seconds since 1970");
    app->add_option("--limit", o.limit, "at most so many")->check(CLI::PositiveNumber);
  };
  {
    const auto [app, o] = add("list", "show what is stored, newest first", list);
    add_filters(app, *o);
    app->add_option("--to", o->to, "part of a recipient");
    app->add_option("--state", o->state, "only these")
        ->check(CLI::IsMember({"unconfirmed", "stored", "releasing", "released"}));
  }
  {
    const auto [app, o] = add("show", "say why a message is here", show);
    app->add_option("reference", o->references, "of the message")->required()->expected(1);
    app->add_flag("--raw", o->raw, "print the message itself, octet for octet");
  }
  {
    const auto [app, o] = add("release", "deliver stored messages to their recipients", release);
    app->add_option("reference", o->references, "of the messages");
    app->add_flag("--all", o->all, "all that are stored, or those that --from and --since name");
    app->add_option("--to", o->recipients, "deliver to this address instead (repeatable)");
    app->add_flag("--again", o->again, "also what was released, or may have been, already");
    app->add_option("--via", o->via, "the MTA, HOST:PORT (default: quarantine.release_to)");
    add_filters(app, *o);
  }
  const auto [app, o] = add("delete", "delete stored messages for good", erase);
  app->add_option("reference", o->references, "of the messages")->required();
}

}  // namespace gatepost::command
