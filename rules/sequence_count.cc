#include "rules/sequence_count.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "rules/count_octets.h"
#include "rules/pattern_tree.h"

namespace gatepost::rules {
namespace {

using Octets = std::bitset<256>;
using Sequences = std::vector<std::vector<Octets>>;
using Kind = PatternNode::Kind;

constexpr std::size_t kMostSequences = 64;

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Letters, digits, \xHH, classes of these and plain groups: what the tree says of them is all that
// they say.
bool is_plain(std::string_view text) {
  bool in_class = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '\\':
        if (i + 3 >= text.size() || text[i + 1] != 'x' || !is_hex(text[i + 2]) ||
            !is_hex(text[i + 3])) {
          return false;
        }
        i += 3;
        break;
      case '(':
        if (text.substr(i, 3) != "(?:") return false;
        i += 2;
        break;
      case '[':
      case ']':
        in_class = text[i] == '[';
        break;
      case '|':
      case ')':
        break;
      default:
        if (!is_alnum(text[i]) && !(in_class && text[i] == '-')) return false;
    }
  }
  return true;
}

bool append_alternatives(const std::vector<PatternNode>& parts, Sequences& out);

// False: it is no sequence of single octets, or longer than wanted.
bool append_octets(const PatternNode& node, std::vector<Octets>& out) {
  if (node.kind == Kind::octets) {
    out.push_back(node.octets);
    return out.size() <= SequenceCount::kLongest;
  }
  return node.kind == Kind::sequence &&
         std::all_of(node.parts.begin(), node.parts.end(),
                     [&](const PatternNode& part) { return append_octets(part, out); });
}

bool append_sequences(const PatternNode& node, Sequences& out) {
  if (node.kind == Kind::alternatives) return append_alternatives(node.parts, out);
  if (node.kind == Kind::sequence && node.parts.size() == 1)
    return append_sequences(node.parts[0], out);
  std::vector<Octets> one;
  if (!append_octets(node, one) || one.empty() || out.size() == kMostSequences) return false;
  out.push_back(std::move(one));
  return true;
}

bool append_alternatives(const std::vector<PatternNode>& parts, Sequences& out) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const PatternNode& part) { return append_sequences(part, out); });
}

}  // namespace

std::optional<SequenceCount> SequenceCount::make(const Expression& expression) {
  if (expression.extended || !is_plain(expression.text)) return std::nullopt;
  const auto tree = read_pattern(expression, false);
  Sequences sequences;
  if (!tree || !append_sequences(*tree, sequences)) return std::nullopt;
  SequenceCount out;
  Octets first;
  Octets behind;
  for (const auto& sequence : sequences) {
    first |= sequence[0];
    for (std::size_t i = 1; i < sequence.size(); ++i) behind |= sequence[i];
    for (std::size_t octet = 0; octet < 256; ++octet) {
      if (sequence[0][octet]) out.first_[octet] |= sequence.size() == 1 ? kSingle : kLonger;
    }
  }
  // No match begins within another.
  if ((first & behind).any() || (first | behind)['\n']) return std::nullopt;
  Octets single;
  out.ascii_is_single_ = true;
  for (std::size_t octet = 0; octet < 256; ++octet) {
    single[octet] = (out.first_[octet] & kSingle) != 0;
    // At an octet that matches alone there is one match, whatever follows.
    if (single[octet]) out.first_[octet] = kSingle;
    if (octet < 0x80 && out.first_[octet] == kLonger) out.ascii_is_single_ = false;
  }
  if (single.count() == 1) {
    for (std::size_t octet = 0; octet < 256; ++octet) {
      if (single[octet]) out.one_ = static_cast<char>(octet);
    }
  }
  std::erase_if(sequences, [](const auto& sequence) { return sequence.size() == 1; });
  out.longer_ = std::move(sequences);
  return out;
}

std::size_t SequenceCount::size_at(std::string_view text, std::size_t at) const {
  if (at >= text.size()) return 0;
  const std::uint8_t kind = first_[static_cast<unsigned char>(text[at])];
  if (kind != kLonger) return kind == kSingle ? 1 : 0;
  for (const Sequence& sequence : longer_) {
    if (text.size() - at < sequence.size()) continue;
    std::size_t same = 0;
    while (same < sequence.size() && sequence[same][static_cast<unsigned char>(text[at + same])])
      ++same;
    if (same == sequence.size()) return same;
  }
  return 0;
}

std::size_t SequenceCount::count_single(std::string_view text) const {
  if (one_) {
    const auto octet = static_cast<unsigned char>(*one_);
    return count_octets(text, [octet](unsigned char c) { return c == octet ? 1 : 0; });
  }
  return count_octets(text, [this](unsigned char c) { return first_[c] == kSingle ? 1 : 0; });
}

std::size_t SequenceCount::count(std::string_view text) const {
  std::size_t out = count_single(text);
  if (longer_.empty()) return out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    // Most mail is ASCII.
    constexpr std::uint64_t kHighBits = 0x8080808080808080;
    std::uint64_t eight = 0;
    while (ascii_is_single_ && text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & kHighBits) != 0) break;
      at += sizeof eight;
    }
    if (at < text.size() && first_[static_cast<unsigned char>(text[at])] == kLonger &&
        size_at(text, at) != 0) {
      ++out;
    }
  }
  return out;
}

std::size_t SequenceCount::find(std::string_view text) const {
  std::size_t at = 0;
  while (at < text.size() && size_at(text, at) == 0) ++at;
  return at;
}

}  // namespace gatepost::rules
