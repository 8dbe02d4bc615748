// gatepost stats, gatepost reload: asks the running daemon.

#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/command.h"
#include "filter/control/control.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string socket;
  std::string what;
};

std::optional<Json> ask(const Options& options, const char* command, int& exit_code) {
  return ask_daemon(options.common, options.socket, {{"command", command}}, exit_code);
}

/// One line a check and a DNS list.
void print_lookups(const Json& lookups) {
  if (lookups.empty()) return;
  const auto bound = [](const Json& value) {
    const int ms = value.get<int>();
    return ms < 0 ? std::string(">5000") : std::to_string(ms);
  };
  std::printf("\n%-28s %9s %9s %9s %9s %8s %8s %8s %8s\n", "DNS answers of", "asked", "cached",
              "ok", "none", "failed", "timeout", "p50 ms", "p99 ms");
  for (const auto& [name, row] : lookups.items()) {
    const auto of = [row = &row](const char* key) { return (*row)[key].get<std::uint64_t>(); };
    const std::uint64_t failed = of("servfail") + of("refused") + of("bogus") + of("truncated") +
                                 of("lying") + of("malformed");
    std::printf("%-28s %9lu %9lu %9lu %9lu %8lu %8lu %8s %8s\n", printable(name, 100).c_str(),
                of("asked"), of("cached"), of("ok"), of("no_data") + of("nxdomain"), failed,
                of("timeout"), bound(row["p50_ms"]).c_str(), bound(row["p99_ms"]).c_str());
  }
}

int stats(const Options& options) {
  if (options.what == "rules") return rule_statistics(options.common, options.socket);
  int exit_code = kOk;
  const auto json = ask(options, "stats", exit_code);
  if (!json) return exit_code;
  if (options.common.json) {
    std::printf("%s\n", json->dump(2).c_str());
    return kOk;
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [name, value] : json->items())
    if (!value.is_object())
      rows.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  print_rows(rows);
  if (json->contains("dns.lookups")) print_lookups((*json)["dns.lookups"]);
  return kOk;
}

int reload(const Options& options) {
  int exit_code = kOk;
  const auto json = ask(options, "reload", exit_code);
  if (!json) return exit_code;
  if (options.common.json) std::printf("%s\n", json->dump(2).c_str());
  for (const Json& error : (*json)["errors"])
    std::fprintf(stderr, "gatepost: %s\n", error.get<std::string>().c_str());
  if (!(*json)["ok"].get<bool>()) {
    std::fprintf(stderr, "gatepost: the running configuration stays\n");
    return kConfig;
  }
  if (!options.common.json)
    std::printf("reloaded, policy %s\n", (*json)["policy"].get<std::string>().c_str());
  return kOk;
}

}  // namespace

std::optional<Json> ask_daemon(const Common& common, std::string socket, const Json& request,
                               int& exit_code) {
  if (socket.empty()) {
    const auto configuration = common.load();
    if (!configuration) {
      exit_code = kConfig;
      return std::nullopt;
    }
    socket = configuration->daemon.control_socket;
  }
  const auto answer = control::ask(socket, request.dump());
  if (!answer.ok()) {
    fail(answer.error());
    exit_code = kUnavailable;
    return std::nullopt;
  }
  Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object() || json.contains("error")) {
    fail(internal_error(json.is_object() ? json["error"].get<std::string>()
                                         : "the daemon's answer is no JSON"));
    exit_code = kUnavailable;
    return std::nullopt;
  }
  return json;
}

void add_daemon_commands(CLI::App& program, int& exit_code) {
  const auto add = [&](const char* name, const char* help, int (*run)(const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App* app = program.add_subcommand(name, help);
    options->common.add_to(*app);
    app->add_option("--socket", options->socket,
                    "the daemon's control socket (default: daemon.control_socket)");
    if (run == stats) {
      app->add_option("what", options->what, "rules: how often each content rule hit")
          ->check(CLI::IsMember({"rules"}));
    }
    app->callback([options, run, &exit_code] { exit_code = run(*options); });
  };
  add("stats", "counters of the running daemon", stats);
  add("reload", "make the running daemon read its configuration again", reload);
}

}  // namespace gatepost::command
