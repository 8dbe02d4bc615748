#pragma once
// What eval functions see of a message, made once for all of them.

#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "rules/header_values.h"
#include "rules/mime_tree.h"
#include "rules/prepared_settings.h"
#include "rules/regex.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

/// A regular expression of ours, compiled with the program's first use of it.
class FixedPattern {
 public:
  /// Modifiers of Perl, in any order.
  explicit FixedPattern(std::string_view expression, std::string_view modifiers = "");
  const Regex& regex() const { return *regex_; }

 private:
  std::unique_ptr<const Regex> regex_;
};

/// One message, one thread. Views that it returns live as long as it.
class EvalContext {
 public:
  EvalContext(const Subject& subject, const PreparedSettings& settings, MessageFacts& facts,
              RegexRunner& runner)
      : subject_(subject), settings_(settings), facts_(facts), runner_(runner) {}

  const Subject& subject() const { return subject_; }
  const RuleSettings& settings() const { return settings_.settings(); }
  const mail::Registries& registries() const { return settings_.registries(); }
  const Relays& relays() { return facts_.relays(); }
  const MimeTree& mime();
  /// The message's body with LF line ends, a part of subject().content.full.
  std::string_view raw_body();

  /// A header as SpamAssassin's get() has it: selector is "Subject", "From:addr", "Received:raw"…
  /// Of :addr, :name and the like the first one, else all of them. "" when there is none.
  const std::string& get(std::string_view selector);
  bool has(std::string_view selector) { return !list(selector).empty(); }
  const std::vector<std::string>& list(std::string_view selector);
  /// Who the message says it is from and to, in all fields that tell it.
  const std::vector<std::string>& senders();
  const std::vector<std::string>& recipients();

  /// Under the message's budget; what that ends does not match.
  bool matches(const Regex& regex, std::string_view text);
  bool matches(const FixedPattern& pattern, std::string_view text) {
    return matches(pattern.regex(), text);
  }
  /// What the last match() that was true found; of a pattern with \K what is behind it.
  std::string_view found() const { return found_; }

  /// A value that is made when it is first asked for; its type is its name.
  template <class T, class Make>
  const T& once(Make make) {
    std::shared_ptr<void>& slot = made_[std::type_index(typeid(T))];
    if (!slot) {
      auto value = std::make_shared<T>(make());
      made_[std::type_index(typeid(T))] = value;
      return *value;
    }
    return *static_cast<T*>(slot.get());
  }

 private:
  const Subject& subject_;
  const PreparedSettings& settings_;
  MessageFacts& facts_;
  RegexRunner& runner_;
  std::string_view found_;
  std::unordered_map<std::string, std::vector<std::string>> lists_;
  std::unordered_map<std::string, std::string> texts_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> made_;
};

/// White space as one blank each run.
std::string squeeze(std::string_view text);

}  // namespace gatepost::rules
