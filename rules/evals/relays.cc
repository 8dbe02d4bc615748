// Hops: who was trusted, who said what, bounces that come back from us.

#include <algorithm>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

bool is_v4(std::string_view text) {
  const auto address = IpAddress::parse(text);
  return address && address->is_v4() && text.find(':') == text.npos;
}

// Also networks of carriers (RFC 6598).
bool is_private(std::string_view text) {
  static const IpNetwork kCarrier = *IpNetwork::parse("100.64.0.0/10");
  const auto address = IpAddress::parse(text);
  return address && (address->is_private() || kCarrier.contains(*address) ||
                     text.starts_with("127.") || text.starts_with("10."));
}

bool numeric_helo(EvalContext& message, const EvalArguments& /*arguments*/) {
  for (const Relay& relay : message.relays().untrusted) {
    std::string_view helo = relay.helo;
    helo = helo.substr(0, helo.find_first_of(",;[]()<> "));
    if (is_v4(helo)) return !is_private(helo);
  }
  return false;
}

bool helo_ip_mismatch(EvalContext& message, const EvalArguments& /*arguments*/) {
  for (const Relay& relay : message.relays().untrusted) {
    if (!is_v4(relay.helo) || is_private(relay.helo) || !is_v4(relay.ip) || is_private(relay.ip))
      continue;
    const std::string_view net = std::string_view(relay.helo).substr(0, relay.helo.rfind('.') + 1);
    if (!relay.ip.starts_with(net)) return true;
  }
  return false;
}

bool all_trusted(EvalContext& message, const EvalArguments& /*arguments*/) {
  const Relays& relays = message.relays();
  return !relays.trusted.empty() && relays.untrusted.empty() && relays.unparseable == 0;
}
bool no_relays(EvalContext& message, const EvalArguments& /*arguments*/) {
  const Relays& relays = message.relays();
  return relays.trusted.empty() && relays.untrusted.empty() && relays.unparseable == 0;
}
bool relays_unparseable(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.relays().unparseable != 0;
}

bool sender_no_reverse(EvalContext& message, const EvalArguments& /*arguments*/) {
  const auto& untrusted = message.relays().untrusted;
  return !untrusted.empty() && untrusted.back().rdns.find('.') != std::string::npos &&
         !untrusted.back().ip_private;
}

// check_for_from_domain_in_received_headers(domain, 'true'|'false')
bool from_domain_in_received(EvalContext& message, const EvalArguments& arguments) {
  const std::string domain(arguments.text(0));
  if (to_lower(message.get("From:addr")).find(to_lower(domain)) == std::string::npos) return false;
  const auto ends_in = [&](const std::string& host) {
    if (!host.ends_with(domain)) return false;
    const std::size_t at = host.size() - domain.size();
    return at == 0 || !(is_alnum(host[at - 1]) || host[at - 1] == '_');
  };
  const auto passed = [&](const Relay& relay) { return ends_in(relay.rdns) && ends_in(relay.by); };
  const Relays& relays = message.relays();
  const bool found = std::any_of(relays.trusted.begin(), relays.trusted.end(), passed) ||
                     std::any_of(relays.untrusted.begin(), relays.untrusted.end(), passed);
  return found == (arguments.text(1) == "true");
}

// The last hop that says it is one of these decides.
bool no_rdns_dotcom_helo(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kBig(
      R"((?:\.|^)(?:lycos\.com|lycos\.co\.uk|hotmail\.com|localhost\.com|excite\.com|)"
      R"(caramail\.com|cs\.com|aol\.com|msn\.com|yahoo\.com|drizzle\.com)$)",
      "i");
  bool out = false;
  for (const Relay& relay : message.relays().untrusted) {
    if (relay.ip_private) continue;
    out = message.matches(kBig, relay.helo) && relay.looked_up_dns && relay.rdns.empty();
  }
  return out;
}

// ---- forged trails ----

std::string domain_of_host(const std::string& host) {
  if (std::none_of(host.begin(), host.end(), is_alpha)) return host;
  const auto labels = split(host, '.');
  const auto last = [&](std::size_t count) {
    std::string out;
    for (std::size_t i = labels.size() - count; i < labels.size(); ++i)
      out += (out.empty() ? "" : ".") + std::string(labels[i]);
    return out;
  };
  const std::string_view top = labels.back();
  const auto has = [&](std::string_view piece) { return top.find(piece) != top.npos; };
  if (labels.size() > 1 && (top.size() >= 3 || has("ie") || has("fr") || has("de"))) return last(2);
  return labels.size() > 2 ? last(3) : host;
}

// "^\w+(?:[\w.-]+\.)+\w+$" without going back and forth.
bool is_domain(std::string_view text) {
  const auto is_word = [](char c) { return is_alnum(c) || c == '_'; };
  const std::size_t dot = text.rfind('.');
  if (dot == text.npos || dot < 2 || dot + 1 == text.size() || !is_word(text[0])) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dot),
                     [&](char c) { return is_word(c) || c == '.' || c == '-'; }) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(dot) + 1, text.end(), is_word);
}

struct Trail {
  int mismatches = 0;
  int ip_helo_mismatches = 0;
};

Trail read_trail(EvalContext& message) {
  const auto& relays = message.relays().untrusted;
  Trail out;
  std::string before;  // the domain that the hop after this one (above it) came from
  bool any_before = false;
  for (std::size_t i = 0; i < relays.size(); ++i) {
    const Relay& relay = relays[i];
    const std::string by = domain_of_host(to_lower(relay.by));
    std::string from = domain_of_host(to_lower(relay.rdns));
    const std::string helo = domain_of_host(to_lower(relay.helo));
    const std::string previous = before;
    const bool has_previous = any_before;
    const bool readable = is_domain(by);
    const bool local = readable && relay.ip == "127.0.0.1" &&
                       (from == "localhost" || from == "localhost.localdomain");
    any_before = !local;
    before = from;
    if (!readable) continue;
    const auto net = [](const std::string& text) {
      return text.substr(0, text.find('.', text.find('.') + 1));
    };
    if (is_v4(helo) && is_v4(relay.ip) && net(helo) != net(relay.ip) && !is_private(helo))
      ++out.ip_helo_mismatches;
    if (has_previous && i > 0 && is_domain(previous) && by != previous &&
        !(by == "msn.com" && previous == "hotmail.com")) {
      ++out.mismatches;
    }
  }
  return out;
}
bool forged_trail(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.once<Trail>([&] { return read_trail(message); }).mismatches > 1;
}
bool forged_ip_helo(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.once<Trail>([&] { return read_trail(message); }).ip_helo_mismatches > 0;
}

// ---- bounces ----

bool any_bounce_relays(EvalContext& message, const EvalArguments& /*arguments*/) {
  return !message.settings().list("welcomelist_bounce_relays").empty();
}

// A word with a dot between blanks that is one of our relays.
bool names_relay(std::string_view line, const GlobList& relays) {
  std::size_t at = 0;
  while (true) {
    while (at < line.size() && !is_wsp(line[at])) ++at;
    while (at < line.size() && is_wsp(line[at])) ++at;
    std::size_t end = at;
    while (end < line.size() && !is_wsp(line[end])) ++end;
    if (end >= line.size()) return false;  // nothing is behind it
    const std::string_view word = line.substr(at, end - at);
    if (word.find('.') != word.npos && relays.matches(word)) return true;
    at = end;
  }
}

bool is_received(std::string_view line) {
  while (!line.empty() && (line.front() == '>' || line.front() == ' ')) line.remove_prefix(1);
  return istarts_with(line, "Received:");
}

// Received fields in the body of a bounce.
bool welcomelist_bounce_relays(EvalContext& message, const EvalArguments& /*arguments*/) {
  const GlobList& relays = message.settings().list("welcomelist_bounce_relays");
  if (relays.empty()) return false;
  const mail::PieceText& body = message.subject().content.body;
  for (std::size_t i = 0; i < body.pieces.size(); ++i) {
    if (is_received(body.piece(i)) && names_relay(body.piece(i), relays)) return true;
  }
  std::string field;
  bool found = false;
  for (const std::string_view line : split(message.raw_body(), '\n')) {
    found = found || is_received(line);
    if (!found) continue;
    const bool goes_on = !line.empty() && is_wsp(line[0]);
    if (goes_on && field.size() < 10000)
      field += line;
    else if (!goes_on)
      field = line;
    if (is_received(field) && names_relay(field, relays)) return true;
  }
  return false;
}

bool never(EvalContext& /*message*/, const EvalArguments& /*arguments*/) {
  return false;
}

constexpr EvalFunction kFunctions[] = {
    {"check_all_trusted", "", all_trusted},
    {"check_for_forged_received_ip_helo", "", forged_ip_helo},
    {"check_for_forged_received_trail", "", forged_trail},
    {"check_for_from_domain_in_received_headers", "tt", from_domain_in_received},
    {"check_for_illegal_ip", "", never},
    {"check_for_no_rdns_dotcom_helo", "", no_rdns_dotcom_helo},
    {"check_for_numeric_helo", "", numeric_helo},
    {"check_for_sender_no_reverse", "", sender_no_reverse},
    {"check_no_relays", "", no_relays},
    {"check_relays_unparseable", "", relays_unparseable},
    {"check_welcomelist_bounce_relays", "", welcomelist_bounce_relays},
    {"check_whitelist_bounce_relays", "", welcomelist_bounce_relays},
    {"have_any_bounce_relays", "", any_bounce_relays},
    {"helo_ip_mismatch", "", helo_ip_mismatch},
};

}  // namespace

std::span<const EvalFunction> relay_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
