#pragma once
// What eval functions see of a message, made once for all of them.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/header_cache.h"
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
  /// `headers` has been started for this message.
  EvalContext(const Subject& subject, const PreparedSettings& settings, MessageFacts& facts,
              HeaderCache& headers, RegexRunner& runner)
      : subject_(subject), settings_(settings), facts_(facts), headers_(headers), runner_(runner) {}

  const Subject& subject() const { return subject_; }
  const RuleSettings& settings() const { return settings_.settings(); }
  const PreparedSettings& prepared() const { return settings_; }
  const mail::Registries& registries() const { return settings_.registries(); }
  const Relays& relays() { return facts_.relays(); }
  const MimeTree& mime();
  /// The message's body with LF line ends, a part of subject().content.full.
  std::string_view raw_body();

  /// A header as SpamAssassin's get() has it: selector is "Subject", "From:addr", "Received:raw"…
  /// Of :addr, :name and the like the first one, else all of them. "" when there is none.
  const std::string& get(std::string_view selector) { return headers_.text(selector, facts_); }
  bool has(std::string_view selector) { return !list(selector).empty(); }
  const std::vector<std::string>& list(std::string_view selector) {
    return headers_.list(selector, facts_);
  }
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
    const std::size_t slot = slot_of<T>();
    if (slot >= made_.size() || !made_[slot]) {
      auto value = std::make_shared<const T>(make());  // which may ask for others
      if (slot >= made_.size()) made_.resize(slot + 1);
      made_[slot] = std::move(value);
    }
    return *static_cast<const T*>(made_[slot].get());
  }

 private:
  static std::size_t next_slot();
  template <class T>
  static std::size_t slot_of() {
    static const std::size_t slot = next_slot();
    return slot;
  }

  const Subject& subject_;
  const PreparedSettings& settings_;
  MessageFacts& facts_;
  HeaderCache& headers_;
  RegexRunner& runner_;
  std::string_view found_;
  std::optional<std::string_view> raw_body_;
  std::vector<std::shared_ptr<const void>> made_;  // by slot of a type
};

/// White space as one blank each run.
std::string squeeze(std::string_view text);

}  // namespace gatepost::rules
