#include "filter/session/header_edits.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/authres/authentication_results.h"
#include "core/authres/forged.h"
#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "filter/session/quarantine.h"

namespace gatepost {

namespace {

// The fields we add ourselves; whoever sends them wants to be believed.
constexpr std::string_view kOwnFields[] = {"X-Spam-Status", "X-Spam-Flag",   "X-Spam-Level",
                                           "X-Spam-Score",  "X-Spam-Report", kReleaseField};

bool is_own_field(std::string_view name) {
  name = trim(name);
  return std::any_of(std::begin(kOwnFields), std::end(kOwnFields),
                     [&](std::string_view own) { return iequals(own, name); });
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// A field of ours grows with no message beyond this.
constexpr std::size_t kMaxReasons = 100;
constexpr std::size_t kLine = 76;  // RFC 5322 section 2.1.1 asks for at most 78

std::string spam_status(const Verdict& verdict, const Policy& policy, bool spam) {
  std::string status = (spam ? "Yes, score=" : "No, score=") + number(verdict.score) +
                       " required=" + number(policy.tag_score) + " tests=";
  std::size_t column = status.size() + 15;
  std::size_t listed = 0;
  bool first = true;
  for (const Reason& reason : verdict.reasons) {
    if (!first) status += ',';
    if (listed++ == kMaxReasons) {
      status += "...";
      break;
    }
    if (column + reason.finding.size() > kLine) status += "\n\t", column = 8;
    status += reason.finding;
    column += reason.finding.size() + 1;
    first = false;
  }
  return first ? status + "none" : status;
}

// "*  2.0 NAME what it means", folded between words.
void append_report_line(const Reason& reason, std::string& report) {
  const FindingInfo* info = find_finding(reason.finding);
  const std::string_view meaning = !reason.description.empty()
                                       ? std::string_view(reason.description)
                                   : info != nullptr ? info->meaning
                                                     : std::string_view();
  char score[32];
  std::snprintf(score, sizeof score, "* %5.1f ", reason.score);
  if (!report.empty()) report += "\n\t";
  const std::string head = score + reason.finding;
  report += head;
  std::size_t column = head.size() + (report.size() == head.size() ? 15 : 8);
  if (meaning.empty()) return;
  // Rule files are others' work: what they say is shown, never obeyed.
  const std::string text = mail::encode_words(printable(meaning, 300));
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column + 1 + word.size() > kLine) {
      report += "\n\t*      ";
      column = 14;
    }
    report += ' ';
    report += word;
    column += word.size() + 1;
  }
}

std::string spam_report(const Verdict& verdict) {
  std::string report;
  for (std::size_t i = 0; i < verdict.reasons.size(); ++i) {
    if (i == kMaxReasons) {
      report += "\n\t* and " + std::to_string(verdict.reasons.size() - i) + " more";
      break;
    }
    append_report_line(verdict.reasons[i], report);
  }
  return report;
}

void remove_forged(std::span<const mail::HeaderField> fields, const Policy& policy,
                   const Connection& connection, std::vector<HeaderEdit>& edits) {
  // A relay of ours has checked the message already: what it says stays (design of trusted_relays).
  if (!connection.trusted_relay) {
    const std::vector<std::string> ids = believed_authserv_ids(policy, connection);
    for (const int index : authres::forged_indices(fields, ids)) {
      edits.push_back({HeaderEdit::Kind::remove, "Authentication-Results", "", index});
    }
  }
  std::map<std::string, int> seen;
  std::vector<HeaderEdit> own;
  for (const mail::HeaderField& field : fields) {
    if (!is_own_field(field.name)) continue;
    const std::string name(trim(field.name));
    own.push_back({HeaderEdit::Kind::remove, name, "", ++seen[to_lower(name)]});
  }
  edits.insert(edits.end(), own.rbegin(), own.rend());
}

// "p=reject dis=quarantine override=mailing_list": what was published and what was done.
void add_disposition(const dmarc::Disposition& disposition,
                     authres::AuthenticationResults& results) {
  for (authres::AuthResult& result : results.results) {
    if (result.method != "dmarc" || result.result != "fail") continue;
    result.comment += std::string(" dis=") + dmarc::to_string(disposition.action);
    for (const dmarc::OverrideReason& reason : disposition.overrides)
      result.comment += std::string(" override=") + dmarc::to_string(reason.type);
  }
}

}  // namespace

std::string authserv_id(const Policy& policy, const Connection& connection) {
  if (!policy.authserv_id.empty()) return policy.authserv_id;
  return connection.mta_name.empty() ? "localhost" : connection.mta_name;
}

std::vector<std::string> believed_authserv_ids(const Policy& policy, const Connection& connection) {
  std::vector<std::string> ids = policy.own_authserv_ids;
  ids.insert(ids.end(), policy.trusted_authserv_ids.begin(), policy.trusted_authserv_ids.end());
  ids.push_back(authserv_id(policy, connection));
  return ids;
}

std::vector<HeaderEdit> header_edits(std::span<const mail::HeaderField> fields,
                                     const Policy& policy, const Connection& connection,
                                     const Verdict& verdict, const Facts& facts) {
  std::vector<HeaderEdit> edits;
  remove_forged(fields, policy, connection, edits);
  if (policy.add_spam_headers) {
    const bool spam = verdict.action >= Action::tag;
    if (spam) {
      edits.push_back({HeaderEdit::Kind::insert, "X-Spam-Flag", "YES", 0});
      const int stars = std::clamp(static_cast<int>(verdict.score), 0, 50);
      if (stars > 0) {
        edits.push_back({HeaderEdit::Kind::insert, "X-Spam-Level",
                         std::string(static_cast<std::size_t>(stars), '*'), 0});
      }
      std::string report = spam_report(verdict);
      if (!report.empty())
        edits.push_back({HeaderEdit::Kind::insert, "X-Spam-Report", std::move(report), 0});
    }
    edits.push_back(
        {HeaderEdit::Kind::insert, "X-Spam-Status", spam_status(verdict, policy, spam), 0});
  }
  if (policy.greylist.header && facts.greylist_delay) {
    edits.push_back({HeaderEdit::Kind::insert, "X-Greylist",
                     "delayed " + std::to_string(*facts.greylist_delay) + " seconds by " +
                         authserv_id(policy, connection),
                     0});
  }
  // Those of earlier hops stay below: each speaks of its own (RFC 7208 section 9.1).
  for (auto value = facts.received_spf.rbegin(); value != facts.received_spf.rend(); ++value)
    edits.push_back({HeaderEdit::Kind::insert, "Received-SPF", *value, 0});
  // Last, so that it stands first (RFC 8601 section 4: at the top).
  if (policy.add_authentication_results) {
    authres::AuthenticationResults results{authserv_id(policy, connection), "", facts.results};
    if (facts.dmarc_disposition) add_disposition(*facts.dmarc_disposition, results);
    edits.push_back(
        {HeaderEdit::Kind::insert, "Authentication-Results", authres::format(results), 0});
  }
  // Above what they do not cover.
  for (const dkim::NewSignature& signature : facts.signatures)
    edits.push_back({HeaderEdit::Kind::insert, "DKIM-Signature", signature.value, 0});
  // RFC 8617 section 5.1: last of all, the seal on top.
  if (facts.arc_set) {
    const arc::NewSet& set = *facts.arc_set;
    for (const auto& [kind, value] :
         {std::pair{arc::FieldKind::authentication_results, &set.authentication_results},
          std::pair{arc::FieldKind::message_signature, &set.message_signature},
          std::pair{arc::FieldKind::seal, &set.seal}})
      edits.push_back({HeaderEdit::Kind::insert, arc::to_string(kind), *value, 0});
  }
  return edits;
}

}  // namespace gatepost
