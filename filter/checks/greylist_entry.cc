#include "filter/checks/greylist_entry.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/base/text.h"

namespace gatepost::greylist {

namespace {

// Stands in no address that passed a parser.
constexpr char kBetween = '\x1f';
constexpr std::size_t kMaxAddress = 320;
constexpr std::size_t kMaxParents = 6;

std::string address_text(std::string_view address) {
  if (address.size() > kMaxAddress) return "sha256:" + hex_encode(sha256(to_lower(address)));
  std::string text = to_lower(address);
  std::replace(text.begin(), text.end(), kBetween, '?');
  return text;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.find("..") == std::string_view::npos &&
         text.back() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || c == '-' || c == '.' || c == '_';
         });
}

template <std::size_t N>
std::string list(const int (&prefixes)[N]) {
  std::string text;
  for (const int prefix : prefixes) text += (text.empty() ? "/" : ", /") + std::to_string(prefix);
  return text;
}

}  // namespace

std::string client_network(const IpAddress& client, int ipv4_prefix, int ipv6_prefix) {
  const int prefix = client.is_v4() ? ipv4_prefix : ipv6_prefix;
  return client.masked(prefix).text() + "/" + std::to_string(prefix);
}

Triplet make_triplet(std::string network, std::string_view sender, std::string_view recipient) {
  return {std::move(network), address_text(sender), address_text(recipient)};
}

std::string name_of(const Triplet& triplet) {
  return triplet.network + kBetween + triplet.sender + kBetween + triplet.recipient;
}

std::optional<Triplet> parse_name(std::string_view name) {
  const auto parts = split(name, kBetween);
  if (parts.size() != 3) return std::nullopt;
  return Triplet{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

store::Key pending_key(const Triplet& triplet) {
  return {std::string(kPending), name_of(triplet)};
}

store::Key known_key(const Triplet& triplet) {
  return {std::string(kKnown), name_of(triplet)};
}

store::Key auto_key(std::string_view network, std::string_view domain) {
  return {std::string(kAuto), std::string(network) + kBetween + address_text(domain)};
}

Result<std::string> parse_allow_entry(std::string_view text) {
  if (const auto network = IpNetwork::parse(text)) {
    const bool v4 = network->base.is_v4();
    const auto among = [&](const auto& prefixes) {
      return std::find(std::begin(prefixes), std::end(prefixes), network->prefix) !=
             std::end(prefixes);
    };
    if (v4 ? among(kAllowIpv4Prefixes) : among(kAllowIpv6Prefixes))
      return network->base.text() + "/" + std::to_string(network->prefix);
    return permanent_error("'" + printable(text, 64) + "': expected a network of " +
                           (v4 ? list(kAllowIpv4Prefixes) : list(kAllowIpv6Prefixes)) +
                           "; others can stand in lists.allow_clients");
  }
  const auto at = text.rfind('@');
  const bool address = at != std::string_view::npos && at > 0 && text.size() <= kMaxAddress &&
                       is_name(text.substr(at + 1)) &&
                       text.find(kBetween) == std::string_view::npos;
  const std::string_view name = text.starts_with('.') ? text.substr(1) : text;
  if (address || (at == std::string_view::npos && is_name(name) && !name.starts_with('.') &&
                  (text.starts_with('.') || name.find('.') != std::string_view::npos)))
    return to_lower(text);
  return permanent_error("'" + printable(text, 64) +
                         "': expected an address or network (192.0.2.0/24), a sender's domain "
                         "(mail.example, .example) or address (ann@mail.example)");
}

std::vector<store::Key> allow_keys(const IpAddress& client, std::string_view sender,
                                   std::string_view domain) {
  std::vector<store::Key> keys;
  const auto add = [&](std::string name) {
    keys.push_back({std::string(kAllow), std::move(name)});
  };
  const auto networks = [&](const auto& prefixes) {
    for (const int prefix : prefixes)
      add(client.masked(prefix).text() + "/" + std::to_string(prefix));
  };
  if (client.is_v4())
    networks(kAllowIpv4Prefixes);
  else
    networks(kAllowIpv6Prefixes);
  if (sender.empty() || sender.size() > kMaxAddress) return keys;
  add(to_lower(sender));
  if (domain.empty()) return keys;
  std::string name = to_lower(domain);
  add(name);
  for (std::size_t parents = 0; parents < kMaxParents; ++parents) {
    const auto dot = name.find('.', 1);
    if (dot == std::string::npos) break;
    name.erase(0, dot);
    add(name);
  }
  return keys;
}

}  // namespace gatepost::greylist
