#pragma once
// Writes DNS packets, and reads questions, for tests. The product only reads responses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/answer.h"

namespace gatepost::testing {

struct WireRecord {
  std::string name;  ///< canonical
  std::uint16_t type = 1;
  std::uint32_t ttl = 300;
  std::string data;
  std::uint16_t record_class = 1;
};

struct WireResponse {
  std::uint16_t id = 0;
  std::uint16_t flags = 0x8180;  ///< response, RD, RA; rcode in the low four bits
  dns::Query question;
  std::vector<WireRecord> answers;
  std::vector<WireRecord> authority;
};

std::string wire_u16(std::uint32_t value);
std::string wire_u32(std::uint32_t value);
/// Uncompressed.
std::string wire_name(std::string_view name);
std::string wire_strings(const std::vector<std::string>& strings);
WireRecord wire_soa(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum);
/// The records of an answer as sets of `name`; texts are cut into strings of 255.
std::vector<WireRecord> wire_records(std::string_view name, dns::RrType type,
                                     const dns::Answer& answer);
std::string encode(const WireResponse& response);

struct WireQuestion {
  std::uint16_t id = 0;
  dns::Query query;
};
std::optional<WireQuestion> decode_question(std::string_view packet);

}  // namespace gatepost::testing
