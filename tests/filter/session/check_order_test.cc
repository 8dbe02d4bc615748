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

class CheckOrder : public ::testing::TestWithParam<Case> {};

TEST_P(CheckOrder, Row) {
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

INSTANTIATE_TEST_SUITE_P(Rows, CheckOrder, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost
