#include "rules/relays.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/fields.h"

namespace gatepost::rules {
namespace {

class Reader {
 public:
  explicit Reader(const RelayNetworks& networks)
      : networks_(networks),
        inferred_(networks.trusted.empty() && networks.internal.empty()),
        trusted_list_(networks.trusted.empty() ? networks.internal : networks.trusted),
        internal_list_(networks.internal.empty() ? networks.trusted : networks.internal) {}

  void add(std::string_view value) {
    ReceivedLine line = read_received(value);
    if (line.kind == ReceivedLine::Kind::fetched && fetching_) {
      // What stands above is the delivery from a mailbox to another one.
      out_.trusted.clear();
      out_.internal.clear();
      out_.external.clear();
    }
    if (line.kind == ReceivedLine::Kind::unparseable) ++out_.unparseable;
    if (line.kind != ReceivedLine::Kind::relay) {
      if (in_trusted_) ++out_.trusted_fields;
      if (in_internal_) ++out_.internal_fields;
      return;
    }
    place(std::move(line.relay));
  }

  Relays take() { return std::move(out_); }

 private:
  void place(Relay relay) {
    if (in_trusted_ && !found_msa_) judge(relay);
    relay.internal = in_internal_;
    fetching_ = in_trusted_;
    if (in_trusted_) ++out_.trusted_fields;
    if (in_internal_) ++out_.internal_fields;
    (in_trusted_ ? out_.trusted : out_.untrusted).push_back(relay);
    (in_internal_ ? out_.internal : out_.external).push_back(std::move(relay));
  }

  void judge(Relay& relay) {
    const auto address = IpAddress::parse(relay.ip);
    const bool authenticated = !relay.auth.empty();
    if (inferred_) {
      const bool known = address && networks_.configured.contains(*address);
      if (!relay.ip_private && !authenticated && !known) in_trusted_ = in_internal_ = false;
      return;
    }
    if (!authenticated && !(address && is_in(trusted_list_, *address))) {
      in_trusted_ = in_internal_ = false;
      return;
    }
    if (!authenticated && !(address && is_in(internal_list_, *address))) in_internal_ = false;
    if (address && networks_.msa.contains(*address)) found_msa_ = relay.msa = true;
  }

  bool is_in(const NetworkList& list, const IpAddress& address) const {
    return list.find(address).value_or(networks_.configured.contains(address));
  }

  const RelayNetworks& networks_;
  const bool inferred_;
  const NetworkList& trusted_list_;
  const NetworkList& internal_list_;
  Relays out_;
  bool in_trusted_ = true;
  bool in_internal_ = true;
  bool found_msa_ = false;
  bool fetching_ = true;
};

}  // namespace

std::optional<bool> NetworkList::find(const IpAddress& address) const {
  for (const Entry& entry : entries_) {
    if (entry.network.contains(address)) return !entry.excluded;
  }
  return std::nullopt;
}

bool NetworkList::contains(const IpAddress& address) const {
  return find(address).value_or(address.is_loopback());
}

Relays read_relays(std::span<const mail::HeaderField> fields, const RelayNetworks& networks) {
  Reader reader(networks);
  std::size_t seen = 0;
  for (const mail::HeaderField& field : fields) {
    if (iequals(mail::trimmed_name(field), "Received") && ++seen <= kMaxRelays)
      reader.add(field.value);
  }
  for (const std::string& name : networks.originating_ip_headers) {
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const mail::HeaderField& f) {
      return iequals(mail::trimmed_name(f), name);
    });
    if (field == fields.end()) continue;
    const std::string_view value = trim(field->value);
    const std::string line = "from X-Originating-IP: " + std::string(value);
    if (read_received(line).kind == ReceivedLine::Kind::relay) reader.add(line);
  }
  return reader.take();
}

std::string relays_text(const std::vector<Relay>& relays) {
  std::string out;
  for (const Relay& relay : relays) {
    if (!out.empty()) out += ' ';
    out += relay.text();
  }
  return out;
}

}  // namespace gatepost::rules
