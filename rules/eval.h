#pragma once
// Functions behind `eval:` rules, by name.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/regex.h"
#include "rules/rule.h"

namespace gatepost::rules {

class EvalContext;

struct EvalArgument {
  std::string text;
  double number = 0;       ///< of the text, 0 when it is none
  bool undefined = false;  ///< "undef": no limit
};

/// Arguments of one rule, ready. Immutable.
class EvalArguments {
 public:
  EvalArguments(const EvalCall& call, std::string_view signature);

  std::size_t size() const { return list_.size(); }
  const EvalArgument& operator[](std::size_t index) const { return list_[index]; }
  /// The text of an argument, or "" where it is not given.
  std::string_view text(std::size_t index) const {
    return index < list_.size() ? std::string_view(list_[index].text) : std::string_view();
  }
  /// All as written.
  std::span<const std::string> texts() const { return texts_; }
  /// The argument that is a regular expression; null when it is not given.
  const Regex* regex() const { return regex_.get(); }
  const std::string& function() const { return function_; }
  /// body or rawbody: what SpamAssassin would hand the function.
  RuleType subject() const { return subject_; }

 private:
  std::vector<EvalArgument> list_;
  std::vector<std::string> texts_;
  std::unique_ptr<const Regex> regex_;
  std::string function_;
  RuleType subject_;
};

struct EvalFunction {
  std::string_view name;
  /// One letter an argument: t text, n number, u number or "undef", p regular expression; '|'
  /// before the first one that may be left out; '*' at the end for any more.
  std::string_view signature;
  /// Whether the rule hits. Bounded by what the message holds and the context's budget.
  bool (*run)(EvalContext& message, const EvalArguments& arguments);
};

/// Null when there is none of that name.
const EvalFunction* find_eval(std::string_view name);
/// What an unknown name may have meant, or empty.
std::string_view eval_like(std::string_view name);
/// Whether its answer is what other checks found (FindingAnswers): SPF, DKIM, DMARC, DNS lists.
bool is_answered_by_findings(std::string_view name);
/// What is wrong with the arguments, or "".
std::string check_arguments(const EvalFunction& function, const EvalCall& call);

}  // namespace gatepost::rules
