// gatepost greylist list|release|allow: through the running daemon.

#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string socket;
  std::string what = "waiting";
  std::size_t limit = 1000;
  std::vector<std::string> words;
  bool remove = false;
};

/// The daemon escapes what strangers wrote; this is for an old or foreign one.
std::string shown(const Json& row, const char* member) {
  const auto at = row.find(member);
  if (at == row.end()) return "-";
  if (at->is_string()) {
    const std::string value = at->get<std::string>();
    return is_ascii(value) && value.find_first_of("\x1b\r\n") == std::string::npos
               ? value
               : printable(value);
  }
  return at->dump();
}

void print_entry(const std::string& what, const Json& row) {
  if (what == "allowed") {
    std::printf("%s  since %s\n", shown(row, "entry").c_str(), utc_text(row["since"]).c_str());
  } else if (what == "passed") {
    std::printf("%s  <%s>  %s messages  until %s\n", shown(row, "client").c_str(),
                shown(row, "sender_domain").c_str(), shown(row, "messages").c_str(),
                utc_text(row["expires"]).c_str());
  } else {
    const bool waiting = what == "waiting";
    std::printf(
        "%s  %s  <%s> -> <%s>  %s %s\n", shown(row, "key").c_str(), shown(row, "client").c_str(),
        shown(row, "sender").c_str(), shown(row, "recipient").c_str(),
        waiting ? (shown(row, "state") == "released" ? "released, until" : "passes at")
                : "known until",
        utc_text(row[waiting && shown(row, "state") != "released" ? "passes_at" : "expires"])
            .c_str());
  }
}

int list(const Options& options) {
  int exit_code = kOk;
  Json all = Json::array();
  Json request = {{"command", "greylist-list"}, {"what", options.what}};
  bool more = true;
  while (more && all.size() < options.limit) {
    const auto page = ask_daemon(options.common, options.socket, request, exit_code);
    if (!page) return exit_code;
    for (const Json& row : (*page)["entries"]) {
      if (all.size() < options.limit) all.push_back(row);
    }
    more = page->contains("next");
    if (more) request["after"] = (*page)["next"];
  }
  if (options.common.json) {
    std::printf("%s\n", Json{{"entries", all}, {"more", more}}.dump(2).c_str());
    return kOk;
  }
  for (Json& row : all) print_entry(options.what, row);
  if (more) std::fprintf(stderr, "gatepost: there are more; see --limit\n");
  return kOk;
}

/// Asks, then prints the number that the daemon answers with.
int change(const Options& options, const Json& request, const char* member, const char* done) {
  int exit_code = kOk;
  const auto answer = ask_daemon(options.common, options.socket, request, exit_code);
  if (!answer) return exit_code;
  if (options.common.json) {
    std::printf("%s\n", answer->dump(2).c_str());
  } else {
    std::printf("%s %s\n", shown(*answer, member).c_str(), done);
  }
  return kOk;
}

int release(const Options& options) {
  int exit_code = kOk;
  for (const std::string& word : options.words) {
    const Json request = {{"command", "greylist-release"}, {"pattern", text(word)}};
    exit_code = std::max(exit_code, change(options, request, "released", "released"));
  }
  return exit_code;
}

int allow(const Options& options) {
  Json entries = Json::array();
  for (const std::string& word : options.words) entries.push_back(text(word));
  return change(options,
                {{"command", "greylist-allow"}, {"entries", entries}, {"remove", options.remove}},
                "changed", options.remove ? "no longer allowed" : "allowed");
}

}  // namespace

void add_greylist(CLI::App& program, int& exit_code) {
  CLI::App* group =
      program.add_subcommand("greylist", "what greylisting waits for and has learned");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App* app = group->add_subcommand(name, help);
    options->common.add_to(*app);
    app->add_option("--socket", options->socket,
                    "the daemon's control socket (default: daemon.control_socket)");
    app->callback([options, run, &exit_code] { exit_code = run(*options); });
    return std::pair(app, options);
  };
  const auto [list_app, list_options] =
      add("list", "client networks, senders and recipients", list);
  list_app
      ->add_option("what", list_options->what,
                   "waiting (default), known, passed (networks and sender domains) or allowed")
      ->check(CLI::IsMember({"waiting", "known", "passed", "allowed"}));
  list_app->add_option("--limit", list_options->limit, "at most so many entries");
  const auto [release_app, release_options] =
      add("release", "let a waiting message pass at its next try", release);
  release_app
      ->add_option("pattern", release_options->words,
                   "a key of the list, an address, or CLIENT/SENDER/RECIPIENT where * is any")
      ->required();
  const auto [allow_app, allow_options] =
      add("allow", "never greylist a client network, sender domain or sender", allow);
  allow_app
      ->add_option("entry", allow_options->words,
                   "192.0.2.0/24, mail.example, .example or ann@mail.example")
      ->required();
  allow_app->add_flag("--remove", allow_options->remove, "take them off again");
}

}  // namespace gatepost::command
