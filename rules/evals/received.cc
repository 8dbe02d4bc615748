// Dates of a message against those of its way, and Received fields that mail of big providers must
// have.

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"
#include "rules/evals/mail_date.h"

namespace gatepost::rules {
namespace {

// An IPv4 or IPv6 address, loosely.
#define GATEPOST_IP R"((?:\d{1,3}(?:\.\d{1,3}){3}|(?:IPv6:)?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*))"

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != text.npos;
}

// ---- dates ----

struct Dates {
  std::optional<std::int64_t> written;
  std::vector<std::int64_t> received;  // the newest first
  std::optional<std::int64_t> fetched;
  std::int64_t shift = 0;  // written less received
};

// The date in a Received field.
std::optional<std::int64_t> received_date(EvalContext& message, std::string_view field) {
  static const FixedPattern kDate(R"(\s.?\d+ \S\S\S \d+ \d+:\d+:\d+ \S+)");
  if (!message.matches(kDate, field)) return std::nullopt;
  return read_mail_date(message.found());
}

void read_received(EvalContext& message, Dates& out) {
  static const FixedPattern kLocal(
      R"(\bfrom (?:localhost\s|(?:\S+ ){1,2}\S*\b127\.0\.0\.1\b)|qmail \d+ invoked by uid \d+)");
  static const FixedPattern kFetched(R"(\bby localhost with \w+ \(fetchmail-[\d.]+)");
  std::vector<std::string_view> fields;
  for (const std::string_view field : message.list("Received")) {
    if (!trim(field).empty()) fields.push_back(field);
  }
  if (fields.empty()) return;
  std::vector<std::string_view> local;
  const std::string_view first = fields.front();
  const bool may_be_local = contains(first, "localhost") || contains(first, "127.0.0.1") ||
                            contains(first, "invoked by uid");
  const bool from_here = may_be_local && message.matches(kLocal, first);
  const std::size_t next = from_here ? 1 : 0;
  if (next < fields.size() && contains(fields[next], "(fetchmail-") &&
      message.matches(kFetched, fields[next])) {
    local.assign(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(next + 1));
    fields.erase(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(next + 1));
  }
  for (const std::string_view field : local) {
    const auto date = received_date(message, field);
    if (date && message.subject().now >= *date && (!out.fetched || *date > *out.fetched))
      out.fetched = date;
  }
  for (const std::string_view field : fields) {
    if (const auto date = received_date(message, field)) out.received.push_back(*date);
  }
}

Dates read_dates(EvalContext& message) {
  Dates out;
  for (const char* name : {"Resent-Date", "Date"}) {
    for (const std::string& value : message.list(name)) {
      out.written = read_mail_date(value);
      if (out.written) break;
    }
    if (out.written) break;
  }
  read_received(message, out);
  if (!out.written || out.received.empty()) return out;
  std::vector<std::int64_t> shifts;
  for (const std::int64_t received : out.received) shifts.push_back(*out.written - received);
  // The last hop often has the very date of the message.
  if (shifts.size() > 1 && shifts.back() == 0) shifts.pop_back();
  out.shift = *std::min_element(shifts.begin(), shifts.end(), [](std::int64_t a, std::int64_t b) {
    return std::abs(a) < std::abs(b);
  });
  return out;
}

const Dates& dates(EvalContext& message) {
  return message.once<Dates>([&] { return read_dates(message); });
}

// In hours: the message's date is that much ahead of when it was received.
bool shifted_date(EvalContext& message, const EvalArguments& arguments) {
  const double shift = static_cast<double>(dates(message).shift);
  return (arguments[0].undefined || shift >= 3600 * arguments[0].number) &&
         (arguments[1].undefined || shift < 3600 * arguments[1].number);
}

bool received_within_months(EvalContext& message, const EvalArguments& arguments) {
  constexpr double kMonth = 31556952.0 / 12;
  const Dates& d = dates(message);
  std::vector<std::int64_t> possible;
  if (d.written) possible.push_back(*d.written);
  if (!d.received.empty()) possible.push_back(d.received.front());
  if (d.fetched) possible.push_back(*d.fetched);
  if (d.written && !d.received.empty()) possible.push_back(*d.written - d.shift);
  std::sort(possible.rbegin(), possible.rend());
  const std::int64_t received = possible.empty() ? 0 : possible[(possible.size() - 1) / 2];
  const double age = static_cast<double>(message.subject().now - received);
  return (arguments[0].undefined || age >= kMonth * arguments[0].number) &&
         (arguments[1].undefined || age < kMonth * arguments[1].number);
}

// Ids of Outlook hold the time they were made at.
bool outlook_message_id(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kId(R"(^<[0-9a-f]{4}\K[0-9a-f]{8}(?=\$[0-9a-f]{8}\$[0-9a-f]{8}\@))");
  if (!message.matches(kId, message.get("MESSAGEID"))) return false;
  double token = 0;
  for (const char c : message.found()) token = 16 * token + (is_digit(c) ? c - '0' : c - 'a' + 10);
  const auto is_near = [&](std::optional<std::int64_t> date) {
    constexpr double kFudge = 250;
    const double expected =
        std::trunc(static_cast<double>(date.value_or(0)) * 0.0023283064365387 + 27111902.8329849);
    return std::abs(token - expected) < kFudge;
  };
  if (is_near(read_mail_date(message.get("Date")))) return false;
  return !is_near(read_mail_date(message.get("Received")));
}

// ---- providers ----

bool from_domain(EvalContext& message, std::string_view domain) {
  const std::string_view from = message.get("From:addr");
  if (from.size() < domain.size()) return false;
  const std::size_t at = from.size() - domain.size();
  if (!iequals(from.substr(at), domain)) return false;
  return at == 0 || !(is_alnum(from[at - 1]) || from[at - 1] == '_');
}

bool has_ip(EvalContext& message, std::string_view name) {
  static const FixedPattern kIp(GATEPOST_IP);
  return message.matches(kIp, message.get(name));
}

// Lists and groups that take Received fields away.
bool gated(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kEzmlm(R"(^contact \S+@\S+; run by ezmlm$)", "m");
  static const FixedPattern kListAddress(R"(^mailing list \S+@\S+)", "m");
  static const FixedPattern kQmail(
      R"(qmail \d+ invoked (?:from network|by .{3,20})\); \d+ ... \d+)");
  static const FixedPattern kGroups(R"(from groups\.msn\.com \(\S+\.msn\.com )");
  if (message.matches(kEzmlm, message.get("Mailing-List")) &&
      message.matches(kListAddress, message.get("Delivered-To")) &&
      message.matches(kQmail, message.get("Received"))) {
    return true;
  }
  if (!message.has("Received")) return true;
  const std::string& received = message.get("Received");
  return contains(received, "from groups.msn.com (") && message.matches(kGroups, received);
}
bool is_gated(EvalContext& message) {
  struct Gated {
    bool value = false;
  };
  return message.once<Gated>([&] { return Gated{gated(message, EvalArguments({}, ""))}; }).value;
}

struct FlatReceived {
  std::string text;
};
const std::string& flat_received(EvalContext& message) {
  return message.once<FlatReceived>([&] { return FlatReceived{squeeze(message.get("Received"))}; })
      .text;
}

bool msn_groups(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kTo(R"(<\K\S+(?=@groups\.msn\.com>))", "i");
  static const FixedPattern kServer(
      R"(from mail pickup service by \K(?:p\d\d.)groups\.msn\.com\b)");
  const std::string& to = message.get("To");
  if (to.find('<') == to.npos || !message.matches(kTo, to)) return false;
  const std::string name(message.found());
  if (!message.matches(kServer, message.get("Received"))) return false;
  const std::string server(message.found());
  const std::string& id = message.get("Message-Id");
  if (name == "notifications") return id.starts_with("<") && contains(id, "@" + server);
  return id.starts_with("<" + name + "-") && contains(id, "@groups.msn.com>") &&
         contains(message.get("EnvelopeFrom:addr"), name + "-bounce@groups.msn.com");
}

struct HotmailFacts {
  bool forged = false;
  bool missing = false;
};

bool is_hotmail_hop(EvalContext& message, const std::string& received) {
  static const FixedPattern kOld(R"(from (?:\S*\.)?hotmail.com \(\S+\.hotmail(?:\.msn)?\.com[ )]|)"
                                 R"(from \S*\.hotmail.com \(\[)" GATEPOST_IP R"(\][ ):]|)"
                                 R"(from \S+ by \S+\.hotmail(?:\.msn)?\.com with HTTP;|)"
                                 R"(from \[66.218.\S+\] by \S+\.yahoo\.com)");
  static const FixedPattern kNew(R"(from \S*\.outbound\.protection\.outlook\.com )"
                                 R"(\(\S+\.outbound\.protection\.outlook\.com[ )]|)"
                                 R"(from \S*\.(?:eur|nam)prd\d+\.prod\.outlook\.com \()" GATEPOST_IP
                                 R"(\))");
  static const FixedPattern kOriginator(R"(hotmail\.com|msonline-outlook)");
  return (has_ip(message, "X-Originating-Ip") && message.matches(kOld, received)) ||
         (message.matches(kOriginator, message.get("X-OriginatorOrg")) &&
          message.matches(kNew, received));
}

HotmailFacts hotmail_facts(EvalContext& message) {
  static const FixedPattern kHelo(R"((?:from |HELO |helo=)\S*hotmail\.com\b)");
  const std::string& received = flat_received(message);
  if (contains(received, "from mail pickup service by hotmail.com with Microsoft SMTPSVC;") ||
      msn_groups(message, EvalArguments({}, "")) || is_gated(message) ||
      is_hotmail_hop(message, received)) {
    return {};
  }
  if (contains(received, "hotmail.com") && message.matches(kHelo, received)) return {true, false};
  return {false, from_domain(message, "hotmail.com")};
}
bool forged_hotmail(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.once<HotmailFacts>([&] { return hotmail_facts(message); }).forged;
}
bool no_hotmail(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.once<HotmailFacts>([&] { return hotmail_facts(message); }).missing;
}

bool forged_eudoramail(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kBy(R"(by \S*whowhere.com;)");
  return from_domain(message, "eudoramail.com") && !is_gated(message) &&
         !(has_ip(message, "X-Sender-Ip") && message.matches(kBy, flat_received(message)));
}

bool forged_yahoo(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kHop(
      R"(by web\S+\.mail\S*\.yahoo\.com via HTTP|)"
      R"(by sonic\S+\.consmr\.mail\S*\.yahoo\.com with HTTP|)"
      R"(by smtp\S+\.yahoo\.com with SMTP|)"
      R"(from \[)" GATEPOST_IP R"(\] by \S+\.(?:groups|scd|dcn)\.yahoo\.com with NNFMP|)"
      R"(by \w+\.\w+\.yahoo\.com \(\d+\.\d+\.\d+/\d+\.\d+\.\d+\)(?: with ESMTP)? id \w+)");
  static const FixedPattern kBulk(R"(\bmailer\d+\.bulk\.scd\.yahoo\.com\b)");
  static const FixedPattern kReply(R"(@reply\.yahoo\.com$)", "i");
  if (!from_domain(message, "yahoo.com")) return false;
  std::string received = flat_received(message);
  if (!message.get("Resent-From").empty() && !message.get("Resent-To").empty() &&
      !message.get("X-Received").empty()) {
    received = squeeze(message.get("X-Received"));
  }
  if (is_gated(message)) return false;
  const Relays& relays = message.relays();
  const auto is_yahoo = [](const Relay& relay) { return relay.rdns.ends_with(".yahoo.com"); };
  if (std::any_of(relays.trusted.begin(), relays.trusted.end(), is_yahoo) ||
      (!relays.untrusted.empty() && is_yahoo(relays.untrusted.front()))) {
    return false;
  }
  if (message.matches(kHop, received)) return false;
  return !(message.matches(kBulk, received) && message.matches(kReply, message.get("From:addr")));
}

bool forged_juno(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kNew(R"(from.*\b(?:juno|untd)\.com.*[\[(])" GATEPOST_IP
                                 R"([\])].*by|(?: cookie\.(?:juno|untd)\.com ))");
  if (!from_domain(message, "juno.com") || is_gated(message)) return false;
  const std::string& origin = message.get("X-Originating-IP");
  const std::string& mailer = message.get("X-Mailer");
  const std::string& received = message.get("Received");
  if (!origin.empty()) return !message.matches(kNew, received) || !contains(mailer, "Juno ");
  return true;  // an older form needs an X-Originating-IP that is not there
}

bool forged_gmail(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kInner(R"(by (?:10\.\S+|2002:a\d\d:\w+:\S+) with SMTP id \S+)");
  static const FixedPattern kSubmitted(R"(by smtp\.googlemail\.com with ESMTPSA id \S+)");
  constexpr std::size_t kToken = 60;
  return from_domain(message, "gmail.com") && !message.matches(kInner, message.get("X-Received")) &&
         !message.matches(kSubmitted, message.get("Received")) &&
         !(message.get("X-Gm-Message-State").size() >= kToken &&
           message.get("X-Google-Smtp-Source").size() >= kToken);
}

// " rly-xx01.", letters in either case.
bool names_aol_relay(std::string_view text) {
  constexpr std::string_view kBegin = " rly-";
  for (std::size_t at = text.find('-'); at != text.npos; at = text.find('-', at + 1)) {
    if (at + 6 > text.size()) return false;
    if (at + 1 >= kBegin.size() && ascii_lower(text[at - 1]) == 'y' &&
        istarts_with(text.substr(at + 1 - kBegin.size()), kBegin) && is_alpha(text[at + 1]) &&
        is_alpha(text[at + 2]) && is_digit(text[at + 3]) && is_digit(text[at + 4]) &&
        text[at + 5] == '.') {
      return true;
    }
  }
  return false;
}

bool fake_aol_relay(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kReal(R"(/AOL-\d+\.\d+\.\d+\)|ESMTP id (?:RELAY|MAILRELAY|MAILIN))");
  return names_aol_relay(flat_received(message)) && !message.matches(kReal, flat_received(message));
}

bool forged_gw05(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kHop(
      R"(\nfrom\s\S+\sby\s[^\s.]+\swith\sESMTP;\s+\S\S\S,\s+\d+\s+\S\S\S\s+\d{4}\s+)"
      R"(\d\d:\d\d:\d\d\s+[-+]*\d{4}\n$)");
  return message.matches(kHop, message.get("Received"));
}

// Software that writes ids of its own over those of others.
bool messageid_not_usable(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kLeave(R"(<mailto:(?:leave-\S+|\S+-unsubscribe)@\S+>$)", "i");
  const std::string& received = message.get("Received");
  return message.matches(kLeave, message.get("List-Unsubscribe")) || is_gated(message) ||
         contains(received, "/CWT/DCE)") || contains(received, "iPlanet Messaging Server");
}

constexpr EvalFunction kFunctions[] = {
    {"check_for_fake_aol_relay_in_rcvd", "", fake_aol_relay},
    {"check_for_forged_eudoramail_received_headers", "", forged_eudoramail},
    {"check_for_forged_gmail_received_headers", "", forged_gmail},
    {"check_for_forged_gw05_received_headers", "", forged_gw05},
    {"check_for_forged_hotmail_received_headers", "", forged_hotmail},
    {"check_for_forged_juno_received_headers", "", forged_juno},
    {"check_for_forged_yahoo_received_headers", "", forged_yahoo},
    {"check_for_msn_groups_headers", "", msn_groups},
    {"check_for_no_hotmail_received_headers", "", no_hotmail},
    {"check_for_shifted_date", "uu", shifted_date},
    {"check_messageid_not_usable", "", messageid_not_usable},
    {"check_outlook_message_id", "", outlook_message_id},
    {"gated_through_received_hdr_remover", "", gated},
    {"received_within_months", "uu", received_within_months},
};

}  // namespace

std::span<const EvalFunction> received_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
