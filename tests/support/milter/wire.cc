#include "tests/support/milter/wire.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::test::milter {

namespace {

struct EventFacts {
  Event event;
  const char* name;
  std::uint32_t no_event;
  std::uint32_t no_reply;
};

constexpr EventFacts kEvents[] = {
    {Event::connect, "CONNECT", step::kNoConnect, step::kNoReplyConnect},
    {Event::helo, "HELO", step::kNoHelo, step::kNoReplyHelo},
    {Event::mail, "MAIL", step::kNoMail, step::kNoReplyMail},
    {Event::rcpt, "RCPT", step::kNoRcpt, step::kNoReplyRcpt},
    {Event::data, "DATA", step::kNoData, step::kNoReplyData},
    {Event::header, "HEADER", step::kNoHeaders, step::kNoReplyHeader},
    {Event::end_of_headers, "END-OF-HEADER", step::kNoEndOfHeaders, step::kNoReplyEndOfHeaders},
    {Event::body, "BODY", step::kNoBody, step::kNoReplyBody},
    {Event::end_of_message, "END-OF-MESSAGE", 0, 0},
    {Event::unknown, "UNKNOWN", step::kNoUnknown, step::kNoReplyUnknown},
};

const EventFacts& facts(Event event) {
  return *std::find_if(std::begin(kEvents), std::end(kEvents) - 1,
                       [event](const EventFacts& one) { return one.event == event; });
}

void put_number(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  out += text;
  out += '\0';
}

std::string encode_arguments(Event event, std::string_view first,
                             const std::vector<std::string>& rest) {
  std::string payload;
  put_text(payload, first);
  for (const std::string& one : rest) put_text(payload, one);
  return encode_packet(static_cast<char>(event), payload);
}

/// Takes values off the front of a payload; the first one that is not there makes it bad for good.
class Reader {
 public:
  explicit Reader(std::string_view payload) : rest_(payload) {}

  std::uint32_t number() {
    if (rest_.size() < 4) {
      bad_ = "a number is cut off";
      rest_ = {};
      return 0;
    }
    std::uint32_t number = 0;
    for (const char octet : rest_.substr(0, 4)) {
      number = number << 8 | static_cast<unsigned char>(octet);
    }
    rest_.remove_prefix(4);
    return number;
  }
  std::string text() {
    const auto end = rest_.find('\0');
    if (end == rest_.npos) {
      bad_ = "a string does not end";
      rest_ = {};
      return {};
    }
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string all() { return std::string(std::exchange(rest_, {})); }
  bool at_end() const { return rest_.empty(); }
  /// What is wrong, or null: everything was there and nothing is left.
  const char* fault() const { return bad_ ? bad_ : at_end() ? nullptr : "octets are left over"; }

 private:
  std::string_view rest_;
  const char* bad_ = nullptr;
};

bool is_enhanced_code(std::string_view text, char reply_class) {
  // RFC 3463 section 2: class "." subject "." detail, one to three digits each of the last two.
  const auto parts = split(text, '.');
  if (parts.size() != 3 || parts[0] != std::string_view(&reply_class, 1)) return false;
  return std::all_of(parts.begin() + 1, parts.end(), [](std::string_view part) {
    return !part.empty() && part.size() <= 3 && std::all_of(part.begin(), part.end(), is_digit);
  });
}

/// The octets of SMFIR_REPLYCODE: one reply line, or several parted by CR LF with "-" behind the
/// code of all but the last (RFC 5321 section 4.2.1).
Result<ReplyPacket> decode_reply_code(std::string_view text, const Limits& limits) {
  const auto bad = [](std::string why) { return permanent_error(std::move(why), "reply code"); };
  ReplyCode reply;
  for (bool last = false; !last;) {
    const auto end = text.find("\r\n");
    std::string_view line = text.substr(0, end);
    if (line.size() < 3 || (line[0] != '4' && line[0] != '5') || !is_digit(line[1]) ||
        !is_digit(line[2])) {
      return bad("expected a line that starts with 4xx or 5xx, got \"" + printable(line, 60) +
                 "\"");
    }
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (reply.code != 0 && code != reply.code) return bad("lines with different codes");
    if (line.find_first_of("\r\n") != line.npos) return bad("a bare CR or LF");
    reply.code = code;
    const char reply_class = line[0];
    const char mark = line.size() > 3 ? line[3] : ' ';
    last = mark == ' ';
    if (mark != ' ' && mark != '-') return bad("neither blank nor \"-\" behind the code");
    if (last != (end == text.npos)) return bad("continuation mark and number of lines disagree");
    line.remove_prefix(std::min<std::size_t>(4, line.size()));
    const auto word_end = std::min(line.find(' '), line.size());
    if (is_enhanced_code(line.substr(0, word_end), reply_class)) {
      if (reply.lines.empty()) reply.enhanced = line.substr(0, word_end);
      line.remove_prefix(std::min(word_end + 1, line.size()));
    }
    reply.lines.emplace_back(line);
    if (reply.lines.size() > limits.reply_lines) return bad("too many lines");
    if (!last) text.remove_prefix(end + 2);
  }
  return ReplyPacket(std::move(reply));
}

/// Version, actions, steps, then the macro lists: stage number and names parted by blanks.
Result<ReplyPacket> decode_negotiated(std::string_view payload, const Limits& limits) {
  Reader reader(payload);
  Negotiated answer;
  answer.version = reader.number();
  answer.actions = reader.number();
  answer.steps = reader.number();
  if (const char* fault = reader.at_end() ? reader.fault() : nullptr) {
    return permanent_error(fault, "negotiation");
  }
  while (!reader.at_end()) {
    const std::uint32_t stage = reader.number();
    const std::string names = reader.text();
    if (reader.at_end() && reader.fault()) return permanent_error(reader.fault(), "negotiation");
    if (stage >= kMacroStages.size()) continue;
    std::vector<std::string> list;
    for (std::size_t at = 0; (at = names.find_first_not_of(" ,\t", at)) != names.npos;) {
      const auto end = std::min(names.find_first_of(" ,\t", at), names.size());
      if (list.size() == limits.macros_in_list) {
        return permanent_error("more macros in a list than allowed", "negotiation");
      }
      list.push_back(names.substr(at, end - at));
      at = end;
    }
    const Event event = kMacroStages[stage];
    for (const auto& [known, unused] : answer.macro_lists) {
      if (known == event) return permanent_error("two macro lists for one stage", to_string(event));
    }
    answer.macro_lists.emplace_back(event, std::move(list));
  }
  return ReplyPacket(std::move(answer));
}

/// Replies that are lists of numbers and strings.
Result<ReplyPacket> decode_modification(char command, std::string_view payload) {
  Reader reader(payload);
  ReplyPacket reply;
  switch (command) {
    case 'h': {
      std::string name = reader.text();
      reply = AddHeader{std::move(name), reader.text()};
      break;
    }
    case 'i':
    case 'm': {
      const std::uint32_t index = reader.number();
      std::string name = reader.text();
      std::string value = reader.text();
      if (command == 'i') {
        reply = InsertHeader{index, std::move(name), std::move(value)};
      } else {
        reply = ChangeHeader{index, std::move(name), std::move(value)};
      }
      break;
    }
    case '+':
      reply = AddRecipient{reader.text(), {}};
      break;
    case '2': {
      std::string address = reader.text();
      reply = AddRecipient{std::move(address), reader.at_end() ? std::string() : reader.text()};
      break;
    }
    case '-':
      reply = DeleteRecipient{reader.text()};
      break;
    case 'e': {
      std::string address = reader.text();
      reply = ChangeFrom{std::move(address), reader.at_end() ? std::string() : reader.text()};
      break;
    }
    case 'b':
      reply = ReplaceBody{reader.all()};
      break;
    default:
      reply = Quarantine{reader.text()};
  }
  if (const char* fault = reader.fault()) return permanent_error(fault, to_string(reply));
  const auto has_empty_name = [](const auto& one) {
    if constexpr (requires { one.name; }) return one.name.empty();
    return false;
  };
  if (std::visit(has_empty_name, reply)) {
    return permanent_error("the field has no name", to_string(reply));
  }
  return reply;
}

/// Replies without a payload; nothing for other commands.
std::optional<ReplyPacket> simple_reply(char command) {
  switch (command) {
    case 'c':
      return Continue{};
    case 'a':
      return Accept{};
    case 'r':
      return Reject{};
    case 't':
      return Tempfail{};
    case 'd':
      return Discard{};
    case 's':
      return Skip{};
    case 'p':
      return Progress{};
    case '4':
      return Shutdown{};
    case 'f':
      return ConnectionFailed{};
    default:
      return std::nullopt;
  }
}

constexpr const char* kReplyNames[] = {
    "continue",    "accept",        "reject",        "tempfail",      "discard",
    "skip",        "progress",      "shutdown",      "conn_fail",     "reply code",
    "add header",  "insert header", "change header", "add recipient", "delete recipient",
    "change from", "replace body",  "quarantine",    "negotiation"};
static_assert(std::size(kReplyNames) == std::variant_size_v<ReplyPacket>);

}  // namespace

const char* to_string(Event event) {
  return facts(event).name;
}
std::uint32_t no_event_step(Event event) {
  return facts(event).no_event;
}
std::uint32_t no_reply_step(Event event) {
  return facts(event).no_reply;
}

std::string encode_packet(char command, std::string_view payload) {
  std::string packet;
  packet.reserve(payload.size() + 5);
  put_number(packet, static_cast<std::uint32_t>(payload.size() + 1));
  packet += command;
  packet += payload;
  return packet;
}

std::string encode_negotiate(std::uint32_t version, std::uint32_t actions, std::uint32_t steps) {
  std::string payload;
  put_number(payload, version);
  put_number(payload, actions);
  put_number(payload, steps);
  return encode_packet('O', payload);
}

std::string encode_macros(Event event, const std::vector<Macro>& macros) {
  std::string payload(1, static_cast<char>(event));
  for (const auto& [name, value] : macros) {
    put_text(payload, name);
    put_text(payload, value);
  }
  return encode_packet('D', payload);
}

std::string encode_connect(const ClientInfo& client) {
  std::string payload;
  put_text(payload, client.name);
  payload += static_cast<char>(client.family);
  if (client.family != ClientInfo::Family::unknown) {
    payload += static_cast<char>(client.port >> 8);
    payload += static_cast<char>(client.port & 0xff);
    put_text(payload, client.address);
  }
  return encode_packet('C', payload);
}

std::string encode_helo(std::string_view name) {
  return encode_arguments(Event::helo, name, {});
}
std::string encode_mail(std::string_view address, const std::vector<std::string>& parameters) {
  return encode_arguments(Event::mail, address, parameters);
}
std::string encode_rcpt(std::string_view address, const std::vector<std::string>& parameters) {
  return encode_arguments(Event::rcpt, address, parameters);
}
std::string encode_data() {
  return encode_packet('T', {});
}
std::string encode_header(std::string_view name, std::string_view value) {
  return encode_arguments(Event::header, name, {std::string(value)});
}
std::string encode_end_of_headers() {
  return encode_packet('N', {});
}
std::string encode_body(std::string_view chunk) {
  return encode_packet('B', chunk);
}
std::string encode_end_of_message() {
  return encode_packet('E', {});
}
std::string encode_abort() {
  return encode_packet('A', {});
}
std::string encode_quit() {
  return encode_packet('Q', {});
}
std::string encode_quit_new_connection() {
  return encode_packet('K', {});
}
std::string encode_unknown(std::string_view line) {
  return encode_arguments(Event::unknown, line, {});
}

Result<std::size_t> decode_length(std::string_view octets, const Limits& limits) {
  if (octets.size() < 4) return permanent_error("a packet length has four octets");
  const std::size_t length = Reader(octets.substr(0, 4)).number();
  if (length == 0) return permanent_error("a packet without a command");
  if (length > limits.packet) {
    return permanent_error("a packet of " + std::to_string(length) + " octets, at most " +
                           std::to_string(limits.packet) + " are allowed");
  }
  return length;
}

Result<ReplyPacket> decode_reply(std::string_view packet, const Limits& limits) {
  if (packet.empty()) return permanent_error("a packet without a command");
  if (packet.size() > limits.packet) return permanent_error("the packet is too long");
  const char command = packet[0];
  packet.remove_prefix(1);
  if (const auto simple = simple_reply(command)) {
    if (!packet.empty()) return permanent_error("octets are left over", to_string(*simple));
    return *simple;
  }
  if (command == 'y') {
    Reader reader(packet);
    const std::string text = reader.text();
    if (const char* fault = reader.fault()) return permanent_error(fault, "reply code");
    return decode_reply_code(text, limits);
  }
  if (command == 'O') return decode_negotiated(packet, limits);
  if (std::string_view("himb+2-eq").find(command) != std::string_view::npos) {
    return decode_modification(command, packet);
  }
  return permanent_error("no reply of the protocol", printable(std::string_view(&command, 1)));
}

const char* to_string(const ReplyPacket& reply) {
  return kReplyNames[reply.index()];
}

}  // namespace gatepost::test::milter
