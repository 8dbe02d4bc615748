#include "rules/needed_text.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

using Strings = std::set<std::string>;

constexpr std::size_t kLeastWord = 3;
constexpr std::size_t kMostWord = 12;
constexpr std::size_t kMostExact = 32;
constexpr std::size_t kMostWords = 200;
constexpr int kMostDepth = 100;
constexpr std::size_t kManyStates = 1000000;

std::size_t shortest(const Strings& words) {
  std::size_t least = kMostWord;
  for (const std::string& word : words) least = std::min(least, word.size());
  return least;
}

bool is_use(const Strings& words) {
  return !words.empty() && words.size() <= kMostWords && shortest(words) >= kLeastWord;
}

constexpr std::size_t kMostTimes = 100;

// Words of which a match holds some.
struct Needed {
  Strings words;          // empty: nothing known
  std::size_t times = 1;  // so many of them
};

// Of two sets the one whose words are found more seldom.
void keep_better(Needed& best, const Needed& other) {
  if (!is_use(other.words)) return;
  const auto worth = [](const Needed& needed) {
    return std::tuple(std::min<std::size_t>(needed.times, 3),
                      std::min<std::size_t>(shortest(needed.words), 6),
                      kMostWords - needed.words.size());
  };
  if (best.words.empty() || worth(other) > worth(best)) best = other;
}

// What is known of a part of an expression.
struct Part {
  bool exact = true;    // it matches nothing but `strings`
  Strings strings{""};  // when exact
  Needed words;         // else: what it holds
  std::size_t states = 0;

  static Part unknown(std::size_t states) {
    Part out;
    out.exact = false;
    out.strings.clear();
    out.states = states;
    return out;
  }
  Needed needed() const { return exact ? Needed{is_use(strings) ? strings : Strings()} : words; }
  // Of this part so many times in a row: each brings its own.
  Needed needed(std::size_t times) const {
    Needed out = needed();
    out.times = std::min(out.times * times, kMostTimes);
    return out;
  }
};

struct Repeat {
  std::size_t least = 1;
  std::size_t most = 1;
};

// Parts one behind the other. A run is what is known exactly up to here.
class Sequence {
 public:
  void add(const Part& part, Repeat repeat) {
    const std::size_t times = std::clamp<std::size_t>(repeat.most, 1, 1000);
    states_ = std::min(states_ + part.states * times, kManyStates);
    if (repeat.most == 1 && part.exact) {
      Strings strings = part.strings;
      if (repeat.least == 0) strings.insert("");
      if (append(strings)) return;
      flush();
      if (repeat.least == 1) run_ = part.strings;
      return;
    }
    if (repeat.least > 1) keep_better(words_, part.needed(repeat.least));
    if (repeat.least > 0 && part.exact) {
      // The first one stands behind what was before, the last one before what comes.
      if (!append(part.strings)) keep_better(words_, part.needed());
      flush();
      run_ = part.strings;
      is_all_ = false;
      return;
    }
    flush();
    if (repeat.least > 0) keep_better(words_, part.needed());
  }

  Part take() {
    Part out;
    out.states = states_;
    out.exact = is_all_;
    if (is_all_) {
      out.strings = run_;
      return out;
    }
    flush();
    out.strings.clear();
    out.words = std::move(words_);
    return out;
  }

 private:
  bool append(const Strings& strings) {
    if (run_.size() * strings.size() > kMostExact) return false;
    Strings longer;
    for (const std::string& head : run_) {
      for (const std::string& tail : strings) {
        if (head.size() + tail.size() > kMostWord) return false;
        longer.insert(head + tail);
      }
    }
    run_ = std::move(longer);
    return true;
  }
  void flush() {
    keep_better(words_, Needed{run_});
    run_ = {""};
    is_all_ = false;
  }

  bool is_all_ = true;
  Strings run_{""};
  Needed words_;
  std::size_t states_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<NeededText> read() {
    const Part part = alternatives(0);
    if (failed_ || at_ != text_.size()) return std::nullopt;
    const Needed needed = part.needed();
    return NeededText{{needed.words.begin(), needed.words.end()}, needed.times, part.states};
  }

 private:
  bool at_end() const { return failed_ || at_ >= text_.size(); }
  Part fail() {
    failed_ = true;
    return Part::unknown(0);
  }

  Part alternatives(int depth) {
    if (depth > kMostDepth) return fail();
    std::vector<Part> parts;
    do {
      Sequence sequence;
      while (!at_end() && text_[at_] != '|' && text_[at_] != ')') {
        const Part part = item(depth);
        sequence.add(part, repeat());
      }
      parts.push_back(sequence.take());
    } while (!at_end() && text_[at_] == '|' && ++at_ > 0);
    return any_of(parts);
  }

  static Part any_of(const std::vector<Part>& parts) {
    if (parts.size() == 1) return parts[0];
    Part out;
    out.strings.clear();
    bool known = true;
    for (const Part& part : parts) {
      out.states = std::min(out.states + part.states, kManyStates);
      out.exact = out.exact && part.exact;
      if (out.exact) out.strings.insert(part.strings.begin(), part.strings.end());
      const Needed needed = part.needed();
      Strings& all = out.words.words;
      known = known && !needed.words.empty() && all.size() + needed.words.size() <= kMostWords;
      if (!known) continue;
      out.words.times = all.empty() ? needed.times : std::min(out.words.times, needed.times);
      all.insert(needed.words.begin(), needed.words.end());
    }
    if (out.exact && out.strings.size() > kMostExact) out.exact = false;
    if (out.exact || !known) out.words = {};
    return out;
  }

  static Part literal(char c) {
    Part out;
    out.strings = {std::string(1, ascii_lower(c))};
    out.states = 1;
    return out;
  }

  Part item(int depth) {
    const char c = text_[at_++];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return char_class();
      case '\\':
        return escape();
      case '.':
        return Part::unknown(1);
      case '^':
      case '$':
        return {};
      default:
        return literal(c);
    }
  }

  Part group(int depth) {
    bool ignored = false;
    if (text_.substr(at_).starts_with('*')) return fail();
    if (text_.substr(at_).starts_with('?')) {
      const std::string_view head = text_.substr(at_ + 1, 2);
      if (head.starts_with(':') || head.starts_with('>')) {
        at_ += 2;
      } else if (head.starts_with('=') || head.starts_with('!')) {
        ignored = true;
        at_ += 2;
      } else if (head == "<=" || head == "<!") {
        ignored = true;
        at_ += 3;
      } else {
        std::size_t end = at_ + 1;
        while (end < text_.size() &&
               (text_[end] == 'i' || text_[end] == 's' || text_[end] == 'm' || text_[end] == '-')) {
          ++end;
        }
        if (end >= text_.size() || (text_[end] != ')' && text_[end] != ':')) return fail();
        at_ = end + 1;
        if (text_[end] == ')') return {};
      }
    }
    Part inside = alternatives(depth + 1);
    if (at_end() || text_[at_] != ')') return fail();
    ++at_;
    return ignored ? Part{} : inside;
  }

  // Small sets of octets are known exactly.
  Part char_class() {
    Strings members;
    bool plain = true;
    if (at_ < text_.size() && text_[at_] == '^') {
      plain = false;
      ++at_;
    }
    for (bool first = true; at_ < text_.size() && (first || text_[at_] != ']'); first = false) {
      if (text_.substr(at_).starts_with("[:")) {
        const std::size_t end = text_.find(":]", at_);
        if (end == text_.npos) return fail();
        at_ = end + 2;
        plain = false;
        continue;
      }
      if (text_[at_] == '-') plain = false;
      if (text_[at_] == '\\') {
        ++at_;
        const Part one = escape();
        if (failed_) return one;
        plain = plain && one.exact && one.states == 1;
        members.insert(one.strings.begin(), one.strings.end());
      } else {
        members.insert(std::string(1, ascii_lower(text_[at_++])));
      }
    }
    if (at_ >= text_.size()) return fail();
    ++at_;
    if (!plain || members.size() > 6) return Part::unknown(1);
    Part out;
    out.strings = std::move(members);
    out.states = 1;
    return out;
  }

  // Behind the backslash.
  Part escape() {
    if (at_ >= text_.size()) return fail();
    const char c = text_[at_++];
    if (!is_alnum(c)) return literal(c);
    switch (c) {
      case 'x':
        return hex();
      case 'n':
        return literal('\n');
      case 'r':
        return literal('\r');
      case 't':
        return literal('\t');
      case 'b':
      case 'B':
      case 'A':
      case 'Z':
      case 'z':
        return {};
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 's':
      case 'S':
      case 'h':
      case 'H':
        return Part::unknown(1);
      default:
        break;
    }
    if (c < '1' || c > '9') return fail();
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return Part::unknown(1);  // a group again, or an octal number
  }

  Part hex() {
    const auto value = [](char c) {
      return is_digit(c)                                      ? c - '0'
             : ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f' ? ascii_lower(c) - 'a' + 10
                                                              : -1;
    };
    if (at_ + 1 >= text_.size() || value(text_[at_]) < 0 || value(text_[at_ + 1]) < 0)
      return fail();
    const int octet = value(text_[at_]) * 16 + value(text_[at_ + 1]);
    at_ += 2;
    return literal(static_cast<char>(octet));
  }

  Repeat repeat() {
    Repeat out;
    if (at_end()) return out;
    constexpr std::size_t kOpen = 1000;
    const char c = text_[at_];
    if (c == '?') {
      out = {0, 1};
    } else if (c == '*') {
      out = {0, kOpen};
    } else if (c == '+') {
      out = {1, kOpen};
    } else if (c != '{' || !counted(out)) {
      return out;
    }
    if (c != '{') ++at_;
    // Unlimited ones are a loop of one more.
    if (out.most == kOpen) out.most = 2;
    if (!at_end() && (text_[at_] == '?' || text_[at_] == '+')) ++at_;
    return out;
  }

  // "{n}", "{n,}" or "{n,m}"; anything else is a brace.
  bool counted(Repeat& out) {
    const std::size_t end = text_.find('}', at_);
    if (end == text_.npos) return false;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t comma = inside.find(',');
    const auto number = [](std::string_view digits) {
      std::size_t value = 0;
      for (const char d : digits) value = std::min<std::size_t>(value * 10 + (d - '0'), 100000);
      return value;
    };
    if (inside.empty() || !is_digit(inside[0]) ||
        !std::all_of(inside.begin(), inside.end(),
                     [](char d) { return is_digit(d) || d == ','; })) {
      return false;
    }
    out.least = number(inside.substr(0, comma));
    const std::string_view behind =
        comma == inside.npos ? std::string_view() : inside.substr(comma + 1);
    if (behind.find(',') != behind.npos) return false;
    out.most = comma == inside.npos ? out.least
               : behind.empty()     ? std::max<std::size_t>(out.least + 1, 2)
                                    : number(behind);
    at_ = end + 1;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<NeededText> needed_text(const Expression& expression) {
  if (expression.extended) return std::nullopt;
  return Reader(expression.text).read();
}

}  // namespace gatepost::rules
