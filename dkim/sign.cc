#include "dkim/sign.h"

#include <algorithm>
#include <utility>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/mail/fields.h"
#include "dkim/body_feed.h"
#include "dkim/canonicalize.h"
#include "dkim/folded.h"
#include "dkim/header_hash.h"

namespace gatepost::dkim {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& each) { return iequals(each, name); });
}

bool is_oversigned(std::string_view name, bool present, Oversign mode) {
  switch (mode) {
    case Oversign::none:
      return false;
    case Oversign::list_safe:
      return present && list_safe_oversigned(name);
    case Oversign::all:
      return present || !added_by_mtas(name);
  }
  return false;
}

/// h=: each field as often as it is present, the oversigned ones once more.
std::vector<std::string> signed_names(std::span<const mail::HeaderField> fields,
                                      const SignOptions& options) {
  std::vector<std::string> names;
  for (const std::string& name : options.headers) {
    const auto present = static_cast<std::size_t>(
        std::count_if(fields.begin(), fields.end(),
                      [&](const mail::HeaderField& field) { return mail::is_named(field, name); }));
    const std::size_t times = std::min(present, Signer::kMaxInstances) +
                              (is_oversigned(name, present > 0, options.oversign) ? 1 : 0);
    names.insert(names.end(), times, name);
  }
  return names;
}

}  // namespace

struct Signer::State {
  explicit State(SignOptions chosen) : options(std::move(chosen)), body(options.body_form) {}

  /// Everything up to the value of b=.
  Folded unsigned_value(const SigningKey& key, std::string_view body_hash) const;
  Result<NewSignature> sign(const SigningKey& key, std::string_view body_hash) const;

  SignOptions options;
  std::vector<SigningKey> keys;
  std::int64_t unix_time = 0;
  std::vector<std::string> names;  // h=
  std::string canonical_header;    // of the signed fields
  BodyHash body;
  BodyFeed feed;
};

Signer::Signer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;

Result<Signer> Signer::begin(std::span<const mail::HeaderField> fields,
                             std::vector<SigningKey> keys, const SignOptions& options,
                             std::int64_t unix_time) {
  // RFC 6376 section 5.4: From must be signed.
  if (mail::first_field(fields, "From") == nullptr)
    return permanent_error("message has no From field");
  auto state = std::make_unique<State>(options);
  state->keys = std::move(keys);
  state->unix_time = unix_time;
  Signer signer(std::move(state));
  signer.set_fields(fields);
  return signer;
}

void Signer::set_fields(std::span<const mail::HeaderField> fields) {
  State& s = *state_;
  s.names = signed_names(fields, s.options);
  std::vector<KeptField> kept;
  for (const mail::HeaderField& field : fields) {
    if (contains(s.options.headers, mail::trimmed_name(field))) kept.push_back(keep_field(field));
  }
  std::vector<std::string> lower;
  for (const std::string& name : s.names) lower.push_back(to_lower(name));
  s.canonical_header = canonical_fields(kept, kNoField, lower, s.options.header_form);
}

void Signer::body(std::string_view octets) {
  state_->feed.chunk(octets, [this](std::string_view clean) { state_->body.update(clean); });
}

Folded Signer::State::unsigned_value(const SigningKey& key, std::string_view body_hash) const {
  Folded value(std::string_view("DKIM-Signature: ").size());
  value.piece("v=1;", false);
  value.piece(key.key->type() == KeyType::rsa ? "a=rsa-sha256;" : "a=ed25519-sha256;", true);
  value.piece(
      std::string("c=") + to_string(options.header_form) + "/" + to_string(options.body_form) + ";",
      true);
  value.piece("d=" + key.domain + ";", true);
  value.piece("s=" + key.selector + ";", true);
  if (!key.identity.empty()) value.piece("i=" + key.identity + ";", true);
  value.piece("t=" + std::to_string(unix_time) + ";", true);
  if (options.lifetime > 0)
    value.piece("x=" + std::to_string(unix_time + options.lifetime) + ";", true);
  value.fold();
  for (std::size_t i = 0; i < names.size(); ++i)
    value.piece((i == 0 ? "h=" : "") + names[i] + (i + 1 == names.size() ? ";" : ":"), false);
  value.fold();
  value.piece("bh=" + base64_encode(body_hash) + ";", false);
  value.fold();
  value.piece("b=", false);
  return value;
}

Result<NewSignature> Signer::State::sign(const SigningKey& key, std::string_view body_hash) const {
  Folded value = unsigned_value(key, body_hash);
  // RFC 6376 section 3.7: the field itself with an empty b= ends what is hashed.
  const KeptField own = keep_field({"DKIM-Signature", " " + value.text()});
  const std::string hash = sha256(canonical_header + canonical_field(own, options.header_form));
  const auto signature = key.key->sign(hash);
  if (!signature) return signature.error();
  value.octets(base64_encode(*signature));
  return NewSignature{key.domain, key.selector, value.take()};
}

Result<std::vector<NewSignature>> Signer::finish() {
  State& s = *state_;
  s.feed.finish([&s](std::string_view clean) { s.body.update(clean); });
  const std::string body_hash = s.body.finish();
  std::vector<NewSignature> signatures;
  for (const SigningKey& key : s.keys) {
    auto signature = s.sign(key, body_hash);
    if (!signature) return internal_error(signature.error().what, key.domain);
    signatures.push_back(*std::move(signature));
  }
  return signatures;
}

}  // namespace gatepost::dkim
