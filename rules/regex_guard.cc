#include "rules/regex_guard.h"

#include <algorithm>
#include <string>

#include <re2/set.h>

#include "rules/pattern_tree.h"

namespace gatepost::rules {
namespace {

using Kind = PatternNode::Kind;

// Of one expression, taken as texts ask for it.
constexpr int kMemory = 16 << 20;
// RE2 writes repeats out; a bound this high says nothing.
constexpr std::size_t kMostOctets = 100;
constexpr std::size_t kMostTimes = 4;
constexpr std::size_t kLeastTimes = 3;

void loosen(PatternNode& node) {
  for (PatternNode& part : node.parts) loosen(part);
  if (node.kind != Kind::repeat) return;
  const bool one = node.parts[0].kind == Kind::octets;
  node.least = std::min(node.least, one ? kMostOctets : kLeastTimes);
  if (node.most > (one ? kMostOctets : kMostTimes)) node.most = PatternNode::kUnlimited;
}

}  // namespace

struct RegexGuard::Set {
  explicit Set(const re2::RE2::Options& options) : patterns(options, re2::RE2::UNANCHORED) {}
  re2::RE2::Set patterns;
};

RegexGuard::RegexGuard(std::unique_ptr<Set> set) : set_(std::move(set)) {}
RegexGuard::~RegexGuard() = default;

std::unique_ptr<const RegexGuard> RegexGuard::make(const Expression& expression,
                                                   std::size_t least_states) {
  auto tree = read_pattern(expression, false);
  if (!tree || states_of(*tree) < least_states || may_be_empty(*tree)) return nullptr;
  loosen(*tree);
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_max_mem(kMemory);
  options.set_log_errors(false);
  auto set = std::make_unique<Set>(options);  // of one: a set never falls back to a slower way
  const std::string text = (expression.multiline ? "(?m)" : "") + write_pattern(*tree);
  if (set->patterns.Add(text, nullptr) < 0 || !set->patterns.Compile()) return nullptr;
  return std::unique_ptr<const RegexGuard>(new RegexGuard(std::move(set)));
}

bool RegexGuard::may_match(std::string_view text) const {
  re2::RE2::Set::ErrorInfo error{};
  const re2::StringPiece octets(text.data(), text.size());
  return set_->patterns.Match(octets, nullptr, &error) || error.kind != re2::RE2::Set::kNoError;
}

}  // namespace gatepost::rules
