#include "rules/needed_text.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/text.h"
#include "rules/pattern_tree.h"

namespace gatepost::rules {
namespace {

using Strings = std::set<std::string>;

constexpr std::size_t kLeastWord = 3;
constexpr std::size_t kMostWord = 12;
constexpr std::size_t kMostExact = 32;
constexpr std::size_t kMostWords = 200;
constexpr std::size_t kMostMembers = 5;  // a blank of any kind is none of them

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

  static Part unknown() {
    Part out;
    out.exact = false;
    out.strings.clear();
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
};

Part any_of(const std::vector<Part>& parts) {
  Part out;
  out.strings.clear();
  bool known = true;
  for (const Part& part : parts) {
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

// Small sets of octets are known exactly.
Part of_octets(const std::bitset<256>& octets) {
  Part out;
  out.strings.clear();
  for (std::size_t i = 0; i < octets.size() && out.strings.size() <= kMostMembers; ++i) {
    if (octets[i]) out.strings.insert(std::string(1, ascii_lower(static_cast<char>(i))));
  }
  return out.strings.size() <= kMostMembers ? out : Part::unknown();
}

Part part_of(const PatternNode& node);

void add(Sequence& sequence, const PatternNode& node) {
  if (node.kind == PatternNode::Kind::repeat)
    sequence.add(part_of(node.parts[0]), {node.least, node.most});
  else
    sequence.add(part_of(node), {});
}

Part part_of(const PatternNode& node) {
  Sequence sequence;
  std::vector<Part> parts;
  switch (node.kind) {
    case PatternNode::Kind::octets:
      return of_octets(node.octets);
    case PatternNode::Kind::mark:
      return {};
    case PatternNode::Kind::sequence:
      for (const PatternNode& part : node.parts) add(sequence, part);
      return sequence.take();
    case PatternNode::Kind::alternatives:
      for (const PatternNode& part : node.parts) parts.push_back(part_of(part));
      return any_of(parts);
    case PatternNode::Kind::repeat:
      add(sequence, node);
      return sequence.take();
  }
  return Part::unknown();
}

}  // namespace

std::optional<NeededText> needed_text(const Expression& expression) {
  const auto tree = read_pattern(expression, true);
  if (!tree) return std::nullopt;
  const Needed needed = part_of(*tree).needed();
  return NeededText{{needed.words.begin(), needed.words.end()}, needed.times, states_of(*tree)};
}

}  // namespace gatepost::rules
