#pragma once
// IP addresses and networks, as values.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatepost {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses become IPv4 when parsed (RFC 7208 section
/// 5).
class IpAddress {
 public:
  /// Dotted quad or RFC 4291 text, with or without "IPv6:" and brackets; nothing for anything else.
  static std::optional<IpAddress> parse(std::string_view text);
  /// 4 or 16 octets in network order; mapped addresses become IPv4.
  static std::optional<IpAddress> from_octets(std::string_view octets);

  bool is_v4() const { return v4_; }
  bool is_loopback() const;
  /// Loopback, RFC 1918, link-local, unique local, unspecified.
  bool is_private() const;
  int bits() const { return v4_ ? 32 : 128; }
  /// 4 or 16 octets.
  std::string_view octets() const {
    return {reinterpret_cast<const char*>(octets_.data()), v4_ ? 4U : 16U};
  }
  /// RFC 5952 text.
  std::string text() const;
  /// "4.3.2.1" or 32 nibbles "f.e.…": what DNS lists and reverse zones are asked with, without
  /// suffix.
  std::string reversed() const;
  /// reversed() + ".in-addr.arpa" or ".ip6.arpa".
  std::string reverse_name() const;
  /// The address with all bits behind `prefix` (0 to bits()) cleared.
  IpAddress masked(int prefix) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  bool v4_ = true;
};

/// A network in CIDR form; a bare address is a network of one.
struct IpNetwork {
  IpAddress base;
  int prefix = 32;

  /// "192.0.2.0/24", "2001:db8::/32", "192.0.2.1"; set host bits are cleared.
  static std::optional<IpNetwork> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string text() const;
  bool operator==(const IpNetwork&) const = default;
};

}  // namespace gatepost
