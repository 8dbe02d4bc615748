#include "rules/subject_of.h"

namespace gatepost::rules {

Subject subject_of(mail::MessageView& view, const RuleSet& rules, std::string_view mail_from,
                   std::int64_t now, const FindingAnswers* answers) {
  Subject out{view.fields(), view.content(), mail_from};
  if (rules.needs_urls()) out.urls = view.urls(rules.url_settings());
  out.html = view.html();
  out.answers = answers;
  out.now = now;
  return out;
}

}  // namespace gatepost::rules
