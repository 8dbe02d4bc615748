// The grammar of meta expressions: precedence climbing to postfix, with Perl's levels.

#include <charconv>
#include <unordered_map>

#include "core/base/text.h"
#include "rules/meta.h"

namespace gatepost::rules {
namespace {

using Code = MetaProgram::Code;

struct Operator {
  std::string_view text;
  Code code;
  int level;  // higher binds closer
  bool comparison = false;
};
// Longer ones first where one begins another.
constexpr Operator kOperators[] = {
    {"&&", Code::logical_and, 2},
    {"||", Code::logical_or, 1},
    {"==", Code::equal, 4, true},
    {"!=", Code::not_equal, 4, true},
    {"<=", Code::less_equal, 5, true},
    {">=", Code::greater_equal, 5, true},
    {"<", Code::less, 5, true},
    {">", Code::greater, 5, true},
    {"^", Code::exclusive_or, 3},
    {"+", Code::add, 6},
    {"-", Code::subtract, 6},
    {"*", Code::multiply, 7},
    {"/", Code::divide, 7},
};

bool is_name_start(char c) {
  return is_alpha(c) || c == '_';
}
bool is_name_char(char c) {
  return is_alnum(c) || c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool run(MetaExpression& out, MetaFault& fault) {
    if (!conditional(0) || !at_end()) {
      fault = std::move(fault_);
      return false;
    }
    out.program = MetaProgram(std::move(ops_), std::move(constants_));
    out.names = std::move(names_);
    return true;
  }

 private:
  bool fail(std::string what, std::size_t at, bool unsupported = false) {
    fault_ = {std::move(what), at, unsupported};
    return false;
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_wsp(text_[at_])) ++at_;
  }
  std::string found() const {
    if (at_ >= text_.size()) return "the expression ends";
    std::size_t end = at_ + 1;
    while (is_name_char(text_[at_]) && end < text_.size() && is_name_char(text_[end])) ++end;
    return "found '" + printable(text_.substr(at_, end - at_), 40) + "'";
  }
  bool at_end() {
    skip_blanks();
    if (at_ == text_.size()) return true;
    if (text_[at_] == ')') return fail("')' without a '(' before it", at_);
    return fail("expected an operator such as && || + > between two values, " + found(), at_);
  }
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void emit(Code code, std::uint32_t index = 0) { ops_.push_back({code, index}); }

  bool conditional(int depth) {
    if (depth > kMaxMetaDepth) return too_deep();
    if (!binary(depth, 1)) return false;
    if (!take('?')) return true;
    if (!conditional(depth + 1)) return false;
    if (!take(':')) return fail("expected ':' of '? :', " + found(), at_);
    if (!conditional(depth + 1)) return false;
    emit(Code::select);
    return true;
  }

  const Operator* next_operator() {
    skip_blanks();
    for (const Operator& op : kOperators) {
      if (text_.substr(at_).starts_with(op.text)) return &op;
    }
    return nullptr;
  }

  bool binary(int depth, int level) {
    if (!unary(depth)) return false;
    int last_comparison = 0;  // Perl: a < b < c is no expression
    for (;;) {
      const Operator* op = next_operator();
      if (op == nullptr || op->level < level) return true;
      if (op->comparison && op->level == last_comparison) {
        return fail("comparisons cannot be chained, expected && between two of them", at_);
      }
      last_comparison = op->comparison ? op->level : 0;
      at_ += op->text.size();
      if (!binary(depth, op->level + 1)) return false;
      emit(op->code);
    }
  }

  bool too_deep() {
    return fail("nested more than " + std::to_string(kMaxMetaDepth) + " deep", at_);
  }

  bool unary(int depth) {
    skip_blanks();
    const std::size_t begin = at_;
    std::vector<Code> prefixes;
    for (;;) {
      skip_blanks();
      if (at_ >= text_.size()) break;
      if (text_[at_] == '!' && !text_.substr(at_).starts_with("!="))
        prefixes.push_back(Code::logical_not);
      else if (text_[at_] == '-')
        prefixes.push_back(Code::negate);
      else if (text_[at_] != '+')
        break;
      ++at_;
      if (prefixes.size() > static_cast<std::size_t>(kMaxMetaDepth)) return at_ = begin, too_deep();
    }
    if (!primary(depth)) return false;
    for (auto prefix = prefixes.rbegin(); prefix != prefixes.rend(); ++prefix) emit(*prefix);
    return true;
  }

  bool primary(int depth) {
    skip_blanks();
    const std::size_t begin = at_;
    if (take('(')) {
      if (!conditional(depth + 1)) return false;
      if (!take(')')) {
        if (at_ < text_.size()) {
          return fail("expected an operator or ')', " + found(), at_);
        }
        return fail("'(' is not closed", begin);
      }
      return true;
    }
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
    if (at_ < text_.size() && is_name_start(text_[at_])) return name();
    return fail("expected a rule name, a number or '(', " + found(), at_);
  }

  bool number() {
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    double value = 0;
    const auto [stop, error] = std::from_chars(begin, end, value, std::chars_format::fixed);
    if (error != std::errc() || (stop < end && (is_name_char(*stop) || *stop == '.'))) {
      return fail("not a number such as 2 or 0.5", at_);
    }
    at_ += static_cast<std::size_t>(stop - begin);
    emit(Code::constant, static_cast<std::uint32_t>(constants_.size()));
    constants_.push_back(value);
    return true;
  }

  bool name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_char(text_[at_])) ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name == "rules_matching" && text_.substr(at_).starts_with('(')) {
      return fail("rules_matching() is not supported yet", begin, true);
    }
    const auto [known, added] = index_.emplace(name, static_cast<std::uint32_t>(names_.size()));
    if (added) names_.push_back({name, begin});
    emit(Code::count, known->second);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<MetaProgram::Op> ops_;
  std::vector<double> constants_;
  std::vector<MetaName> names_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  MetaFault fault_;
};

}  // namespace

bool parse_meta(std::string_view expression, MetaExpression& out, MetaFault& fault) {
  return Parser(expression).run(out, fault);
}

}  // namespace gatepost::rules
