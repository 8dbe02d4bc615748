// Greylisting (RFC 6647): who does not come from a queue does not come again. Each recipient has a
// triplet of its own; the null sender is deferred at DATA, so that callouts at RCPT still learn
// whether a recipient exists.

#include <algorithm>

#include "filter/checks/greylist_flow.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

using greylist::Outcome;
using greylist::Triplet;
using State = Outcome::State;

constexpr std::int64_t kDay = 86400;

std::int64_t seconds(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

// Against a client speaks a block list, or that nothing speaks for it although it was looked for.
// DNS that fails is no proof of anything.
bool is_suspicious(const CheckContext& context) {
  const auto any = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const char* name) { return context.found(name); });
  };
  if (any({"DNSLIST_LISTED"})) return true;
  if (any({"SPF_PASS", "IPREV_PASS", "DNSLIST_ALLOWED"})) return false;
  return any(
      {"IPREV_FAIL", "SPF_FAIL", "SPF_SOFTFAIL", "SPF_NEUTRAL", "SPF_NONE", "SPF_PERMERROR"});
}

std::string try_again(std::int64_t left) {
  return "greylisted, try again in " + std::to_string(left) + (left == 1 ? " second" : " seconds");
}

class Greylist final : public Check {
 public:
  void rcpt(CheckContext& context, const Recipient& recipient) override {
    const auto& envelope = context.envelope();
    if (envelope.mail_from.empty() || recipient.exempt) return;
    await(context, recipient, static_cast<int>(envelope.recipients.size()));
  }

  void data(CheckContext& context) override {
    const auto& envelope = context.envelope();
    if (!envelope.mail_from.empty()) return;
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      const Recipient& recipient = envelope.recipients[i];
      if (!recipient.exempt) await(context, recipient, static_cast<int>(i));
    }
  }

  bool conclude(CheckContext& context) override {
    std::erase_if(asked_, [&](const Asked& asked) {
      return !asked.pending && is_exempt(context, asked.recipient);
    });
    bool started = false;
    for (Asked& asked : asked_) {
      if (asked.pending) continue;
      start(context, asked);
      started = true;
    }
    if (started) return false;
    std::int64_t left = -1;
    for (const Asked& asked : asked_) left = std::max(left, state(context, asked));
    // One answer for all recipients of a bounce.
    if (left >= 0 && context.envelope().mail_from.empty())
      context.add(Finding{.name = "GREYLISTED_BOUNCE",
                          .detail = asked_.front().triplet.network,
                          .reply = try_again(left)});
    asked_.clear();
    return true;
  }

 private:
  struct Asked {
    int recipient = -1;
    Triplet triplet;
    std::optional<Pending<Outcome>> pending;
  };

  void await(CheckContext& context, const Recipient& recipient, int index) {
    const Connection& c = context.connection();
    if (!c.client || c.local || c.trusted_relay || c.submit_network ||
        context.envelope().authenticated())
      return;
    // A recipient that was refused left its index to this one.
    std::erase_if(asked_, [&](const Asked& asked) { return asked.recipient == index; });
    const GreylistPolicy& policy = context.policy().greylist;
    asked_.push_back({index,
                      greylist::make_triplet(greylist::client_network(*c.client, policy.ipv4_prefix,
                                                                      policy.ipv6_prefix),
                                             context.envelope().mail_from, recipient.address),
                      std::nullopt});
    context.conclude_again();
  }

  static bool is_exempt(const CheckContext& context, int recipient) {
    if (context.found("ALLOW_CLIENT") || context.found("ALLOW_SENDER") ||
        context.found("ALLOW_RECIPIENT", recipient))
      return true;
    return context.policy().greylist.mode == GreylistPolicy::Mode::suspicious &&
           !is_suspicious(context);
  }

  static void start(CheckContext& context, Asked& asked) {
    const GreylistPolicy& policy = context.policy().greylist;
    greylist::Request request;
    request.client = *context.connection().client;
    request.triplet = asked.triplet;
    request.sender = context.envelope().mail_from;
    request.domain = context.envelope().mail_from_domain;
    request.delay = seconds(policy.delay);
    request.auto_allow_after = policy.auto_allow_after;
    asked.pending =
        context.start<Outcome>(std::make_unique<greylist::TripletFlow>(std::move(request)));
  }

  /// @return the seconds that it must still wait, or -1.
  static std::int64_t state(CheckContext& context, const Asked& asked) {
    const auto& done = asked.pending->get();
    const auto say = [&](const char* name, std::string detail) {
      context.add(Finding{.name = name, .detail = std::move(detail), .recipient = asked.recipient});
    };
    if (!done.ok()) {
      say("CHECK_ERROR", "greylist: " + done.error().text());
      return -1;
    }
    const Outcome& outcome = *done;
    switch (outcome.state) {
      case State::first:
      case State::early:
        learn_first_try(context, asked, outcome);
        if (!context.envelope().mail_from.empty())
          context.add(Finding{.name = "GREYLISTED",
                              .detail = asked.triplet.network,
                              .recipient = asked.recipient,
                              .reply = try_again(outcome.seconds)});
        return outcome.seconds;
      case State::passed: {
        say("GREYLIST_PASSED", "delayed " + std::to_string(outcome.seconds) + " seconds");
        learn_passed(context, asked);
        auto& delay = context.facts().greylist_delay;
        delay = std::max(delay.value_or(0), outcome.seconds);
        break;
      }
      case State::known:
        say("GREYLIST_KNOWN", asked.triplet.network);
        prolong(context, asked, greylist::known_key(asked.triplet), outcome.entry);
        break;
      case State::auto_allowed:
        say("GREYLIST_AUTO_ALLOWED", std::to_string(outcome.entry.number) + " passed");
        prolong(context, asked, domain_key(context, asked), outcome.entry);
        break;
      case State::allowed:
        say("GREYLIST_ALLOWED", outcome.detail);
        break;
      case State::store_down:
        say("GREYLIST_STORE_DOWN", outcome.detail);
        break;
    }
    return -1;
  }

  static store::Key domain_key(const CheckContext& context, const Asked& asked) {
    return greylist::auto_key(asked.triplet.network, context.envelope().mail_from_domain);
  }

  // The first try stays the first, however often it is tried too early.
  static void learn_first_try(CheckContext& context, const Asked& asked, const Outcome& outcome) {
    if (outcome.state == State::early && !outcome.from_the_future) return;
    const std::int64_t window = seconds(context.policy().greylist.retry_window);
    context.after_verdict(
        {.write = store::Put{greylist::pending_key(asked.triplet), std::string(greylist::kWaiting),
                             context.unix_time(), window},
         .when = Effect::When::not_rejected,
         .stage = context.stage(),
         .recipient = asked.recipient});
  }

  static void learn_passed(CheckContext& context, const Asked& asked) {
    const GreylistPolicy& policy = context.policy().greylist;
    const auto accepted = [&](store::Write write) {
      context.after_verdict({.write = std::move(write), .recipient = asked.recipient});
    };
    accepted(store::Put{greylist::known_key(asked.triplet), "", context.unix_time(),
                        seconds(policy.expire)});
    accepted(store::Erase{greylist::pending_key(asked.triplet)});
    if (policy.auto_allow_after > 0 && !context.envelope().mail_from_domain.empty()) {
      accepted(store::Add{domain_key(context, asked), "", 1, seconds(policy.expire), true});
    }
  }

  // Written once a day at most: most mail is known, and reading is cheaper.
  static void prolong(CheckContext& context, const Asked& asked, store::Key key,
                      const store::Value& entry) {
    const std::int64_t expire = seconds(context.policy().greylist.expire);
    const std::int64_t left = entry.expires - context.unix_time();
    if (left > expire - std::min(kDay, expire / 4)) return;
    context.after_verdict({.write = store::Put{std::move(key), entry.data, entry.number, expire},
                           .recipient = asked.recipient});
  }

  std::vector<Asked> asked_;
};

}  // namespace

std::unique_ptr<Check> make_greylist() {
  return std::make_unique<Greylist>();
}

}  // namespace gatepost
