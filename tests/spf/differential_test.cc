// The native evaluator beside libspf2. Where they disagree the reason must be one of the known
// deviations of libspf2 (docs/decisions/0009-libspf2-as-a-second-engine.md); anything else is a
// fault of one of them.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "spf/libspf2.h"
#include "tests/spf/zone.h"

namespace gatepost::spf::test {
namespace {

constexpr std::uint32_t kChecks = 20000;
constexpr int kDomains = 6;
constexpr int kHosts = 4;

/// A zone made of a seed, with what its records say.
struct Generated {
  Zone zone;
  std::map<std::string, std::string> records;  ///< by domain
  Request request;
};

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  Generated make() {
    Generated made;
    for (int i = 0; i < kHosts; ++i) add_host(made.zone, i);
    for (int i = 0; i < kDomains; ++i) {
      const std::string domain = "d" + std::to_string(i) + ".example";
      add_domain(made, domain);
    }
    made.zone.txt("e0.example", "%{i} may not send for %{d}");
    made.zone.txt("e1.example", "plain");
    made.zone.ptr("7.100.51.198.in-addr.arpa", "h1.example");
    made.zone.ptr("7.100.51.198.in-addr.arpa", "h2.example");
    static constexpr const char* kClients[] = {"192.0.2.9", "198.51.100.7", "203.0.113.1",
                                               "2001:db8::7", "2001:db9::1"};
    made.request = request_for(kClients[number(5)], "d0.example");
    return made;
  }

 private:
  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  bool chance(int percent) { return number(100) < percent; }
  std::string host() { return "h" + std::to_string(number(kHosts + 1)) + ".example"; }
  std::string domain() { return "d" + std::to_string(number(kDomains + 1)) + ".example"; }

  void add_host(Zone& zone, int index) {
    const std::string name = "h" + std::to_string(index) + ".example";
    static constexpr const char* kAddresses[] = {"192.0.2.9", "198.51.100.7", "203.0.113.77",
                                                 "2001:db8::7"};
    if (chance(90)) zone.address(name, kAddresses[number(4)]);
    if (chance(30)) zone.address(name, kAddresses[number(4)]);
    if (chance(4)) zone.timeout(name);
    zone.exists(name);
  }

  void add_domain(Generated& made, const std::string& domain) {
    Zone& zone = made.zone;
    if (chance(3)) return zone.timeout(domain);
    if (chance(50)) zone.address(domain, chance(50) ? "192.0.2.9" : "203.0.113.5");
    for (int i = number(3); i > 0; --i) zone.mx(domain, host());
    if (chance(5)) return;
    const std::string text = record();
    made.records.emplace(domain, text);
    zone.txt(domain, text);
    if (chance(1)) zone.txt(domain, record());
  }

  std::string record() {
    std::string text = "v=spf1";
    for (int i = number(5); i >= 0; --i) text += " " + term();
    if (chance(70)) text += chance(60) ? " -all" : " ~all";
    if (chance(12)) text += " redirect=" + domain();
    if (chance(20)) text += " exp=e" + std::to_string(number(3)) + ".example";
    if (chance(4)) text += " " + term();
    return text;
  }

  std::string term() {
    static constexpr const char* kQualifiers[] = {"", "", "", "", "+", "-", "~", "?"};
    return kQualifiers[number(8)] + mechanism();
  }

  std::string mechanism() {
    switch (number(24)) {
      case 0:
        return "a";
      case 1:
        return "a:" + host();
      case 2:
        return "a:" + host() + "/24";
      case 3:
        return "a/24//64";
      case 4:
        return "mx";
      case 5:
        return "mx:" + domain() + "/28";
      case 6:
      case 7:
      case 8:
      case 9:
        return "include:" + domain();
      case 10:
        return "exists:%{l}." + host();
      case 11:
        return "exists:" + host();
      case 12:
        return "ptr";
      case 13:
        return "ptr:" + host();
      case 14:
        return "ip6:2001:db8::/32";
      case 15:
        return "ip4:0.0.0.0/0";
      case 16:
        return chance(20) ? "moo" : "ip4:198.51.100.0/24";
      case 17:
        return chance(20) ? "a:" : "ip4:203.0.113.1";
      case 18:
        return chance(20) ? "ip4:192.0.2.1/33" : "ip6:2001:db9::1";
      case 19:
        return chance(30) ? "exists:%{x}.example" : "ip4:198.51.100.7";
      case 20:
        return chance(50) ? "a:%{d}" : "a:%{ir}.%{v}.example";
      default:
        return "ip4:192.0." + std::to_string(number(4)) + ".0/24";
    }
  }

  std::mt19937 random_;
};

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

/// Whether a record that the check came to says something that `holds`.
template <class Holds>
bool visited(const Generated& made, const Outcome& native, Holds&& holds) {
  return std::any_of(native.trace.begin(), native.trace.end(), [&](const TraceEntry& entry) {
    const auto record = made.records.find(entry.domain);
    return record != made.records.end() && holds(record->second);
  });
}

bool has_term_behind_redirect(const std::string& record) {
  const auto redirect = record.find(" redirect=");
  if (redirect == std::string::npos) return false;
  for (const std::string_view term : split(std::string_view(record).substr(redirect + 1), ' ')) {
    if (!contains(term, "=")) return true;
  }
  return false;
}

/// The known deviation that explains the difference, or an empty text. The section is RFC 7208's.
std::string deviation(const Generated& made, const Outcome& native, const Outcome& library) {
  const bool faulty = native.code == ResultCode::permerror;
  if (faulty && contains(native.reason, "empty domain")) return "7.1: an empty domain is accepted";
  if (faulty && contains(native.reason, "more than 10 terms"))
    return "4.6.4: lookup terms count anew in each include";
  if (faulty && contains(native.reason, "lookups without an answer"))
    return "4.6.4: a void TXT lookup is not counted";
  if (contains(library.reason, "more than 2 void lookups"))
    return "4.6.4: void lookups count for each question, not for each term";
  if (library.code == ResultCode::permerror &&
      visited(made, native, [](const std::string& record) { return contains(record, "/0"); }))
    return "5.6: a prefix of 0 is refused";
  if (library.code == ResultCode::temperror &&
      visited(made, native, [](const std::string& record) { return contains(record, "ptr"); }))
    return "5.5: a DNS error in ptr is not skipped";
  if (visited(made, native, has_term_behind_redirect))
    return "6.1: redirect is evaluated where it stands";
  if (native.code == library.code && iequals(native.explanation, library.explanation))
    return "7.3: nibbles of IPv6 addresses in lower case";
  return {};
}

std::string described(const Generated& made, const Outcome& native, const Outcome& library) {
  std::string text = "client " + made.request.client.text() + "\n";
  for (const auto& [domain, record] : made.records) text += domain + " " + record + "\n";
  for (const Outcome* outcome : {&native, &library}) {
    text += std::string(to_string(outcome->code)) + " '" + outcome->explanation + "' " +
            outcome->reason + "\n";
  }
  return text;
}

TEST(Differential, EveryDisagreementIsAKnownDeviation) {
  std::map<std::string, int> seen;
  for (std::uint32_t seed = 0; seed < kChecks; ++seed) {
    Generated made = Generator(seed).make();
    made.request.trace = true;
    const CheckRun native = check(made.zone, made.request);
    Libspf2Check second(made.request);
    const CheckRun library = drive(made.zone, second);
    ASSERT_TRUE(native.finished && library.finished) << "seed " << seed;
    ASSERT_TRUE(library.contract_kept) << "seed " << seed;
    if (native.outcome.code == library.outcome.code &&
        native.outcome.explanation == library.outcome.explanation) {
      ++seen["agree"];
      continue;
    }
    const std::string why = deviation(made, native.outcome, library.outcome);
    ASSERT_FALSE(why.empty()) << "seed " << seed << "\n"
                              << described(made, native.outcome, library.outcome);
    ++seen[why];
  }
  // A deviation that no check shows any more has no place in the list.
  EXPECT_EQ(seen.size(), 9U);
  for (const auto& [what, count] : seen) RecordProperty(what.substr(0, 5), count);
  for (const auto& [what, count] : seen) std::printf("%6d %s\n", count, what.c_str());
}

}  // namespace
}  // namespace gatepost::spf::test
