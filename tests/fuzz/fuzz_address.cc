// Paths of the envelope: what is accepted is written so that it is accepted again and is the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/mail/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::mail;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto reverse = parse_reverse_path(input);
  if (reverse && *reverse) {
    const auto again = parse_reverse_path("<" + (**reverse).text() + ">");
    if (!again || *again != *reverse || (**reverse).domain.empty()) std::abort();
  }
  const auto forward = parse_forward_path(input);
  if (forward) {
    const auto again = parse_forward_path(forward->text());
    if (!again || *again != *forward) std::abort();
  }
  return 0;
}
