#pragma once
// What the operator decided, as one immutable value. Made by filter/config, or by hand in tests.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/mail/content.h"
#include "dmarc/disposition.h"
#include "filter/policy/enforcement_map.h"
#include "filter/policy/finding.h"
#include "filter/policy/match_list.h"
#include "filter/policy/stage.h"

namespace gatepost {

class RuleCounters;
class SenderMap;
namespace arc {
struct SealOptions;
}
namespace dkim {
class SigningKeys;
}
namespace rules {
class RuleSet;
struct HeaderChanges;
}  // namespace rules
namespace spf {
enum class Engine;
}

enum class Mode {
  observe,  ///< always continue, no edits; the log says what would have been done
  enforce,
};

/// Which sender addresses of a login are held against the addresses that it may use.
enum class SenderCheck {
  automatic,  ///< both, once the operator wrote who may use what; else off
  off,
  envelope,  ///< MAIL FROM
  both,      ///< MAIL FROM and From
};

/// One DNS list. `weight` multiplies the score of DNSLIST_LISTED, or of DNSLIST_ALLOWED when it
/// allows.
struct DnsList {
  std::string zone;
  double weight = 1;
  bool allows = false;
  /// Last octets (of 127.0.0.x) that count as a listing; empty: all but errors.
  std::vector<int> codes;
};

struct GreylistPolicy {
  enum class Mode { off, suspicious, all };
  Mode mode = Mode::off;  ///< the configuration's default is suspicious
  std::chrono::milliseconds delay{std::chrono::minutes(5)};
  std::chrono::milliseconds retry_window{std::chrono::hours(48)};  ///< for the second try
  std::chrono::milliseconds expire{std::chrono::hours(36 * 24)};   ///< of what has passed once
  int auto_allow_after = 1;  ///< passed messages of a client network and sender domain; 0: never
  int ipv4_prefix = 24;      ///< clients in one network are one
  int ipv6_prefix = 64;
  bool header = true;  ///< X-Greylist in mail that was delayed
};

/// Why a policy is without the content rules that its configuration names.
enum class RulesMissing {
  no,         ///< they are there, or there are none
  compiling,  ///< they will be, in a later policy
  failed,     ///< until the next reload
};

/// Immutable and swapped whole (Snapshot<Policy>); safe from any thread.
struct Policy {
  std::string source = "embedded defaults";  ///< the file it came from, for logs
  std::string hash;  ///< of the configuration's content, stands in every record

  Mode mode = Mode::observe;
  bool answer_at_rcpt = true;  ///< false: connect, helo and mail are answered at their own stage
  std::string authserv_id;     ///< empty: the MTA's {j}
  std::vector<std::string> own_authserv_ids;  ///< further ids whose forged fields are removed
  /// Ids of others that are believed from trusted_relays, and removed when anyone else uses them.
  std::vector<std::string> trusted_authserv_ids;
  double tag_score = 5;
  double reject_score = 15;
  double quarantine_score = 0;  ///< 0: off
  bool add_authentication_results = true;
  bool add_spam_headers = true;
  std::string help_url;  ///< stands in replies behind the reference; may be empty

  MatchList submit_networks;
  MatchList trusted_relays;
  MatchList allow_clients, allow_senders, allow_recipients;
  MatchList deny_clients, deny_helos, deny_senders, deny_recipients;

  /// Content rules, pinned with the policy: the hits of one message are of one generation. Null:
  /// none.
  std::shared_ptr<const gatepost::rules::RuleSet> rules;
  RulesMissing rules_missing = RulesMissing::no;
  /// What follows from them, set by set_rules() (filter/checks/content_rules.h) before finish():
  /// whether stages of SMTP have rules, and of which of them some may refuse.
  bool stage_rules = false;
  std::set<Stage> stage_rules_refuse;
  /// What rule files say of header fields; null: nothing, or rules.header_edits is off.
  std::shared_ptr<const gatepost::rules::HeaderChanges> header_changes;
  std::shared_ptr<const RuleCounters> rule_counters;  ///< null: hits are not counted
  mail::ContentLimits content;                        ///< what rules read of a message

  std::set<std::string, std::less<>> disabled_checks;
  std::vector<DnsList> dns_lists;
  bool report_dnssec = false;  ///< dns.sec in Authentication-Results
  GreylistPolicy greylist;
  spf::Engine spf_engine{};       ///< native; what its results mean: the rules of SPF_* findings
  bool add_received_spf = false;  ///< Received-SPF fields (RFC 7208 section 9.1)
  int dkim_max_signatures = 10;
  int dkim_min_key_bits = 1024;          ///< RSA; below 1024 never passes, whatever stands here
  bool dkim_allow_partial_body = false;  ///< let l= below the body's length pass
  std::chrono::milliseconds dkim_clock_skew{std::chrono::minutes(5)};  ///< for t= and x=
  dmarc::Enforcement dmarc_enforce = dmarc::Enforcement::standard;
  /// Instead of dmarc_enforce: first what holds for the client, then for the list, then for the
  /// author domain.
  EnforcementMap dmarc_forwarders, dmarc_lists, dmarc_domains;
  /// Only one well-formed mailbox is an author; else also the one domain that all readers see.
  bool dmarc_strict_author = false;
  dmarc::DiscoveryMode dmarc_discovery = dmarc::DiscoveryMode::treewalk;
  /// For discovery by suffix; null: the list built into libpsl.
  std::shared_ptr<const dmarc::PublicSuffixList> public_suffixes;
  Action dmarc_quarantine_as = Action::tag;
  Action quarantine_as = Action::hold;  ///< what quarantine_score means: hold or store
  bool store_and_reject = false;        ///< what is stored is refused with 5xx, not accepted
  /// Null: nothing is signed.
  std::shared_ptr<const dkim::SigningKeys> signing_keys;
  /// Domains (d= of seals) whose chains may stand in for a DMARC pass.
  MatchList arc_trusted_sealers;
  /// How mail from outside is sealed; null: it is not.
  std::shared_ptr<const arc::SealOptions> arc_seal;
  SenderCheck check_sender = SenderCheck::automatic;
  /// Null: the operator wrote nothing of who may use what.
  std::shared_ptr<const SenderMap> senders;

  std::chrono::milliseconds query_timeout{5000};   ///< one DNS question
  std::chrono::milliseconds flow_timeout{20000};   ///< one check (RFC 7208 section 4.6.4)
  std::chrono::milliseconds stage_timeout{25000};  ///< below Postfix's 30 s for a command
  std::size_t max_header_fields = 10000;
  std::size_t max_header_bytes = std::size_t{4} << 20;

  /// Score and action of finding_table() rows; set_rule() overrides, rule() reads.
  void set_rule(std::string_view name, FindingRule rule);
  FindingRule rule(std::string_view name) const;
  /// The same for a finding: a content rule brings its own, which set_rule() overrides.
  FindingRule rule(const Finding& finding) const;

  bool enabled(std::string_view check) const {
    return disabled_checks.count(check) == 0 && (arc_seal != nullptr || check != "sealing") &&
           (greylist.mode != GreylistPolicy::Mode::off || check != "greylist") &&
           (stage_rules || (check != "client_rules" && check != "envelope_rules"));
  }
  /// Whether findings of this check could change the answer at `stage`: only then it is waited for
  /// there. At end_of_message that is so of every enabled check.
  bool needs(Stage stage, std::string_view check) const { return stages_of(check).contains(stage); }
  /// All stages that need it.
  StageSet stages_of(std::string_view check) const {
    const auto it = stages_.find(check);
    return it != stages_.end() ? it->second : StageSet();
  }
  /// Whether an answer other than "go on" is possible at `stage`: else no reply is negotiated
  /// there.
  bool may_answer(Stage stage) const { return may_answer_[static_cast<int>(stage)]; }
  /// Must be called when the fields are set, before the policy is shared.
  void finish();

 private:
  std::map<std::string, FindingRule, std::less<>> rules_;
  std::map<std::string, StageSet, std::less<>> stages_;  // by check
  bool may_answer_[kStageCount] = {};
};

/// What policy.check_sender means: never `automatic`.
SenderCheck sender_check(const Policy& policy);
/// Whether a login may use an address as its sender (Address::text()): by the map, or as the
/// address of its own name.
bool may_send_as(const Policy& policy, std::string_view login, std::string_view address);
/// Whether the mail of a login is signed for the domain of `address`. With a map: may_send_as().
/// Without one a login that is an address signs for its own domain only; any other login is a user
/// of this site and signs for all its domains.
bool may_sign_as(const Policy& policy, std::string_view login, std::string_view address);

/// Where findings of `found` are answered under this policy (section "answer_at" of the manual).
Stage answer_stage(const Policy& policy, Stage found);

}  // namespace gatepost
