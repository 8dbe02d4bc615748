// DMARC (RFC 9989): the walk of the author domain starts as soon as From is known, the result is
// made when SPF and DKIM have concluded.

#include "core/base/text.h"
#include "dmarc/discovery.h"
#include "dmarc/domain.h"
#include "dmarc/evaluate.h"
#include "filter/checks/arc_trust.h"
#include "filter/checks/dmarc_request.h"
#include "filter/checks/dnssec.h"
#include "filter/checks/mailing_list.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

/// Asks for the records of the author domain early, so that they are known when they are needed.
class WalkFlow final : public Flow<bool> {
 public:
  explicit WalkFlow(const std::string& domain) {
    for (const auto& name : dmarc::tree_walk_names(domain))
      queries_.push_back(dmarc::record_query(name));
  }
  Step<bool> step(const Answers& answers) override {
    Asker asker(answers);
    for (const auto& query : queries_) asker.ask(query);
    if (!asker.complete()) return asker.take_missing();
    return true;
  }

 private:
  std::vector<dns::Query> queries_;
};

class Dmarc final : public Check {
 public:
  void header(CheckContext&, const mail::HeaderField& field) override { list_.read(field); }

  void end_of_headers(CheckContext& context) override {
    if (!applies(context)) return;
    dmarc::Request request;
    take_author(context, request);
    // What is no domain is found out by the evaluation, without a question.
    if (const auto domain = dmarc::canonical_domain(request.author_domain))
      context.start<bool>(std::make_unique<WalkFlow>(*domain));
  }

  bool conclude(CheckContext& context) override {
    if (!applies(context)) return true;
    if (!pending_) {
      start(context);
      return false;
    }
    const auto& done = pending_->get();
    if (!done.ok()) {
      context.add("CHECK_ERROR", "dmarc: " + done.error().text());
    } else {
      state(context, *done);
    }
    return true;
  }

 private:
  // Mail that our own users hand in is signed and judged where it arrives. What a relay brings is
  // judged by the client from outside, if one can be told: SPF has looked for it.
  static bool applies(CheckContext& context) {
    const Connection& c = context.connection();
    if (c.trusted_relay && !context.facts().spf_client) return false;
    return !c.local && !c.submit_network && !context.envelope().authenticated();
  }

  static void take_author(CheckContext& context, dmarc::Request& request) {
    if (const auto& author = context.facts().author)
      set_author(*author, context.policy().dmarc_strict_author, request);
    else
      request.author_status = dmarc::AuthorStatus::missing;
  }

  void start(CheckContext& context) {
    const Facts& facts = context.facts();
    dmarc::Request request;
    request.mode = context.policy().dmarc_discovery;
    request.public_suffixes = context.policy().public_suffixes;
    take_author(context, request);
    if (facts.spf_mail_from) set_spf(*facts.spf_mail_from, request);
    add_signatures(facts.dkim, request);
    pending_ = context.start<dmarc::Outcome>(std::make_unique<dmarc::Evaluate>(std::move(request)));
  }

  void state(CheckContext& context, const dmarc::Outcome& outcome) const {
    using dmarc::ResultCode;
    const auto say = [&](const char* name, std::string detail, std::string reply = {}) {
      Finding finding{name, context.stage(), std::move(detail), -1, 1};
      finding.reply = std::move(reply);
      finding.domain = outcome.author_domain;
      context.add(std::move(finding));
    };
    switch (outcome.result) {
      case ResultCode::none:
        break;
      case ResultCode::pass:
        say("DMARC_PASS", outcome.record_domain);
        break;
      case ResultCode::temperror:
        say("DMARC_TEMPERROR", outcome.reason,
            "DMARC policy of " + outcome.author_domain + " cannot be applied now, try again later");
        break;
      case ResultCode::permerror:
        say("DMARC_PERMERROR", outcome.reason);
        break;
      case ResultCode::fail:
        say(outcome.applied_policy == dmarc::Policy::reject       ? "DMARC_REJECT"
            : outcome.applied_policy == dmarc::Policy::quarantine ? "DMARC_QUARANTINE"
                                                                  : "DMARC_FAIL",
            outcome.author_domain, "rejected by DMARC policy of " + outcome.author_domain);
        state_list(context);
        ask_sealer(context, outcome);
    }
    authres::AuthResult result = to_result(outcome);
    if (!outcome.record_domain.empty())
      add_dnssec(context, dmarc::record_query(outcome.record_domain), result);
    context.facts().results.push_back(std::move(result));
    context.facts().dmarc = outcome;
  }

  /// A copy that a list handed on: its list is who SPF or DKIM speak for.
  void state_list(CheckContext& context) const {
    const Facts& facts = context.facts();
    const std::string list = list_.authenticated_by(facts);
    if (list.empty()) return;
    const bool broken = author_signature_failed(facts);
    Finding finding{"LIST_COPY", context.stage(),
                    list + (broken ? ", the author's signature is broken" : ""), -1, 1};
    finding.domain = list;
    context.add(std::move(finding));
  }

  // RFC 9989 section 9.1 registers header.from and policy.dmarc.
  static authres::AuthResult to_result(const dmarc::Outcome& outcome) {
    using dmarc::ResultCode;
    authres::AuthResult result;
    result.method = "dmarc";
    result.result = dmarc::to_string(outcome.result);
    const bool failed = outcome.result == ResultCode::fail;
    if (failed) {
      result.comment = std::string(dmarc::to_string(outcome.policy_tag)) + "=" +
                       dmarc::to_string(outcome.policy);
    } else if (outcome.result == ResultCode::temperror || outcome.result == ResultCode::permerror) {
      result.reason = outcome.reason;
    }
    if (!outcome.author_domain.empty())
      result.properties.push_back({"header", "from", outcome.author_domain});
    if (failed)
      result.properties.push_back({"policy", "dmarc", dmarc::to_string(outcome.applied_policy)});
    return result;
  }

  /// A failure does not count when a sealer that the operator trusts says that it was none.
  static void ask_sealer(CheckContext& context, const dmarc::Outcome& outcome) {
    if (!context.facts().arc) return;
    const auto trust =
        arc_trust(*context.facts().arc, context.policy().arc_trusted_sealers, outcome);
    if (!trust) return;
    context.add(trust->answer == ArcTrust::Answer::yes       ? "ARC_TRUSTED"
                : trust->answer == ArcTrust::Answer::unknown ? "ARC_TRUSTED_TEMPERROR"
                                                             : "ARC_TRUSTED_UNPROVEN",
                trust->comment.empty() ? trust->detail : trust->detail + "; " + trust->comment);
  }

  MailingList list_;
  std::optional<Pending<dmarc::Outcome>> pending_;
};

}  // namespace

std::unique_ptr<Check> make_dmarc() {
  return std::make_unique<Dmarc>();
}

}  // namespace gatepost
