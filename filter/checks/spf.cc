// SPF of the reverse-path and of the HELO name (RFC 7208): asked at MAIL, known when the answers
// are. What a trusted relay brings is asked for at the end of the header, for the client that its
// Received fields tell.

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/mail/message.h"
#include "core/mail/received.h"
#include "filter/checks/dnssec.h"
#include "filter/checks/registry.h"
#include "spf/libspf2.h"
#include "spf/received_spf.h"
#include "spf/record.h"

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

/// Null for results that say nothing: few HELO names have a record.
const char* helo_finding_of(spf::ResultCode result) {
  switch (result) {
    case spf::ResultCode::none:
    case spf::ResultCode::neutral:
      return nullptr;
    case spf::ResultCode::pass:
      return "SPF_HELO_PASS";
    case spf::ResultCode::fail:
      return "SPF_HELO_FAIL";
    case spf::ResultCode::softfail:
      return "SPF_HELO_SOFTFAIL";
    case spf::ResultCode::temperror:
      return "SPF_HELO_TEMPERROR";
    case spf::ResultCode::permerror:
      return "SPF_HELO_PERMERROR";
  }
  return nullptr;
}

constexpr const char* kHeloFindings[] = {"SPF_HELO_PASS", "SPF_HELO_FAIL", "SPF_HELO_SOFTFAIL",
                                         "SPF_HELO_TEMPERROR", "SPF_HELO_PERMERROR"};

// Leaves room for our own text and the reference in the 400 octets of a reply.
constexpr std::size_t kMaxForeignText = 160;
constexpr std::size_t kMaxShownDomain = 80;

/// The finding's reply with the domain's own explanation behind it, marked as the domain's and
/// quoted: whatever it says, it cannot be taken for ours (RFC 7208 sections 8.4 and 11.5.2). Empty
/// without an explanation.
std::string reply_of(const char* finding, const spf::Outcome& outcome) {
  if (outcome.explanation.empty()) return {};
  std::string said;
  for (const char c : outcome.explanation) {
    if (said.size() == kMaxForeignText) {
      said.replace(kMaxForeignText - 3, 3, "...");
      break;
    }
    said += c < ' ' || c > '~' ? '?' : c == '"' ? '\'' : c;
  }
  const bool fits = outcome.domain.size() <= kMaxShownDomain && is_ascii(outcome.domain);
  return std::string(find_finding(finding)->reply) + "; " +
         (fits ? printable(outcome.domain) : std::string("the domain")) + " says: \"" + said + "\"";
}

/// Whether the domain's record only says that it sends no mail: "v=spf1 -all", modifiers aside.
bool sends_no_mail(const Answers& answers, const std::string& domain) {
  const dns::Answer* answer = answers.find(dns::make_query(domain, dns::RrType::txt));
  if (answer == nullptr) return false;
  const spf::Selection selection = spf::select_record(answer->texts);
  if (selection.count != 1) return false;
  const auto record = spf::parse_record(selection.record);
  return record.ok() && record->mechanisms.size() == 1 && record->has_all &&
         record->mechanisms.front().qualifier == spf::Qualifier::fail;
}

bool helo_may_refuse(const Policy& policy) {
  return std::any_of(std::begin(kHeloFindings), std::end(kHeloFindings), [&](const char* name) {
    const Action action = policy.rule(name).action;
    return action == Action::reject || action == Action::tempfail;
  });
}

bool is_error(spf::ResultCode code) {
  return code == spf::ResultCode::permerror || code == spf::ResultCode::temperror;
}

class Spf final : public Check {
 public:
  void mail(CheckContext& context) override {
    const Connection& c = context.connection();
    if (asks(context) && !c.trusted_relay) start(context, *c.client, c.helo);
  }

  void end_of_headers(CheckContext& context) override {
    if (helo_) {  // not waited for until now
      context.wait_for(helo_->pending.handle());
      context.conclude_again();
    }
    if (asks(context) && context.connection().trusted_relay) look_through(context);
  }

  bool conclude(CheckContext& context) override {
    if (mail_from_) tell(context, *std::exchange(mail_from_, std::nullopt));
    if (helo_ && helo_->pending.handle()->ready())
      tell(context, *std::exchange(helo_, std::nullopt));
    return true;
  }

 private:
  /// One identity that is asked for.
  struct Asked {
    spf::Request request;
    Pending<spf::Outcome> pending;
  };

  // Own users are no question of SPF: it speaks of the client that came from outside.
  static bool asks(const CheckContext& context) {
    const Connection& c = context.connection();
    return c.client && !c.local && !c.submit_network && !context.envelope().authenticated();
  }

  void look_through(CheckContext& context) {
    const Policy& policy = context.policy();
    const auto client = mail::first_outside_client(
        context.message()->fields(),
        [&](const IpAddress& address) { return policy.trusted_relays.match(address).has_value(); });
    if (!client.ok()) return context.add("SPF_NO_CLIENT", client.error().what);
    if (policy.submit_networks.match(client->address))
      return context.add("SPF_NO_CLIENT", client->address.text() + " is in submit_networks");
    context.facts().spf_client = client->address;
    start(context, client->address, client->helo);
    context.conclude_again();
  }

  void start(CheckContext& context, const IpAddress& client, const std::string& helo) {
    spf::Request request;
    request.client = client;
    request.helo = helo;
    request.mail_from = context.envelope().mail_from;
    request.receiver = context.connection().mta_name;
    mail_from_ = ask(context, request);
    context.wait_for(mail_from_->pending.handle());
    // Of the null reverse-path it is the same check (RFC 7208 section 2.4).
    if (request.mail_from.empty()) return;
    request.identity = spf::Identity::helo;
    if (!spf::make_subject(request.identity, "", helo).fault.empty()) return;
    helo_ = ask(context, std::move(request));
    // A name whose DNS is dead delays no answer that it cannot change.
    if (context.stage() >= Stage::end_of_headers || helo_may_refuse(context.policy()))
      context.wait_for(helo_->pending.handle());
  }

  static Asked ask(CheckContext& context, spf::Request request) {
    auto pending = context.flows().start<spf::Outcome>(
        spf::make_check(context.policy().spf_engine, request), context.flow_deadline());
    return {std::move(request), std::move(pending)};
  }

  static void tell(CheckContext& context, const Asked& asked) {
    const auto& done = asked.pending.get();
    if (!done.ok()) return context.add("CHECK_ERROR", "spf: " + done.error().text());
    const bool of_helo = asked.request.identity == spf::Identity::helo;
    state(context, of_helo ? helo_finding_of(done->code) : finding_of(done->code), *done);
    const bool no_mail = !of_helo && !asked.request.mail_from.empty() &&
                         done->code == spf::ResultCode::fail &&
                         sends_no_mail(context.flows().answers(), done->domain);
    if (no_mail) state(context, "SPF_NO_MAIL_DOMAIN", *done);
    report(context, asked.request, *done);
    (of_helo ? context.facts().spf_helo : context.facts().spf_mail_from) = *done;
  }

  static void state(CheckContext& context, const char* finding, const spf::Outcome& outcome) {
    if (finding == nullptr) return;
    context.add(Finding{.name = finding,
                        .detail = outcome.reason.empty() ? outcome.mechanism : outcome.reason,
                        .reply = reply_of(finding, outcome)});
  }

  /// For the header of the message.
  static void report(CheckContext& context, const spf::Request& request,
                     const spf::Outcome& outcome) {
    const bool of_helo = request.identity == spf::Identity::helo;
    // A HELO name without a record is nothing to tell, beside a MAIL FROM.
    if (of_helo && outcome.code == spf::ResultCode::none) return;
    authres::AuthResult result;
    result.method = "spf";
    result.result = spf::to_string(outcome.code);
    result.reason = is_error(outcome.code) ? outcome.reason : "";
    // RFC 8601 section 2.7.2: with a null reverse-path the HELO name was checked.
    if (of_helo || request.mail_from.empty()) {
      result.properties.push_back({"smtp", "helo", request.helo});
    } else {
      result.properties.push_back({"smtp", "mailfrom", request.mail_from});
    }
    add_dnssec(context, dns::make_query(outcome.domain, dns::RrType::txt), result);
    context.facts().results.push_back(std::move(result));
    if (context.policy().add_received_spf)
      context.facts().received_spf.push_back(spf::received_spf_value(request, outcome));
  }

  std::optional<Asked> mail_from_, helo_;
};

}  // namespace

std::unique_ptr<Check> make_spf() {
  return std::make_unique<Spf>();
}

}  // namespace gatepost
