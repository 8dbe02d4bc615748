// DNS lists of clients (RFC 5782): all zones asked at once, error codes told apart from listings.

#include <algorithm>

#include "filter/checks/registry.h"

namespace gatepost {

namespace {

/// What one answer of a list means.
enum class Meaning { not_listed, listed, error };

struct ListOutcome {
  const DnsList* list = nullptr;
  Meaning meaning = Meaning::not_listed;
  std::string answer;
  std::vector<std::string> addresses = {};
};

// 127.0.0.1 and 127.255.255.x are codes for "you may not ask" or "do not ask so", anything outside
// of 127/8 comes from a resolver or a dead list's new owner that lies (RFC 5782 sections 2.1 and
// 5).
ListOutcome read_answer(const DnsList& list, const dns::Answer& answer) {
  ListOutcome outcome{&list, Meaning::not_listed, ""};
  for (const IpAddress& address : answer.addresses) outcome.addresses.push_back(address.text());
  if (dns::is_temporary(answer.status)) {
    return {&list, Meaning::error, std::string(dns::to_string(answer.status))};
  }
  for (const IpAddress& address : answer.addresses) {
    const std::string_view o = address.octets();
    const auto octet = [&](std::size_t i) {
      return static_cast<int>(static_cast<unsigned char>(o[i]));
    };
    const bool error = !address.is_v4() || octet(0) != 127 ||
                       (octet(1) == 255 && octet(2) == 255) || address.text() == "127.0.0.1";
    if (error) return {&list, Meaning::error, address.text()};
    const bool counts = list.codes.empty() || std::find(list.codes.begin(), list.codes.end(),
                                                        octet(3)) != list.codes.end();
    if (counts) {
      outcome.meaning = Meaning::listed;
      outcome.answer = address.text();
    }
  }
  return outcome;
}

class ListFlow final : public Flow<std::vector<ListOutcome>> {
 public:
  ListFlow(const std::vector<DnsList>& lists, const IpAddress& client)
      : lists_(lists), reversed_(client.reversed()) {}

  Step<std::vector<ListOutcome>> step(const Answers& answers) override {
    Asker asker(answers);
    std::vector<ListOutcome> outcomes;
    for (const DnsList& list : lists_) {
      const auto* answer = asker.ask(dns::make_query(reversed_ + "." + list.zone, dns::RrType::a));
      if (answer != nullptr) outcomes.push_back(read_answer(list, *answer));
    }
    if (!asker.complete()) return asker.take_missing();
    return outcomes;
  }

 private:
  const std::vector<DnsList>& lists_;  // of the pinned policy, which outlives the flow
  std::string reversed_;
};

class DnsLists final : public Check {
 public:
  void connect(CheckContext& context) override {
    const Connection& c = context.connection();
    const auto& lists = context.policy().dns_lists;
    if (lists.empty() || !c.client || c.client->is_loopback() || c.trusted_relay ||
        c.submit_network || c.local)
      return;
    pending_ =
        context.start<std::vector<ListOutcome>>(std::make_unique<ListFlow>(lists, *c.client));
  }

  bool conclude(CheckContext& context) override {
    if (!pending_) return true;
    const auto& done = pending_->get();
    if (!done.ok()) {
      context.add("CHECK_ERROR", "dnsbl: " + done.error().text());
      return true;
    }
    for (const ListOutcome& outcome : *done) {
      if (outcome.meaning == Meaning::not_listed) continue;
      const bool error = outcome.meaning == Meaning::error;
      const char* name = error                  ? "DNSLIST_ERROR"
                         : outcome.list->allows ? "DNSLIST_ALLOWED"
                                                : "DNSLIST_LISTED";
      context.add(name, outcome.list->zone + "=" + outcome.answer,
                  error ? 1 : outcome.list->weight);
      context.facts().dns_lists.push_back(
          {outcome.list->zone, outcome.answer, error, outcome.addresses});
    }
    return true;
  }

 private:
  std::optional<Pending<std::vector<ListOutcome>>> pending_;
};

}  // namespace

std::unique_ptr<Check> make_dns_lists() {
  return std::make_unique<DnsLists>();
}

}  // namespace gatepost
