#pragma once
// One message as content rules judge it, without network and without an MTA.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/message.h"
#include "core/mail/view.h"
#include "filter/policy/policy.h"
#include "filter/rule_tools/file_envelope.h"
#include "rules/prepared_settings.h"
#include "rules/rule_set.h"

namespace gatepost::rule_tools {

/// A message that was read from a file.
class FileMessage {
 public:
  /// @return nothing to judge (a permanent error) when the text has no header field at all.
  static Result<std::unique_ptr<FileMessage>> read(std::string_view text);

  const mail::Message& message() const { return message_; }
  /// A field's value with encoded words decoded, one line, at most `limit` octets; untrusted UTF-8.
  std::string shown(std::string_view field, std::size_t limit) const;

 private:
  FileMessage();
  mail::Message message_;
};

/// Rules that judge: immutable, any thread.
class Judge {
 public:
  /// `policy` must have rules, and its own thresholds and [findings] count as in the daemon.
  /// `settings` are those of the same rule files.
  Judge(std::shared_ptr<const Policy> policy, const rules::RuleSettings& settings);

  struct Hit {
    std::uint32_t rule = 0;  ///< of rules()
    double score = 0;        ///< what it counts here; of a rule in shadow what it would count
    bool operator==(const Hit&) const = default;
  };
  struct Judgement {
    std::vector<Hit> hits;  ///< by rule; without subrules
    double score = 0;
    Action action = Action::none;  ///< what the policy wants at the end of the message
    bool limited = false;          ///< a budget ended some pattern
    /// What rules of SMTP's stages could look at (file_envelope.h).
    bool client_known = false, sender_known = false, recipients_known = false;
  };
  /// What a message hits. What SMTP said is what trace fields tell of it (file_envelope.h): rules
  /// on what they do not tell do not hit, and a rule that refuses one recipient refuses the
  /// message. Answers of SPF, DKIM, DMARC and DNS lists are not there. @param now seconds since
  /// 1970.
  Result<Judgement> judge(const FileMessage& message, std::int64_t now) const;

  std::span<const rules::Rule> rules() const { return policy_->rules->rules(); }
  const rules::RuleSet& rule_set() const { return *policy_->rules; }
  const Policy& policy() const { return *policy_; }
  FileEnvelope envelope_of(const mail::Message& message) const {
    return FileEnvelope(message.fields(), settings_);
  }

 private:
  std::shared_ptr<const Policy> policy_;
  rules::PreparedSettings settings_;
};

}  // namespace gatepost::rule_tools
