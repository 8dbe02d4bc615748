#pragma once
// `meta` rules: arithmetic over the counts of other rules, as small postfix programs.
//
// Values are those of SpamAssassin, which lets Perl compute: a rule counts 0 without a hit and 1
// with one (more with `tflags multiple`); a meta counts its own value. `A && B` is B's value when A
// is not 0, `A || B` is A's when that is not 0; comparisons and `!` give 1 or 0. A division by 0
// gives 0.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// The parentheses, `!` and `-` that may stand inside each other.
constexpr int kMaxMetaDepth = 60;
/// What a program's evaluation needs of a stack at most: left operands wait, at most one of each
/// level of precedence for each nesting.
constexpr std::size_t kMetaStack = (kMaxMetaDepth + 2) * 11;

/// A compiled expression. Immutable, any thread.
class MetaProgram {
 public:
  enum class Code : std::uint8_t {
    constant,  ///< index: into constants
    count,     ///< index: of a rule, as the caller numbers them
    logical_not,
    negate,
    multiply,
    divide,
    add,
    subtract,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    exclusive_or,
    logical_and,
    logical_or,
    select,  ///< CONDITION ? A : B
  };
  struct Op {
    Code code = Code::constant;
    std::uint32_t index = 0;
  };

  MetaProgram() = default;
  /// Ops that are no program (an operand is missing, an index is not there) give one that is always
  /// 0.
  MetaProgram(std::vector<Op> ops, std::vector<double> constants);

  /// counts[i]: how often rule i hit; a rule behind its end counts 0. No allocation. The rule hits
  /// when the result is not 0.
  double evaluate(std::span<const double> counts) const;

  /// The rules whose counts are read, each once, ascending.
  std::span<const std::uint32_t> uses() const { return uses_; }
  std::span<const Op> ops() const { return ops_; }
  std::span<const double> constants() const { return constants_; }

 private:
  std::vector<Op> ops_;
  std::vector<double> constants_;
  std::vector<std::uint32_t> uses_;
};

/// The value of `a CODE b` for an operator with two operands.
double combine(MetaProgram::Code code, double a, double b);

/// What is wrong with an expression, and where.
struct MetaFault {
  std::string what;
  std::size_t offset = 0;
  bool unsupported = false;  ///< SpamAssassin knows it (rules_matching())
};

/// A name in an expression.
struct MetaName {
  std::string_view name;  ///< of the expression
  std::size_t offset = 0;
};

/// An expression with its names not yet looked up: `count` ops index into `names`.
struct MetaExpression {
  MetaProgram program;
  std::vector<MetaName> names;  ///< each name once, in the order of their appearance
};

/// Only the syntax is looked at. @return false and `fault` for a fault.
bool parse_meta(std::string_view expression, MetaExpression& out, MetaFault& fault);

/// The metas of a rule file in the order in which they are computed: each stands behind those that
/// it uses.
struct MetaPlan {
  struct Meta {
    std::uint32_t rule = 0;  ///< index into RuleFile::rules
    MetaProgram program;     ///< its counts are indices into RuleFile::rules, all of them there
  };
  std::vector<Meta> metas;
  /// Errors for syntax and cycles (with the chain), unsupported, and warnings for names that no
  /// file defines or that are unsupported: both count 0. Metas with an error are not in `metas`.
  std::vector<Diagnostic> diagnostics;
};

/// How to run it: counts[i] for all other rules first; then for each of `metas` in order
/// counts[meta.rule] = meta.program.evaluate(counts), or 0 where the rule does not run (score 0).
MetaPlan plan_metas(const RuleFile& file);

}  // namespace gatepost::rules
