#include "rules/pattern.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include <hs/hs.h>

#include "core/base/text.h"
#include "rules/letter_scan.h"
#include "rules/needed_text.h"
#include "rules/sequence_count.h"

namespace gatepost::rules {
namespace {

constexpr int kNoCharacter = -1;

// Walks an expression item by item. It needs not understand all of Perl: what it does not know
// counts as able to match a line feed.
class Walker {
 public:
  explicit Walker(const Expression& expression)
      : text_(expression.text), extended_(expression.extended) {
    traits_.may_match_lf = false;
    dotall_ = expression.dotall;
  }

  PatternTraits walk() {
    while (at_ < text_.size()) item();
    return std::move(traits_);
  }

 private:
  void keep(std::size_t from) {
    traits_.with_line_anchors.append(text_.substr(from, at_ - from));
    traits_.without_end_anchors.append(text_.substr(from, at_ - from));
  }

  void item() {
    const std::size_t from = at_;
    const char c = text_[at_++];
    if (c == '\\') {
      if (escape_outside_class()) return;  // it has written its own text
    } else if (c == '[') {
      char_class();
    } else if (c == '(') {
      group_head();
    } else if (c == '{') {
      repeat();
    } else if (c == '*' || c == '+') {
      if (wide_item_) traits_.has_wide_repeat = true;
    } else if (c == '^') {
      traits_.has_anchor = true;
    } else if (c == '$') {
      end_anchor();
      return;
    } else if (c == '.') {
      wide_item_ = true;
      if (dotall_) traits_.may_match_lf = true;
    } else if (c == '#' && extended_) {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == ')') {
      wide_item_ = true;  // a repeated group counts as wide
    } else if (c != '?' && c != '|') {
      wide_item_ = false;
      if (c == '\n' && !extended_) traits_.may_match_lf = true;
    }
    keep(from);
  }

  void end_anchor() {
    traits_.has_anchor = true;
    traits_.with_line_anchors += '$';
    traits_.without_end_anchors += "(?:)";
  }

  bool escape_outside_class() {
    const std::size_t from = at_ - 1;
    if (at_ >= text_.size()) return false;
    const char c = text_[at_];
    if (c == 'A' || c == 'z' || c == 'Z' || c == 'G') {
      ++at_;
      if (c == 'z' || c == 'Z') return end_anchor(), true;
      traits_.has_anchor = true;
      traits_.with_line_anchors += '^';
      traits_.without_end_anchors += '^';
      return true;
    }
    if (c == 'Q') {
      const std::size_t end = text_.find("\\E", at_);
      const std::string_view quoted = text_.substr(at_, end == text_.npos ? end : end - at_);
      if (quoted.find('\n') != quoted.npos) traits_.may_match_lf = true;
      at_ = end == text_.npos ? text_.size() : end + 2;
      wide_item_ = false;
    } else if (c == 'B') {
      // Behind the LF of a piece stands the next one for Hyperscan, and nothing for PCRE2.
      ++at_;
      traits_.with_line_anchors += "\\B";
      traits_.without_end_anchors += "(?:)";
      return true;
    } else if (c == 'b' || c == 'E') {
      ++at_;
    } else {
      const int value = escape(wide_item_);
      if (value == '\n') traits_.may_match_lf = true;
    }
    keep(from);
    return true;
  }

  // Behind the backslash. @return the character it means or kNoCharacter; notes classes that have
  // the line feed.
  int escape(bool& wide) {
    const char c = text_[at_++];
    wide = false;
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'f':
        return '\f';
      case 'a':
        return '\a';
      case 'e':
        return 27;
      case 'x':
        return hex();
      case 'd':
      case 'w':
      case 'S':
      case 'h':
        wide = true;
        return kNoCharacter;
      default:
        break;
    }
    if (is_digit(c)) {
      // Octal or a back-reference: a reference can be anything, octal 012 is the line feed.
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      traits_.may_match_lf = true;
      return kNoCharacter;
    }
    if (is_alpha(c)) {  // \s \W \D \H \v \R \X \N \K \c \p \k \g \o and what may come
      wide = true;
      traits_.may_match_lf = true;
      if (c == 'c' && at_ < text_.size()) ++at_;
      return kNoCharacter;
    }
    return static_cast<unsigned char>(c);
  }

  int hex() {
    int value = 0;
    if (at_ < text_.size() && text_[at_] == '{') {
      const std::size_t end = text_.find('}', at_);
      if (end == text_.npos) return traits_.may_match_lf = true, kNoCharacter;
      for (++at_; at_ < end; ++at_) value = value * 16 + digit(text_[at_]);
      ++at_;
      return value > 255 || value < 0 ? kNoCharacter : value;
    }
    for (int i = 0; i < 2 && at_ < text_.size() && digit(text_[at_]) >= 0; ++i, ++at_)
      value = value * 16 + digit(text_[at_]);
    return value;
  }

  static int digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  void char_class() {
    wide_item_ = true;
    bool negated = false;
    if (at_ < text_.size() && text_[at_] == '^') {
      negated = true;
      ++at_;
    }
    const bool before = traits_.may_match_lf;
    bool has_lf = false;
    const std::size_t first = at_;
    while (at_ < text_.size() && (text_[at_] != ']' || at_ == first)) {
      traits_.may_match_lf = false;
      const int value = class_item();
      has_lf = has_lf || value == '\n' || traits_.may_match_lf;
      // A range that starts below the line feed may go across it.
      if (value >= 0 && value < '\n' && at_ < text_.size() && text_[at_] == '-') has_lf = true;
    }
    if (at_ < text_.size()) ++at_;
    // "[^\W]" has no line feed and "[^\n]" neither, but "has_lf" only says "may": a negated class
    // is free of it for certain only when a plain \n or \s stands in it.
    traits_.may_match_lf = before || (negated ? !excludes_lf(first) : has_lf);
  }

  bool excludes_lf(std::size_t first) const {
    const std::string_view inside = text_.substr(first, at_ - first);
    for (std::size_t i = 0; i + 1 < inside.size(); ++i) {
      if (inside[i] != '\\') continue;
      if (inside[i + 1] == 'n' || inside[i + 1] == 's') return true;
      ++i;
    }
    return false;
  }

  int class_item() {
    const char c = text_[at_++];
    if (c == '\\' && at_ < text_.size()) {
      bool wide = false;
      return escape(wide);
    }
    if (c == '[' && at_ < text_.size() && text_[at_] == ':') {
      const std::size_t end = text_.find(":]", at_);
      if (end == text_.npos) return static_cast<unsigned char>(c);
      const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
      constexpr std::string_view kWithoutLf[] = {"alpha",  "digit", "alnum", "upper",
                                                 "lower",  "punct", "graph", "print",
                                                 "xdigit", "word",  "blank"};
      bool known = false;
      for (const std::string_view k : kWithoutLf) known = known || k == name;
      if (!known) traits_.may_match_lf = true;
      at_ = end + 2;
      return kNoCharacter;
    }
    return static_cast<unsigned char>(c);
  }

  // Behind "(": comments, and options that change what a dot or an anchor means.
  void group_head() {
    wide_item_ = false;
    if (at_ >= text_.size() || text_[at_] != '?') return;
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '#') {
      const std::size_t end = text_.find(')', at_);
      at_ = end == text_.npos ? text_.size() : end + 1;
      return;
    }
    std::size_t i = at_ + 1;
    bool off = false;
    for (; i < text_.size() && (is_alpha(text_[i]) || text_[i] == '-' || text_[i] == '^'); ++i) {
      if (text_[i] == '-') off = true;
      if (text_[i] == '^') traits_.clears_multiline = true;
      if (text_[i] == 'm' && off) traits_.clears_multiline = true;
      // Where an option ends is not followed: from here on, and never less.
      if (text_[i] == 's' && !off) dotall_ = true;
      if (text_[i] == 'x' && !off) extended_ = true;
    }
    if (i < text_.size() && (text_[i] == ')' || text_[i] == ':'))
      at_ = i;
    else if (at_ < text_.size())
      ++at_;
    if (dotall_ && text_.find('.') != text_.npos) traits_.may_match_lf = true;
  }

  void repeat() {
    std::size_t i = at_;
    int number = 0;
    int largest = 0;
    bool open = false;
    for (; i < text_.size() && (is_digit(text_[i]) || text_[i] == ','); ++i) {
      open = text_[i] == ',';
      number = open ? 0 : std::min(number * 10 + (text_[i] - '0'), 100000);
      largest = std::max(largest, number);
    }
    if (i >= text_.size() || text_[i] != '}' || i == at_) return;
    at_ = i + 1;
    if (wide_item_ && (open || largest > 8)) traits_.has_wide_repeat = true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool extended_ = false;
  bool dotall_ = false;
  bool wide_item_ = false;
  PatternTraits traits_;
};

// Hyperscan takes long to refuse more, or blurs them until they match everywhere.
constexpr std::size_t kManyStates = 5000;

std::string expression_of_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += '|';
    for (const char c : word) {
      if (is_alnum(c)) {
        out += c;
        continue;
      }
      constexpr char kDigits[] = "0123456789abcdef";
      const auto octet = static_cast<unsigned char>(c);
      out.append("\\x") += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    }
  }
  return out;
}

struct Info {
  unsigned min_width = 0;
};

std::optional<Info> hs_info(const std::string& expression, unsigned flags) {
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_expression_info(expression.c_str(), flags, &info, &error) != HS_SUCCESS) {
    hs_free_compile_error(error);
    return std::nullopt;
  }
  const Info out{info->min_width};
  free(info);
  return out;
}

}  // namespace

void use_words(PatternPlan& plan) {
  plan.hs_expression = std::exchange(plan.words, {});
  plan.hs_flags = HS_FLAG_CASELESS | plan.single;
  if (plan.single == 0) plan.least_reports = plan.words_needed;
  plan.route = Route::confirm;
}

void use_approximation(PatternPlan& plan) {
  plan.hs_flags =
      (plan.hs_flags & ~unsigned{HS_FLAG_SINGLEMATCH}) | HS_FLAG_PREFILTER | plan.single;
  plan.route = Route::confirm;
}

PatternTraits traits_of(const Expression& expression) {
  return Walker(expression).walk();
}

PatternPlan plan_pattern(const PatternInput& input) {
  PatternPlan plan;
  const Expression& e = input.expression;
  if (const auto fault = check_regex(e)) {
    plan.route = fault->unsupported ? Route::unsupported : Route::invalid;
    plan.problem = fault->what;
    plan.offset = fault->offset;
    return plan;
  }
  const PatternTraits traits = traits_of(e);
  plan.has_wide_repeat = traits.has_wide_repeat;
  // Hyperscan takes C strings.
  if (e.text.find('\0') != std::string::npos) return plan;
  if (input.in_pieces && traits.clears_multiline) return plan;

  // What takes the LF of a piece may stand at its end, where the next line begins for Hyperscan.
  plan.hs_expression = !input.in_pieces      ? e.text
                       : traits.may_match_lf ? traits.without_end_anchors
                                             : traits.with_line_anchors;
  // Hyperscan has no flag for x but the option, and wants an end to the last comment.
  if (e.extended) plan.hs_expression = "(?x)" + plan.hs_expression + "\n";
  if (e.caseless) plan.hs_flags |= HS_FLAG_CASELESS;
  if (e.dotall) plan.hs_flags |= HS_FLAG_DOTALL;
  // In one buffer of many pieces, each followed by LF, the ends of lines are the ends of pieces or
  // lie between: more places than meant, never fewer.
  if (e.multiline || input.in_pieces) plan.hs_flags |= HS_FLAG_MULTILINE;

  const auto needed = needed_text(e);
  if (needed) {
    plan.words = expression_of_words(needed->words);
    plan.words_needed = needed->least;
    plan.has_words = !plan.words.empty();
    const auto shortest = std::min_element(
        needed->words.begin(), needed->words.end(),
        [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
    if (shortest != needed->words.end()) plan.shortest_word = shortest->size();
  }
  if (input.in_pieces && input.every_match && !input.plain && SequenceCount::make(e)) {
    plan.route = Route::counted;
    return plan;
  }
  if (input.in_pieces && !input.plain && plan.words.empty() && !spelled_words(e).empty()) {
    plan.route = Route::spelled;
    return plan;
  }
  // One report is enough where the first settles it: exact ones, and single subjects, where PCRE2
  // looks at the whole anyway.
  plan.single = input.in_pieces || input.every_match ? 0 : HS_FLAG_SINGLEMATCH;
  if (needed && needed->states > kManyStates) {
    if (plan.words.empty()) return plan;
    use_words(plan);
    return plan;
  }
  plan.route =
      input.in_pieces && (traits.may_match_lf || traits.has_anchor) ? Route::confirm : Route::exact;
  auto info = hs_info(plan.hs_expression, plan.hs_flags);
  if (!info) {
    use_approximation(plan);
    info = hs_info(plan.hs_expression, plan.hs_flags);
  }
  if (!info || info->min_width == 0) {
    plan.route = Route::pcre_only;
    if (!plan.words.empty()) use_words(plan);
    return plan;
  }
  plan.hs_flags |=
      plan.route == Route::exact && !input.every_match ? HS_FLAG_SINGLEMATCH : plan.single;
  return plan;
}

}  // namespace gatepost::rules
