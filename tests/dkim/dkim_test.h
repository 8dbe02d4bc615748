#pragma once
// What the DKIM tests share: one library, keys made once, and a verification in one call.

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dkim/verify.h"
#include "tests/dkim/test_signer.h"

namespace gatepost::dkim::test {

constexpr std::int64_t kNow = 1767225600;  // 2026-01-01

inline Library& library() {
  static const auto opened = Library::open();
  return **opened;
}

inline const TestKey& rsa_key() {
  static const TestKey key = TestKey::rsa(2048);
  return key;
}

inline const TestKey& ed25519_key() {
  static const TestKey key = TestKey::ed25519();
  return key;
}

/// Key records by name; a text that begins with '!' is a DNS status instead ("!servfail").
using Zone = std::map<std::string, std::string>;

inline Zone zone_of(const TestKey& key, const std::string& record = "") {
  return {{"test._domainkey.example.com", record.empty() ? key.record() : record}};
}

inline dns::AnswerPtr answer_from(const Zone& zone, const dns::Query& query) {
  auto answer = std::make_shared<dns::Answer>();
  const auto found = zone.find(query.name);
  if (found == zone.end()) {
    answer->status = dns::Status::nxdomain;
  } else if (found->second.front() == '!') {
    for (const auto status : {dns::Status::no_data, dns::Status::servfail, dns::Status::refused,
                              dns::Status::timeout, dns::Status::bogus, dns::Status::malformed}) {
      if (found->second.substr(1) == dns::to_string(status)) answer->status = status;
    }
  } else {
    answer->status = dns::Status::ok;
    answer->texts = {found->second};
  }
  return answer;
}

struct VerifyCall {
  VerifyOptions options = {};
  std::int64_t now = kNow;
  std::size_t chunk = 65535;
};

inline std::vector<SignatureResult> verify(const Message& message, const Zone& zone,
                                           const VerifyCall& call = {}) {
  Verifier verifier(library(), call.options, call.now);
  Answers answers(call.now);
  for (const auto& field : message.fields) {
    if (const auto query = verifier.header(field)) answers.add(*query, answer_from(zone, *query));
  }
  EXPECT_TRUE(verifier.end_of_headers().ok());
  std::string_view body = message.body;
  while (!body.empty()) {
    verifier.body(body.substr(0, call.chunk));
    body.remove_prefix(std::min(call.chunk, body.size()));
  }
  auto results = verifier.finish(answers);
  EXPECT_TRUE(results.ok());
  return results ? *std::move(results) : std::vector<SignatureResult>();
}

/// "pass", or "outcome: reason"; "none" for no signature. Of several, joined with " | ".
inline std::string summary(const std::vector<SignatureResult>& results) {
  std::string text;
  for (const auto& result : results) {
    if (!text.empty()) text += " | ";
    text += to_string(result.outcome);
    if (!result.reason.empty()) text += ": " + result.reason;
  }
  return text.empty() ? "none" : text;
}

}  // namespace gatepost::dkim::test
