#include <algorithm>
#include <optional>
#include <utility>

#include "rules/letter_scan.h"
#include "rules/pattern_tree.h"

namespace gatepost::rules {
namespace {

using Octets = std::bitset<256>;
using Kind = PatternNode::Kind;

constexpr std::size_t kLeastLetters = 4;
constexpr std::size_t kMostWords = 16;
// Letters and digits that may end a letter: more would be found everywhere. Those before its end,
// or between two, may be more: hexadecimal ones of an HTML entity.
constexpr std::size_t kMostLast = 16;
constexpr std::size_t kMostBefore = 26;
// An item of more octets is no letter.
constexpr std::size_t kLongLetter = 12;

std::size_t count_alnum(const Octets& octets) {
  std::size_t count = 0;
  for (std::size_t i = '0'; i <= 'z'; ++i) {
    const bool alnum = i <= '9' || (i >= 'A' && i <= 'Z') || i >= 'a';
    if (alnum && octets[i]) ++count;
  }
  return count;
}

// The octets of an item: those that end it, and those before.
struct Letter {
  Octets before;
  Octets last;
  std::size_t most = 0;  // octets
  bool may_be_empty = false;
};

std::optional<Letter> letter_of(const PatternNode& node);

std::optional<Letter> letter_of_sequence(const std::vector<PatternNode>& parts) {
  Letter out;
  out.may_be_empty = true;
  for (const PatternNode& part : parts) {
    const auto next = letter_of(part);
    if (!next) return std::nullopt;
    if (next->may_be_empty) {
      // What was last may be it still, or stand before.
      out.before |= out.last | next->before;
      out.last |= next->last;
    } else {
      out.before |= out.last | next->before;
      out.last = next->last;
    }
    out.most += next->most;
    out.may_be_empty = out.may_be_empty && next->may_be_empty;
  }
  return out;
}

// Nothing for what is too long to be a letter.
std::optional<Letter> letter_of(const PatternNode& node) {
  switch (node.kind) {
    case Kind::octets:
      return Letter{{}, node.octets, 1, false};
    case Kind::mark:
      return Letter{{}, {}, 0, true};
    case Kind::sequence:
      return letter_of_sequence(node.parts);
    case Kind::alternatives: {
      Letter out;
      for (const PatternNode& part : node.parts) {
        const auto one = letter_of(part);
        if (!one) return std::nullopt;
        out.before |= one->before;
        out.last |= one->last;
        out.most = std::max(out.most, one->most);
        out.may_be_empty = out.may_be_empty || one->may_be_empty;
      }
      return out;
    }
    case Kind::repeat: {
      auto out = letter_of(node.parts[0]);
      if (!out) return std::nullopt;
      if (node.most > 1) out->before |= out->last;
      out->may_be_empty = out->may_be_empty || node.least == 0;
      return out;
    }
  }
  return std::nullopt;
}

std::vector<SpelledWord> words_of(const PatternNode& node);

// Of two lists the one that is found more seldom.
void keep_better(std::vector<SpelledWord>& best, std::vector<SpelledWord> other) {
  const auto worth = [](const std::vector<SpelledWord>& words) {
    std::size_t least = words.empty() ? 0 : SpelledWord::kMostLetters;
    for (const SpelledWord& word : words) least = std::min(least, word.letters.size());
    return std::pair(least, kMostWords - words.size());
  };
  if (worth(other) > worth(best)) best = std::move(other);
}

// Letters one behind the other, as far as they go.
class Window {
 public:
  explicit Window(std::vector<SpelledWord>& best) : best_(best) {}

  /// @return whether the part could be taken: a letter, or what may stand between letters.
  bool add(const PatternNode& part) {
    const auto letter = letter_of(part);
    if (!letter) return false;
    if (letter->may_be_empty) return add_between(letter->before | letter->last);
    if (letter->most > kLongLetter || count_alnum(letter->last) > kMostLast ||
        count_alnum(letter->before) > kMostBefore)
      return false;
    if (word_.letters.size() == SpelledWord::kMostLetters) return true;
    if (!word_.letters.empty()) word_.between.back() |= letter->before;
    word_.letters.push_back(letter->last);
    word_.between.emplace_back();
    return true;
  }

  void end() {
    if (word_.letters.size() >= kLeastLetters) keep_better(best_, {word_});
    word_ = {};
  }

 private:
  bool add_between(const Octets& octets) {
    if (count_alnum(octets) > kMostBefore) return false;
    if (!word_.letters.empty()) word_.between.back() |= octets;
    return true;
  }

  std::vector<SpelledWord>& best_;
  SpelledWord word_;
};

std::vector<SpelledWord> words_of_sequence(const PatternNode& node) {
  std::vector<SpelledWord> best;
  Window window(best);
  for (const PatternNode& part : node.parts) {
    keep_better(best,
                words_of(part));  // an item may be words by itself, or a letter of a longer one
    if (window.add(part)) continue;
    window.end();
    window.add(part);  // where a word ended the next one may begin
  }
  window.end();
  return best;
}

std::vector<SpelledWord> words_of(const PatternNode& node) {
  switch (node.kind) {
    case Kind::octets:
    case Kind::mark:
      return {};
    case Kind::sequence:
      return words_of_sequence(node);
    case Kind::repeat:
      return node.least > 0 ? words_of(node.parts[0]) : std::vector<SpelledWord>();
    case Kind::alternatives: {
      std::vector<SpelledWord> all;
      for (const PatternNode& part : node.parts) {
        std::vector<SpelledWord> words = words_of(part);
        if (words.empty() || all.size() + words.size() > kMostWords) return {};
        std::move(words.begin(), words.end(), std::back_inserter(all));
      }
      return all;
    }
  }
  return {};
}

// Groups that only group are no level of their own.
void flatten(PatternNode& node) {
  for (PatternNode& part : node.parts) flatten(part);
  if (node.kind != Kind::sequence) return;
  std::vector<PatternNode> parts;
  for (PatternNode& part : node.parts) {
    if (part.kind == Kind::sequence) {
      std::move(part.parts.begin(), part.parts.end(), std::back_inserter(parts));
    } else {
      parts.push_back(std::move(part));
    }
  }
  node.parts = std::move(parts);
}

}  // namespace

std::vector<SpelledWord> spelled_words(const Expression& expression) {
  auto tree = read_pattern(expression, true);
  if (!tree) return {};
  flatten(*tree);
  return words_of(*tree);
}

}  // namespace gatepost::rules
