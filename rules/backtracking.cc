#include "rules/backtracking.h"

#include <charconv>
#include <string_view>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

constexpr int kMaxDepth = 100;
constexpr int kWide = 10;  // repeats of so many count as unlimited

struct Repeat {
  bool optional = false;  // may be zero times
  bool wide = false;
  bool possessive = false;
};

// What an alternative or a group is made of.
struct Summary {
  bool wide = false;       // some wide repeat that backtracks
  bool separated = false;  // something else in it must be there
};

class Scanner {
 public:
  explicit Scanner(const Expression& e) : text_(e.text), extended_(e.extended) {}

  std::optional<std::size_t> run() {
    while (at_ < text_.size()) {
      group_body(0);
      if (at_ < text_.size()) ++at_;  // a ')' too many: PCRE2 refuses it anyway
    }
    return found_;
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  // Alternatives up to the ')' of this group. Dangerous is the worst of them.
  Summary group_body(int depth) {
    Summary worst;
    Summary current;
    const auto end_alternative = [&] {
      if (current.wide && !current.separated) worst = current;
      current = {};
    };
    while (at_ < text_.size() && peek() != ')') {
      if (peek() == '|') {
        ++at_;
        end_alternative();
        continue;
      }
      item(current, depth);
    }
    end_alternative();
    return worst;
  }

  void item(Summary& current, int depth) {
    const std::size_t begin = at_;
    Summary inner;
    bool zero_width = false;
    bool group = false;
    bool atomic = false;
    if (peek() == '(') {
      group = true;
      open_group(zero_width, atomic);
      if (depth < kMaxDepth)
        inner = group_body(depth + 1);
      else
        at_ = text_.size();
      if (peek() == ')') ++at_;
    } else {
      zero_width = atom();
      if (skipped_) return;
    }
    const Repeat repeat = quantifier();
    if (zero_width) return;
    const bool backtracks = !repeat.possessive && !atomic;
    if (group && repeat.wide && backtracks && inner.wide && !found_) found_ = begin;
    const bool wide = backtracks && (repeat.wide || inner.wide);
    if (wide) {
      // A second one stands in the way of the first as any other text does.
      if (current.wide && !repeat.optional) current.separated = true;
      current.wide = true;
    } else if (!repeat.optional) {
      current.separated = true;
    }
  }

  // Behind "(?:" and its kin.
  void open_group(bool& zero_width, bool& atomic) {
    ++at_;
    if (peek() != '?') return;
    ++at_;
    if (peek() == '>') {
      atomic = true;
      ++at_;
    } else if (peek() == '=' || peek() == '!') {
      zero_width = true;
      ++at_;
    } else if (peek() == '<' && (peek(1) == '=' || peek(1) == '!')) {
      zero_width = true;
      at_ += 2;
    } else if (peek() == '#') {
      zero_width = true;
      while (at_ < text_.size() && peek() != ')') ++at_;
    } else {
      // Flags or a name: (?i: (?P<n> (?<n> (?'n'
      while (at_ < text_.size() && peek() != ':' && peek() != '>' && peek() != '\'' &&
             peek() != ')') {
        ++at_;
      }
      if (peek() == ')')
        zero_width = true;
      else
        ++at_;
    }
  }

  // One character, class or escape. @return true when it takes no text.
  bool atom() {
    skipped_ = false;
    const char c = peek();
    if (extended_ && is_wsp(c)) {
      ++at_;
      return skipped_ = true;
    }
    if (extended_ && c == '#') {
      while (at_ < text_.size() && peek() != '\n') ++at_;
      return skipped_ = true;
    }
    if (c == '[') {
      char_class();
      return false;
    }
    if (c != '\\') {
      ++at_;
      return c == '^' || c == '$';
    }
    const char escaped = peek(1);
    at_ += 2;
    if (escaped == 'Q') {
      const std::size_t end = text_.find("\\E", at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 2;
    } else if ((escaped == 'x' || escaped == 'p' || escaped == 'P' || escaped == 'g' ||
                escaped == 'k') &&
               peek() == '{') {
      while (at_ < text_.size() && peek() != '}') ++at_;
      ++at_;
    }
    return std::string_view("bBAzZGK").find(escaped) != std::string_view::npos;
  }

  void char_class() {
    ++at_;
    if (peek() == '^') ++at_;
    if (peek() == ']') ++at_;
    while (at_ < text_.size() && peek() != ']') {
      if (peek() == '\\') ++at_;
      if (peek() == '[' && peek(1) == ':') {
        const std::size_t end = text_.find(":]", at_ + 2);
        if (end != std::string_view::npos) at_ = end + 1;
      }
      ++at_;
    }
    ++at_;
  }

  Repeat quantifier() {
    Repeat out;
    switch (peek()) {
      case '*':
        out = {true, true};
        break;
      case '+':
        out = {false, true};
        break;
      case '?':
        out = {true, false};
        break;
      case '{':
        if (!braces(out)) return out;
        break;
      default:
        return out;
    }
    ++at_;
    if (peek() == '+') out.possessive = true;
    if (peek() == '+' || peek() == '?') ++at_;
    return out;
  }

  // {n}, {n,}, {n,m}, {,m}; at_ is left on the '}'. Else it is a plain character.
  bool braces(Repeat& out) {
    const std::size_t close = text_.find('}', at_);
    if (close == std::string_view::npos || close - at_ > 20) return false;
    const std::string_view inside = text_.substr(at_ + 1, close - at_ - 1);
    const std::size_t comma = inside.find(',');
    const std::string_view low_text = inside.substr(0, comma);
    int low = 0;
    if (!number(low_text, low) && (comma == std::string_view::npos || !low_text.empty())) {
      return false;
    }
    out.optional = low == 0;
    if (comma != std::string_view::npos) {
      const std::string_view high_text = inside.substr(comma + 1);
      int high = 0;
      if (high_text.empty())
        out.wide = true;
      else if (number(high_text, high))
        out.wide = high >= kWide && high > low;
      else
        return false;
    }
    at_ = close;
    return true;
  }

  static bool number(std::string_view text, int& out) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && stop == text.data() + text.size();
  }

  std::string_view text_;
  bool extended_;
  std::size_t at_ = 0;
  bool skipped_ = false;
  std::optional<std::size_t> found_;
};

}  // namespace

std::optional<std::size_t> nested_repeat(const Expression& expression) {
  return Scanner(expression).run();
}

}  // namespace gatepost::rules
