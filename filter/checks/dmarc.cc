// DMARC (RFC 9989): the walk of the author domain starts as soon as From is known, the result is
// made when SPF and DKIM have concluded.

#include "dmarc/discovery.h"
#include "dmarc/evaluate.h"
#include "filter/checks/arc_trust.h"
#include "filter/checks/dmarc_request.h"
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
  void end_of_headers(CheckContext& context) override {
    const auto& author = context.facts().author;
    const bool single = author && author->status == mail::AuthorIdentity::Status::single;
    if (single && applies(context)) context.start<bool>(std::make_unique<WalkFlow>(author->domain));
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
  // Mail that our own users and relays hand in is signed and judged where it arrives.
  static bool applies(const CheckContext& context) {
    const Connection& c = context.connection();
    return !c.local && !c.submit_network && !c.trusted_relay && !context.envelope().authenticated();
  }

  void start(CheckContext& context) {
    const Facts& facts = context.facts();
    dmarc::Request request;
    request.mode = context.policy().dmarc_discovery;
    request.public_suffixes = context.policy().public_suffixes;
    if (facts.author)
      set_author(*facts.author, request);
    else
      request.author_status = dmarc::AuthorStatus::missing;
    if (facts.spf_mail_from) set_spf(*facts.spf_mail_from, request);
    add_signatures(facts.dkim, request);
    pending_ = context.start<dmarc::Outcome>(std::make_unique<dmarc::Evaluate>(std::move(request)));
  }

  static void state(CheckContext& context, const dmarc::Outcome& outcome) {
    using dmarc::ResultCode;
    switch (outcome.result) {
      case ResultCode::none:
        break;
      case ResultCode::pass:
        context.add("DMARC_PASS", outcome.record_domain);
        break;
      case ResultCode::temperror:
        context.add("DMARC_TEMPERROR", outcome.reason);
        break;
      case ResultCode::permerror:
        context.add("DMARC_PERMERROR", outcome.reason);
        break;
      case ResultCode::fail:
        context.add(outcome.applied_policy == dmarc::Policy::reject       ? "DMARC_REJECT"
                    : outcome.applied_policy == dmarc::Policy::quarantine ? "DMARC_QUARANTINE"
                                                                          : "DMARC_FAIL",
                    outcome.author_domain);
        ask_sealer(context, outcome);
    }
    authres::AuthResult result;
    result.method = "dmarc";
    result.result = dmarc::to_string(outcome.result);
    if (outcome.result == ResultCode::fail) {
      result.comment = std::string("p=") + dmarc::to_string(outcome.policy);
      if (const auto& by = context.facts().dmarc_override)
        result.comment +=
            std::string(" overridden: ") + dmarc::to_string(by->reason) + " " + by->comment;
    } else if (outcome.result == ResultCode::temperror || outcome.result == ResultCode::permerror) {
      result.reason = outcome.reason;
    }
    if (!outcome.author_domain.empty())
      result.properties.push_back({"header", "from", outcome.author_domain});
    context.facts().results.push_back(std::move(result));
    context.facts().dmarc = outcome;
  }

  /// A failure does not count when a sealer that the operator trusts says that it was none.
  static void ask_sealer(CheckContext& context, const dmarc::Outcome& outcome) {
    if (!context.facts().arc) return;
    auto trust = arc_trust(*context.facts().arc, context.policy().arc_trusted_sealers, outcome);
    if (!trust) return;
    if (trust->answer == ArcTrust::Answer::yes) {
      context.facts().dmarc_override =
          DmarcOverride{dmarc::Override::trusted_forwarder, std::move(trust->comment)};
    }
    context.add(trust->answer == ArcTrust::Answer::yes       ? "ARC_TRUSTED"
                : trust->answer == ArcTrust::Answer::unknown ? "ARC_TRUSTED_TEMPERROR"
                                                             : "ARC_TRUSTED_UNPROVEN",
                trust->detail);
  }

  std::optional<Pending<dmarc::Outcome>> pending_;
};

}  // namespace

std::unique_ptr<Check> make_dmarc() {
  return std::make_unique<Dmarc>();
}

}  // namespace gatepost
