#include "rules/meta_code.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rules/meta_triggers.h"

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

struct Metas {
  MetaCode code;
  std::vector<MetaProgram> programs;
};

Metas random_metas(std::mt19937& random) {
  Metas out;
  for (int i = 0; i < 500; ++i) {
    MetaExpression parsed;
    MetaFault fault;
    if (!parse_meta(expression(random, 5), parsed, fault)) continue;
    out.code.add(parsed.program);
    out.programs.push_back(std::move(parsed.program));
  }
  return out;
}

// Whatever open counts turn out to be, the value lies in the range that was told before.
TEST(MetaCode, ARangeHoldsAllThatMayCome) {
  std::mt19937 random(11);
  const Metas metas = random_metas(random);
  std::size_t told = 0;
  for (unsigned set = 0; set < 200; ++set) {
    std::vector<double> counts(kNames.size());
    OpenCounts open(kNames.size());
    for (std::uint32_t rule = 0; rule < counts.size(); ++rule) {
      counts[rule] = static_cast<double>(random() % 3);
      if (random() % 2 == 0) open.open(rule, {counts[rule], counts[rule] + random() % 3});
    }
    for (std::size_t i = 0; i < metas.programs.size(); ++i) {
      const CountRange range = metas.code.range(i, counts, open);
      if (range.is_known()) ++told;
      for (int turn = 0; turn < 8; ++turn) {
        std::vector<double> known = counts;
        for (const OpenCount& one : open.list()) {
          const auto steps = static_cast<unsigned>(one.range.high - one.range.low);
          known[one.rule] = one.range.low + random() % (steps + 1);
        }
        const double value = metas.code.evaluate(i, known);
        ASSERT_GE(value, range.low) << i;
        ASSERT_LE(value, range.high) << i;
      }
    }
  }
  EXPECT_GT(told, 20000U);  // of 100,000: it is worth asking
}

TEST(MetaCode, WithoutItsTriggersAMetaIsZero) {
  std::mt19937 random(13);
  const Metas metas = random_metas(random);
  const std::vector<std::uint32_t> named{1, 2, 3, 4, 5};
  std::size_t fewer = 0;
  for (std::size_t i = 0; i < metas.programs.size(); ++i) {
    const std::vector<double> nothing(kNames.size());
    if (metas.code.evaluate(i, nothing) != 0) continue;  // true of nothing: always computed
    const auto triggers = meta_triggers(metas.programs[i], named);
    if (triggers.size() < metas.programs[i].uses().size()) ++fewer;
    for (int turn = 0; turn < 50; ++turn) {
      std::vector<double> counts(kNames.size());
      for (double& count : counts) count = static_cast<double>(random() % 4);
      for (const std::uint32_t rule : triggers) counts[rule] = 0;
      ASSERT_EQ(metas.code.evaluate(i, counts), 0) << i;
    }
  }
  EXPECT_GT(fewer, 50U);
}

TEST(MetaCode, OfTwoSidesTheRarerOneTriggers) {
  const auto triggers = [](std::string_view text) {
    MetaExpression parsed;
    MetaFault fault;
    EXPECT_TRUE(parse_meta(text, parsed, fault)) << text;
    // By the order of their appearance: the first one is named by most metas.
    std::vector<std::uint32_t> named;
    for (std::size_t i = parsed.names.size(); i-- > 0;)
      named.push_back(static_cast<std::uint32_t>(10 * i));
    std::string out;
    for (const std::uint32_t rule : meta_triggers(parsed.program, named))
      out += parsed.names[rule].name;
    return out;
  };
  EXPECT_EQ(triggers("A && B && C"), "C");
  EXPECT_EQ(triggers("A && !B"), "A");
  EXPECT_EQ(triggers("(A || B) && C"), "C");
  EXPECT_EQ(triggers("A || B && C"), "AC");
  EXPECT_EQ(triggers("A + B + C > 2"), "ABC");
  EXPECT_EQ(triggers("(A + B > 1) && C"), "C");
  EXPECT_EQ(triggers("A >= 1 && !B"), "A");
  EXPECT_EQ(triggers("A == 2 || B"), "AB");
  EXPECT_EQ(triggers("A * 3 / 2 > 1"), "A");
  EXPECT_EQ(triggers("A ? B : C"), "BC");
  EXPECT_EQ(triggers("A - 1 && B"), "B");
  EXPECT_EQ(triggers("A >= 0 && !B"), "AB");  // nothing better is known
  EXPECT_EQ(triggers("!A && !B"), "AB");
  EXPECT_EQ(triggers("0 && A"), "");
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
