// Any octets as an SPF record: an error with a place, or terms that lie within the text.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "spf/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = gatepost::spf::parse_record(text);
  const auto scan = gatepost::spf::scan_record(text, 10);
  if (scan.faults.empty() != record.ok() || scan.faults.size() > 10) std::abort();
  for (const auto& fault : scan.faults) {
    if (fault.column < 1 || fault.column > text.size() + 1) std::abort();
  }
  if (!record.ok()) {
    if (record.error().what.empty()) std::abort();
    return 0;
  }
  const auto within = [&](std::string_view part) {
    return part.empty() ||
           (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
  };
  for (const auto& mechanism : record->mechanisms) {
    if (!within(mechanism.text) || !within(mechanism.domain.text)) std::abort();
    if (mechanism.prefix4 > 32 || mechanism.prefix6 > 128) std::abort();
  }
  for (const auto& modifier : record->unknown) {
    if (!within(modifier.text) || !within(modifier.value.text)) std::abort();
  }
  return 0;
}
