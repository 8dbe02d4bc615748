#include "filter/apps/gatepost/rules_common.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "core/base/text.h"
#include "filter/apps/gatepost/progress.h"

namespace gatepost::command {
namespace {

// Of SIGINT's handler.
std::atomic<bool> interrupted{false};

void on_interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

/// gatepost-rules in $XDG_CACHE_HOME or ~/.cache; empty when there is no such folder of the user's.
std::string user_cache() {
  std::string folder;
  if (const char* set = std::getenv("XDG_CACHE_HOME"); set != nullptr && *set == '/') {
    folder = set;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    folder = std::string(home) + "/.cache";
  }
  if (folder.empty() || ::access(folder.c_str(), W_OK | X_OK) != 0) return {};
  return folder + "/gatepost-rules";
}

}  // namespace

std::optional<LoadedFiles> load_rule_files(const std::vector<std::string>& files,
                                           const config::Configuration& like, int& exit_code) {
  LoadedFiles out{like, read_rules(like, files), files};
  if (files.empty()) out.names = like.rules.files;
  for (std::size_t i = 0; i < out.sources.unreadable; ++i)
    std::fprintf(stderr, "gatepost: %s\n", out.sources.errors[i].text().c_str());
  if (out.sources.unreadable == 0) return out;
  exit_code = kNoInput;
  return std::nullopt;
}

std::optional<LoadedFiles> load_rule_files(const RulesOptions& options, int& exit_code,
                                           bool judges) {
  std::vector<std::string> files = options.common.rules;
  files.insert(files.end(), options.files.begin(), options.files.end());
  config::Configuration configuration;
  if (judges || files.empty() || !options.common.config_file.empty()) {
    auto loaded = options.common.load();
    if (!loaded) {
      exit_code = kConfig;
      return std::nullopt;
    }
    configuration = std::move(*loaded);
  }
  return load_rule_files(files, configuration, exit_code);
}

std::unique_ptr<rule_tools::Judge> make_judge(const LoadedFiles& loaded, const std::string& what,
                                              int& exit_code) {
  const std::atomic<std::size_t> none{0};
  const Progress progress(what, none, 0);
  // The daemon's cache is the daemon's; trying rules again and again is quick with one's own.
  config::Configuration configuration = loaded.configuration;
  configuration.rules.cache_directory = user_cache();
  const bool cached = !configuration.rules.cache_directory.empty();
  LoadedRules compiled = compile_rules(configuration, loaded.sources,
                                       {.cache = cached ? RulesCache::use : RulesCache::none});
  for (const Error& error : compiled.errors) fail(error);
  if (compiled.policy == nullptr) {
    exit_code = kConfig;
    return nullptr;
  }
  if (compiled.policy->rules == nullptr) {
    std::fprintf(stderr, "gatepost: there is no rule, expected rule files\n");
    exit_code = kNoInput;
    return nullptr;
  }
  return std::make_unique<rule_tools::Judge>(compiled.policy, loaded.sources.file.settings);
}

std::optional<rule_tools::MailList> find_mail(const std::vector<std::string>& paths,
                                              int& exit_code) {
  std::atomic<std::size_t> seen{0};
  const Progress progress("Looking for mail", seen, 0);
  rule_tools::MailList out;
  for (const std::string& path : paths) {
    const auto listed = rule_tools::list_mail(path, out, seen);
    if (listed.ok()) continue;
    fail(listed.error());
    exit_code = kNoInput;
    return std::nullopt;
  }
  return out;
}

std::string number_of(std::size_t n, const char* of_one, const char* of_many) {
  return std::to_string(n) + " " + (n == 1 ? of_one : of_many);
}

std::string line_of(const rules::Diagnostic& d) {
  return (d.place.line > 0 ? printable(d.place.text(), 1000) + ": " : std::string()) +
         std::string(to_string(d.severity)) + ": " + d.what;
}

Json json_of(const std::vector<rules::Diagnostic>& diagnostics) {
  Json out = Json::array();
  for (const rules::Diagnostic& d : diagnostics) {
    out.push_back({{"file", text(d.place.file)},
                   {"line", d.place.line},
                   {"column", d.place.column},
                   {"severity", to_string(d.severity)},
                   {"rule", text(d.rule)},
                   {"text", text(d.what)}});
  }
  return out;
}

const rules::Rule* find_rule(const rules::RuleFile& file, const std::string& name) {
  const auto found = std::find_if(file.rules.begin(), file.rules.end(),
                                  [&](const rules::Rule& rule) { return rule.name == name; });
  if (found != file.rules.end()) return &*found;
  const std::string shown = "'" + printable(name, 120) + "'";
  for (const rules::Diagnostic& d : file.diagnostics) {
    if (d.rule != name || d.severity == rules::Diagnostic::Severity::warning) continue;
    std::fprintf(stderr, "gatepost: rule %s does not run: %s\n", shown.c_str(), line_of(d).c_str());
    return nullptr;
  }
  std::vector<std::string_view> names;
  for (const rules::Rule& rule : file.rules) names.push_back(rule.name);
  const std::string_view meant = did_you_mean(name, names);
  std::fprintf(stderr, "gatepost: no rule file defines %s%s%s%s\n", shown.c_str(),
               meant.empty() ? "" : ", did you mean '", std::string(meant).c_str(),
               meant.empty() ? "" : "'?");
  return nullptr;
}

std::int64_t time_of(const Common& common) {
  if (common.at >= 0) return common.at;
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

StopOnInterrupt::StopOnInterrupt() {
  interrupted = false;
  std::signal(SIGINT, on_interrupt);
}

StopOnInterrupt::~StopOnInterrupt() {
  std::signal(SIGINT, SIG_DFL);
}

const std::atomic<bool>& StopOnInterrupt::stopped() const {
  return interrupted;
}

std::string TextTable::text(bool with_head) const {
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (with_head) widths[i] = columns_[i].head.size();
    for (const auto& row : rows_)
      widths[i] = std::max(widths[i], std::min(row[i].size(), columns_[i].most));
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string made;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] == 0 && columns_[i].most != 0) continue;  // empty in all rows
      const std::string& what = cell(i);
      const std::string pad(widths[i] > what.size() ? widths[i] - what.size() : 0, ' ');
      if (!made.empty()) made += "  ";
      made += columns_[i].right ? pad + what : what + pad;
    }
    made.erase(made.find_last_not_of(' ') + 1);
    out += made + "\n";
  };
  if (with_head) line([&](std::size_t i) -> const std::string& { return columns_[i].head; });
  for (const auto& row : rows_) line([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

}  // namespace gatepost::command
