#include "dkim/police.h"

namespace gatepost::dkim {

namespace {

/// The reason when the rule is broken, else empty.
using Judge = std::string (*)(const PoliceFacts&);

struct Rule {
  PoliceStage stage;
  Outcome outcome;
  Judge judge;
};

KeyType key_type(Algorithm algorithm) {
  return algorithm == Algorithm::ed25519_sha256 ? KeyType::ed25519 : KeyType::rsa;
}

bool has_bits_below(const PoliceFacts& f, int bits) {
  return f.key->type == KeyType::rsa && f.key_bits < bits;
}

std::string too_few_bits(const PoliceFacts& f, int bits) {
  if (!has_bits_below(f, bits)) return {};
  return "RSA key has " + std::to_string(f.key_bits) + " bits, at least " + std::to_string(bits) +
         " are required";
}

std::string judge_sha1(const PoliceFacts& f) {
  return f.signature.algorithm == Algorithm::rsa_sha1 ? "rsa-sha1 is historic" : "";
}

std::string judge_expired(const PoliceFacts& f) {
  const auto& expiration = f.signature.expiration;
  return expiration && f.unix_time > *expiration + f.options.clock_skew ? "signature expired" : "";
}

std::string judge_future(const PoliceFacts& f) {
  const auto& timestamp = f.signature.timestamp;
  return timestamp && *timestamp > f.unix_time + f.options.clock_skew
             ? "signature timestamp is in the future"
             : "";
}

// Nobody but a registry could publish such a key, and it would speak for all names below it.
std::string judge_top_level(const PoliceFacts& f) {
  return f.signature.domain.find('.') == std::string::npos ? "d= is a top-level domain" : "";
}

std::string judge_key_type(const PoliceFacts& f) {
  if (f.key->type == key_type(f.signature.algorithm)) return {};
  return std::string("key is ") + to_string(f.key->type) + ", signature is " +
         to_string(f.signature.algorithm);
}

std::string judge_key_hash(const PoliceFacts& f) {
  return f.key->allows_hash("sha256") ? "" : "key does not allow sha256 (h=)";
}

std::string judge_key_service(const PoliceFacts& f) {
  return f.key->allows_email() ? "" : "key is not for e-mail (s=)";
}

std::string judge_strict_identity(const PoliceFacts& f) {
  return f.key->strict_identity && f.signature.identity_in_subdomain
             ? "key forbids subdomains in i= (t=s)"
             : "";
}

std::string judge_weak_key(const PoliceFacts& f) {
  return too_few_bits(f, 1024);
}

std::string judge_small_key(const PoliceFacts& f) {
  return too_few_bits(f, f.options.min_rsa_bits);
}

std::string judge_from_count(const PoliceFacts& f) {
  const std::size_t times = f.signature.times_signed("from");
  if (f.from_count <= times) return {};
  return "message has " + std::to_string(f.from_count) + " From fields, " + std::to_string(times) +
         " signed";
}

std::string judge_empty_length(const PoliceFacts& f) {
  return f.signature.body_length == 0U && !f.options.allow_partial_body ? "l=0 signs no body" : "";
}

std::string judge_partial_body(const PoliceFacts& f) {
  if (!f.signature.body_length || f.options.allow_partial_body) return {};
  if (f.body_octets <= *f.signature.body_length) return {};
  return "l= signs " + std::to_string(*f.signature.body_length) + " of " +
         std::to_string(f.body_octets) + " octets of the body";
}

constexpr Rule kRules[] = {
    // RFC 8301 section 3.1: rsa-sha1 must not be verified.
    {PoliceStage::field, Outcome::permerror, judge_sha1},
    // RFC 6376 section 3.5 x=: may be considered invalid after that time.
    {PoliceStage::field, Outcome::policy, judge_expired},
    // RFC 6376 section 3.5 t=: may be ignored when in the future.
    {PoliceStage::field, Outcome::policy, judge_future},
    // RFC 6376 section 6.1.1: a d= that cannot be an organisation's may be ignored.
    {PoliceStage::field, Outcome::policy, judge_top_level},
    // RFC 6376 section 6.1.2: an inappropriate key algorithm is PERMFAIL.
    {PoliceStage::key, Outcome::permerror, judge_key_type},
    // RFC 6376 section 6.1.2: a= must be included in h= of the key.
    {PoliceStage::key, Outcome::permerror, judge_key_hash},
    // RFC 6376 section 3.6.1 s=: records for another service must be ignored.
    {PoliceStage::key, Outcome::permerror, judge_key_service},
    // RFC 6376 section 3.6.1 t=s: i= must not be a subdomain of d=.
    {PoliceStage::key, Outcome::permerror, judge_strict_identity},
    // RFC 8301 section 3.2: below 1024 bits must not be considered valid.
    {PoliceStage::key, Outcome::permerror, judge_weak_key},
    // The operator's own minimum.
    {PoliceStage::key, Outcome::policy, judge_small_key},
    // RFC 6376 section 8.15: a From that is not signed may be what people see.
    {PoliceStage::message, Outcome::policy, judge_from_count},
    // RFC 6376 section 8.2: l= lets anyone add content.
    {PoliceStage::message, Outcome::policy, judge_empty_length},
    {PoliceStage::message, Outcome::policy, judge_partial_body},
};

}  // namespace

std::optional<Objection> police(PoliceStage stage, const PoliceFacts& facts) {
  for (const Rule& rule : kRules) {
    if (rule.stage != stage) continue;
    std::string reason = rule.judge(facts);
    if (!reason.empty()) return Objection{rule.outcome, std::move(reason)};
  }
  return std::nullopt;
}

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "none";
    case Outcome::pass:
      return "pass";
    case Outcome::fail:
      return "fail";
    case Outcome::policy:
      return "policy";
    case Outcome::neutral:
      return "neutral";
    case Outcome::temperror:
      return "temperror";
    case Outcome::permerror:
      return "permerror";
  }
  return "";
}

}  // namespace gatepost::dkim
