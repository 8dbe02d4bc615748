#include "filter/session/dmarc_record.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace gatepost {

namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view value) {
  return is_valid_utf8(value) && value.size() <= 4096 ? std::string(value) : printable(value, 4096);
}

// As in reports: "pass" is what passed and is aligned.
const char* evaluated(const dmarc::Alignment& alignment) {
  return alignment.aligned ? "pass" : "fail";
}

Json spf_json(const Record& record, const dmarc::Outcome& outcome) {
  const auto& spf = record.facts.spf_mail_from;
  if (!spf) return nullptr;
  Json json = Json::object();
  json.emplace("domain", text(spf->domain));
  json.emplace("scope", record.envelope.mail_from.empty() ? "helo" : "mfrom");
  json.emplace("result", spf::to_string(spf->code));
  json.emplace("aligned", outcome.spf.aligned);
  return json;
}

Json dkim_json(const Record& record, const dmarc::Outcome& outcome) {
  constexpr std::size_t kMost = 100;  // RFC 9990 wants the first ones at least
  Json list = Json::array();
  for (const auto& signature : record.facts.dkim) {
    if (list.size() == kMost) break;
    const bool passed = signature.outcome == dkim::Outcome::pass;
    Json one = Json::object();
    one.emplace("domain", text(signature.domain));
    one.emplace("selector", text(signature.selector));
    one.emplace("result", dkim::to_string(signature.outcome));
    one.emplace("aligned",
                passed && outcome.dkim.aligned && iequals(signature.domain, outcome.dkim.domain));
    list.push_back(std::move(one));
  }
  return list;
}

Json overrides_json(const dmarc::Disposition& disposition) {
  Json list = Json::array();
  for (const dmarc::OverrideReason& reason : disposition.overrides)
    list.push_back({{"type", dmarc::to_string(reason.type)}, {"comment", text(reason.comment)}});
  return list;
}

}  // namespace

// Lists in braces would copy every value, and those inside of it again: this is made for each
// message.
void add_dmarc(Json& json, const Record& record) {
  if (!record.facts.dmarc) return;
  const dmarc::Outcome& o = *record.facts.dmarc;
  const bool psl = record.policy && record.policy->dmarc_discovery == dmarc::DiscoveryMode::psl;
  json.emplace("header_from", text(o.author_domain));
  json.emplace("org_domain", text(o.org_domain));
  json.emplace("record_domain", text(o.record_domain));
  json.emplace("record", o.record ? text(o.record->text) : Json(""));
  json.emplace("policy", dmarc::to_string(o.policy));
  json.emplace("policy_tag", dmarc::to_string(o.policy_tag));
  json.emplace("testing", o.testing);
  json.emplace("applied_policy", dmarc::to_string(o.applied_policy));
  json.emplace("discovery", psl ? "psl" : "treewalk");
  json.emplace("result", dmarc::to_string(o.result));
  json.emplace("reason", text(o.reason));
  json.emplace("spf", spf_json(record, o));
  json.emplace("dkim", dkim_json(record, o));
  Json evaluated_json = Json::object();
  evaluated_json.emplace("spf", evaluated(o.spf));
  evaluated_json.emplace("dkim", evaluated(o.dkim));
  json.emplace("evaluated", std::move(evaluated_json));
  if (const auto& d = record.facts.dmarc_disposition) {
    json.emplace("disposition",
                 o.result == dmarc::ResultCode::pass ? "pass" : dmarc::to_string(d->action));
    json.emplace("overrides", overrides_json(*d));
    json.emplace("disposition_reason", text(d->reason));
  }
}

}  // namespace gatepost
