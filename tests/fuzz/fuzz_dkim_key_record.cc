// Key records and the key inside: whatever is parsed holds a key, and decoding it never crashes.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dkim/key.h"
#include "dkim/public_key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = gatepost::dkim::parse_key_record(text);
  if (!record) return 0;
  if (record->key.empty()) std::abort();
  const auto key = gatepost::dkim::PublicKey::decode(record->type, record->key);
  if (key && (*key)->verify(std::string(32, 'h'), std::string(64, 's'))) std::abort();
  return 0;
}
