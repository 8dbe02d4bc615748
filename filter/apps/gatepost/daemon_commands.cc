// gatepost stats, gatepost reload: asks the running daemon.

#include <cstdio>

#include "filter/apps/gatepost/command.h"
#include "filter/control/control.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string socket;
};

std::optional<Json> ask(const Options& options, const char* command, int& exit_code) {
  return ask_daemon(options.common, options.socket, {{"command", command}}, exit_code);
}

int stats(const Options& options) {
  int exit_code = kOk;
  const auto json = ask(options, "stats", exit_code);
  if (!json) return exit_code;
  if (options.common.json) {
    std::printf("%s\n", json->dump(2).c_str());
    return kOk;
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [name, value] : json->items())
    rows.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  print_rows(rows);
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
    app->callback([options, run, &exit_code] { exit_code = run(*options); });
  };
  add("stats", "counters of the running daemon", stats);
  add("reload", "make the running daemon read its configuration again", reload);
}

}  // namespace gatepost::command
