#pragma once
// What the ARC tests share: validating and sealing in one call.

#include <string>

#include "dkim/arc/chain.h"
#include "dkim/arc/seal.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::arc::test {

using dkim::test::answer_from;
using dkim::test::kNow;
using dkim::test::Message;
using dkim::test::Zone;

inline Answers answers_to(const std::vector<dns::Query>& queries, const Zone& zone,
                          std::int64_t now = kNow) {
  Answers answers(now);
  for (const auto& query : queries) answers.add(query, answer_from(zone, query));
  return answers;
}

struct ValidateCall {
  dkim::VerifyOptions options = {};
  std::int64_t now = kNow;
  std::size_t chunk = 65535;
};

inline ChainResult validate(const Message& message, const Zone& zone,
                            const ValidateCall& call = {}) {
  ChainVerifier verifier(dkim::test::library().keys(), message.fields, call.options, call.now);
  std::string_view body = message.body;
  while (!body.empty()) {
    verifier.body(body.substr(0, call.chunk));
    body.remove_prefix(std::min(call.chunk, body.size()));
  }
  return verifier.finish(answers_to(verifier.key_queries(), zone, call.now));
}

/// "pass", "pass, oldest 2", "fail: reason", "none".
inline std::string summary(const ChainResult& chain) {
  std::string text = to_string(chain.status);
  if (!chain.reason.empty()) text += ": " + chain.reason;
  if (chain.oldest_pass.value_or(0) > 0) text += ", oldest " + std::to_string(*chain.oldest_pass);
  return text;
}

/// Puts a set on top, as it goes out.
inline void add_set(Message& message, const NewSet& set) {
  const auto field = [](FieldKind kind, std::string value) {
    std::string crlf = " ";
    for (const char c : value) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return mail::HeaderField{to_string(kind), crlf};
  };
  message.fields.insert(
      message.fields.begin(),
      {field(FieldKind::seal, set.seal), field(FieldKind::message_signature, set.message_signature),
       field(FieldKind::authentication_results, set.authentication_results)});
}

inline const std::shared_ptr<const dkim::PrivateKey>& key() {
  static const auto made = dkim::PrivateKey::generate(dkim::KeyType::rsa, 2048);
  return *made;
}

/// "hop2.example"
inline std::string hop(int instance) {
  return "hop" + std::to_string(instance) + ".example";
}

/// Every hop has the same key.
inline Zone hops(int count = kMaxInstance) {
  Zone zone;
  for (int i = 1; i <= count; ++i) zone["s._domainkey." + hop(i)] = key()->record();
  return zone;
}

struct SealCall {
  std::string domain = "";  ///< default: hop(instance)
  ChainResult chain = {};
  std::vector<std::string> headers = sealed_headers();
  std::int64_t now = kNow;
};

inline Result<NewSet> seal(const Message& message, const SealCall& call) {
  SealOptions options{call.domain.empty() ? hop(call.chain.instance + 1) : call.domain, "s", key()};
  options.headers = call.headers;
  auto sealer = Sealer::begin(message.fields, options, call.now);
  if (!sealer) return sealer.error();
  sealer->body(message.body);
  return sealer->finish(call.chain,
                        {"mx." + options.domain, "", {{"dmarc", "pass", "", {}, "", ""}}});
}

using Change = void (*)(int instance, Message& message);
inline void no_change(int, Message&) {}

/// A message that went through so many sealers. `by_hop` is called when one has validated the chain
/// and before it seals, `on_the_way` behind its seal.
inline Message forwarded(int count, Change by_hop = no_change, Change on_the_way = no_change) {
  Message message = dkim::test::sample_message();
  for (int i = 1; i <= count; ++i) {
    const ChainResult chain = validate(message, hops());
    by_hop(i, message);
    const auto set = seal(message, {.chain = chain});
    EXPECT_TRUE(set.ok());
    if (set) add_set(message, *set);
    on_the_way(i, message);
  }
  return message;
}

/// The field of that kind and instance.
inline mail::HeaderField& field_of(Message& message, FieldKind kind, int instance) {
  for (mail::HeaderField& field : message.fields) {
    if (field_kind(field.name) == kind && parse_field(kind, field.value).instance == instance)
      return field;
  }
  ADD_FAILURE() << to_string(kind) << " " << instance << " is missing";
  return message.fields.front();
}

inline void replace(mail::HeaderField& field, std::string_view from, std::string_view to) {
  const auto at = field.value.find(from);
  ASSERT_NE(at, std::string::npos) << field.value;
  field.value.replace(at, from.size(), to);
}

}  // namespace gatepost::arc::test
