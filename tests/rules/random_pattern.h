#pragma once
// Random expressions and texts for tests that compare two ways to match.

#include <iterator>
#include <random>
#include <string>
#include <string_view>

namespace gatepost::rules::test {

// Small alphabets on both sides, so that matches, near misses and matches across pieces are common.
class RandomPattern {
 public:
  explicit RandomPattern(unsigned seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  std::string pattern(int depth = 3) {
    std::string out;
    const int items = 1 + below(4);
    for (int i = 0; i < items; ++i) out += item(depth);
    if (below(6) == 0) out += "|" + item(depth);
    return out;
  }

  std::string modifiers() {
    std::string out;
    for (const char c : {'i', 'm', 's'}) {
      if (below(3) == 0) out += c;
    }
    return out;
  }

  std::string text() {
    static constexpr char kLetters[] = "aabbcAB x\n .\xc3\xbc";
    std::string out;
    const int size = below(24);
    for (int i = 0; i < size; ++i) out += kLetters[below(sizeof kLetters - 1)];
    return out;
  }

 private:
  std::string item(int depth) {
    static constexpr const char* kAtoms[] = {
        "a",     "b",    "c",      "ab",     "a b",    ".",   "\\s",   "\\w",     "\\W",
        "\\S",   "[ab]", "[^a]",   "[^\\n]", "\\n",    "x",   "\\xc3", "[\\t-c]", "[^\\w]",
        "\\b",   "^",    "$",      "\\A",    "\\z",    "\\Z", "\\B",   "(?i:A)",  "[[:space:]]",
        "\\x0a", "\\d",  "[a-c ]", "\\.",    "(?s:.)", "\\h", "\\R",   "\\x{62}", "[\\w\\s]"};
    std::string out;
    const int kind = depth > 0 ? below(12) : 0;
    if (kind < 8) {
      out = kAtoms[below(std::size(kAtoms))];
      if (out == "^" || out == "$") return out;
      const bool no_width =
          out[0] == '\\' && std::string_view("bABzZ").find(out[1]) != std::string_view::npos;
      if (no_width) return out;
    } else if (kind == 8) {
      out = "(" + pattern(depth - 1) + ")";
    } else if (kind == 9) {
      out = "(?:" + pattern(depth - 1) + ")";
    } else if (kind == 10) {
      static constexpr const char* kLooks[] = {"(?=", "(?!"};
      return kLooks[below(2)] + pattern(depth - 1) + ")";
    } else {
      static constexpr const char* kBehind[] = {"(?<=a)", "(?<!b)", "(?<!\\n)",
                                                "(?>a+)", "a++",    "(a|b)\\1"};
      return below(2) == 0 ? kBehind[below(5)] : std::string("(?:") + "(?<q>a|b)\\k<q>" + ")";
    }
    static constexpr const char* kRepeats[] = {"",  "",   "",    "*",     "+",
                                               "?", "+?", "{2}", "{1,3}", "{0,2}?"};
    return out + kRepeats[below(std::size(kRepeats))];
  }

  std::mt19937 random_;
};

}  // namespace gatepost::rules::test
