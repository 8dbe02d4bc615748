// Release tokens: what is parsed comes back the same from its own text.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "filter/quarantine/entry.h"
#include "filter/quarantine/token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::quarantine;
  const auto token = parse_token({reinterpret_cast<const char*>(data), size});
  if (!token.ok()) return 0;
  if (!is_reference(token->reference)) std::abort();
  const auto again = parse_token(format_token(*token));
  if (!again.ok() ? format_token(*token).size() <= kMaxTokenField : *again != *token) std::abort();
  return 0;
}
