#include "tests/support/milter/client.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::test::milter {

namespace {

constexpr std::size_t kFlushAt = std::size_t{128} * 1024;
constexpr const char* kVerdictNames[] = {"continue", "accept",   "reject",   "tempfail",
                                         "discard",  "shutdown", "conn_fail"};
constexpr const char* kDefaultReject = "550 5.7.1 Command rejected";
constexpr const char* kDefaultTempfail = "451 4.7.1 Service unavailable - try again later";

std::string without_brackets(std::string_view address) {
  if (address.starts_with('<') && address.ends_with('>')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

std::string domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == address.npos ? std::string() : std::string(address.substr(at + 1));
}

bool is_connect_event(Event event) {
  return event == Event::connect || event == Event::helo;
}

/// Postfix calls no function at all for these when the filter does not want them; for the others
/// it sends the macros even when it does not send the event.
bool is_content_event(Event event) {
  return event == Event::header || event == Event::end_of_headers || event == Event::body;
}

/// The list an event's macros come from: headers use the one of end of headers, body chunks that
/// of end of message.
Event macro_stage(Event event) {
  if (event == Event::header) return Event::end_of_headers;
  if (event == Event::body) return Event::end_of_message;
  return event;
}

/// The actions of which one must have been negotiated; 0: not a modification.
std::uint32_t actions_for(const ReplyPacket& packet) {
  if (std::holds_alternative<AddHeader>(packet)) return action::kAddHeaders;
  if (std::holds_alternative<InsertHeader>(packet)) return action::kAddHeaders;
  if (std::holds_alternative<ChangeHeader>(packet)) return action::kChangeHeaders;
  if (std::holds_alternative<DeleteRecipient>(packet)) return action::kDeleteRecipient;
  if (std::holds_alternative<ChangeFrom>(packet)) return action::kChangeFrom;
  if (std::holds_alternative<ReplaceBody>(packet)) return action::kReplaceBody;
  if (std::holds_alternative<Quarantine>(packet)) return action::kQuarantine;
  if (const auto* added = std::get_if<AddRecipient>(&packet)) {
    return added->parameters.empty() ? action::kAddRecipient | action::kAddRecipientParameters
                                     : action::kAddRecipientParameters;
  }
  return 0;
}

}  // namespace

const char* to_string(Verdict verdict) {
  return kVerdictNames[static_cast<std::size_t>(verdict)];
}

std::string Reply::smtp() const {
  if (!code) {
    if (verdict == Verdict::reject) return kDefaultReject;
    if (verdict == Verdict::tempfail) return kDefaultTempfail;
    if (verdict == Verdict::shutdown) return "421 4.7.0 Service unavailable - closing connection";
    return {};
  }
  std::string text;
  for (std::size_t i = 0; i < code->lines.size(); ++i) {
    const bool last = i + 1 == code->lines.size();
    text += std::to_string(code->code) + (last ? " " : "-");
    if (!code->enhanced.empty()) text += code->enhanced + " ";
    const std::string& line = code->lines[i];
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (line[at] == '%' && ++at == line.size()) break;  // Postfix drops a single "%"
      text += line[at];
    }
    if (!last) text += "\r\n";
  }
  return text;
}

std::optional<std::string> Reply::quarantine() const {
  for (const ReplyPacket& packet : modifications) {
    if (const auto* one = std::get_if<Quarantine>(&packet)) return one->reason;
  }
  return std::nullopt;
}

std::vector<std::string> Reply::added_headers(std::string_view name) const {
  std::vector<std::string> values;
  for (const ReplyPacket& packet : modifications) {
    if (const auto* added = std::get_if<AddHeader>(&packet)) {
      if (iequals(added->name, name)) values.push_back(added->value);
    } else if (const auto* inserted = std::get_if<InsertHeader>(&packet)) {
      if (iequals(inserted->name, name)) values.push_back(inserted->value);
    }
  }
  return values;
}

const std::map<Event, std::vector<std::string>>& postfix_macro_lists() {
  static const std::map<Event, std::vector<std::string>> lists = {
      {Event::connect, {"j", "{daemon_name}", "{daemon_addr}", "v", "_"}},
      {Event::helo,
       {"{tls_version}", "{cipher}", "{cipher_bits}", "{cert_subject}", "{cert_issuer}"}},
      {Event::mail,
       {"i", "{auth_type}", "{auth_authen}", "{auth_author}", "{mail_addr}", "{mail_host}",
        "{mail_mailer}"}},
      {Event::rcpt, {"i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"}},
      {Event::data, {"i"}},
      {Event::end_of_headers, {"i"}},
      {Event::end_of_message, {"i"}},
      {Event::unknown, {}},
  };
  return lists;
}

Result<MilterClient> MilterClient::open(const Endpoint& endpoint, const Options& options) {
  auto stream = Stream::connect_to(endpoint, options.connect_timeout);
  if (!stream) return stream.error();
  if (options.no_delay && endpoint.path.empty()) stream->set_no_delay(true);
  MilterClient client(std::move(*stream), options);
  client.macros_ = {{"j", "mx.example.test"},
                    {"{daemon_name}", "mx.example.test"},
                    {"{daemon_addr}", "127.0.0.1"},
                    {"{daemon_port}", "25"},
                    {"v", "Postfix 3.7.11"}};
  return client;
}

Error MilterClient::failed(Error error) {
  close();
  return error;
}

Error MilterClient::broken(Event event, const std::string& what) {
  return failed(permanent_error(what, std::string("reply to ") + to_string(event)));
}

Result<void> MilterClient::flush() {
  if (waiting_.empty()) return {};
  const auto sent = stream_.send(waiting_, after(options_.reply_timeout));
  waiting_.clear();
  if (!sent) return failed(sent.error());
  return {};
}

Result<void> MilterClient::queue(std::string_view octets) {
  waiting_ += octets;
  return waiting_.size() >= kFlushAt ? flush() : Result<void>();
}

Result<void> MilterClient::raw_send(std::string_view octets) {
  waiting_ += octets;
  return flush();
}

Result<ReplyPacket> MilterClient::read_reply() {
  if (auto sent = flush(); !sent) return sent.error();
  const SteadyTime deadline = after(options_.reply_timeout);
  const auto head = stream_.receive_exactly(4, deadline);
  if (!head) return failed(head.error());
  const auto length = decode_length(*head, options_.limits);
  if (!length) return failed(length.error());
  const auto packet = stream_.receive_exactly(*length, deadline);
  if (!packet) return failed(packet.error());
  auto reply = decode_reply(*packet, options_.limits);
  if (!reply) return failed(reply.error());
  return reply;
}

bool MilterClient::closed_by_filter(Milliseconds wait) {
  if (!flush()) return true;
  const SteadyTime deadline = after(wait);
  for (;;) {
    const auto octets = stream_.receive(65536, deadline);
    if (!octets) return std::chrono::steady_clock::now() < deadline;  // reset, or late
    if (octets->empty()) return true;
  }
}

Result<Negotiated> MilterClient::negotiate(const Offer& offer) {
  if (state_ != State::fresh) return failed(internal_error("negotiate() comes once, and first"));
  const std::uint32_t actions = offer.actions & action::known(offer.version);
  const std::uint32_t steps = offer.steps & step::known(offer.version);
  if (auto sent = queue(encode_negotiate(offer.version, actions, steps)); !sent) {
    return sent.error();
  }
  auto packet = read_reply();
  if (!packet) return packet.error();
  const auto bad = [this](const std::string& what) {
    return failed(permanent_error(what, "negotiation"));
  };
  const auto* answer = std::get_if<Negotiated>(&*packet);
  if (!answer) return bad(std::string("answered with ") + to_string(*packet));
  if (answer->version < kMinVersion || answer->version > offer.version) {
    return bad("version " + std::to_string(answer->version) + " was not offered");
  }
  if (answer->actions & ~actions) return bad("the filter wants actions that were not offered");
  if (answer->steps & ~steps) return bad("the filter wants steps that were not offered");
  if (!answer->macro_lists.empty()) {
    if (!(answer->actions & action::kSetMacroList)) {
      return bad("macro lists without the action that allows them");
    }
    macro_lists_.clear();  // Postfix then empties the lists that were not asked for
    for (const auto& [event, names] : answer->macro_lists) macro_lists_[event] = names;
  }
  agreement_ = *answer;
  state_ = State::ready;
  return agreement_;
}

void MilterClient::set_macro(const std::string& name, std::string value) {
  macros_[name] = std::move(value);
}

void MilterClient::set_macro_list(Event event, std::vector<std::string> names) {
  macro_lists_[event] = std::move(names);
}

Result<void> MilterClient::queue_macros(Event event) {
  std::vector<Macro> macros;
  for (const std::string& name : macro_lists_[macro_stage(event)]) {
    auto found = macros_.find(name);
    // As in libmilter and the MTAs, x and {x} are one macro.
    if (found == macros_.end() && name.size() == 1) found = macros_.find("{" + name + "}");
    if (found == macros_.end() && name.size() == 3) found = macros_.find(name.substr(1, 1));
    if (found != macros_.end()) macros.emplace_back(name, found->second);
  }
  return queue(encode_macros(event, macros));
}

Result<Reply> MilterClient::event(Event event, const std::string& packet) {
  if (state_ == State::closed) return temporary_error("the connection to the filter is closed");
  if (state_ == State::fresh) return failed(internal_error("negotiate() comes first"));
  if (state_ == State::accepted || state_ == State::rejected) return settled_;
  if (state_ == State::accepted_message && event != Event::helo) {
    Reply reply = settled_;
    // The end of message would have been the last event: the next MAIL begins anew.
    if (event == Event::end_of_message) state_ = State::envelope;
    return reply;
  }
  Reply reply;
  const std::uint32_t no_event = no_event_step(event);
  if (no_event != 0 && !(step::known(agreement_.version) & no_event)) return reply;
  if (skipped_ && *skipped_ == event) return reply;
  skipped_.reset();
  const bool unwanted = (agreement_.steps & no_event) != 0;
  if (!(unwanted && is_content_event(event))) {
    if (auto sent = queue_macros(event); !sent) return sent.error();
  }
  if (unwanted) return reply;
  if (auto sent = queue(packet); !sent) return sent.error();
  if (agreement_.steps & no_reply_step(event)) {
    reply.sent = true;
    return reply;
  }
  auto answer = await_reply(event);
  if (answer) settle(event, *answer);
  return answer;
}

Result<Reply> MilterClient::await_reply(Event event) {
  Reply reply;
  reply.sent = reply.answered = true;
  for (;;) {
    auto packet = read_reply();
    if (!packet) {
      Error error = packet.error();
      if (error.where.empty()) error.where = std::string("reply to ") + to_string(event);
      return error;
    }
    const auto over = take(event, std::move(*packet), reply);
    if (!over) return over.error();
    if (*over) return reply;
  }
}

Result<bool> MilterClient::take(Event event, ReplyPacket packet, Reply& reply) {
  const auto is = [&packet]<class T>(T) { return std::holds_alternative<T>(packet); };
  if (is(Progress{})) {
    if (static_cast<std::size_t>(++reply.progress) > options_.limits.progress) {
      return broken(event, "more progress than allowed");
    }
    return false;
  }
  if (actions_for(packet) != 0) {
    if (auto allowed = check_modification(event, packet, reply); !allowed) {
      return broken(event, allowed.error().what);
    }
    reply.modifications.push_back(std::move(packet));
    return false;
  }
  if (is(Accept{})) reply.verdict = Verdict::accept;
  if (is(Reject{})) reply.verdict = Verdict::reject;
  if (is(Tempfail{})) reply.verdict = Verdict::tempfail;
  if (is(Shutdown{})) reply.verdict = Verdict::shutdown;
  if (is(ConnectionFailed{})) reply.verdict = Verdict::connection_failed;
  if (is(Discard{})) {
    if (is_connect_event(event)) return broken(event, "discard before a message began");
    reply.verdict = Verdict::discard;
  }
  if (is(Skip{})) {
    if (event == Event::end_of_message || !(agreement_.steps & step::kSkip)) {
      return broken(event, "skip is not allowed here or was not negotiated");
    }
    reply.skip = true;
  }
  if (is(Negotiated{})) return broken(event, "a second negotiation");
  if (auto* code = std::get_if<ReplyCode>(&packet)) {
    reply.verdict = code->code >= 500 ? Verdict::reject : Verdict::tempfail;
    reply.code = std::move(*code);
  }
  return true;
}

Result<void> MilterClient::check_modification(Event event, const ReplyPacket& packet,
                                              const Reply& reply) const {
  const std::string name = to_string(packet);
  if (event != Event::end_of_message) {
    return permanent_error(name + " is allowed at end of message only");
  }
  if (!(agreement_.actions & actions_for(packet))) {
    return permanent_error(name + " was not negotiated");
  }
  if (reply.modifications.size() >= options_.limits.modifications) {
    return permanent_error("more modifications than allowed");
  }
  const auto is_body = [](const ReplyPacket& one) {
    return std::holds_alternative<ReplaceBody>(one);
  };
  // Postfix refuses a body replacement that other requests interrupt.
  if (is_body(packet) && !reply.modifications.empty() && !is_body(reply.modifications.back()) &&
      std::any_of(reply.modifications.begin(), reply.modifications.end(), is_body)) {
    return permanent_error("replace body is interrupted by other requests");
  }
  return {};
}

void MilterClient::settle(Event event, Reply& reply) {
  if (reply.skip) skipped_ = event;
  const bool refused = reply.verdict == Verdict::reject || reply.verdict == Verdict::tempfail;
  settled_ = {};
  settled_.verdict = reply.verdict;
  settled_.code = reply.code;
  if (reply.verdict == Verdict::shutdown || reply.verdict == Verdict::connection_failed ||
      (refused && is_connect_event(event))) {
    state_ = State::rejected;
  } else if (reply.verdict == Verdict::accept && is_connect_event(event)) {
    state_ = State::accepted;
  } else if ((reply.verdict == Verdict::accept || reply.verdict == Verdict::discard) &&
             event != Event::end_of_message) {
    state_ = State::accepted_message;
  }
}

Result<Reply> MilterClient::connect(const ClientInfo& client, const std::vector<Macro>& macros) {
  if (state_ == State::ready) state_ = State::envelope;
  const bool has_address = client.family != ClientInfo::Family::unknown;
  const std::string address = has_address ? client.address : "unknown";
  set_macro("_", client.name + " [" + address + "]");
  set_macro("{client_addr}", address);
  set_macro("{client_name}", client.name);
  set_macro("{client_ptr}", client.name);
  set_macro("{client_port}", std::to_string(client.port));
  set_macro("{client_connections}", "1");
  for (const auto& [name, value] : macros) set_macro(name, value);
  ClientInfo sent = client;
  // Postfix sends Sendmail's form of a client without a verified name.
  if (sent.name == "unknown" && has_address) sent.name = "[" + client.address + "]";
  return event(Event::connect, encode_connect(sent));
}

Result<Reply> MilterClient::helo(std::string_view name) {
  return event(Event::helo, encode_helo(name));
}

Result<Reply> MilterClient::mail(std::string_view address,
                                 const std::vector<std::string>& parameters) {
  const std::string bare = without_brackets(address);
  set_macro("{mail_addr}", bare);
  set_macro("{mail_host}", domain_of(bare));
  set_macro("{mail_mailer}", "smtp");
  return event(Event::mail, encode_mail("<" + bare + ">", parameters));
}

Result<Reply> MilterClient::rcpt(std::string_view address,
                                 const std::vector<std::string>& parameters) {
  const std::string bare = without_brackets(address);
  set_macro("{rcpt_addr}", bare);
  set_macro("{rcpt_host}", domain_of(bare));
  set_macro("{rcpt_mailer}", "smtp");
  return event(Event::rcpt, encode_rcpt("<" + bare + ">", parameters));
}

Result<Reply> MilterClient::refused_rcpt(std::string_view address, const std::string& status,
                                         const std::string& text) {
  if (!(agreement_.steps & step::kRejectedRecipients)) return Reply{};
  set_macro("{rcpt_addr}", text);
  set_macro("{rcpt_host}", status);
  set_macro("{rcpt_mailer}", "error");
  return event(Event::rcpt, encode_rcpt("<" + without_brackets(address) + ">", {}));
}

Result<Reply> MilterClient::data() {
  auto reply = event(Event::data, encode_data());
  if (reply) {
    if (auto sent = flush(); !sent) return sent.error();
  }
  return reply;
}

Result<Reply> MilterClient::header(std::string_view name, std::string_view value) {
  // Sendmail and Postfix eat one blank, never a tab, unless the filter wants to see it.
  const bool keep = (agreement_.steps & step::kHeaderLeadingSpace) != 0;
  if (!keep && value.starts_with(' ')) value.remove_prefix(1);
  return event(Event::header, encode_header(name, value));
}

Result<Reply> MilterClient::end_of_headers() {
  return event(Event::end_of_headers, encode_end_of_headers());
}

Result<Reply> MilterClient::body(std::string_view chunk) {
  if (chunk.size() > kMaxBodyChunk) return internal_error("a body chunk of more than 65535 octets");
  return event(Event::body, encode_body(chunk));
}

Result<Reply> MilterClient::end_of_message() {
  return event(Event::end_of_message, encode_end_of_message());
}

Result<Reply> MilterClient::unknown(std::string_view line) {
  return event(Event::unknown, encode_unknown(line));
}

void MilterClient::clear_message_macros() {
  for (const char* name : {"i", "{mail_addr}", "{mail_host}", "{mail_mailer}", "{rcpt_addr}",
                           "{rcpt_host}", "{rcpt_mailer}"}) {
    macros_.erase(name);
  }
}

Result<void> MilterClient::abort() {
  clear_message_macros();
  if (state_ == State::closed) return temporary_error("the connection to the filter is closed");
  if (state_ != State::envelope && state_ != State::accepted_message) return {};
  state_ = State::envelope;
  skipped_.reset();
  return queue(encode_abort());
}

Result<void> MilterClient::quit() {
  if (state_ == State::closed) return {};
  waiting_ += encode_quit();
  auto sent = flush();
  close();
  return sent;
}

Result<void> MilterClient::quit_new_connection() {
  if (state_ == State::closed) return temporary_error("the connection to the filter is closed");
  clear_message_macros();
  skipped_.reset();
  state_ = State::ready;
  waiting_ += encode_quit_new_connection();
  return flush();
}

}  // namespace gatepost::test::milter
