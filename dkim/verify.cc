#include "dkim/verify.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "dkim/body_feed.h"
#include "dkim/canonicalize.h"
#include "dkim/header_hash.h"
#include "dkim/opendkim_message.h"
#include "dkim/signature.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

/// Above this many comparisons (names in h= times fields) libopendkim's search would cost
/// milliseconds: our own is linear.
constexpr std::size_t kMaxComparisons = 200000;
/// libopendkim copies h= into 4096 octets and cuts the rest off without a word.
constexpr std::size_t kMaxLibraryHeaders = 4000;
/// Times outside are kept from libopendkim: it would compare them with the machine's clock.
constexpr std::int64_t kEarliestTimestamp = 1000000000;  // 2001
constexpr std::int64_t kLatestTimestamp = 2500000000;    // 2049
constexpr std::int64_t kEarliestExpiration = 1500000000;

/// The tags of RFC 6376 section 3.5.
constexpr std::string_view kSignatureTags[] = {"v", "a", "b", "bh", "c", "d", "h",
                                               "i", "l", "q", "s",  "t", "x", "z"};

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

bool has_odd_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && !is_wsp(c); });
}

/// Whether libopendkim reads these tags as we do. It takes tag names in any case, cuts b= out by
/// the letter before the first '=', and knows ASCII only.
bool library_reads(std::string_view value) {
  if (!is_ascii(value)) return false;
  const auto tags = TagList::parse(value, {.octets = kMaxSignatureField});
  if (!tags) return false;
  for (const Tag& tag : tags->tags()) {
    if (tag.name == "b" ? tag.spaced : tag.name.back() == 'b') return false;
    if (tag.name == "h" && tag.value.size() > kMaxLibraryHeaders) return false;
    for (const std::string_view known : kSignatureTags) {
      if (tag.name != known && iequals(tag.name, known)) return false;
    }
  }
  return true;
}

bool library_takes_times(const Signature& signature) {
  const auto& t = signature.timestamp;
  const auto& x = signature.expiration;
  return (!t || (*t >= kEarliestTimestamp && *t <= kLatestTimestamp)) &&
         (!x || *x >= kEarliestExpiration);
}

/// One body hash, shared by all signatures with the same c= and l=.
struct Body {
  Body(Canonicalization chosen, std::optional<std::uint64_t> most)
      : form(chosen), length(most), hashing(chosen, most) {}

  Canonicalization form;
  std::optional<std::uint64_t> length;
  BodyHash hashing;
  std::string hash;  // once the body has ended
};

/// One DKIM-Signature field.
struct Slot {
  ParsedSignature parsed;
  std::size_t field = kNone;  // index in fields
  std::optional<Objection> verdict;
  dns::Query query;
  bool own_header_hash = false;  // libopendkim is not to hash this one
  std::string header_hash;
  std::size_t body = kNone;  // index in bodies

  bool open() const { return !verdict; }
};

void object(Slot& slot, Outcome outcome, std::string reason) {
  if (slot.open()) slot.verdict = Objection{outcome, std::move(reason)};
}

}  // namespace

struct Verifier::State {
  State(Library& shared, VerifyOptions chosen, std::int64_t now)
      : library(shared), options(chosen), unix_time(now) {}

  Library& library;
  VerifyOptions options;
  std::int64_t unix_time;

  std::vector<KeptField> fields;
  std::size_t header_octets = 0;
  std::size_t from_count = 0;
  std::string over_budget;  // the reason, once a budget is used up
  std::vector<Slot> slots;
  std::size_t signature_count = 0;
  std::vector<dns::Query> queries;
  VerifyCost cost;

  enum class Phase { header, body, done } phase = Phase::header;
  std::vector<Body> bodies;
  BodyFeed feed;

  bool keep(const mail::HeaderField& field);
  std::optional<dns::Query> add_signature(const mail::HeaderField& field, std::size_t index);
  void object_all(Outcome outcome, const std::string& reason);
  void choose_bodies();
  void choose_hashers();
  void hash_headers_by_library();
  void hash_own_headers();
  BodyFeed::Sink sink();

  SignatureResult judge(Slot& slot, const Answers& keys);
  std::optional<Objection> judge_key(Slot& slot, const Answers& keys, SignatureResult& result);
  std::optional<Objection> check(const Slot& slot, const PublicKey& key, PoliceFacts facts);
};

Verifier::Verifier(Library& library, VerifyOptions options, std::int64_t unix_time)
    : state_(std::make_unique<State>(library, options, unix_time)) {}
Verifier::~Verifier() = default;
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;

/// @return whether the field was kept; a message beyond its budgets is not verified at all.
bool Verifier::State::keep(const mail::HeaderField& field) {
  if (!over_budget.empty()) return false;
  if (fields.size() == options.max_fields) {
    over_budget = "message has more than " + std::to_string(options.max_fields) + " header fields";
    return false;
  }
  header_octets += field.name.size() + field.value.size() + 3;
  if (header_octets > options.max_header) {
    over_budget = "header is larger than " + std::to_string(options.max_header) + " octets";
    return false;
  }
  fields.push_back(keep_field(field));
  return true;
}

std::optional<dns::Query> Verifier::State::add_signature(const mail::HeaderField& field,
                                                         std::size_t index) {
  ++signature_count;
  if (slots.size() == kMaxResults) return std::nullopt;
  Slot& slot = slots.emplace_back();
  slot.parsed = parse_signature(field.value);
  slot.field = index;
  if (index == kNone) object(slot, Outcome::policy, over_budget);
  if (slots.size() > options.max_signatures) object(slot, Outcome::policy, "too many signatures");
  // RFC 6376 section 6.1.1: a malformed signature is PERMFAIL.
  if (!slot.parsed.ok()) object(slot, Outcome::permerror, slot.parsed.problem);
  if (slot.open()) {
    slot.verdict = police(PoliceStage::field, {slot.parsed.fields, options, unix_time});
  }
  if (!slot.open()) return std::nullopt;
  slot.query = slot.parsed.fields.key_query();
  if (std::find(queries.begin(), queries.end(), slot.query) == queries.end()) {
    queries.push_back(slot.query);
  }
  return slot.query;
}

std::optional<dns::Query> Verifier::header(const mail::HeaderField& field) {
  State& s = *state_;
  if (s.phase != State::Phase::header || trim(field.name).empty()) return std::nullopt;
  const bool kept = s.keep(field);
  if (kept && s.fields.back().name == "from") ++s.from_count;
  if (!iequals(trim(field.name), "dkim-signature")) return std::nullopt;
  return s.add_signature(field, kept ? s.fields.size() - 1 : kNone);
}

void Verifier::State::object_all(Outcome outcome, const std::string& reason) {
  for (Slot& slot : slots) object(slot, outcome, reason);
}

void Verifier::State::choose_bodies() {
  bodies.reserve(kMaxBodyForms);
  for (Slot& slot : slots) {
    if (!slot.open()) continue;
    const Signature& signature = slot.parsed.fields;
    const auto same = std::find_if(bodies.begin(), bodies.end(), [&](const Body& body) {
      return body.form == signature.body_form && body.length == signature.body_length;
    });
    slot.body = static_cast<std::size_t>(same - bodies.begin());
    if (same != bodies.end()) continue;
    if (bodies.size() == kMaxBodyForms)
      object(slot, Outcome::policy, "too many different l= in one message");
    else
      bodies.emplace_back(signature.body_form, signature.body_length);
  }
}

/// Decides whose header libopendkim hashes.
void Verifier::State::choose_hashers() {
  std::size_t names = 0;
  for (Slot& slot : slots) {
    if (!slot.open()) continue;
    const Signature& signature = slot.parsed.fields;
    const KeptField& field = fields[slot.field];
    slot.own_header_hash = !library_takes_times(signature) ||
                           signature.times_signed("dkim-signature") > 0 ||
                           !library_reads(std::string_view(field.text).substr(field.colon + 1));
    names += signature.signed_headers.size();
  }
  const bool own_all = names * fields.size() > kMaxComparisons ||
                       std::any_of(fields.begin(), fields.end(), [](const KeptField& field) {
                         return has_odd_control(field.text);
                       });
  if (!own_all) return;
  for (Slot& slot : slots) slot.own_header_hash = true;
}

/// Feeds it the fields that the signatures speak of, in order. A signature that libopendkim does
/// not understand although it is in order is left to us: its view is not the last word.
void Verifier::State::hash_headers_by_library() {
  std::vector<std::string_view> wanted;
  std::vector<Slot*> signatures;  // in the order of their fields
  for (Slot& slot : slots) {
    if (!slot.open() || slot.own_header_hash) continue;
    signatures.push_back(&slot);
    for (const std::string& name : slot.parsed.fields.signed_headers) wanted.push_back(name);
  }
  if (signatures.empty()) return;
  std::sort(wanted.begin(), wanted.end());
  OpendkimMessage message(library);
  std::uint64_t octets = 0;
  bool taken = true;
  auto next = signatures.begin();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const bool is_signature = next != signatures.end() && (*next)->field == i;
    if (is_signature) ++next;
    if (!is_signature && !std::binary_search(wanted.begin(), wanted.end(), fields[i].name))
      continue;
    // A signature that it finds malformed still counts in hashes().
    if (!message.header(fields[i].text) && !is_signature) taken = false;
    octets += fields[i].text.size() + 2;
  }
  cost.header_octets += octets * signatures.size();
  // Without a body: that is hashed by ourselves.
  taken = taken && message.end_of_headers() && message.finish().ok() &&
          message.hashes().size() == signatures.size();
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    Slot& slot = *signatures[i];
    slot.own_header_hash = !taken || !message.hashes()[i].usable;
    if (!slot.own_header_hash) slot.header_hash = message.hashes()[i].header;
  }
}

/// The fields are not needed any longer afterwards.
void Verifier::State::hash_own_headers() {
  for (Slot& slot : slots) {
    if (!slot.open() || !slot.own_header_hash) continue;
    slot.header_hash = header_hash(fields, slot.field, slot.parsed.fields);
    cost.header_octets += header_octets;
  }
  fields = {};
}

Result<void> Verifier::end_of_headers() {
  State& s = *state_;
  if (s.phase != State::Phase::header) return internal_error("end_of_headers() called twice");
  s.phase = State::Phase::body;
  if (!s.over_budget.empty()) s.object_all(Outcome::policy, s.over_budget);
  // RFC 6376 section 6.1.1 with RFC 5322 section 3.6: From is required.
  if (s.from_count == 0) s.object_all(Outcome::permerror, "message has no From field");
  s.choose_bodies();
  s.choose_hashers();
  s.hash_headers_by_library();
  s.hash_own_headers();
  return {};
}

BodyFeed::Sink Verifier::State::sink() {
  return [this](std::string_view octets) {
    cost.body_octets += octets.size() * bodies.size();
    for (Body& body : bodies) body.hashing.update(octets);
  };
}

bool Verifier::wants_body() const {
  return state_->phase == State::Phase::body &&
         std::any_of(state_->slots.begin(), state_->slots.end(),
                     [](const Slot& slot) { return slot.open(); });
}

void Verifier::body(std::string_view octets) {
  if (wants_body()) state_->feed.chunk(octets, state_->sink());
}

const std::vector<dns::Query>& Verifier::key_queries() const {
  return state_->queries;
}

std::size_t Verifier::signature_count() const {
  return state_->signature_count;
}

VerifyCost Verifier::cost() const {
  VerifyCost cost = state_->cost;
  cost.key_questions = state_->queries.size();
  return cost;
}

/// What the key alone says against the signature.
std::optional<Objection> Verifier::State::judge_key(Slot& slot, const Answers& keys,
                                                    SignatureResult& result) {
  const dns::Answer* answer = keys.find(slot.query);
  if (!answer) return Objection{Outcome::temperror, "key query: no answer in time"};
  const KeyAnswer key = read_key_answer(*answer);
  result.secure = key.secure;
  if (!key.record) {
    const Error& error = key.record.error();
    const bool temporary = error.kind == ErrorKind::temporary;
    return Objection{temporary ? Outcome::temperror : Outcome::permerror, error.text()};
  }
  result.testing = key.record->testing;
  PoliceFacts facts{slot.parsed.fields, options, unix_time};
  facts.key = &*key.record;
  const auto decoded = library.keys().get(*key.record);
  if (!decoded) return Objection{Outcome::permerror, decoded.error().text()};
  result.key_bits = facts.key_bits = (*decoded)->bits();
  if (auto objection = police(PoliceStage::key, facts)) return objection;
  return check(slot, **decoded, facts);
}

/// The verification itself (RFC 6376 section 6.1.3), then what speaks against a correct signature.
std::optional<Objection> Verifier::State::check(const Slot& slot, const PublicKey& key,
                                                PoliceFacts facts) {
  const Signature& signature = slot.parsed.fields;
  const Body& body = bodies[slot.body];
  // RFC 6376 section 3.5 l=: must not be larger than the body.
  facts.body_octets = body.hashing.octets();
  if (signature.body_length && *signature.body_length > facts.body_octets) {
    return Objection{Outcome::fail, "l= is larger than the body"};
  }
  if (body.hash != signature.body_hash) {
    return Objection{Outcome::fail, "body hash does not match"};
  }
  ++cost.verifications;
  if (!key.verify(slot.header_hash, signature.signature)) {
    return Objection{Outcome::fail, "signature does not match"};
  }
  facts.from_count = from_count;
  return police(PoliceStage::message, facts);
}

SignatureResult Verifier::State::judge(Slot& slot, const Answers& keys) {
  const Signature& signature = slot.parsed.fields;
  SignatureResult result;
  result.domain = signature.domain;
  result.selector = signature.selector;
  result.identity = printable(signature.identity, 320);
  result.algorithm = slot.parsed.algorithm;
  result.b_prefix = signature.b_prefix;
  if (slot.open()) slot.verdict = judge_key(slot, keys, result);
  result.outcome = slot.verdict ? slot.verdict->outcome : Outcome::pass;
  if (slot.verdict) result.reason = slot.verdict->reason;
  return result;
}

Result<std::vector<SignatureResult>> Verifier::finish(const Answers& keys) {
  State& s = *state_;
  if (s.phase != State::Phase::body) return internal_error("finish() called out of turn");
  if (wants_body()) s.feed.finish(s.sink());
  s.phase = State::Phase::done;
  for (Body& body : s.bodies) body.hash = body.hashing.finish();
  std::vector<SignatureResult> results;
  results.reserve(s.slots.size());
  for (Slot& slot : s.slots) results.push_back(s.judge(slot, keys));
  return results;
}

}  // namespace gatepost::dkim
