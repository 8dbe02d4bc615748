#include "tests/support/milter/transaction.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::test::milter {

namespace {

/// Takes the next line without its line end.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Without the blanks before the colon, which are obsolete syntax (RFC 5322 section 4.5).
std::string_view bare_name(std::string_view name) {
  while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
  return name;
}

/// RFC 5322 section 3.6.8: printable ASCII without the colon.
bool is_field_name(std::string_view name) {
  name = bare_name(name);
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; });
}

void change_header(HeaderFields& headers, const ChangeHeader& change, const std::string& blank) {
  std::uint32_t index = std::max<std::uint32_t>(change.index, 1);  // Sendmail takes 0 for 1
  for (auto field = headers.begin(); field != headers.end(); ++field) {
    if (!iequals(bare_name(field->first), change.name) || --index > 0) continue;
    if (change.value.empty()) {
      headers.erase(field);
    } else {
      field->second = blank + change.value;
    }
    return;
  }
  if (!change.value.empty()) headers.emplace_back(change.name, blank + change.value);
}

/// Sends the content up to the end of message; stops at the first answer that is not "go on".
Result<Reply> send_content(MilterClient& client, const MessageParts& parts, Event& stage) {
  const auto goes_on = [](const Result<Reply>& reply) {
    return reply && reply->verdict == Verdict::proceed;
  };
  stage = Event::data;
  auto reply = client.data();
  if (!goes_on(reply)) return reply;
  stage = Event::header;
  for (const auto& [name, value] : parts.headers) {
    reply = client.header(name, value);
    if (!goes_on(reply)) return reply;
  }
  stage = Event::end_of_headers;
  reply = client.end_of_headers();
  if (!goes_on(reply)) return reply;
  stage = Event::body;
  for (std::size_t at = 0; at < parts.body.size(); at += kMaxBodyChunk) {
    reply = client.body(std::string_view(parts.body).substr(at, kMaxBodyChunk));
    if (!goes_on(reply)) return reply;
  }
  stage = Event::end_of_message;
  return client.end_of_message();
}

/// The whole envelope. @return nothing when the content is to follow.
Result<std::optional<Reply>> send_envelope(MilterClient& client, const Transaction& transaction,
                                           Outcome& outcome) {
  outcome.decided_at = Event::mail;
  auto reply = client.mail(transaction.mail_from, transaction.mail_parameters);
  if (!reply) return reply.error();
  if (reply->verdict != Verdict::proceed) return std::optional<Reply>(*reply);
  outcome.decided_at = Event::rcpt;
  bool any = false;
  for (const std::string& recipient : transaction.recipients) {
    reply = client.rcpt(recipient);
    if (!reply) return reply.error();
    outcome.recipients.emplace_back(recipient, *reply);
    const bool refused = reply->verdict == Verdict::reject || reply->verdict == Verdict::tempfail;
    if (reply->verdict != Verdict::proceed && !refused) return std::optional<Reply>(*reply);
    if (refused) continue;
    any = true;
    client.set_macro("i", transaction.queue_id);  // Postfix has one after the first recipient
  }
  if (!any) return std::optional<Reply>(*reply);
  return std::optional<Reply>();
}

}  // namespace

MessageParts MessageParts::parse(std::string_view message) {
  MessageParts parts;
  while (!message.empty()) {
    std::string_view rest = message;
    const std::string_view line = take_line(rest);
    if (line.empty()) {
      message = rest;
      break;
    }
    const auto colon = line.find(':');
    if ((line[0] == ' ' || line[0] == '\t') && !parts.headers.empty()) {
      parts.headers.back().second += "\n" + std::string(line);
    } else if (colon != line.npos && is_field_name(line.substr(0, colon))) {
      parts.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    } else {
      break;
    }
    message = rest;
  }
  while (!message.empty()) {
    parts.body += take_line(message);
    parts.body += "\r\n";
  }
  return parts;
}

std::string MessageParts::text() const {
  std::string text;
  for (const auto& [name, value] : headers) {
    text += name + ":";
    for (const char c : value) text += c == '\n' ? "\r\n" : std::string(1, c);
    text += "\r\n";
  }
  return text + "\r\n" + body;
}

Result<Outcome> run_transaction(MilterClient& client, const Transaction& transaction) {
  Outcome outcome;
  outcome.edited = MessageParts::parse(transaction.message);
  auto early = send_envelope(client, transaction, outcome);
  if (!early) return early.error();
  if (*early) {
    outcome.final = std::move(**early);
  } else {
    auto reply = send_content(client, outcome.edited, outcome.decided_at);
    if (!reply) return reply.error();
    outcome.final = std::move(*reply);
  }
  outcome.edited = apply_modifications(std::move(outcome.edited), outcome.final.modifications,
                                       client.agreement().steps & step::kHeaderLeadingSpace);
  if (auto aborted = client.abort(); !aborted) return aborted.error();
  return outcome;
}

MessageParts apply_modifications(MessageParts message,
                                 const std::vector<ReplyPacket>& modifications,
                                 bool leading_space) {
  const std::string blank = leading_space ? "" : " ";
  bool replaced = false;
  for (const ReplyPacket& packet : modifications) {
    if (const auto* added = std::get_if<AddHeader>(&packet)) {
      message.headers.emplace_back(added->name, blank + added->value);
    } else if (const auto* inserted = std::get_if<InsertHeader>(&packet)) {
      const std::size_t below = inserted->index == 0 ? 0 : inserted->index - 1;
      const auto at = static_cast<std::ptrdiff_t>(std::min(below, message.headers.size()));
      message.headers.emplace(message.headers.begin() + at, inserted->name,
                              blank + inserted->value);
    } else if (const auto* change = std::get_if<ChangeHeader>(&packet)) {
      change_header(message.headers, *change, blank);
    } else if (const auto* chunk = std::get_if<ReplaceBody>(&packet)) {
      if (!std::exchange(replaced, true)) message.body.clear();
      message.body += chunk->chunk;
    }
  }
  return message;
}

}  // namespace gatepost::test::milter
