#include "dkim/arc/chain.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/body_feed.h"
#include "dkim/canonicalize.h"
#include "dkim/header_hash.h"
#include "dkim/key.h"

namespace gatepost::arc {

namespace {

using dkim::KeptField;
using dkim::kNoField;

constexpr std::size_t kMaxFields = static_cast<std::size_t>(kMaxInstance) * kFieldKinds;

/// SHA-256 over a text that grows, to be read at several places.
class RunningHash {
 public:
  RunningHash() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view text) { EVP_DigestUpdate(context_.get(), text.data(), text.size()); }
  std::string with(std::string_view rest) const {
    const Context copy(EVP_MD_CTX_new());
    EVP_MD_CTX_copy_ex(copy.get(), context_.get());
    EVP_DigestUpdate(copy.get(), rest.data(), rest.size());
    std::string out(32, '\0');
    unsigned int size = 0;
    EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
    return out;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;
  Context context_;
};

/// One body as some message signature wants it.
struct Body {
  dkim::Canonicalization form;
  std::optional<std::uint64_t> length;
  dkim::BodyHash hash;
  std::string digest;
};

struct Set {
  /// Index among the fields of the message by kind.
  std::array<std::size_t, kFieldKinds> at = {kNoField, kNoField, kNoField};
  std::array<Field, kFieldKinds> fields;
  std::string seal_hash;
  std::string message_hash;       // empty: the message signature is not looked at
  std::size_t body = kNoField;    // index in bodies
  std::size_t from_unsigned = 0;  // From fields beyond those in h=

  const Field& of(FieldKind kind) const { return fields[static_cast<std::size_t>(kind)]; }
  std::size_t& place(FieldKind kind) { return at[static_cast<std::size_t>(kind)]; }
  const dkim::Signature& seal() const { return of(FieldKind::seal).signature.fields; }
  const dkim::Signature& message() const {
    return of(FieldKind::message_signature).signature.fields;
  }
};

/// Why a signature does not hold.
struct Failure {
  std::string reason;
  bool temporary = false;
};

std::string set_name(std::size_t instance) {
  return "set " + std::to_string(instance);
}

SignatureCheck describe(const Field& field) {
  const dkim::Signature& signature = field.signature.fields;
  return {SignatureCheck::Result::not_checked,
          "",
          signature.domain,
          signature.selector,
          field.signature.algorithm,
          signature.timestamp};
}

}  // namespace

struct ChainVerifier::State {
  State(dkim::PublicKeyCache& cache, const dkim::VerifyOptions& chosen, std::int64_t now)
      : keys(cache), options(chosen), unix_time(now) {}

  dkim::PublicKeyCache& keys;
  dkim::VerifyOptions options;
  std::int64_t unix_time;
  ChainResult result;
  std::vector<Set> sets;  // instance 1 first
  std::vector<Body> bodies;
  std::vector<dns::Query> queries;
  dkim::BodyFeed feed;

  bool open() const { return result.status == ChainStatus::pass; }
  void fail(std::string reason) {
    if (!open()) return;
    result.status = ChainStatus::fail;
    result.reason = std::move(reason);
  }

  void read(std::span<const mail::HeaderField> fields);
  void add(std::size_t index, Field field);
  void check_structure();
  void check_cv();
  void hash_seals(std::span<const mail::HeaderField> fields);
  void hash_messages(std::span<const mail::HeaderField> fields);
  bool hash_message(Set& set, const std::vector<KeptField>& kept,
                    const std::vector<std::size_t>& origin);
  bool ask(const dkim::Signature& signature);
  void ask_all();

  std::optional<Failure> check_key(const dkim::Signature& signature, std::string_view hash,
                                   const Answers& answers);
  std::optional<Failure> check_message(const Set& set, const Answers& answers);
  bool note(SignatureCheck& check, const std::optional<Failure>& failure);
  void judge(const Answers& answers);
  void find_oldest_pass(const Answers& answers);
};

ChainVerifier::ChainVerifier(dkim::PublicKeyCache& keys, std::span<const mail::HeaderField> fields,
                             const dkim::VerifyOptions& options, std::int64_t unix_time)
    : state_(std::make_unique<State>(keys, options, unix_time)) {
  State& s = *state_;
  s.read(fields);
  if (s.open()) s.check_structure();
  for (std::size_t i = 0; i < s.sets.size(); ++i) {
    const Set& set = s.sets[i];
    s.result.sets.push_back({static_cast<int>(i) + 1, set.of(FieldKind::seal).cv,
                             describe(set.of(FieldKind::seal)),
                             describe(set.of(FieldKind::message_signature)),
                             set.of(FieldKind::authentication_results).payload});
  }
  if (!s.open()) return;
  s.hash_seals(fields);
  s.hash_messages(fields);
  if (s.open()) s.ask_all();
}
ChainVerifier::~ChainVerifier() = default;
ChainVerifier::ChainVerifier(ChainVerifier&&) noexcept = default;
ChainVerifier& ChainVerifier::operator=(ChainVerifier&&) noexcept = default;

/// RFC 8617 section 5.2 step 1: collects the sets. The status is `pass` until something is wrong.
void ChainVerifier::State::read(std::span<const mail::HeaderField> fields) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto kind = field_kind(fields[i].name);
    if (!kind) continue;
    if (count == 0) result.status = ChainStatus::pass;
    if (++count > kMaxFields) return fail("more than " + std::to_string(kMaxInstance) + " sets");
    add(i, parse_field(*kind, fields[i].value));
  }
}

/// Gives the field its place in the chain.
void ChainVerifier::State::add(std::size_t index, Field field) {
  const std::string name = to_string(field.kind);
  if (field.instance == 0) return fail(name + ": " + field.problem);
  const auto instance = static_cast<std::size_t>(field.instance);
  if (sets.size() < instance) sets.resize(instance);
  result.instance = static_cast<int>(sets.size());
  Set& set = sets[instance - 1];
  std::size_t& place = set.place(field.kind);
  if (place != kNoField) return fail(set_name(instance) + " has two " + name + " fields");
  place = index;
  set.fields[static_cast<std::size_t>(field.kind)] = std::move(field);
}

/// RFC 8617 section 5.2 steps 1 to 3.
void ChainVerifier::State::check_structure() {
  const Field& newest = sets.back().of(FieldKind::seal);
  if (newest.ok() && newest.cv == "fail") {
    result.ended = true;
    return fail("the sealer " + newest.signature.fields.domain +
                " found the chain broken before us (cv=fail in " + set_name(sets.size()) + ")");
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    Set& set = sets[i];
    const std::string name = set_name(i + 1);
    if (std::all_of(set.at.begin(), set.at.end(), [](std::size_t at) { return at == kNoField; }))
      return fail(name + " is missing, the newest is " + std::to_string(sets.size()));
    for (const FieldKind kind :
         {FieldKind::authentication_results, FieldKind::message_signature, FieldKind::seal}) {
      if (set.place(kind) == kNoField) return fail(name + " has no " + to_string(kind) + " field");
      if (!set.of(kind).ok())
        return fail(std::string(to_string(kind)) + " of " + name + ": " + set.of(kind).problem);
    }
  }
  check_cv();
}

void ChainVerifier::State::check_cv() {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::string& cv = sets[i].of(FieldKind::seal).cv;
    const char* wanted = i == 0 ? "none" : "pass";
    if (cv != wanted)
      return fail("ARC-Seal of " + set_name(i + 1) + " has cv=" + cv + ", expected cv=" + wanted);
  }
}

/// RFC 8617 section 5.1.1: a seal covers all sets up to its own, oldest first, relaxed.
void ChainVerifier::State::hash_seals(std::span<const mail::HeaderField> fields) {
  using dkim::Canonicalization;
  RunningHash hash;
  for (Set& set : sets) {
    for (const FieldKind kind : {FieldKind::authentication_results, FieldKind::message_signature}) {
      const KeptField kept = dkim::keep_field(fields[set.place(kind)]);
      hash.add(dkim::canonical_field(kept, Canonicalization::relaxed) + "\r\n");
    }
    const KeptField seal = dkim::keep_field(fields[set.place(FieldKind::seal)]);
    set.seal_hash = hash.with(dkim::canonical_own_field(seal, Canonicalization::relaxed));
    hash.add(dkim::canonical_field(seal, Canonicalization::relaxed) + "\r\n");
  }
}

/// The newest message signature decides, the older ones are looked at for oldest-pass while the
/// budget lasts.
void ChainVerifier::State::hash_messages(std::span<const mail::HeaderField> fields) {
  std::vector<KeptField> kept;
  std::vector<std::size_t> origin;
  std::size_t octets = 0;
  std::size_t from_count = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string_view name = trim(fields[i].name);
    if (name.empty()) continue;
    from_count += iequals(name, "from") ? 1 : 0;
    octets += name.size() + fields[i].value.size();
    if (octets > options.max_header || kept.size() == options.max_fields)
      return fail("the header is larger than what is verified");
    kept.push_back(dkim::keep_field(fields[i]));
    origin.push_back(i);
  }
  std::size_t spent = 0;
  for (std::size_t i = sets.size(); i-- > 0;) {
    Set& set = sets[i];
    set.from_unsigned = from_count - std::min(from_count, set.message().times_signed("from"));
    if (i + 1 < sets.size() && (spent += octets) > kMaxOlderHeader) break;
    if (!hash_message(set, kept, origin)) break;
  }
  result.author_signed = from_count > 0 && sets.back().from_unsigned == 0;
}

/// @return false when the budget of bodies is used up.
bool ChainVerifier::State::hash_message(Set& set, const std::vector<KeptField>& kept,
                                        const std::vector<std::size_t>& origin) {
  const dkim::Signature& signature = set.message();
  const auto body = std::find_if(bodies.begin(), bodies.end(), [&](const Body& each) {
    return each.form == signature.body_form && each.length == signature.body_length;
  });
  set.body = static_cast<std::size_t>(body - bodies.begin());
  if (body == bodies.end()) {
    if (bodies.size() == kMaxBodyForms) return false;
    bodies.push_back({signature.body_form, signature.body_length,
                      dkim::BodyHash(signature.body_form, signature.body_length), ""});
  }
  const auto own =
      std::lower_bound(origin.begin(), origin.end(), set.place(FieldKind::message_signature));
  set.message_hash =
      dkim::header_hash(kept, static_cast<std::size_t>(own - origin.begin()), signature);
  return true;
}

/// @return whether the question fits into the budget.
bool ChainVerifier::State::ask(const dkim::Signature& signature) {
  dns::Query query = signature.key_query();
  if (std::find(queries.begin(), queries.end(), query) != queries.end()) return true;
  if (queries.size() == kMaxQueries) return false;
  queries.push_back(std::move(query));
  return true;
}

void ChainVerifier::State::ask_all() {
  ask(sets.back().message());
  for (std::size_t i = sets.size(); i-- > 0;) ask(sets[i].seal());
  for (std::size_t i = sets.size() - 1; i-- > 0;) {
    if (!sets[i].message_hash.empty() && !ask(sets[i].message())) sets[i].message_hash.clear();
  }
}

const std::vector<dns::Query>& ChainVerifier::key_queries() const {
  return state_->queries;
}

bool ChainVerifier::wants_body() const {
  return state_->open();
}

void ChainVerifier::body(std::string_view octets) {
  if (!wants_body()) return;
  state_->feed.chunk(octets, [this](std::string_view clean) {
    for (Body& body : state_->bodies) body.hash.update(clean);
  });
}

/// Key and signature, by the rules for DKIM.
std::optional<Failure> ChainVerifier::State::check_key(const dkim::Signature& signature,
                                                       std::string_view hash,
                                                       const Answers& answers) {
  dkim::PoliceFacts facts{signature, options, unix_time};
  if (auto objection = dkim::police(dkim::PoliceStage::field, facts))
    return Failure{std::move(objection->reason)};
  const dns::Answer* answer = answers.find(signature.key_query());
  if (answer == nullptr) return Failure{"key query: no answer in time", true};
  const dkim::KeyAnswer key = dkim::read_key_answer(*answer);
  if (!key.record) {
    return Failure{key.record.error().text(), key.record.error().kind == ErrorKind::temporary};
  }
  facts.key = &*key.record;
  const auto decoded = keys.get(*key.record);
  if (!decoded) return Failure{decoded.error().text()};
  facts.key_bits = (*decoded)->bits();
  if (auto objection = dkim::police(dkim::PoliceStage::key, facts))
    return Failure{std::move(objection->reason)};
  if (!(*decoded)->verify(hash, signature.signature)) return Failure{"signature does not match"};
  return std::nullopt;
}

std::optional<Failure> ChainVerifier::State::check_message(const Set& set, const Answers& answers) {
  const dkim::Signature& signature = set.message();
  const Body& body = bodies[set.body];
  if (signature.body_length && *signature.body_length > body.hash.octets())
    return Failure{"l= is larger than the body"};
  if (body.digest != signature.body_hash) return Failure{"body hash does not match"};
  if (auto failure = check_key(signature, set.message_hash, answers)) return failure;
  if (signature.body_length && *signature.body_length < body.hash.octets()) {
    return Failure{"l= signs " + std::to_string(*signature.body_length) + " of " +
                   std::to_string(body.hash.octets()) + " octets of the body"};
  }
  return std::nullopt;
}

/// @return whether the signature holds.
bool ChainVerifier::State::note(SignatureCheck& check, const std::optional<Failure>& failure) {
  check.result = failure ? SignatureCheck::Result::fail : SignatureCheck::Result::pass;
  if (failure) check.reason = failure->reason;
  return !failure;
}

/// RFC 8617 section 5.2 steps 4 and 6; what failed first ends it.
void ChainVerifier::State::judge(const Answers& answers) {
  const auto object = [this](FieldKind kind, std::size_t instance, const Failure& failure) {
    result.temporary = failure.temporary;
    fail(std::string(to_string(kind)) + " of " + set_name(instance) + ": " + failure.reason);
  };
  const auto message = check_message(sets.back(), answers);
  if (!note(result.sets.back().message, message))
    return object(FieldKind::message_signature, sets.size(), *message);
  for (std::size_t i = sets.size(); i-- > 0;) {
    const auto seal = check_key(sets[i].seal(), sets[i].seal_hash, answers);
    if (!note(result.sets[i].seal, seal)) return object(FieldKind::seal, i + 1, *seal);
  }
}

/// RFC 8617 section 5.2 step 5.
void ChainVerifier::State::find_oldest_pass(const Answers& answers) {
  for (std::size_t i = sets.size() - 1; i-- > 0;) {
    const bool looked_at = !sets[i].message_hash.empty();
    if (looked_at && note(result.sets[i].message, check_message(sets[i], answers))) continue;
    result.oldest_pass = static_cast<int>(i) + 2;
    return;
  }
  result.oldest_pass = 0;
}

ChainResult ChainVerifier::finish(const Answers& keys) {
  State& s = *state_;
  if (s.open()) {
    s.feed.finish([&s](std::string_view clean) {
      for (Body& body : s.bodies) body.hash.update(clean);
    });
    for (Body& body : s.bodies) body.digest = body.hash.finish();
    s.judge(keys);
  }
  if (s.open())
    s.find_oldest_pass(keys);
  else
    s.result.author_signed = false;
  return std::move(s.result);
}

const char* to_string(ChainStatus status) {
  switch (status) {
    case ChainStatus::none:
      return "none";
    case ChainStatus::pass:
      return "pass";
    case ChainStatus::fail:
      return "fail";
  }
  return "";
}

const char* to_string(SignatureCheck::Result result) {
  switch (result) {
    case SignatureCheck::Result::not_checked:
      return "not checked";
    case SignatureCheck::Result::pass:
      return "pass";
    case SignatureCheck::Result::fail:
      return "fail";
  }
  return "";
}

Step<bool> KeysFlow::step(const Answers& answers) {
  Asker asker(answers);
  for (const dns::Query& query : queries_) asker.ask(query);
  if (!asker.complete()) return asker.take_missing();
  return true;
}

}  // namespace gatepost::arc
