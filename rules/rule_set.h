#pragma once
// Rules ready to be matched: immutable, shared by all sessions, swapped whole with the policy.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/content.h"
#include "core/mail/header_field.h"
#include "core/mail/html.h"
#include "core/mail/urls.h"
#include "rules/rule.h"

namespace gatepost::rules {

struct RuleSettings;

/// A rule that hit.
struct Hit {
  const Rule* rule = nullptr;  ///< of the RuleSet, lives as long as it
  int count = 1;               ///< more than 1 with tflags multiple only
  /// What it hit, at most 100 octets, untrusted; empty for metas, negated rules and exists:. Where
  /// Hyperscan alone found it, it may begin later than Perl's match would.
  std::string matched;
};

/// What other checks found, for the evals of SPF, DKIM, DMARC and DNS lists.
class FindingAnswers {
 public:
  virtual ~FindingAnswers() = default;
  /// Whether `function(arguments)` of SpamAssassin would hit; false for what is not known.
  virtual bool holds(std::string_view function, std::span<const std::string> arguments) const = 0;
  /// Whether a valid signature of that domain (lower case) is there.
  virtual bool is_signed_by(std::string_view domain) const = 0;
};

struct MatchProfile;

/// What SMTP says before the message. A text that is not known (yet) is empty.
struct SmtpTexts {
  std::string_view ip;      ///< the client's address as text, IPv6 in its short form
  std::string_view host;    ///< its name as the MTA confirmed it, "unknown" or "[192.0.2.1]"
  std::string_view daemon;  ///< of the MTA's listener, {daemon_name}
  std::string_view helo;
  std::string_view sender;  ///< "user@domain", empty for the null path
  std::string_view login;
  /// Recipients like `sender`: the one that is asked for, or at the end of a message all accepted.
  std::span<const std::string_view> recipients = {};
  /// Fields that nobody knows (bits: unknown_field() of stage_fields.h): rules on them do not hit,
  /// with !~ neither. Live all are known; of mail that lies in files some are.
  std::uint32_t unknown = 0;
};

/// What a message gives rules to look at. Offsets into a text are 32 bits: of a longer one the
/// first 4 GiB are looked at.
struct Subject {
  std::span<const mail::HeaderField> fields;
  const mail::Content& content;
  std::string_view mail_from;  ///< "user@domain", empty for the null path (EnvelopeFrom)
  bool want_matched = true;    ///< fill Hit::matched: about a microsecond a hit
  /// False: no subrule is among the hits, and one that cannot change whether another rule hits is
  /// not looked for. The other rules' hits are the same.
  bool want_subrules = true;
  /// Of the message's text and HTML (core/mail/view.h, with RuleSet::url_settings()): what uri and
  /// uri_detail rules look at. Needed when RuleSet::needs_urls().
  std::span<const mail::Url> urls = {};
  std::span<const mail::HtmlFacts> html = {};  ///< one for each part in HTML
  const FindingAnswers* answers = nullptr;     ///< null: nothing is known
  std::int64_t now = 0;                        ///< seconds since 1970
  MatchProfile* profile = nullptr;             ///< measured into it (profile.h); null: not measured
  /// For rules of SMTP's stages, so that metas can use them; null: those do not hit.
  const SmtpTexts* smtp = nullptr;
};

/// Limits of one match, so that no message and no pattern can take the daemon's time. They bound
/// PCRE2 alone; what Hyperscan does is linear in the size of the message.
struct MatchLimits {
  std::uint32_t pcre_match_limit = 100000;  ///< backtracking steps from one start position
  std::uint32_t pcre_heap_kib = 4096;
  std::size_t max_confirmations = 1000000;  ///< runs of PCRE2 for one message
  /// CPU time of a message from its 256th start position on; looked at every 256 of them.
  std::chrono::milliseconds pcre_time{250};
};

/// What a message hits as far as it alone tells: scan() makes it, conclude() of the same set uses
/// it up.
struct PartialMatch {
  struct Value {
    std::uint32_t rule = 0;  ///< index into RuleSet::rules()
    double value = 0;
    std::string matched;
  };
  std::vector<Value> values;  ///< ascending by rule
  /// Metas that are not known yet, by their number in the set; nothing: all of them.
  std::optional<std::vector<std::uint32_t>> metas;
  std::size_t confirmations = 0;
  std::size_t limited = 0;
};

struct MatchOutcome {
  std::vector<Hit> hits;  ///< in the order of the rules, with subrules
  /// A limit ended PCRE2 somewhere: that rule did not hit (a negated one neither).
  bool budget_exceeded = false;
  std::size_t confirmations = 0;  ///< runs of PCRE2
  std::size_t limited = 0;        ///< those that a limit ended
};

/// Made by compile() (rules/compile.h). Immutable; match() from any thread: a thread takes scratch
/// memory out of a pool of the set and puts it back, and holds no lock while it matches.
///
/// Texts are octets: one octet is one character, letters and blanks are those of ASCII, as in
/// SpamAssassin. An "é" in a pattern is its two octets of UTF-8.
class RuleSet {
 public:
  virtual ~RuleSet() = default;
  /// All at once: conclude(subject, scan(subject)).
  virtual MatchOutcome match(const Subject& subject) const = 0;
  /// All that needs no answers of other checks (Subject::answers).
  virtual PartialMatch scan(const Subject& subject) const = 0;
  /// The rest: evals that other checks answer, then metas. Looks at fields, mail_from, answers and
  /// now of the subject alone: content, addresses and HTML may be gone. want_subrules is that of
  /// scan().
  virtual MatchOutcome conclude(const Subject& subject, PartialMatch scanned) const = 0;
  /// Whether some rule is of this type, one of connect, helo, mail and rcpt.
  virtual bool has_stage_rules(RuleType stage) const {
    (void)stage;
    return false;
  }
  /// The rules of that stage alone, no metas. Nothing is allocated when there are none.
  virtual MatchOutcome match_stage(RuleType stage, const SmtpTexts& smtp) const {
    (void)stage, (void)smtp;
    return {};
  }
  virtual std::span<const Rule> rules() const = 0;
  /// Of the rules' content, 64 hex digits: stands in records, so that a verdict can be replayed.
  virtual const std::string& hash() const = 0;
  /// Whether some rule looks at Subject::urls.
  virtual bool needs_urls() const { return false; }
  /// How to find them: registries and redirectors of the rule files. Lives as long as the set.
  virtual const mail::UrlSettings& url_settings() const;
  /// What the rule files set beside rules. Lives as long as the set.
  virtual const RuleSettings& settings() const;
  /// Compiled sets of the whole process that are not destroyed yet: the running one and those that
  /// transactions are pinned to. Any thread.
  static std::size_t alive();
};

}  // namespace gatepost::rules
