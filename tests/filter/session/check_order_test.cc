#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filter/session/check.h"

namespace gatepost {
namespace {

using Scope = CheckInfo::Scope;

struct Row {
  std::string_view name;
  std::vector<std::string_view> needs;
  Scope scope = Scope::transaction;
};

struct Case {
  const char* name;
  std::vector<Row> checks;
  const char* expected;  // the order, or "error: " and what it says
};

const Case kCases[] = {
    {"nothing", {}, ""},
    {"order_is_kept", {{"b", {}}, {"a", {}}}, "b a"},
    {"behind_what_it_needs", {{"a", {"b", "c"}}, {"b", {"c"}}, {"c", {}}}, "c b a"},
    {"connection_first",
     {{"a", {}}, {"b", {}, Scope::connection}, {"c", {"b"}}, {"d", {}, Scope::connection}},
     "b d a c"},
    {"transaction_may_need_connection", {{"a", {"b"}}, {"b", {}, Scope::connection}}, "b a"},
    {"cycle",
     {{"x", {}}, {"a", {"b"}}, {"b", {"a"}}},
     "error: checks need each other in a circle, 'a' among them"},
    {"itself", {{"a", {"a"}}}, "error: checks need each other in a circle, 'a' among them"},
    {"unknown", {{"a", {"b"}}}, "error: check 'a' needs 'b', which does not exist"},
    {"doubled", {{"a", {}}, {"a", {}}}, "error: check 'a' is registered twice"},
    {"connection_cannot_need_transaction",
     {{"a", {}}, {"b", {"a"}, Scope::connection}},
     "error: check 'b' is of the connection and needs 'a', which is of a transaction"},
};

class CheckOrderRow : public ::testing::TestWithParam<Case> {};

TEST_P(CheckOrderRow, Row) {
  std::vector<CheckInfo> checks;
  for (const auto& row : GetParam().checks) checks.push_back({row.name, row.scope, row.needs, {}});
  const auto ordered = order_checks(std::move(checks));
  std::string got;
  if (!ordered) {
    EXPECT_EQ(ordered.error().kind, ErrorKind::config);
    got = "error: " + ordered.error().text();
  } else {
    for (const CheckInfo& info : *ordered) got += (got.empty() ? "" : " ") + std::string(info.name);
  }
  EXPECT_EQ(got, GetParam().expected);
}

TEST(CheckOrder, EachHasABitAndThoseOfItsNeeds) {
  const auto ordered = order_checks({{"c", Scope::transaction, {"a", "b"}, {}},
                                     {"a", Scope::transaction, {}, {}},
                                     {"b", Scope::connection, {}, {}}});
  ASSERT_TRUE(ordered.ok());
  const auto of = [&](std::string_view name) {
    return *std::find_if(ordered->begin(), ordered->end(),
                         [&](const CheckInfo& check) { return check.name == name; });
  };
  EXPECT_EQ(std::popcount(of("a").bit | of("b").bit | of("c").bit), 3);
  EXPECT_EQ(of("c").needs_bits, of("a").bit | of("b").bit);
  EXPECT_EQ(of("a").needs_bits, 0U);
  // A part of them, ordered again.
  const auto fewer = order_checks({of("a"), of("b")});
  ASSERT_TRUE(fewer.ok());
  for (const CheckInfo& check : *fewer) EXPECT_EQ(check.needs_bits, 0U) << check.name;
}

TEST(CheckOrder, NoMoreThanThereAreBits) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= kMaxChecks; ++i) names.push_back("check" + std::to_string(i));
  std::vector<CheckInfo> checks;
  for (const std::string& name : names) checks.push_back({name, Scope::transaction, {}, {}});
  EXPECT_FALSE(order_checks(checks).ok());
  checks.pop_back();
  EXPECT_TRUE(order_checks(checks).ok());
}

INSTANTIATE_TEST_SUITE_P(Rows, CheckOrderRow, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost
