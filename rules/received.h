#pragma once
// What one Received field says of a hop, in the words that SpamAssassin's rules ask for.

#include <optional>
#include <string>
#include <string_view>

namespace gatepost::rules {

/// A hop from one host to the next, as the receiving host wrote it. Texts are untrusted; blanks,
/// brackets, NUL, '#' and '|' in them are '!'.
struct Relay {
  std::string ip;       ///< of the sender, without brackets; mapped IPv4 as IPv4
  std::string rdns;     ///< its name in DNS as the receiver found it; empty when there is none
  std::string helo;     ///< what it said
  std::string by;       ///< the receiver
  std::string ident;    ///< RFC 1413
  std::string envfrom;  ///< the envelope's sender, where the field tells it
  std::string id;
  std::string auth;            ///< how the sender authenticated; empty when it did not
  bool looked_up_dns = false;  ///< this kind of receiver looks up names: no rdns means none
  bool ip_private = false;     ///< not an address of the public Internet
  bool internal = false;       ///< set by read_relays()
  bool msa = false;            ///< set by read_relays()

  /// "[ ip=192.0.2.1 rdns=… helo=… by=… ident=… envfrom=… intl=0 id=… auth=… msa=0 ]"
  std::string text() const;
  bool operator==(const Relay&) const = default;
};

struct ReceivedLine {
  enum class Kind {
    relay,        ///< `relay` is set
    skipped,      ///< no hop over SMTP, or one that tells no address: left out
    fetched,      ///< by POP3 or IMAP: what stands above is of another delivery
    unparseable,  ///< what it means is not known
  };
  Kind kind = Kind::unparseable;
  Relay relay;
};

/// @param value  of the field, folded or not, at most some KiB: longer is unparseable.
/// Reads by shape, not by MTA: the words between "from" and "by" (a name, an address, comments in
/// round and square brackets) stand for HELO, reverse name and address in the few orders that MTAs
/// use. Pure, any thread.
ReceivedLine read_received(std::string_view value);

}  // namespace gatepost::rules
