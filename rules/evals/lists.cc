// Lists of addresses, hosts and subjects in the rule files.

#include <algorithm>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

bool any_in(const std::vector<std::string>& addresses, const GlobList& list) {
  return !list.empty() &&
         std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& address) { return list.matches(address); });
}

template <const char* name>
bool from_in(EvalContext& message, const EvalArguments& /*arguments*/) {
  return any_in(message.senders(), message.settings().list(name));
}
template <const char* name>
bool to_in(EvalContext& message, const EvalArguments& /*arguments*/) {
  return any_in(message.recipients(), message.settings().list(name));
}
constexpr char kBlockFrom[] = "blocklist_from";
constexpr char kBlockTo[] = "blocklist_to";
constexpr char kWelcomeTo[] = "welcomelist_to";
constexpr char kMoreSpam[] = "more_spam_to";
constexpr char kAllSpam[] = "all_spam_to";

bool from_in_list(EvalContext& message, const EvalArguments& arguments) {
  return any_in(message.senders(), message.settings().list(arguments.text(0)));
}
bool to_in_list(EvalContext& message, const EvalArguments& arguments) {
  return any_in(message.recipients(), message.settings().list(arguments.text(0)));
}
bool replyto_in_list(EvalContext& message, const EvalArguments& arguments) {
  const std::string& address = message.get("Reply-To:addr");
  return !address.empty() && message.settings().list(arguments.text(0)).matches(address);
}

// ---- welcomelist_from_rcvd ----

std::vector<const Relay*> last_relays(EvalContext& message) {
  const Relays& relays = message.relays();
  std::vector<const Relay*> out;
  if (!relays.untrusted.empty()) {
    out.push_back(&relays.untrusted.front());
  } else {
    for (const Relay& relay : relays.trusted) out.push_back(&relay);
  }
  return out;
}

bool is_relay(const std::string& wanted, const Relay& relay) {
  if (wanted.starts_with('[')) {
    const std::size_t end = wanted.find(']');
    if (end == wanted.npos) return false;
    std::string text = wanted.substr(1, end - 1);
    const auto address = IpAddress::parse(relay.ip);
    if (!address) return false;
    // "[192.0.2]" and "[192.0.2.]": the beginning of an address.
    const bool digits = text.find_first_not_of("0123456789.") == text.npos;
    if (digits && std::count(text.begin(), text.end(), '.') < 3 + (text.ends_with('.') ? 1 : 0) &&
        wanted.size() == end + 1) {
      if (!text.ends_with('.')) text += '.';
      return relay.ip.starts_with(text);
    }
    const auto network = IpNetwork::parse(text + wanted.substr(end + 1));
    return network && network->contains(*address);
  }
  const std::string rdns = to_lower(relay.rdns);
  return rdns == wanted || rdns.ends_with("." + wanted);
}

// 1: listed and from there; -1: listed, and from elsewhere; 0: not listed.
int from_relay(EvalContext& message, const std::vector<AddressFromRelay>& list,
               const GlobIndex& index) {
  if (list.empty()) return 0;
  const std::vector<const Relay*> relays = last_relays(message);
  if (relays.empty()) return 0;
  int out = 0;
  for (const std::string& sender : message.senders()) {
    const std::string address = to_lower(sender);
    bool forged = false;
    const bool found = index.any_candidate(address, [&](std::uint32_t number) {
      const AddressFromRelay& one = list[number];
      if (!glob_matches(one.address, address)) return false;
      forged = true;
      return std::any_of(relays.begin(), relays.end(),
                         [&](const Relay* relay) { return is_relay(one.relay, *relay); });
    });
    if (found) return 1;
    if (forged && !message.settings().list("welcomelist_allows_relays").matches(address)) out = -1;
  }
  return out;
}

int from_in_welcomelist_state(EvalContext& message) {
  if (any_in(message.senders(), message.settings().list("welcomelist_from"))) return 1;
  return from_relay(message, message.settings().welcomelist_from_rcvd,
                    message.prepared().welcomelist_from_rcvd());
}
int from_in_default_state(EvalContext& message) {
  return from_relay(message, message.settings().def_welcomelist_from_rcvd,
                    message.prepared().def_welcomelist_from_rcvd());
}
bool from_in_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return from_in_welcomelist_state(message) > 0;
}
bool forged_in_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return from_in_welcomelist_state(message) < 0 && from_in_default_state(message) == 0;
}
bool from_in_default(EvalContext& message, const EvalArguments& /*arguments*/) {
  return from_in_default_state(message) > 0;
}
bool forged_in_default(EvalContext& message, const EvalArguments& /*arguments*/) {
  return from_in_default_state(message) < 0 && from_in_welcomelist_state(message) == 0;
}

// The sender's domain is that of the host it came from.
bool mailfrom_matches_rcvd(EvalContext& message, const EvalArguments& /*arguments*/) {
  const std::string& sender = message.get("EnvelopeFrom:addr");
  const std::size_t at = sender.rfind('@');
  if (at == sender.npos || sender.find('.', at) == sender.npos) return false;
  const std::string domain = message.registries().domain_of(to_lower(sender.substr(at + 1)));
  for (const Relay* relay : last_relays(message)) {
    if (!relay->rdns.empty() && message.registries().domain_of(to_lower(relay->rdns)) == domain)
      return true;
  }
  return false;
}

// ---- hosts of addresses in the text ----

bool host_is_in(const std::string& host, const std::map<std::string, bool, std::less<>>& list) {
  std::string_view name = host;
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  const bool may_be = !name.empty() && (is_digit(name.back()) || name.find(':') != name.npos);
  const bool is_address = may_be && IpAddress::parse(name).has_value();
  constexpr int kLabels = 11;  // of a longer name the last ones
  if (!is_address) {
    while (std::count(name.begin(), name.end(), '.') >= kLabels)
      name.remove_prefix(name.find('.') + 1);
  }
  while (true) {
    const auto known = list.find(name);
    if (known != list.end()) return known->second;
    const std::size_t dot = name.find('.');
    if (is_address || dot == name.npos) return false;
    name.remove_prefix(dot + 1);
  }
}

bool host_listed(EvalContext& message, std::string_view name) {
  const auto& lists = message.settings().uri_hosts;
  const auto list = lists.find(name);
  if (list == lists.end()) return false;
  for (const mail::Url& url : message.subject().urls) {
    if (istarts_with(url.raw, "mailto:")) continue;
    for (const auto& [host, domain] : url.hosts) {
      if (host_is_in(to_lower(host), list->second)) return true;
    }
  }
  return false;
}
bool uri_host_listed(EvalContext& message, const EvalArguments& arguments) {
  return host_listed(message, arguments.text(0));
}
bool uri_host_in_blocklist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return host_listed(message, "BLOCK");
}
bool uri_host_in_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return host_listed(message, "WELCOME");
}

// ---- subjects ----

bool subject_in(EvalContext& message, std::string_view name) {
  const GlobList& list = message.settings().list(name);
  return !list.empty() && list.is_in(message.get("Subject"));
}
bool subject_in_blocklist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return subject_in(message, "blocklist_subject");
}
bool subject_in_welcomelist(EvalContext& message, const EvalArguments& /*arguments*/) {
  return subject_in(message, "welcomelist_subject");
}

constexpr EvalFunction kFunctions[] = {
    {"check_forged_in_default_welcomelist", "", forged_in_default},
    {"check_forged_in_default_whitelist", "", forged_in_default},
    {"check_forged_in_welcomelist", "", forged_in_welcomelist},
    {"check_forged_in_whitelist", "", forged_in_welcomelist},
    {"check_from_in_blacklist", "", from_in<kBlockFrom>},
    {"check_from_in_blocklist", "", from_in<kBlockFrom>},
    {"check_from_in_default_welcomelist", "", from_in_default},
    {"check_from_in_default_whitelist", "", from_in_default},
    {"check_from_in_list", "t", from_in_list},
    {"check_from_in_welcomelist", "", from_in_welcomelist},
    {"check_from_in_whitelist", "", from_in_welcomelist},
    {"check_mailfrom_matches_rcvd", "", mailfrom_matches_rcvd},
    {"check_replyto_in_list", "t", replyto_in_list},
    {"check_subject_in_blacklist", "", subject_in_blocklist},
    {"check_subject_in_blocklist", "", subject_in_blocklist},
    {"check_subject_in_welcomelist", "", subject_in_welcomelist},
    {"check_subject_in_whitelist", "", subject_in_welcomelist},
    {"check_to_in_all_spam", "", to_in<kAllSpam>},
    {"check_to_in_blacklist", "", to_in<kBlockTo>},
    {"check_to_in_blocklist", "", to_in<kBlockTo>},
    {"check_to_in_list", "t", to_in_list},
    {"check_to_in_more_spam", "", to_in<kMoreSpam>},
    {"check_to_in_welcomelist", "", to_in<kWelcomeTo>},
    {"check_to_in_whitelist", "", to_in<kWelcomeTo>},
    {"check_uri_host_in_blacklist", "", uri_host_in_blocklist},
    {"check_uri_host_in_blocklist", "", uri_host_in_blocklist},
    {"check_uri_host_in_welcomelist", "", uri_host_in_welcomelist},
    {"check_uri_host_in_whitelist", "", uri_host_in_welcomelist},
    {"check_uri_host_listed", "t", uri_host_listed},
};

}  // namespace

std::span<const EvalFunction> list_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
