// A row a rule of flatten, and the one that counts: no client gets another result.

#include "spf/flatten.h"

#include <random>

#include <gtest/gtest.h>

#include "spf/networks.h"
#include "tests/spf/zone.h"

namespace gatepost::spf::test {
namespace {

Zone usual_zone() {
  Zone zone;
  zone.address("a.example", "192.0.2.1");
  zone.address("a.example", "2001:db8::1");
  zone.address("b.example", "192.0.2.0");
  zone.mx("mx.example", "a.example");
  zone.mx("mx.example", "b.example");
  zone.address("own.example", "192.0.2.99");
  zone.txt("nets.example", "v=spf1 ip4:198.51.100.0/25 ip4:198.51.100.128/25 ?all");
  zone.txt("nested.example", "v=spf1 include:nets.example a:a.example -all");
  zone.txt("macro.example", "v=spf1 ip4:203.0.113.1 exists:%{i}.list.example -all");
  zone.txt("bound.example", "v=spf1 exists:%{i}.%{d} -all");
  zone.txt("except.example", "v=spf1 -ip4:192.0.2.7 ip4:192.0.2.0/24 -all");
  zone.txt("late.example", "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.7 -all");
  zone.txt("open.example", "v=spf1 +all");
  zone.txt("ptr.example", "v=spf1 ptr -all");
  zone.txt("hop.example", "v=spf1 redirect=nets.example");
  zone.txt("why.example", "v=spf1 a:a.example ~all exp=text.example");
  zone.txt("faulty.example", "v=spf1 moo");
  zone.txt("self.example", "v=spf1 include:self.example -all");
  zone.timeout("slow.example");
  return zone;
}

Flattening flatten(const Zone& zone, Flatten flow) {
  Answers answers(kNow);
  for (int steps = 0; steps < 40; ++steps) {
    auto next = flow.step(answers);
    if (auto* flat = std::get_if<Flattening>(&next)) return std::move(*flat);
    for (const Question& question : std::get<1>(next)) {
      const auto& query = std::get<dns::Query>(question);
      EXPECT_EQ(answers.find(query), nullptr);
      answers.add(query, std::make_shared<const dns::Answer>(zone.answer(query)));
    }
  }
  ADD_FAILURE() << "no end";
  return {};
}

struct Row {
  const char* name;
  const char* record;
  const char* flat;  ///< what stands behind "v=spf1 "
};

constexpr Row kRows[] = {
    {"a", "a:a.example -all", "ip4:192.0.2.1 ip6:2001:db8::1 -all"},
    {"own_a", "a -all", "ip4:192.0.2.99 -all"},
    {"a_with_prefixes", "a:a.example/24//64 -all", "ip4:192.0.2.0/24 ip6:2001:db8::/64 -all"},
    {"mx_is_merged", "mx:mx.example -all", "ip4:192.0.2.0/31 ip6:2001:db8::1 -all"},
    {"include", "include:nets.example -all", "ip4:198.51.100.0/24 -all"},
    {"include_of_include", "include:nested.example ~all",
     "ip4:192.0.2.1 ip4:198.51.100.0/24 ip6:2001:db8::1 ~all"},
    {"qualifier_of_the_include", "?include:nets.example -all", "?ip4:198.51.100.0/24 -all"},
    {"include_by_redirect", "include:hop.example -all", "ip4:198.51.100.0/24 -all"},
    {"redirect", "a:b.example redirect=nets.example", "ip4:192.0.2.0 ip4:198.51.100.0/24 ?all"},
    {"redirect_brings_exp", "redirect=why.example",
     "ip4:192.0.2.1 ip6:2001:db8::1 ~all exp=text.example"},
    {"exists_is_kept", "exists:%{i}.list.example a:b.example -all",
     "ip4:192.0.2.0 exists:%{i}.list.example -all"},
    {"exists_comes_out_of_an_include", "include:macro.example -all",
     "ip4:203.0.113.1 exists:%{i}.list.example -all"},
    {"bound_include_is_kept", "include:bound.example -all", "include:bound.example -all"},
    {"bound_redirect_is_kept", "redirect=bound.example", "redirect=bound.example"},
    {"ptr_names_its_domain", "include:ptr.example ptr -all", "ptr:ptr.example ptr -all"},
    {"exceptions_are_kept", "include:except.example -all", "include:except.example -all"},
    {"late_exceptions_say_nothing", "include:late.example -all", "ip4:192.0.2.0/24 -all"},
    {"open_include_is_kept", "include:open.example -all", "include:open.example -all"},
    {"order_of_qualifiers", "-ip4:192.0.2.7 ip4:192.0.2.0/24 -all",
     "-ip4:192.0.2.7 ip4:192.0.2.0/24 -all"},
    {"what_is_never_reached_goes", "ip4:192.0.2.0/24 -ip4:192.0.2.7 ~all", "ip4:192.0.2.0/24 ~all"},
    {"mapped_goes", "ip6:::ffff:192.0.2.1 -all", "-all"},
    {"nothing_there", "a:nowhere.example -all", "-all"},
    {"modifiers_stay", "a:b.example -all exp=text.example moo=x",
     "ip4:192.0.2.0 -all exp=text.example moo=x"},
    {"own_name_by_macro", "a:%{d} -all", "ip4:192.0.2.99 -all"},
    {"message_macro", "include:%{l}.example -all", "include:%{l}.example -all"},
    {"behind_all_goes", "-all a:a.example", "-all"},
};

TEST(Flatten, Rules) {
  for (const Row& row : kRows) {
    const Flattening flat =
        flatten(usual_zone(), Flatten("own.example", "v=spf1 " + std::string(row.record)));
    EXPECT_EQ(flat.fault, "") << row.name;
    ASSERT_EQ(flat.records.size(), 1U) << row.name;
    EXPECT_EQ(flat.records[0].text, "v=spf1 " + std::string(row.flat)) << row.name;
    EXPECT_EQ(flat.records[0].name, "own.example") << row.name;
  }
}

TEST(Flatten, FaultsAreTold) {
  struct {
    const char* record;
    const char* fault;
    bool temporary = false;
  } const rows[] = {
      {"moo", "the record of own.example: column 8: unknown mechanism: moo"},
      {"include:faulty.example", "the record of faulty.example: column 8: unknown mechanism: moo"},
      {"include:a.example", "include:a.example: a.example has no SPF record"},
      {"include:self.example", "the record of self.example leads back to itself"},
      {"include:own.example", "include:own.example: own.example has no SPF record"},
      {"a:slow.example", "DNS A slow.example: timeout", true},
  };
  for (const auto& row : rows) {
    const Flattening flat =
        flatten(usual_zone(), Flatten("own.example", "v=spf1 " + std::string(row.record)));
    EXPECT_EQ(flat.fault, row.fault);
    EXPECT_EQ(flat.temporary, row.temporary);
    EXPECT_TRUE(flat.records.empty());
  }
  EXPECT_EQ(flatten(usual_zone(), Flatten("nowhere.example")).fault,
            "nowhere.example has no SPF record");
}

TEST(Flatten, WhatIsKeptHasAReason) {
  const auto kept =
      flatten(usual_zone(), Flatten("own.example", "v=spf1 include:except.example ptr -all")).kept;
  EXPECT_EQ(kept, (std::vector<KeptTerm>{{"include:except.example",
                                          "its record has exceptions before terms that pass"},
                                         {"ptr", "it depends on the client"}}));
}

/// Spread networks that cannot be merged.
std::string many_networks(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += " ip4:" + std::to_string(20 + i) + ".51.100." + std::to_string(i);
  return text;
}

TEST(Flatten, LongRecordsAreSplitAndStillPass) {
  Zone zone = usual_zone();
  zone.txt("own.example", "v=spf1 include:big.example exists:%{i}.list.example -all");
  zone.txt("big.example", "v=spf1" + many_networks(80) + " -all");
  const Flattening flat = flatten(zone, Flatten("own.example"));
  ASSERT_EQ(flat.fault, "");
  EXPECT_EQ(flat.networks, 80U);
  ASSERT_GE(flat.records.size(), 3U);
  Zone published = usual_zone();
  for (std::size_t i = 0; i < flat.records.size(); ++i) {
    EXPECT_LE(flat.records[i].text.size(), 450U);
    EXPECT_EQ(flat.records[i].name,
              i == 0 ? "own.example" : "_spf" + std::to_string(i) + ".own.example");
    published.txt(flat.records[i].name, flat.records[i].text);
  }
  for (int i = 0; i < 100; ++i) {
    const std::string client = std::to_string(20 + i) + ".51.100." + std::to_string(i);
    const Request request = request_for(client, "own.example");
    EXPECT_EQ(check(published, request).outcome.code, check(zone, request).outcome.code) << client;
  }
}

TEST(Flatten, TooMuchForTenIncludesIsTold) {
  Zone zone = usual_zone();
  std::string text = "v=spf1";
  for (int i = 0; i < 600; ++i)
    text += " ip4:" + std::to_string(20 + i / 4) + ".51.100." + std::to_string(i % 4 * 2);
  const Flattening flat = flatten(zone, Flatten("own.example", text + " -all"));
  ASSERT_FALSE(flat.warnings.empty());
  EXPECT_NE(flat.warnings.back().find("do not publish"), std::string::npos);
}

/// Records of two levels made by chance, over few addresses so that ranges meet.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::string record(bool with_include) {
    std::string text = "v=spf1";
    for (unsigned i = below(6); i > 0; --i) text += " " + qualifier() + term(with_include);
    const char* const ends[] = {" -all", " ~all", "", " ?all"};
    return text + ends[below(4)];
  }

 private:
  unsigned below(unsigned limit) { return random_() % limit; }
  std::string qualifier() {
    const char* const qualifiers[] = {"", "", "", "-", "~", "?"};
    return qualifiers[below(6)];
  }
  std::string term(bool with_include) {
    switch (below(with_include ? 4 : 3)) {
      case 0:
        return "ip4:192.0.2." + std::to_string(below(16)) + "/" + std::to_string(27 + below(6));
      case 1:
        return below(2) == 0 ? "a:a.example" : "a:b.example/30";
      case 2:
        return "mx:mx.example";
      default:
        return "include:i" + std::to_string(below(3)) + ".example";
    }
  }

  std::mt19937 random_;
};

TEST(Flatten, NoClientGetsAnotherResult) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    Zone zone = usual_zone();
    for (int i = 0; i < 3; ++i)
      zone.txt("i" + std::to_string(i) + ".example", chance.record(false));
    Zone published = zone;
    zone.txt("own.example", chance.record(true));
    const Flattening flat = flatten(zone, Flatten("own.example"));
    ASSERT_EQ(flat.fault, "") << seed;
    for (const FlatRecord& record : flat.records) published.txt(record.name, record.text);
    for (int host = 0; host < 40; ++host) {
      const Request request = request_for("192.0.2." + std::to_string(host), "own.example");
      const Outcome before = check(zone, request).outcome;
      if (before.code == ResultCode::permerror)
        continue;  // over a limit, which is why one flattens
      EXPECT_STREQ(to_string(check(published, request).outcome.code), to_string(before.code))
          << seed << " 192.0.2." << host << "\n"
          << flat.original << "\n"
          << flat.records[0].text;
    }
  }
}

TEST(MergeNetworks, Rows) {
  struct {
    const char* name;
    std::vector<const char*> from, to;
  } const rows[] = {
      {"none", {}, {}},
      {"halves", {"192.0.2.128/25", "192.0.2.0/25"}, {"192.0.2.0/24"}},
      {"not_halves_of_one", {"192.0.2.128/25", "192.0.3.0/25"}, {"192.0.2.128/25", "192.0.3.0/25"}},
      {"four_in_a_row", {"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"}, {"192.0.2.0/30"}},
      {"covered", {"192.0.2.7", "192.0.2.0/24"}, {"192.0.2.0/24"}},
      {"twice", {"192.0.2.7", "192.0.2.7"}, {"192.0.2.7"}},
      {"everything", {"128.0.0.0/1", "0.0.0.0/1"}, {"0.0.0.0/0"}},
      {"families_stay_apart", {"::/1", "0.0.0.0/1"}, {"0.0.0.0/1", "::/1"}},
      {"ip6", {"2001:db8::/33", "2001:db8:8000::/33"}, {"2001:db8::/32"}},
  };
  for (const auto& row : rows) {
    std::vector<IpNetwork> networks;
    for (const char* text : row.from) networks.push_back(*IpNetwork::parse(text));
    std::vector<std::string> merged, expected(row.to.begin(), row.to.end());
    for (const IpNetwork& network : merge_networks(networks)) merged.push_back(network.text());
    EXPECT_EQ(merged, expected) << row.name;
  }
}

}  // namespace
}  // namespace gatepost::spf::test
