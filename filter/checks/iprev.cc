// Reverse DNS that leads back to the client (RFC 8601 section 2.7.3, "iprev").

#include <algorithm>

#include "filter/checks/dnssec.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

constexpr std::size_t kMaxNames = 10;  // as RFC 7208 section 4.6.4 bounds PTR names

struct IprevOutcome {
  enum class Result { pass, fail, temperror } result = Result::fail;
  std::string name;  // the confirmed one, or the first
  std::string reason;
};

class IprevFlow final : public Flow<IprevOutcome> {
 public:
  explicit IprevFlow(const IpAddress& client) : client_(client) {}

  Step<IprevOutcome> step(const Answers& answers) override {
    using Result = IprevOutcome::Result;
    Asker asker(answers);
    const dns::Answer* ptr = asker.ask(dns::make_query(client_.reverse_name(), dns::RrType::ptr));
    if (ptr == nullptr) return asker.take_missing();
    if (dns::is_temporary(ptr->status)) {
      return IprevOutcome{Result::temperror, "",
                          "PTR: " + std::string(dns::to_string(ptr->status))};
    }
    if (ptr->names.empty()) return IprevOutcome{Result::fail, "", "no reverse name"};
    const auto type = client_.is_v4() ? dns::RrType::a : dns::RrType::aaaa;
    std::string failed;
    for (std::size_t i = 0; i < std::min(ptr->names.size(), kMaxNames); ++i) {
      const dns::Answer* forward = asker.ask(dns::make_query(ptr->names[i], type));
      if (forward == nullptr) continue;
      const auto& addresses = forward->addresses;
      if (std::find(addresses.begin(), addresses.end(), client_) != addresses.end()) {
        return IprevOutcome{Result::pass, ptr->names[i], ""};
      }
      if (dns::is_temporary(forward->status)) failed = ptr->names[i];
    }
    if (!asker.complete()) return asker.take_missing();
    if (!failed.empty())
      return IprevOutcome{Result::temperror, failed, "address of " + failed + " cannot be had"};
    return IprevOutcome{Result::fail, ptr->names.front(),
                        ptr->names.front() + " has another address"};
  }

 private:
  IpAddress client_;
};

class Iprev final : public Check {
 public:
  void connect(CheckContext& context) override {
    const Connection& c = context.connection();
    if (!c.client || c.trusted_relay || c.submit_network || c.local) return;
    pending_ = context.start<IprevOutcome>(std::make_unique<IprevFlow>(*c.client));
  }

  bool conclude(CheckContext& context) override {
    if (!pending_) return true;
    const auto& done = pending_->get();
    if (!done.ok()) {
      context.add("CHECK_ERROR", "iprev: " + done.error().text());
      return true;
    }
    state(context, *done);
    return true;
  }

 private:
  static void state(CheckContext& context, const IprevOutcome& outcome) {
    using Result = IprevOutcome::Result;
    const char* word = outcome.result == Result::pass   ? "pass"
                       : outcome.result == Result::fail ? "fail"
                                                        : "temperror";
    if (outcome.result == Result::pass) {
      context.add("IPREV_PASS", outcome.name);
    } else {
      context.add(outcome.result == Result::fail ? "IPREV_FAIL" : "IPREV_TEMPERROR",
                  outcome.reason);
    }
    authres::AuthResult result;
    result.method = "iprev";
    result.result = word;
    result.properties.push_back({"policy", "iprev", context.connection().client->text()});
    add_dnssec(context,
               dns::make_query(context.connection().client->reverse_name(), dns::RrType::ptr),
               result);
    context.facts().results.push_back(std::move(result));
  }

  std::optional<Pending<IprevOutcome>> pending_;
};

}  // namespace

std::unique_ptr<Check> make_iprev() {
  return std::make_unique<Iprev>();
}

}  // namespace gatepost
