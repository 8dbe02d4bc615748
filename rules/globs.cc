#include "rules/globs.h"

#include <algorithm>

#include "core/base/text.h"
#include "rules/lower_text.h"

namespace gatepost::rules {
namespace {

constexpr std::string_view kWildcards = "*?";

bool has_wildcard(std::string_view text) {
  return text.find_first_of(kWildcards) != std::string_view::npos;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one, and what it swallowed so far
  std::size_t swallowed = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      swallowed = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

// Different tails may have one key: glob_matches() decides.
std::uint64_t GlobIndex::key(std::string_view tail) {
  std::uint64_t out = tail.size();
  for (const char c : tail) out = (out << 8 | out >> 56) ^ static_cast<unsigned char>(c);
  return out;
}

void GlobIndex::add(std::string_view glob, std::uint32_t number) {
  const std::size_t last = glob.find_last_of(kWildcards);  // npos + 1 is 0
  const std::size_t size = std::min(glob.size() - (last + 1), kMost);
  by_tail_[key(glob.substr(glob.size() - size))].push_back(number);
  sizes_ |= 1U << size;
}

void GlobIndex::clear() {
  by_tail_.clear();
  sizes_ = 0;
}

void GlobList::add(std::string_view glob) {
  std::string text = to_lower(glob);
  if (!has_wildcard(text)) {
    exact_.insert(std::move(text));
    return;
  }
  // What ends as it does is a candidate, the glob itself, too.
  if (index_.any_candidate(text, [&](std::uint32_t number) { return globs_[number] == text; }))
    return;
  index_.add(text, static_cast<std::uint32_t>(globs_.size()));
  globs_.push_back(std::move(text));
}

void GlobList::remove(std::string_view glob) {
  const std::string text = to_lower(glob);
  exact_.erase(text);
  if (std::erase(globs_, text) == 0) return;
  index_.clear();
  for (std::size_t i = 0; i < globs_.size(); ++i)
    index_.add(globs_[i], static_cast<std::uint32_t>(i));
}

void GlobList::clear() {
  exact_.clear();
  globs_.clear();
  index_.clear();
}

bool GlobList::matches(std::string_view text) const {
  if (empty()) return false;
  const LowerText lower(text);
  if (exact_.contains(lower.view())) return true;
  return index_.any_candidate(lower.view(), [&](std::uint32_t number) {
    return glob_matches(globs_[number], lower.view());
  });
}

bool GlobList::is_in(std::string_view text) const {
  if (empty()) return false;
  const std::string lower = to_lower(text);
  const auto inside = [&](std::string_view glob) {
    return glob_matches("*" + std::string(glob) + "*", lower);
  };
  return std::any_of(exact_.begin(), exact_.end(),
                     [&](const std::string& one) { return lower.find(one) != lower.npos; }) ||
         std::any_of(globs_.begin(), globs_.end(), inside);
}

std::vector<std::string> GlobList::texts() const {
  std::vector<std::string> out(exact_.begin(), exact_.end());
  std::sort(out.begin(), out.end());
  out.insert(out.end(), globs_.begin(), globs_.end());
  return out;
}

}  // namespace gatepost::rules
