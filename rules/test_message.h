#pragma once
// `test NAME ok|fail message:TEXT`: an example that is a whole message.

#include <optional>
#include <string>
#include <string_view>

#include "core/mail/message.h"
#include "core/mail/view.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

/// The message in the text of a test line, or nothing when it is no "message:". In it \n is a line
/// end, \t a tab, \\ a backslash and \xHH an octet; another backslash stands for itself. Pure.
std::optional<std::string> test_message(std::string_view text);

/// What rules look at of such a message, as the daemon has it. The clock stands at 0 and other
/// checks found nothing. One thread; not to be moved while subject() is used.
class TestMessage {
 public:
  /// @param raw       header, empty line, body; any line ends
  /// @param settings  of the rule files; they must live as long, as must the set
  TestMessage(std::string_view raw, const RuleSettings& settings, const RuleSet& set);
  TestMessage(const TestMessage&) = delete;
  TestMessage& operator=(const TestMessage&) = delete;

  const Subject& subject() const { return *subject_; }

 private:
  mail::Message message_;
  std::optional<mail::MessageView> view_;
  std::string mail_from_;
  std::optional<Subject> subject_;
};

}  // namespace gatepost::rules
