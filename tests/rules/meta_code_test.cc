#include "rules/meta_code.h"

#include <random>

#include <gtest/gtest.h>

namespace gatepost::rules {
namespace {

constexpr std::string_view kNames = "ABCDE";

// Any expression of the grammar, with names that are counted.
std::string expression(std::mt19937& random, int depth) {
  const auto pick = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  if (depth == 0 || pick(6) == 0) {
    return pick(5) == 0 ? std::to_string(pick(4))
                        : std::string(1, kNames[static_cast<std::size_t>(pick(5))]);
  }
  const auto inner = [&] { return "(" + expression(random, depth - 1) + ")"; };
  constexpr const char* kOperators[] = {"&&", "||", "+",  "-",  "*",  "/", "<",
                                        "<=", ">",  ">=", "==", "!=", "^"};
  switch (pick(8)) {
    case 0:
      return "!" + inner();
    case 1:
      return "-" + inner();
    case 2:
      return inner() + " ? " + inner() + " : " + inner();
    case 3:
    case 4:
      return inner() + (pick(2) == 0 ? " && " : " || ") + inner();
    default:
      return inner() + " " + kOperators[pick(13)] + " " + inner();
  }
}

// Jumps change nothing: each program gives what it gives alone.
TEST(MetaCode, GivesWhatTheProgramsGive) {
  std::mt19937 random(7);
  MetaCode code;
  std::vector<MetaProgram> programs;
  for (int i = 0; i < 500; ++i) {
    const std::string text = expression(random, 5);
    MetaExpression parsed;
    MetaFault fault;
    ASSERT_TRUE(parse_meta(text, parsed, fault)) << text << ": " << fault.what;
    code.add(parsed.program);
    programs.push_back(std::move(parsed.program));
  }
  ASSERT_EQ(code.size(), programs.size());
  for (unsigned set = 0; set < 64; ++set) {
    std::vector<double> counts(kNames.size() - 1);  // what is behind its end counts 0
    for (double& count : counts) count = random() % 2 == 0 ? 0 : static_cast<double>(random() % 4);
    for (std::size_t i = 0; i < programs.size(); ++i)
      ASSERT_EQ(code.evaluate(i, counts), programs[i].evaluate(counts)) << i;
  }
}

TEST(MetaCode, AProgramThatIsNoneIsZero) {
  MetaCode code;
  code.add(MetaProgram());
  code.add(MetaProgram({{MetaProgram::Code::constant, 0}}, {3}));
  EXPECT_EQ(code.evaluate(0, {}), 0);
  EXPECT_EQ(code.evaluate(1, {}), 3);
}

}  // namespace
}  // namespace gatepost::rules
