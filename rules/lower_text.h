#pragma once
// A short text in lower case, for look-ups in lists.

#include <array>
#include <string>
#include <string_view>

#include "core/base/text.h"

namespace gatepost::rules {

/// Allocates nothing for texts of up to 256 octets: addresses, hosts. Lives on the stack.
class LowerText {
 public:
  explicit LowerText(std::string_view text) : view_(text) {
    char* out = small_.data();
    if (text.size() > small_.size()) {
      large_.assign(text);
      out = large_.data();
    }
    for (std::size_t i = 0; i < text.size(); ++i) out[i] = ascii_lower(text[i]);
    view_ = {out, text.size()};
  }
  LowerText(const LowerText&) = delete;
  LowerText& operator=(const LowerText&) = delete;

  std::string_view view() const { return view_; }

 private:
  std::array<char, 256> small_;
  std::string large_;
  std::string_view view_;
};

}  // namespace gatepost::rules
