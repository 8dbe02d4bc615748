#include "filter/quarantine/entry.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::quarantine {

namespace {
constexpr std::string_view kStates[] = {"unconfirmed", "stored", "releasing", "released"};
}

std::string_view to_string(State state) {
  return kStates[static_cast<int>(state)];
}

std::optional<State> parse_state(std::string_view word) {
  for (int i = 0; i < 4; ++i) {
    if (kStates[i] == word) return static_cast<State>(i);
  }
  return std::nullopt;
}

bool is_reference(std::string_view text) {
  return !text.empty() && text.size() <= 32 && is_alnum(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace gatepost::quarantine
