#pragma once
// Who talks to the MTA and what it says, as plain values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ip.h"

namespace gatepost {

/// One MTA connection. Filled at connect; `helo` is that of the last HELO or EHLO.
struct Connection {
  std::optional<IpAddress> client;  ///< nothing for local submission and unknown families
  std::string client_name;          ///< the MTA's, forward confirmed, or "[192.0.2.1]", "unknown"
  std::string helo;
  std::string daemon_name;      ///< {daemon_name}: "ORIGINATING" marks submission listeners
  std::string mta_name;         ///< {j}
  std::string tls_version;      ///< {tls_version}, empty without TLS
  bool trusted_relay = false;   ///< on the list trusted_relays
  bool submit_network = false;  ///< on the list submit_networks
  bool local = false;           ///< non-SMTP mail or re-injection: never refused
};

struct Recipient {
  std::string
      address;  ///< "user@domain", domain lower case A-label; "postmaster" alone is possible
  bool exempt = false;  ///< postmaster@ or abuse@: no refusal by policy
};

/// One transaction; only recipients that the MTA and we accepted.
struct Envelope {
  std::string
      mail_from;  ///< "user@domain" with the domain in lower case A-labels; empty = null path
  std::string mail_from_domain;  ///< empty for the null path
  std::string mail_from_text;    ///< as received, for the log
  std::vector<Recipient> recipients;
  std::string auth_authen;  ///< login; only from {auth_authen} together with {auth_type}
  std::string auth_type;
  std::string queue_id;  ///< {i}; empty until the MTA has one
  /// It carries a good release token of our quarantine: no policy, no signature of ours. Known from
  /// the end of the message on.
  bool released = false;

  bool authenticated() const { return !auth_authen.empty(); }
};

}  // namespace gatepost
