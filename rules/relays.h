#pragma once
// The hops of a message, from the last one back, and which of them can be believed.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/ip.h"
#include "core/mail/header_field.h"
#include "rules/received.h"

namespace gatepost::rules {

/// Addresses as the lines `trusted_networks 192.0.2/24 !192.0.2.9` give them: what is listed first
/// decides, "!" takes out.
class NetworkList {
 public:
  struct Entry {
    IpNetwork network;
    bool excluded = false;
    bool operator==(const Entry&) const = default;
  };
  void add(Entry entry) { entries_.push_back(entry); }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }
  /// Whether the list says that it is in or out, or nothing.
  std::optional<bool> find(const IpAddress& address) const;
  /// Loopback addresses are in unless they are taken out.
  bool contains(const IpAddress& address) const;
  bool operator==(const NetworkList&) const = default;

 private:
  std::vector<Entry> entries_;
};

/// What is known of the networks around us. With neither trusted nor internal ones a hop is trusted
/// that came from a private address or from a client that authenticated; with one of them it stands
/// for the other, too.
struct RelayNetworks {
  NetworkList trusted;
  NetworkList internal;
  NetworkList msa;  ///< submission hosts: all hops behind one are trusted
  /// What the program's configuration says of relays of ours: trusted and internal, too, unless a
  /// list takes them out. That alone changes nothing for the others.
  NetworkList configured;
  /// Fields with an address each: read as the oldest hops.
  std::vector<std::string> originating_ip_headers = {"X-Yahoo-Post-IP", "X-Originating-IP",
                                                     "X-Apparently-From", "X-SenderIP"};
  bool operator==(const RelayNetworks&) const = default;
};

/// The newest hop first.
struct Relays {
  std::vector<Relay> trusted, untrusted;  ///< those of X-Spam-Relays-Trusted and -Untrusted
  std::vector<Relay> internal, external;  ///< those of X-Spam-Relays-Internal and -External
  std::size_t unparseable = 0;
  /// How many of the Received fields, from the first one, are of trusted and of internal hops,
  /// those that are no hops among them: what is left are the fields of ALL-UNTRUSTED and
  /// ALL-EXTERNAL.
  std::size_t trusted_fields = 0;
  std::size_t internal_fields = 0;
};

/// More Received fields than this are not looked at.
constexpr std::size_t kMaxRelays = 100;

/// Pure, any thread.
Relays read_relays(std::span<const mail::HeaderField> fields, const RelayNetworks& networks);

/// The texts of relays with a blank between them, as the rules' pseudo-headers have them.
std::string relays_text(const std::vector<Relay>& relays);

}  // namespace gatepost::rules
