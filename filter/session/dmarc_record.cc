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
  return {{"domain", text(spf->domain)},
          {"scope", record.envelope.mail_from.empty() ? "helo" : "mfrom"},
          {"result", spf::to_string(spf->code)},
          {"aligned", outcome.spf.aligned}};
}

Json dkim_json(const Record& record, const dmarc::Outcome& outcome) {
  constexpr std::size_t kMost = 100;  // RFC 9990 wants the first ones at least
  Json list = Json::array();
  for (const auto& signature : record.facts.dkim) {
    if (list.size() == kMost) break;
    const bool passed = signature.outcome == dkim::Outcome::pass;
    list.push_back({{"domain", text(signature.domain)},
                    {"selector", text(signature.selector)},
                    {"result", dkim::to_string(signature.outcome)},
                    {"aligned", passed && outcome.dkim.aligned &&
                                    iequals(signature.domain, outcome.dkim.domain)}});
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

Json dmarc_json(const Record& record) {
  if (!record.facts.dmarc) return nullptr;
  const dmarc::Outcome& o = *record.facts.dmarc;
  const bool psl = record.policy && record.policy->dmarc_discovery == dmarc::DiscoveryMode::psl;
  Json json = {
      {"header_from", text(o.author_domain)},
      {"org_domain", text(o.org_domain)},
      {"record_domain", text(o.record_domain)},
      {"record", o.record ? text(o.record->text) : Json("")},
      {"policy", dmarc::to_string(o.policy)},
      {"policy_tag", dmarc::to_string(o.policy_tag)},
      {"testing", o.testing},
      {"applied_policy", dmarc::to_string(o.applied_policy)},
      {"discovery", psl ? "psl" : "treewalk"},
      {"result", dmarc::to_string(o.result)},
      {"reason", text(o.reason)},
      {"spf", spf_json(record, o)},
      {"dkim", dkim_json(record, o)},
      {"evaluated", {{"spf", evaluated(o.spf)}, {"dkim", evaluated(o.dkim)}}},
  };
  if (const auto& d = record.facts.dmarc_disposition) {
    json["disposition"] =
        o.result == dmarc::ResultCode::pass ? "pass" : dmarc::to_string(d->action);
    json["overrides"] = overrides_json(*d);
    json["disposition_reason"] = text(d->reason);
  }
  return json;
}

}  // namespace gatepost
