#include "filter/session/dmarc_record.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/text.h"

namespace gatepost {

namespace {

using Json = nlohmann::ordered_json;

/// Takes what JsonWriter takes, for an object that is kept as a tree.
class JsonTree {
 public:
  explicit JsonTree(Json& object) : open_{&object} {}

  void begin_object() { open_.push_back(&add(Json::object())); }
  void end_object() { open_.pop_back(); }
  void begin_array() { open_.push_back(&add(Json::array())); }
  void end_array() { open_.pop_back(); }
  void key(std::string_view name) { key_ = name; }
  void text(std::string_view value) { add(value); }
  void boolean(bool value) { add(value); }
  void null() { add(nullptr); }

 private:
  Json& add(Json value) {
    Json& in = *open_.back();
    if (!in.is_array()) return *in.emplace(key_, std::move(value)).first;
    in.push_back(std::move(value));
    return in.back();
  }

  std::vector<Json*> open_;  // what is written into, the innermost last
  std::string key_;
};

template <class Out>
void add(Out& out, std::string_view key, std::string_view value) {
  constexpr std::size_t kMost = 4096;
  out.key(key);
  if (value.size() <= kMost && is_valid_utf8(value))
    out.text(value);
  else
    out.text(printable(value, kMost));
}

template <class Out>
void add(Out& out, std::string_view key, bool value) {
  out.key(key);
  out.boolean(value);
}

template <class Out>
void add(Out& out, std::string_view key, const char* value) {
  add(out, key, std::string_view(value));
}

// As in reports: "pass" is what passed and is aligned.
std::string_view evaluated(const dmarc::Alignment& alignment) {
  return alignment.aligned ? "pass" : "fail";
}

template <class Out>
void add_spf(Out& out, const Record& record, const dmarc::Outcome& outcome) {
  out.key("spf");
  const auto& spf = record.facts.spf_mail_from;
  if (!spf) return out.null();
  out.begin_object();
  add(out, "domain", spf->domain);
  add(out, "scope", record.envelope.mail_from.empty() ? "helo" : "mfrom");
  add(out, "result", spf::to_string(spf->code));
  add(out, "aligned", outcome.spf.aligned);
  out.end_object();
}

template <class Out>
void add_dkim(Out& out, const Record& record, const dmarc::Outcome& outcome) {
  constexpr std::size_t kMost = 100;  // RFC 9990 wants the first ones at least
  out.key("dkim");
  out.begin_array();
  std::size_t count = 0;
  for (const auto& signature : record.facts.dkim) {
    if (count++ == kMost) break;
    const bool passed = signature.outcome == dkim::Outcome::pass;
    out.begin_object();
    add(out, "domain", signature.domain);
    add(out, "selector", signature.selector);
    add(out, "result", dkim::to_string(signature.outcome));
    add(out, "aligned",
        passed && outcome.dkim.aligned && iequals(signature.domain, outcome.dkim.domain));
    out.end_object();
  }
  out.end_array();
}

template <class Out>
void add_disposition(Out& out, const dmarc::Outcome& outcome,
                     const dmarc::Disposition& disposition) {
  add(out, "disposition",
      outcome.result == dmarc::ResultCode::pass ? "pass" : dmarc::to_string(disposition.action));
  out.key("overrides");
  out.begin_array();
  for (const dmarc::OverrideReason& reason : disposition.overrides) {
    out.begin_object();
    add(out, "type", dmarc::to_string(reason.type));
    add(out, "comment", reason.comment);
    out.end_object();
  }
  out.end_array();
  add(out, "disposition_reason", disposition.reason);
}

template <class Out>
void add_members(Out& out, const Record& record) {
  if (!record.facts.dmarc) return;
  const dmarc::Outcome& o = *record.facts.dmarc;
  const bool psl = record.policy && record.policy->dmarc_discovery == dmarc::DiscoveryMode::psl;
  add(out, "header_from", o.author_domain);
  add(out, "org_domain", o.org_domain);
  add(out, "record_domain", o.record_domain);
  add(out, "record", o.record ? std::string_view(o.record->text) : "");
  add(out, "policy", dmarc::to_string(o.policy));
  add(out, "policy_tag", dmarc::to_string(o.policy_tag));
  add(out, "testing", o.testing);
  add(out, "applied_policy", dmarc::to_string(o.applied_policy));
  add(out, "discovery", psl ? "psl" : "treewalk");
  add(out, "result", dmarc::to_string(o.result));
  add(out, "reason", o.reason);
  add_spf(out, record, o);
  add_dkim(out, record, o);
  out.key("evaluated");
  out.begin_object();
  add(out, "spf", evaluated(o.spf));
  add(out, "dkim", evaluated(o.dkim));
  out.end_object();
  if (const auto& d = record.facts.dmarc_disposition) add_disposition(out, o, *d);
}

}  // namespace

void add_dmarc(Json& object, const Record& record) {
  JsonTree tree(object);
  add_members(tree, record);
}

void write_dmarc(JsonWriter& out, const Record& record) {
  add_members(out, record);
}

}  // namespace gatepost
