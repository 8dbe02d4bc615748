// SPF, DKIM, DMARC and DNS lists: what the filter found answers, the lists of the rule files
// decide.

#include <algorithm>

#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

bool ask(EvalContext& message, std::string_view function, std::span<const std::string> arguments) {
  const FindingAnswers* answers = message.subject().answers;
  return answers != nullptr && answers->holds(function, arguments);
}

bool answer(EvalContext& message, const EvalArguments& arguments) {
  return ask(message, arguments.function(), arguments.texts());
}

bool sender_is_listed(EvalContext& message, std::string_view first, std::string_view second) {
  const std::string_view sender = message.subject().mail_from;
  const RuleSettings& settings = message.settings();
  return !sender.empty() && ask(message, "check_for_spf_pass", {}) &&
         (settings.list(first).matches(sender) || settings.list(second).matches(sender));
}
bool spf_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return sender_is_listed(message, "welcomelist_from_spf", "welcomelist_auth");
}
bool def_spf_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return sender_is_listed(message, "def_welcomelist_from_spf", "def_welcomelist_auth");
}

bool author_is_listed(EvalContext& message, const std::vector<AddressSignedBy>& list,
                      const GlobIndex& index, const GlobList& any_method) {
  const FindingAnswers* answers = message.subject().answers;
  if (answers == nullptr) return false;
  for (const std::string& author : message.list("From:addr")) {
    const std::string address = to_lower(author);
    const std::string own = address.substr(std::min(address.find('@'), address.size() - 1) + 1);
    if (answers->is_signed_by(own) && any_method.matches(address)) return true;
    const bool listed = index.any_candidate(address, [&](std::uint32_t number) {
      const AddressSignedBy& one = list[number];
      return answers->is_signed_by(one.domain.empty() ? own : one.domain) &&
             glob_matches(one.address, address);
    });
    if (listed) return true;
  }
  return false;
}
bool dkim_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return author_is_listed(message, message.settings().welcomelist_from_dkim,
                          message.prepared().welcomelist_from_dkim(),
                          message.settings().list("welcomelist_auth"));
}
bool def_dkim_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return author_is_listed(message, message.settings().def_welcomelist_from_dkim,
                          message.prepared().def_welcomelist_from_dkim(),
                          message.settings().list("def_welcomelist_auth"));
}

constexpr EvalFunction kFunctions[] = {
    {"check_arc_signed", "|t*", answer},
    {"check_arc_valid", "|t*", answer},
    {"check_dkim_adsp", "|t*", answer},
    {"check_dkim_dependable", "", answer},
    {"check_dkim_signall", "", answer},
    {"check_dkim_signed", "|t*", answer},
    {"check_dkim_signsome", "", answer},
    {"check_dkim_testing", "", answer},
    {"check_dkim_valid", "|t*", answer},
    {"check_dkim_valid_author_sig", "|t*", answer},
    {"check_dkim_valid_envelopefrom", "", answer},
    {"check_dmarc_missing", "", answer},
    {"check_dmarc_none", "", answer},
    {"check_dmarc_pass", "", answer},
    {"check_dmarc_quarantine", "", answer},
    {"check_dmarc_reject", "", answer},
    {"check_dns_sender", "", answer},
    {"check_finding", "t", answer},  // of ours
    {"check_for_def_dkim_welcomelist_from", "", def_dkim_welcomelist},
    {"check_for_def_dkim_whitelist_from", "", def_dkim_welcomelist},
    {"check_for_def_spf_welcomelist_from", "", def_spf_welcomelist},
    {"check_for_def_spf_whitelist_from", "", def_spf_welcomelist},
    {"check_for_dkim_welcomelist_from", "", dkim_welcomelist},
    {"check_for_dkim_whitelist_from", "", dkim_welcomelist},
    {"check_for_spf_fail", "", answer},
    {"check_for_spf_helo_fail", "", answer},
    {"check_for_spf_helo_neutral", "", answer},
    {"check_for_spf_helo_none", "", answer},
    {"check_for_spf_helo_pass", "", answer},
    {"check_for_spf_helo_permerror", "", answer},
    {"check_for_spf_helo_softfail", "", answer},
    {"check_for_spf_helo_temperror", "", answer},
    {"check_for_spf_neutral", "", answer},
    {"check_for_spf_none", "", answer},
    {"check_for_spf_pass", "", answer},
    {"check_for_spf_permerror", "", answer},
    {"check_for_spf_softfail", "", answer},
    {"check_for_spf_temperror", "", answer},
    {"check_for_spf_welcomelist_from", "", spf_welcomelist},
    {"check_for_spf_whitelist_from", "", spf_welcomelist},
    {"check_rbl", "tt|t*", answer},
    {"check_rbl_envfrom", "tt|t*", answer},
    {"check_rbl_from_domain", "tt|t*", answer},
    {"check_rbl_from_host", "tt|t*", answer},
    {"check_rbl_headers", "tt|t*", answer},
    {"check_rbl_ns_from", "tt|t*", answer},
    {"check_rbl_rcvd", "tt|t*", answer},
    {"check_rbl_sub", "tt|t*", answer},
    {"check_rbl_txt", "tt|t*", answer},
};

}  // namespace

std::span<const EvalFunction> answer_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
