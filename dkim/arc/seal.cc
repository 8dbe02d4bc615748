#include "dkim/arc/seal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/mail/fields.h"
#include "dkim/body_feed.h"
#include "dkim/canonicalize.h"
#include "dkim/folded.h"
#include "dkim/header_hash.h"

namespace gatepost::arc {

namespace {

using dkim::Canonicalization;
using dkim::Folded;
using dkim::KeptField;

constexpr std::size_t kMaxFields = static_cast<std::size_t>(kMaxInstance) * kFieldKinds;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& each) { return iequals(each, name); });
}

/// h=, in lower case: each field as often as it is present, the oversigned ones once more.
std::vector<std::string> signed_names(std::span<const mail::HeaderField> fields,
                                      const SealOptions& options) {
  std::vector<std::string> names;
  for (const std::string& name : options.headers) {
    const auto present = static_cast<std::size_t>(
        std::count_if(fields.begin(), fields.end(),
                      [&](const mail::HeaderField& field) { return mail::is_named(field, name); }));
    const std::size_t times =
        std::min(present, Sealer::kMaxInstances) + (contains(options.oversigned, name) ? 1 : 0);
    names.insert(names.end(), times, to_lower(name));
  }
  return names;
}

Folded begin_value(FieldKind kind) {
  return Folded(std::string_view(to_string(kind)).size() + 2);
}

/// "b=…;", with white space nowhere but in the octets, if anywhere.
void add_signature(Folded& value, std::string_view signature, bool folded) {
  if (!folded) return value.piece("b=" + base64_encode(signature) + ";", true);
  value.piece("b=", true);
  value.octets(base64_encode(signature));
  value.piece(";", false);
}

/// Folded behind the instance when the id of those who checked is long.
std::string results_value(int instance, const authres::AuthenticationResults& results) {
  const std::string number = "i=" + std::to_string(instance) + ";";
  const std::string text = authres::format(results, "\n\t");
  const std::size_t column =
      std::string_view(to_string(FieldKind::authentication_results)).size() + 2;
  const bool fits = column + number.size() + 1 + text.find('\n') <= Folded::kColumns;
  return number + (fits || text.find('\n') == std::string::npos ? " " : "\n\t") + text;
}

/// h= in one piece where it fits on a line: other implementations compare the text.
void add_names(Folded& value, const std::vector<std::string>& names) {
  std::string all = "h=";
  for (std::size_t i = 0; i < names.size(); ++i) all += (i == 0 ? "" : ":") + names[i];
  all += ';';
  if (Folded::kTab + all.size() <= Folded::kColumns) return value.piece(all, true);
  value.fold();
  for (std::size_t i = 0; i < names.size(); ++i)
    value.piece((i == 0 ? "h=" : "") + names[i] + (i + 1 == names.size() ? ";" : ":"), false);
}

KeptField kept(FieldKind kind, const std::string& value) {
  return dkim::keep_field({to_string(kind), " " + value});
}

}  // namespace

struct Sealer::State {
  State(SealOptions chosen, std::int64_t now) : options(std::move(chosen)), unix_time(now) {}

  std::string message_signature(int instance, std::string_view body_hash,
                                std::string_view signature) const;
  std::string seal(int instance, ChainStatus cv, std::string_view signature) const;
  std::string earlier_sets(int instance) const;

  SealOptions options;
  std::int64_t unix_time;
  std::vector<std::string> names;
  std::string canonical_header;
  /// Canonical fields of the chain, each with its CRLF: where a chain passes there is one of each.
  std::vector<std::array<std::string, kFieldKinds>> sets;
  dkim::BodyHash hash{Canonicalization::relaxed};
  dkim::BodyFeed feed;
};

Sealer::Sealer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sealer::~Sealer() = default;
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;

const std::vector<std::string>& sealed_headers() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names = dkim::list_safe_headers();
    names.emplace_back("DKIM-Signature");
    return names;
  }();
  return kNames;
}

authres::AuthenticationResults own_results(std::span<const mail::HeaderField> fields,
                                           const std::string& authserv_id) {
  authres::AuthenticationResults all{authserv_id, "", {}};
  for (const mail::HeaderField* field : mail::find_fields(fields, "Authentication-Results")) {
    auto parsed = authres::parse(field->value);
    if (!parsed || !iequals(parsed->authserv_id, authserv_id)) continue;
    for (authres::AuthResult& result : parsed->results) {
      if (all.results.size() < authres::kMaxResults) all.results.push_back(std::move(result));
    }
  }
  return all;
}

Result<void> can_seal(const ChainResult& chain) {
  if (chain.ended) return permanent_error("the newest set says cv=fail already");
  if (chain.instance >= kMaxInstance)
    return permanent_error("the message has " + std::to_string(kMaxInstance) + " sets");
  if (chain.status == ChainStatus::fail && chain.instance == 0)
    return permanent_error("no ARC field of the message has an instance");
  return {};
}

Result<Sealer> Sealer::begin(std::span<const mail::HeaderField> fields, SealOptions options,
                             std::int64_t unix_time) {
  if (mail::first_field(fields, "From") == nullptr)
    return permanent_error("message has no From field");
  if (options.key == nullptr || options.key->type() != dkim::KeyType::rsa)
    return permanent_error("the key is not RSA");
  Sealer sealer(std::make_unique<State>(std::move(options), unix_time));
  sealer.set_fields(fields);
  return sealer;
}

void Sealer::set_fields(std::span<const mail::HeaderField> fields) {
  State& s = *state_;
  s.names = signed_names(fields, s.options);
  s.sets.clear();
  std::vector<KeptField> covered;
  std::size_t chain_fields = 0;
  for (const mail::HeaderField& field : fields) {
    if (contains(s.options.headers, mail::trimmed_name(field)))
      covered.push_back(dkim::keep_field(field));
    const auto kind = field_kind(field.name);
    if (!kind || ++chain_fields > kMaxFields) continue;
    const int instance = parse_field(*kind, field.value).instance;
    if (instance == 0) continue;
    const auto count = static_cast<std::size_t>(instance);
    if (s.sets.size() < count) s.sets.resize(count);
    s.sets[count - 1][static_cast<std::size_t>(*kind)] =
        dkim::canonical_field(dkim::keep_field(field), Canonicalization::relaxed) + "\r\n";
  }
  s.canonical_header =
      dkim::canonical_fields(covered, dkim::kNoField, s.names, Canonicalization::relaxed);
}

void Sealer::body(std::string_view octets) {
  state_->feed.chunk(octets, [this](std::string_view clean) { state_->hash.update(clean); });
}

// Tags in the order of the alphabet, one blank behind each semicolon: canonical text does not
// depend on where lines are folded.
std::string Sealer::State::message_signature(int instance, std::string_view body_hash,
                                             std::string_view signature) const {
  Folded value = begin_value(FieldKind::message_signature);
  value.piece("a=rsa-sha256;", false);
  add_signature(value, signature, options.fold_signatures);
  value.piece("bh=" + base64_encode(body_hash) + ";", true);
  value.piece("c=relaxed/relaxed;", true);
  value.piece("d=" + options.domain + ";", true);
  add_names(value, names);
  value.piece("i=" + std::to_string(instance) + ";", true);
  value.piece("s=" + options.selector + ";", true);
  value.piece("t=" + std::to_string(unix_time), true);
  return value.take();
}

std::string Sealer::State::seal(int instance, ChainStatus cv, std::string_view signature) const {
  Folded value = begin_value(FieldKind::seal);
  value.piece("a=rsa-sha256;", false);
  add_signature(value, signature, options.fold_signatures);
  value.piece(std::string("cv=") + to_string(cv) + ";", true);
  value.piece("d=" + options.domain + ";", true);
  value.piece("i=" + std::to_string(instance) + ";", true);
  value.piece("s=" + options.selector + ";", true);
  value.piece("t=" + std::to_string(unix_time), true);
  return value.take();
}

std::string Sealer::State::earlier_sets(int instance) const {
  std::string text;
  for (std::size_t i = 0; i + 1 < static_cast<std::size_t>(instance) && i < sets.size(); ++i) {
    for (const std::string& field : sets[i]) text += field;
  }
  return text;
}

Result<NewSet> Sealer::finish(const ChainResult& chain,
                              const authres::AuthenticationResults& results) {
  State& s = *state_;
  s.feed.finish([&s](std::string_view clean) { s.hash.update(clean); });
  const std::string body_hash = s.hash.finish();
  if (auto possible = can_seal(chain); !possible) return possible.error();
  NewSet set;
  set.instance = chain.instance + 1;
  set.cv = chain.status;
  set.domain = s.options.domain;
  set.selector = s.options.selector;
  set.authentication_results = results_value(set.instance, results);

  const KeptField unsigned_message =
      kept(FieldKind::message_signature, s.message_signature(set.instance, body_hash, ""));
  auto signature = s.options.key->sign(sha256(
      s.canonical_header + dkim::canonical_own_field(unsigned_message, Canonicalization::relaxed)));
  if (!signature) return signature.error();
  set.message_signature = s.message_signature(set.instance, body_hash, *signature);

  // RFC 8617 section 5.1.2: the seal of a broken chain covers its own set only.
  std::string sealed = set.cv == ChainStatus::fail ? "" : s.earlier_sets(set.instance);
  for (const auto& [kind, value] :
       {std::pair{FieldKind::authentication_results, &set.authentication_results},
        std::pair{FieldKind::message_signature, &set.message_signature}}) {
    sealed += dkim::canonical_field(kept(kind, *value), Canonicalization::relaxed) + "\r\n";
  }
  const KeptField unsigned_seal = kept(FieldKind::seal, s.seal(set.instance, set.cv, ""));
  signature = s.options.key->sign(
      sha256(sealed + dkim::canonical_own_field(unsigned_seal, Canonicalization::relaxed)));
  if (!signature) return signature.error();
  set.seal = s.seal(set.instance, set.cv, *signature);
  return set;
}

}  // namespace gatepost::arc
