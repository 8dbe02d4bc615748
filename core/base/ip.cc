#include "core/base/ip.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "core/base/text.h"

namespace gatepost {

std::optional<IpAddress> IpAddress::from_octets(std::string_view octets) {
  static constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (octets.size() == 16 && std::memcmp(octets.data(), kMapped, 12) == 0) octets.remove_prefix(12);
  if (octets.size() != 4 && octets.size() != 16) return std::nullopt;
  IpAddress address;
  address.v4_ = octets.size() == 4;
  std::copy(octets.begin(), octets.end(), address.octets_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  if (istarts_with(text, "IPv6:")) text.remove_prefix(5);
  char buffer[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  if (std::strlen(buffer) != text.size()) return std::nullopt;
  char octets[16];
  if (inet_pton(AF_INET, buffer, octets) == 1) return from_octets({octets, 4});
  if (inet_pton(AF_INET6, buffer, octets) == 1) return from_octets({octets, 16});
  return std::nullopt;
}

bool IpAddress::is_loopback() const {
  if (v4_) return octets_[0] == 127;
  return std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; }) &&
         octets_[15] == 1;
}

bool IpAddress::is_private() const {
  if (is_loopback()) return true;
  const auto& o = octets_;
  if (v4_) {
    return o[0] == 10 || o[0] == 0 || (o[0] == 172 && (o[1] & 0xF0) == 16) ||
           (o[0] == 192 && o[1] == 168) || (o[0] == 169 && o[1] == 254);
  }
  return (o[0] & 0xFE) == 0xFC || (o[0] == 0xFE && (o[1] & 0xC0) == 0x80) ||
         *this == IpAddress(*this).masked(0);
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(v4_ ? AF_INET : AF_INET6, octets_.data(), buffer, sizeof buffer);
}

std::string IpAddress::reversed() const {
  std::string out;
  if (v4_) {
    for (int i = 3; i >= 0; --i) {
      out += std::to_string(octets_[static_cast<std::size_t>(i)]);
      if (i > 0) out += '.';
    }
    return out;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i) {
    const auto octet = octets_[static_cast<std::size_t>(i)];
    out += {kHex[octet & 15], '.', kHex[octet >> 4]};
    if (i > 0) out += '.';
  }
  return out;
}

std::string IpAddress::reverse_name() const {
  return reversed() + (v4_ ? ".in-addr.arpa" : ".ip6.arpa");
}

IpAddress IpAddress::masked(int prefix) const {
  IpAddress out = *this;
  for (int i = 0; i < bits() / 8; ++i) {
    const int keep = std::clamp(prefix - i * 8, 0, 8);
    out.octets_[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xFF00 >> keep);
  }
  return out;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  int prefix = address->bits();
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (digits.empty() || !is_digit(digits[0]) || error != std::errc() ||
        end != digits.data() + digits.size() || prefix > address->bits()) {
      return std::nullopt;
    }
  }
  return IpNetwork{address->masked(prefix), prefix};
}

bool IpNetwork::contains(const IpAddress& address) const {
  return address.is_v4() == base.is_v4() && address.masked(prefix) == base;
}

std::string IpNetwork::text() const {
  return prefix == base.bits() ? base.text() : base.text() + "/" + std::to_string(prefix);
}

}  // namespace gatepost
