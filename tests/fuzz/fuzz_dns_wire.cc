// Any octets as the response to one of a few questions: no crash, and what comes out is consistent.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/dns/wire.h"

using gatepost::dns::RrType;
using gatepost::dns::Status;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  for (const auto type : {RrType::a, RrType::aaaa, RrType::txt, RrType::mx, RrType::ptr,
                          RrType::cname, RrType::soa, RrType::ns}) {
    const auto answer = gatepost::dns::decode_response(packet, {"a.example", type});
    const bool empty = answer.addresses.empty() && answer.texts.empty() && answer.names.empty() &&
                       answer.mx.empty();
    if (answer.status != Status::ok && !empty) std::abort();
    if (gatepost::dns::is_temporary(answer.status) == answer.reason.empty()) std::abort();
  }
  return 0;
}
