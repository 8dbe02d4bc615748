#include "rules/reporter.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {

using Severity = Diagnostic::Severity;

namespace {

constexpr std::size_t kMaxText = 2000;

// Pieces of a line stand in the texts, and a line may hold any octets: nothing of it may reach a
// terminal or a log as it is. Texts that are clean, or made so already, stay as they are written.
std::string shown(std::string what) {
  std::string safe = printable(what, kMaxText);
  // It escapes backslashes, too: a text without anything else to escape keeps them.
  const auto backslashes = std::count(what.begin(), what.end(), '\\');
  return safe.size() == what.size() + static_cast<std::size_t>(backslashes) ? what : safe;
}

}  // namespace

void Reporter::error(Place place, std::string what, std::string_view rule) {
  add(Severity::error, std::move(place), std::move(what), rule);
}

void Reporter::warning(Place place, std::string what, std::string_view rule) {
  add(Severity::warning, std::move(place), std::move(what), rule);
}

void Reporter::unsupported(Place place, std::string what, std::string_view rule) {
  add(Severity::unsupported, std::move(place), std::move(what), rule);
}

void Reporter::add(Severity severity, Place place, std::string what, std::string_view rule) {
  const auto index = static_cast<std::size_t>(severity);
  if (++counts_[index] > max_each_ && severity != Severity::unsupported) {
    if (counts_[index] == max_each_ + 1) last_[index] = std::move(place);
    return;
  }
  all_.push_back({severity, shown(std::move(what)), std::move(place), std::string(rule)});
}

std::vector<Diagnostic> Reporter::take() {
  for (const Severity severity : {Severity::error, Severity::warning}) {
    const auto index = static_cast<std::size_t>(severity);
    if (counts_[index] <= max_each_) continue;
    all_.push_back({severity,
                    "and " + std::to_string(counts_[index] - max_each_) + " more " +
                        std::string(to_string(severity)) + "s from here on",
                    last_[index], ""});
  }
  return std::move(all_);
}

}  // namespace gatepost::rules
