#include "filter/rule_tools/judge.h"

#include <algorithm>
#include <limits>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/header_block.h"
#include "filter/checks/content_rules.h"
#include "filter/policy/decide.h"
#include "rules/subject_of.h"

namespace gatepost::rule_tools {
namespace {

// It is in memory anyway: nothing of it is put into a file.
mail::MessageLimits in_memory() {
  mail::MessageLimits limits;
  limits.max_body_memory = std::numeric_limits<std::size_t>::max();
  return limits;
}

}  // namespace

FileMessage::FileMessage()
    : message_(in_memory(),
               std::make_shared<mail::ByteBudget>(std::numeric_limits<std::size_t>::max()), "") {}

Result<std::unique_ptr<FileMessage>> FileMessage::read(std::string_view text) {
  mail::ParsedMessage parsed = mail::parse_message(text);
  if (parsed.fields.empty()) return permanent_error("is no mail: it has no header field");
  std::unique_ptr<FileMessage> out(new FileMessage());
  for (mail::HeaderField& field : parsed.fields) out->message_.add_field(std::move(field));
  if (const auto added = out->message_.append_body(parsed.body); !added.ok()) return added.error();
  out->message_.freeze();
  return out;
}

std::string FileMessage::shown(std::string_view field, std::size_t limit) const {
  for (const mail::HeaderField& one : message_.fields()) {
    if (!iequals(one.name, field)) continue;
    std::string value;
    for (const char c : one.value) {
      if (c != '\r' && c != '\n') value += c == '\t' ? ' ' : c;
    }
    return printable(trim(mail::decode_encoded_words(value)), limit);
  }
  return {};
}

Judge::Judge(std::shared_ptr<const Policy> policy, const rules::RuleSettings& settings)
    : policy_(std::move(policy)), settings_(settings) {}

Result<Judge::Judgement> Judge::judge(const FileMessage& file, std::int64_t now) const {
  auto view = mail::MessageView::open(file.message(), policy_->content);
  if (!view.ok()) return view.error();
  const FileEnvelope envelope = envelope_of(file.message());
  rules::Subject subject = rules::subject_of(*view, rule_set(), envelope.sender(), now);
  subject.smtp = &envelope.texts();
  subject.want_matched = false;
  subject.want_subrules = false;
  const rules::MatchOutcome outcome = rule_set().match(subject);
  Judgement out;
  out.limited = outcome.budget_exceeded;
  out.client_known = envelope.knows_client();
  out.sender_known = envelope.knows_sender();
  out.recipients_known = envelope.knows_recipients();
  std::vector<Finding> findings;
  const rules::Rule* first = rules().data();
  for (const rules::Hit& hit : outcome.hits) {
    if (hit.rule->is_subrule() || find_finding(hit.rule->name) != nullptr) continue;
    Finding finding;
    finding.name = hit.rule->name;
    finding.stage = Stage::end_of_message;
    const FindingRule meaning = meaning_of(*policy_, *hit.rule);
    if (meaning == FindingRule{}) continue;
    finding.rule = meaning;
    finding.shadow = hit.rule->shadow;
    out.hits.push_back({static_cast<std::uint32_t>(hit.rule - first), meaning.score});
    findings.push_back(std::move(finding));
  }
  const Verdict verdict = decide(findings, *policy_, Stage::end_of_message, {}, {});
  out.score = verdict.score;
  out.action = verdict.action;
  return out;
}

}  // namespace gatepost::rule_tools
