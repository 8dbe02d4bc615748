// Bad rule files from their text to a match: a row each, with the words that name the fault or,
// where the file loads, what it hits on a message that is as bad.

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "rules/parse.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

struct Row {
  const char* name;
  std::string text;
  const char* told;      // in one of the diagnostics; "" when there is none
  const char* hits;      // null: the file does not load
  bool limited = false;  // a budget of PCRE2 ended something
};

std::string many(int count, const char* before, const char* behind) {
  std::string out;
  for (int i = 0; i < count; ++i) out += before + std::to_string(i) + behind;
  return out;
}

std::string octets(std::size_t count) {
  std::mt19937 random(5);
  std::string out =
      "\x7f"
      "ELF";
  while (out.size() < count) out += static_cast<char>(1 + random() % 255);
  return out;
}

const Row kRows[] = {
    {"catastrophic_repeat", "body A /(a+)+$/\nbody Z /aaa/\n", "", "A Z"},
    {"catastrophic_repeat_without_a_hit", "body A /(a+)+(?=!)$/\nbody Z /aaa/\n", "", "Z", true},
    {"catastrophic_alternatives", "full A /^(?:a|aa|a?)+x(?=q)/\nfull Z /aaa/\n", "", "Z", true},
    {"catastrophic_from_each_position", "full A /(?<!q)[a ]+[a ]+(?=[xy]q)/\nfull Z /aaa/\n", "",
     "Z", true},
    {"catastrophic_and_negated", "header A X !~ /^(?:a|aa|a?)+x(?=q)/\nfull Z /aaa/\n", "", "Z",
     true},
    {"back_reference", R"(body A /(a)\1\1/)", "", "A"},
    {"recursion", R"(body A /\((?:[^()]|(?R))*\)/)", "", "A"},
    {"look_around", "body A /(?<=a)b(?!c)/", "", "A"},
    {"possessive", "body A /a++b/", "", "A"},
    {"too_wide_a_repeat", "body A /a{3000}/", "", "A"},
    {"repeat_beyond_pcre2", "body A /a{70000}/", "A: pattern: number too big", nullptr},
    {"no_regular_expression", "body A /(a/", "A: pattern: missing closing parenthesis", nullptr},
    {"runs_code", "body A /(?{ unlink })/\nbody Z /aaa/\n", "A: pattern: ", "Z"},
    {"nested_too_deep", "body A /" + std::string(300, '(') + "a" + std::string(300, ')') + "/",
     "A: pattern: parentheses are too deeply nested", nullptr},
    {"too_many_rules", many(20001, "body R", " /x/\n"), "more than 20000 rules", nullptr},
    {"binary", octets(65536), "r.cf:1:1: unknown directive '", nullptr},
    {"binary_with_nul", std::string("body A /x/\n\0\0\0", 14), "this is no text: octet 12 is NUL",
     nullptr},
    {"one_long_line", "body A /" + std::string(100000, 'a') + "/",
     "the line is longer than 65536 octets", nullptr},
    {"include_loop", "include r.cf\n", "include of 'r.cf', which includes this file", nullptr},
    {"include_loop_of_two", "include a.cf\n", "which includes this file", nullptr},
    {"include_of_nothing", "include none.cf\n", "include of 'none.cf': cannot be read", nullptr},
    {"undefined_meta", "body Z /aaa/\nmeta A Z && !NOT_THERE\nmeta B NOT_THERE\n", "NOT_THERE",
     "Z A"},
    {"meta_of_itself", "meta A !A\n", "meta A depends on itself: ", nullptr},
    {"cyclic_metas", "meta A B\nmeta B C\nmeta C A || 1\n", "depends on itself: ", nullptr},
    {"deep_meta", "meta A " + std::string(10000, '(') + "1" + std::string(10000, ')') + "\n",
     "A: ", nullptr},
    {"unknown_directive", "boddy A /x/\n", "unknown directive 'boddy', did you mean 'body'?",
     nullptr},
    {"unknown_eval", "body A eval:no_such_thing()\nbody Z /aaa/\n",
     "A: eval:no_such_thing() is not supported", "Z"},
};

Result<std::string> load(const std::string& path) {
  if (path == "r.cf") return std::string("include r.cf\n");
  if (path == "a.cf") return std::string("include b.cf\n");
  if (path == "b.cf") return std::string("include a.cf\n");
  return config_error("cannot be read", path);
}

std::string all_of(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += d.place.text() + ": " + d.what + '\n';
  return out;
}

class BadInput : public testing::TestWithParam<Row> {};

TEST_P(BadInput, HasAClearErrorOrABoundedCost) {
  const Row& row = GetParam();
  ParseOptions how;
  how.load = load;
  const Source source{"r.cf", row.text};
  const RuleFile file = parse({&source, 1}, how);
  EXPECT_LE(file.diagnostics.size(), 3 * how.limits.max_errors + 3);
  std::string said = all_of(file.diagnostics);
  std::shared_ptr<const RuleSet> set;
  if (!file.has_errors()) {
    auto compiled = compile(file, {});
    ASSERT_TRUE(compiled.ok()) << compiled.error().text();
    said += all_of(compiled->diagnostics);
    set = compiled->rules;
  }
  EXPECT_NE(said.find(row.told), std::string::npos) << said.substr(0, 2000);
  ASSERT_EQ(set != nullptr, row.hits != nullptr) << said.substr(0, 2000);
  if (!set) {
    EXPECT_NE(said.find(".cf:"), std::string::npos) << said.substr(0, 2000);
    return;
  }
  mail::Content content;
  content.body = pieces_of({"(ab)", std::string(5000, 'a')});
  content.full = std::string(200000, 'a') + "xc";
  const std::vector<mail::HeaderField> fields = {{"X", std::string(60000, 'a') + "xc"}};
  const MatchOutcome outcome = set->match({fields, content, ""});
  EXPECT_EQ(names(outcome), row.hits);
  EXPECT_EQ(outcome.budget_exceeded, row.limited);
}

INSTANTIATE_TEST_SUITE_P(Rules, BadInput, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost::rules::test
