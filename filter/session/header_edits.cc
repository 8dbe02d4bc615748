#include "filter/session/header_edits.h"

#include <algorithm>
#include <map>

#include "core/authres/authentication_results.h"
#include "core/authres/forged.h"
#include "core/base/text.h"
#include "core/mail/fields.h"
#include "filter/session/quarantine.h"
#include "filter/session/rule_headers.h"
#include "filter/session/spam_report.h"
#include "rules/header_changes.h"

namespace gatepost {

namespace {

// The fields we add ourselves; whoever sends them wants to be believed.
constexpr std::string_view kOwnFields[] = {"X-Spam-Status", "X-Spam-Flag",   "X-Spam-Level",
                                           "X-Spam-Score",  "X-Spam-Report", kReleaseField};

bool is_own_field(std::string_view name, const Policy& policy) {
  name = trim(name);
  return std::any_of(std::begin(kOwnFields), std::end(kOwnFields),
                     [&](std::string_view own) { return iequals(own, name); }) ||
         (policy.header_changes != nullptr && policy.header_changes->names(name));
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
    if (!is_own_field(field.name, policy)) continue;
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

void add_own_spam_fields(const HeaderSources& sources, std::vector<HeaderEdit>& edits) {
  const Verdict& verdict = sources.verdict;
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty() && !is_of_rule_files(sources, name))
      edits.push_back({HeaderEdit::Kind::insert, name, std::move(value), 0});
  };
  const bool spam = sources.is_spam();
  if (spam) {
    add("X-Spam-Flag", "YES");
    add("X-Spam-Level", std::string(static_cast<std::size_t>(sources.stars()), '*'));
    add("X-Spam-Report", spam_report(verdict));
  }
  add("X-Spam-Status", spam_status(verdict, sources.policy, spam));
}

// "a\n b" as it stands in a message.
std::string field_value(std::string_view value) {
  std::string out = " ";
  for (const char c : value) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<mail::HeaderField> edited(std::span<const mail::HeaderField> fields,
                                      std::span<const HeaderEdit> edits) {
  std::vector<mail::HeaderField> out(fields.begin(), fields.end());
  for (const HeaderEdit& edit : edits) {
    if (edit.kind == HeaderEdit::Kind::insert) {
      const auto at = std::min(static_cast<std::size_t>(edit.index), out.size());
      out.insert(out.begin() + static_cast<std::ptrdiff_t>(at),
                 {edit.name, field_value(edit.value)});
      continue;
    }
    int seen = 0;
    const auto field = std::find_if(out.begin(), out.end(), [&](const mail::HeaderField& f) {
      return mail::is_named(f, edit.name) && ++seen == edit.index;
    });
    if (field == out.end()) continue;
    if (edit.kind == HeaderEdit::Kind::remove)
      out.erase(field);
    else
      field->value = field_value(edit.value);
  }
  return out;
}

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

std::vector<HeaderEdit> header_edits(const HeaderSources& sources) {
  const auto& [fields, policy, connection, envelope, verdict, facts, unix_time] = sources;
  std::vector<HeaderEdit> edits;
  remove_forged(fields, policy, connection, edits);
  edits.insert(edits.end(), facts.rewrites.begin(), facts.rewrites.end());
  if (policy.add_spam_headers) add_own_spam_fields(sources, edits);
  add_rule_fields(sources, edits);
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
