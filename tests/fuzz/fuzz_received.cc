// Received fields: a client that is read stands in the field, and white space changes nothing.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/mail/received.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::mail;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto client = parse_received(input);
  if (!client) {
    if (client.error().what.empty() || client.error().what.size() > 200) std::abort();
    return 0;
  }
  if (size > kMaxReceivedValue) std::abort();
  if (*client && (*client)->helo.size() > size) std::abort();
  if (size + 2 <= kMaxReceivedValue) {
    const auto again = parse_received("\t" + input + " ");
    if (!again || *again != *client) std::abort();
  }
  const HeaderField field{"Received", input};
  const auto outside =
      first_outside_client({&field, 1}, [](const gatepost::IpAddress&) { return false; });
  if (outside && (!*client || *outside != **client || outside->authenticated)) std::abort();
  return 0;
}
