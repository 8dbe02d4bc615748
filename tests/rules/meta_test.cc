#include "rules/meta.h"

#include <gtest/gtest.h>

#include "rules/parse.h"

namespace gatepost::rules {
namespace {

RuleFile read(std::string text) {
  const Source source{"r.cf", std::move(text)};
  return parse({&source, 1});
}

// Values: A 0, B 1, C 2, D 5.
double value_of(std::string_view expression) {
  MetaExpression out;
  MetaFault fault;
  EXPECT_TRUE(parse_meta(expression, out, fault)) << expression << ": " << fault.what;
  std::vector<double> counts;
  for (const MetaName& name : out.names) {
    counts.push_back(name.name == "B" ? 1 : name.name == "C" ? 2 : name.name == "D" ? 5 : 0);
  }
  return out.program.evaluate(counts);
}

struct ValueCase {
  const char* expression;
  double value;
};
const ValueCase kValues[] = {
    {"A", 0},
    {"B", 1},
    {"D", 5},
    {"7", 7},
    {"0.5", 0.5},
    {".5", 0.5},
    {"B && C", 2},  // Perl gives the operand that decided
    {"C && B", 1},
    {"A && C", 0},
    {"A || C", 2},
    {"C || B", 2},
    {"!A", 1},
    {"!D", 0},
    {"!!D", 1},
    {"! ! A", 0},
    {"-C", -2},
    {"- - C", 2},
    {"B + C * D", 11},
    {"(B + C) * D", 15},
    {"D - C - B", 2},
    {"D / C", 2.5},
    {"D / A", 0},
    {"A / A", 0},
    {"D > C", 1},
    {"D >= 5", 1},
    {"C < B", 0},
    {"C <= 2", 1},
    {"C == 2", 1},
    {"C != 2", 0},
    {"B + C + D > 7", 1},
    {"B + C + D > 8", 0},
    {"(A + B + C) >= 3 && D", 5},
    {"A && B || C", 2},  // && binds closer
    {"B || A && A", 1},  //
    {"!A && B", 1},      // ! binds closest
    {"!B + C", 2},       //
    {"A == B - 1", 1},   //
    {"B < C == 1", 1},   // < binds closer than ==
    {"B ^ C", 3},        //
    {"A ? B : D", 5},    //
    {"C ? B : D", 1},    //
    {"A ? 1 : B ? 2 : 3", 2},
    {"B+C-1", 2},
    {"B+1", 2},
    {"UNKNOWN", 0},
};

TEST(Meta, ValuesAreThoseOfPerl) {
  for (const ValueCase& c : kValues) EXPECT_EQ(value_of(c.expression), c.value) << c.expression;
}

struct FaultCase {
  const char* expression;
  std::size_t offset;
  const char* what;
};
const FaultCase kFaults[] = {
    {"", 0, "expected a rule name, a number or '(', the expression ends"},
    {"A &&", 4, "expected a rule name, a number or '(', the expression ends"},
    {"A & B", 2, "expected an operator such as && || + > between two values, found '&'"},
    {"A B", 2, "expected an operator such as && || + > between two values, found 'B'"},
    {"(A", 0, "'(' is not closed"},
    {"((A)", 0, "'(' is not closed"},
    {"(A B)", 3, "expected an operator or ')', found 'B'"},
    {"A)", 1, "')' without a '(' before it"},
    {"A < B < C", 6, "comparisons cannot be chained, expected && between two of them"},
    {"A ? B", 5, "expected ':' of '? :', the expression ends"},
    {"1A", 0, "not a number such as 2 or 0.5"},
    {"1.2.3", 0, "not a number such as 2 or 0.5"},
    {"A * * B", 4, "expected a rule name, a number or '(', found '*'"},
    {"A && $x", 5, "expected a rule name, a number or '(', found '$'"},
    {"A::B", 1, "expected an operator such as && || + > between two values, found ':'"},
    {"rules_matching(X*)", 0, "rules_matching() is not supported yet"},
};

TEST(Meta, Faults) {
  for (const FaultCase& c : kFaults) {
    MetaExpression out;
    MetaFault fault;
    EXPECT_FALSE(parse_meta(c.expression, out, fault)) << c.expression;
    EXPECT_EQ(fault.what, c.what) << c.expression;
    EXPECT_EQ(fault.offset, c.offset) << c.expression;
  }
}

TEST(Meta, DepthIsBoundedAndTheDeepestIsComputed) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "B" + std::string(depth, ')');
  };
  MetaExpression out;
  MetaFault fault;
  EXPECT_TRUE(parse_meta(nested(kMaxMetaDepth), out, fault));
  EXPECT_FALSE(parse_meta(nested(kMaxMetaDepth + 1), out, fault));
  EXPECT_FALSE(parse_meta(nested(60000), out, fault));
  EXPECT_FALSE(parse_meta(std::string(60000, '!') + "B", out, fault));
  EXPECT_FALSE(parse_meta(std::string(60000, '-') + "B", out, fault));
  // Every level of precedence waits at every depth.
  std::string wide;
  for (int i = 0; i < kMaxMetaDepth; ++i) wide += "B ? B : B || B && B ^ B == B < B + B * (";
  wide += "B" + std::string(kMaxMetaDepth, ')');
  const bool taken = parse_meta(wide, out, fault);
  if (taken) {
    EXPECT_EQ(out.program.evaluate(std::vector<double>{1}), 1);
  } else {
    EXPECT_NE(fault.what.find("nested"), std::string::npos);
  }
  std::string half;
  for (int i = 0; i < kMaxMetaDepth / 2; ++i) half += "A ? B : A || B && B ^ A == B < B + A * (";
  half += "B" + std::string(kMaxMetaDepth / 2, ')');
  EXPECT_TRUE(parse_meta(half, out, fault)) << fault.what;
  EXPECT_EQ(out.program.evaluate(std::vector<double>{0, 1}),
            out.program.evaluate(std::vector<double>{0, 1}));
}

TEST(Meta, OpsThatAreNoProgramAreZero) {
  using Code = MetaProgram::Code;
  const std::vector<double> counts{1, 1};
  EXPECT_EQ(MetaProgram({}, {}).evaluate(counts), 0);
  EXPECT_EQ(MetaProgram({{Code::add}}, {}).evaluate(counts), 0);
  EXPECT_EQ(MetaProgram({{Code::constant, 5}}, {1}).evaluate(counts), 0);
  EXPECT_EQ(MetaProgram({{Code::count, 0}, {Code::count, 1}}, {}).evaluate(counts), 0);
  EXPECT_EQ(MetaProgram({{Code::count, 9}}, {}).evaluate(counts), 0);
  EXPECT_EQ(
      MetaProgram(std::vector<MetaProgram::Op>(100000, {Code::count, 0}), {}).evaluate(counts), 0);
}

std::string order_of(const RuleFile& file, const MetaPlan& plan) {
  std::string out;
  for (const MetaPlan::Meta& meta : plan.metas) out += file.rules[meta.rule].name + " ";
  return out;
}

TEST(MetaPlan, ThoseThatAreUsedComeFirst) {
  const RuleFile file = read("meta A B && C\nmeta B C\nmeta C __D\nbody __D /d/\nmeta E __D\n");
  const MetaPlan plan = plan_metas(file);
  EXPECT_TRUE(plan.diagnostics.empty());
  EXPECT_EQ(order_of(file, plan), "C E B A ");
  EXPECT_EQ(plan.metas[0].program.uses().size(), 1u);
  EXPECT_EQ(plan.metas[0].program.uses()[0], 3u);  // __D
}

TEST(MetaPlan, CyclesAreToldWithTheirChain) {
  const RuleFile file = read("meta A B\nmeta B C\nmeta C B || D\nmeta D 1\nmeta S S && D\n");
  const MetaPlan plan = plan_metas(file);
  ASSERT_EQ(plan.diagnostics.size(), 2u);
  EXPECT_EQ(plan.diagnostics[0].what, "meta B depends on itself: B -> C -> B");
  EXPECT_EQ(plan.diagnostics[0].place.text(), "r.cf:2:8");
  EXPECT_EQ(plan.diagnostics[1].what, "meta S depends on itself: S -> S");
  EXPECT_EQ(plan.diagnostics[1].severity, Diagnostic::Severity::error);
  EXPECT_EQ(order_of(file, plan), "D ");
}

TEST(MetaPlan, LongChainsAndLongCycles) {
  std::string chain;
  for (int i = 0; i < 15000; ++i)
    chain += "meta M" + std::to_string(i) + " M" + std::to_string(i + 1) + "\n";
  const RuleFile open = read(chain + "meta M15000 1\n");
  const MetaPlan plan = plan_metas(open);
  ASSERT_EQ(plan.metas.size(), 15001u);
  std::vector<double> counts(open.rules.size());
  for (const MetaPlan::Meta& meta : plan.metas) counts[meta.rule] = meta.program.evaluate(counts);
  EXPECT_EQ(counts[0], 1);
  const MetaPlan cycle = plan_metas(read(chain + "meta M15000 M0\n"));
  ASSERT_EQ(cycle.diagnostics.size(), 1u);
  EXPECT_NE(cycle.diagnostics[0].what.find("(14991 more) -> M0"), std::string::npos)
      << cycle.diagnostics[0].what;
}

TEST(MetaPlan, NamesThatAreNotThereCountZero) {
  const RuleFile file = read(
      "body __FOOBAR /x/\naskdns __URI /x/\nbody BAD (\n"
      "meta A __FOOBAT || __URI || NOTHING_LIKE_IT || BAD || !NONE\n");
  const MetaPlan plan = plan_metas(file);
  ASSERT_EQ(plan.diagnostics.size(), 4u);
  EXPECT_EQ(
      plan.diagnostics[0].what,
      "meta A uses '__FOOBAT', which no rule of these files defines; it counts 0, did you mean "
      "'__FOOBAR'?");
  EXPECT_EQ(plan.diagnostics[0].place.text(), "r.cf:4:8");
  EXPECT_EQ(plan.diagnostics[0].severity, Diagnostic::Severity::warning);
  EXPECT_EQ(plan.diagnostics[1].what, "meta A uses '__URI', which is not supported and counts 0");
  EXPECT_EQ(plan.diagnostics[2].place.text(), "r.cf:4:29");
  ASSERT_EQ(plan.metas.size(), 1u);
  EXPECT_TRUE(plan.metas[0].program.uses().empty());
  EXPECT_EQ(plan.metas[0].program.evaluate({}), 1);
}

}  // namespace
}  // namespace gatepost::rules
