// SPF of the reverse-path (RFC 7208): asked at MAIL, known when its answers are.

#include "filter/checks/dnssec.h"
#include "filter/checks/registry.h"
#include "spf/evaluate.h"

namespace gatepost {

namespace {

const char* finding_of(spf::ResultCode result) {
  switch (result) {
    case spf::ResultCode::none:
      return "SPF_NONE";
    case spf::ResultCode::neutral:
      return "SPF_NEUTRAL";
    case spf::ResultCode::pass:
      return "SPF_PASS";
    case spf::ResultCode::fail:
      return "SPF_FAIL";
    case spf::ResultCode::softfail:
      return "SPF_SOFTFAIL";
    case spf::ResultCode::temperror:
      return "SPF_TEMPERROR";
    case spf::ResultCode::permerror:
      return "SPF_PERMERROR";
  }
  return "SPF_NONE";
}

class Spf final : public Check {
 public:
  void mail(CheckContext& context) override {
    const Connection& c = context.connection();
    // Own users and own relays are no question of SPF: it speaks of the client that came from
    // outside.
    if (!c.client || c.local || c.submit_network || c.trusted_relay ||
        context.envelope().authenticated())
      return;
    spf::Request request;
    request.client = *c.client;
    request.helo = c.helo;
    request.mail_from = context.envelope().mail_from;
    request.receiver = c.mta_name;
    pending_ = context.start<spf::Outcome>(std::make_unique<spf::CheckHost>(std::move(request)));
  }

  bool conclude(CheckContext& context) override {
    if (!pending_) return true;
    const auto& done = pending_->get();
    if (!done.ok()) {
      context.add("CHECK_ERROR", "spf: " + done.error().text());
      return true;
    }
    const spf::Outcome& outcome = *done;
    context.add(finding_of(outcome.code),
                outcome.reason.empty() ? outcome.mechanism : outcome.reason);
    authres::AuthResult result;
    result.method = "spf";
    result.result = spf::to_string(outcome.code);
    result.reason =
        outcome.code == spf::ResultCode::permerror || outcome.code == spf::ResultCode::temperror
            ? outcome.reason
            : "";
    // RFC 8601 section 2.7.2: with a null reverse-path the HELO name was checked.
    if (context.envelope().mail_from.empty()) {
      result.properties.push_back({"smtp", "helo", context.connection().helo});
    } else {
      result.properties.push_back({"smtp", "mailfrom", context.envelope().mail_from});
    }
    add_dnssec(context, dns::make_query(outcome.domain, dns::RrType::txt), result);
    context.facts().results.push_back(std::move(result));
    context.facts().spf_mail_from = outcome;
    return true;
  }

 private:
  std::optional<Pending<spf::Outcome>> pending_;
};

}  // namespace

std::unique_ptr<Check> make_spf() {
  return std::make_unique<Spf>();
}

}  // namespace gatepost
