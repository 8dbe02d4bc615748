#pragma once
// What the commands of `gatepost rules` share.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filter/apps/gatepost/command.h"
#include "filter/apps/rules_loader.h"
#include "filter/rule_tools/judge.h"
#include "filter/rule_tools/mail_files.h"
#include "rules/rule.h"

namespace gatepost::command {

struct RulesOptions {
  Common common;
  std::vector<std::string> files;  ///< as --rules
  bool strict = false;
};

/// Rule files that were read.
struct LoadedFiles {
  config::Configuration configuration;
  RuleSources sources;
  std::vector<std::string> names;  ///< as asked for: files and folders
};
/// Those of the command line, or of the configuration. What cannot be read is told, and sets
/// `exit_code`.
/// @param judges  they are for make_judge(): the configuration's limits count, so it is read in any
/// case.
std::optional<LoadedFiles> load_rule_files(const RulesOptions& options, int& exit_code,
                                           bool judges = false);
/// The same of other files, under the configuration of `like`.
std::optional<LoadedFiles> load_rule_files(const std::vector<std::string>& files,
                                           const config::Configuration& like, int& exit_code);

/// Rules that can judge mail. Faults are told, and set `exit_code`. `what` stands before the
/// progress. What was compiled is kept in the user's cache folder.
std::unique_ptr<rule_tools::Judge> make_judge(const LoadedFiles& loaded, const std::string& what,
                                              int& exit_code);

/// All mail of these files and folders. What is not there is told, and sets `exit_code`.
std::optional<rule_tools::MailList> find_mail(const std::vector<std::string>& paths,
                                              int& exit_code);

/// "3 rules", "1 rule".
std::string number_of(std::size_t n, const char* of_one, const char* of_many);
/// "file:line:column: error: …"
std::string line_of(const rules::Diagnostic& diagnostic);
Json json_of(const std::vector<rules::Diagnostic>& diagnostics);

/// A rule of the files by name; else tells what was meant, and null.
const rules::Rule* find_rule(const rules::RuleFile& file, const std::string& name);

/// For --at: that time, or now.
std::int64_t time_of(const Common& common);

/// Ends long work at the first SIGINT, so that what is known so far can be shown; a second one ends
/// the program. One at a time.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;
  const std::atomic<bool>& stopped() const;
};

/// Rows of a table for a terminal: columns as wide as they must be, numbers to the right.
class TextTable {
 public:
  struct Column {
    std::string head;
    bool right = false;
    std::size_t most = 40;  ///< wider texts are not cut and push the rest
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text(bool with_head = true) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Each adds its command to `rules`.
void add_rules_check(CLI::App& rules, int& exit_code);  ///< check and test
void add_rules_list(CLI::App& rules, int& exit_code);
void add_rules_explain(CLI::App& rules, int& exit_code);
void add_rules_bench(CLI::App& rules, int& exit_code);
void add_rules_backtest(CLI::App& rules, int& exit_code);

}  // namespace gatepost::command
