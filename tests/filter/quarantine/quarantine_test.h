#pragma once
// Messages and records to store.

#include <memory>
#include <string>
#include <vector>

#include "core/mail/header_block.h"
#include "core/mail/message.h"
#include "filter/session/record.h"

namespace gatepost::test {

inline std::unique_ptr<mail::Message> message_of(const std::string& text) {
  auto message = std::make_unique<mail::Message>(
      mail::MessageLimits{}, std::make_shared<mail::ByteBudget>(std::size_t{1} << 26), "/tmp");
  const mail::ParsedMessage parsed = mail::parse_message(text);
  for (const auto& field : parsed.fields) message->add_field(field);
  if (!message->append_body(parsed.body).ok()) std::abort();
  message->freeze();
  return message;
}

inline Envelope envelope_of(const std::string& from, const std::vector<std::string>& to) {
  Envelope envelope;
  envelope.mail_from = from;
  for (const auto& address : to) envelope.recipients.push_back({address, false});
  return envelope;
}

inline const char* const kLetter =
    "From: Ann <ann@a.example>\nTo: bob@here.example\nSubject: hello\nMessage-ID: <1@a.example>\n"
    "\n.dot\nbody\n";

inline Record record_of(const std::string& reference, std::int64_t time = 1767225600) {
  Record record;
  record.reference = reference;
  record.unix_time = time;
  record.connection.client = IpAddress::parse("192.0.2.1");
  record.envelope = envelope_of("ann@a.example", {"bob@here.example", "cy@here.example"});
  record.verdict.action = Action::store;
  record.verdict.score = 7.5;
  record.verdict.reasons = {{"SPF_FAIL", 2, Action::store}};
  return record;
}

}  // namespace gatepost::test
