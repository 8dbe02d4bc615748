#include "tests/support/dns_packet.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::testing {

using dns::RrType;

std::string wire_u16(std::uint32_t value) {
  return {static_cast<char>(value >> 8U & 0xFFU), static_cast<char>(value & 0xFFU)};
}

std::string wire_u32(std::uint32_t value) {
  return wire_u16(value >> 16U) + wire_u16(value);
}

std::string wire_name(std::string_view name) {
  std::string wire;
  if (!name.empty()) {
    for (const auto label : split(name, '.')) {
      wire += static_cast<char>(label.size());
      wire += label;
    }
  }
  return wire + '\0';
}

std::string wire_strings(const std::vector<std::string>& strings) {
  std::string wire;
  for (const auto& text : strings) {
    wire += static_cast<char>(text.size());
    wire += text;
  }
  return wire;
}

WireRecord wire_soa(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum) {
  return {std::string(zone), static_cast<std::uint16_t>(RrType::soa), ttl,
          wire_name("ns.invalid") + wire_name("root.invalid") + wire_u32(1) + wire_u32(2) +
              wire_u32(3) + wire_u32(4) + wire_u32(minimum)};
}

std::vector<WireRecord> wire_records(std::string_view name, RrType type,
                                     const dns::Answer& answer) {
  std::vector<WireRecord> records;
  const auto add = [&](std::string data) {
    records.push_back(
        {std::string(name), static_cast<std::uint16_t>(type), answer.ttl, std::move(data)});
  };
  for (const auto& address : answer.addresses) add(std::string(address.octets()));
  for (const auto& text : answer.texts) {
    std::vector<std::string> strings;
    for (std::size_t at = 0; at < text.size() || at == 0; at += 255) {
      strings.push_back(text.substr(at, 255));
    }
    add(wire_strings(strings));
  }
  for (const auto& mx : answer.mx) add(wire_u16(mx.preference) + wire_name(mx.exchange));
  if (type == RrType::soa) {
    if (answer.status == dns::Status::ok) records.push_back(wire_soa(name, answer.ttl, 300));
  } else {
    for (const auto& target : answer.names) add(wire_name(target));
  }
  return records;
}

std::string encode(const WireResponse& response) {
  std::string wire = wire_u16(response.id) + wire_u16(response.flags) + wire_u16(1) +
                     wire_u16(static_cast<std::uint32_t>(response.answers.size())) +
                     wire_u16(static_cast<std::uint32_t>(response.authority.size())) + wire_u16(0) +
                     wire_name(response.question.name) +
                     wire_u16(static_cast<std::uint32_t>(response.question.type)) + wire_u16(1);
  for (const auto* section : {&response.answers, &response.authority}) {
    for (const auto& record : *section) {
      wire += wire_name(record.name) + wire_u16(record.type) + wire_u16(record.record_class) +
              wire_u32(record.ttl) + wire_u16(static_cast<std::uint32_t>(record.data.size())) +
              record.data;
    }
  }
  return wire;
}

std::optional<WireQuestion> decode_question(std::string_view packet) {
  const auto octet = [&](std::size_t at) -> unsigned {
    return static_cast<unsigned char>(packet[at]);
  };
  if (packet.size() < 17 || (octet(2) & 0x80U) != 0 || octet(5) != 1) return std::nullopt;
  std::string name;
  std::size_t at = 12;
  while (at < packet.size() && octet(at) != 0) {
    const std::size_t length = octet(at);
    if (length > 63 || at + 1 + length >= packet.size()) return std::nullopt;
    if (!name.empty()) name += '.';
    name += packet.substr(at + 1, length);
    at += length + 1;
  }
  if (at + 5 > packet.size()) return std::nullopt;
  return WireQuestion{
      static_cast<std::uint16_t>(octet(0) << 8U | octet(1)),
      dns::make_query(name, static_cast<RrType>(octet(at + 1) << 8U | octet(at + 2)))};
}

}  // namespace gatepost::testing
