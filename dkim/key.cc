#include "dkim/key.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

/// The trimmed pieces of a colon-separated value, in lower case.
std::vector<std::string> colon_list(std::string_view value) {
  std::vector<std::string> items;
  for (const std::string_view item : split(value, ':')) items.push_back(to_lower(trim(item)));
  return items;
}

Result<KeyType> read_type(const TagList& tags) {
  const Tag* type = tags.find("k");
  // RFC 6376 section 3.6.1: k= defaults to rsa; RFC 8463 section 3 adds ed25519.
  if (!type || type->value == "rsa") return KeyType::rsa;
  if (type->value == "ed25519") return KeyType::ed25519;
  return permanent_error("key type k=" + printable(type->value, 40) + " is not known");
}

Result<std::string> read_key(const TagList& tags, KeyType type) {
  const Tag* data = tags.find("p");
  if (!data) return permanent_error("key record has no p= tag");
  // RFC 6376 section 3.6.1: an empty p= means that the key has been revoked.
  if (data->value.empty()) return permanent_error("key revoked");
  auto octets = base64_decode(data->value);
  if (!octets || octets->empty()) return permanent_error("p= is not base64");
  // RFC 8463 section 4: p= of ed25519 is the bare public key.
  if (type == KeyType::ed25519 && octets->size() != 32) {
    return permanent_error("ed25519 key has " + std::to_string(octets->size()) +
                           " octets, expected 32");
  }
  return *std::move(octets);
}

void read_flags(const TagList& tags, KeyRecord& record) {
  const Tag* flags = tags.find("t");
  if (!flags) return;
  for (const std::string& flag : colon_list(flags->value)) {
    if (flag == "y") record.testing = true;
    if (flag == "s") record.strict_identity = true;
  }
}

/// Whether a TXT record is meant as a key: others (SPF, verification tokens) share wildcards.
bool looks_like_key(std::string_view txt) {
  const std::string_view text = trim(txt);
  return istarts_with(text, "v=DKIM") || text.find("p=") != std::string_view::npos;
}

}  // namespace

const char* to_string(KeyType type) {
  return type == KeyType::rsa ? "rsa" : "ed25519";
}

bool KeyRecord::allows_hash(std::string_view hash) const {
  return hashes.empty() || std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

bool KeyRecord::allows_email() const {
  return services.empty() || std::any_of(services.begin(), services.end(), [](const auto& service) {
           return service == "*" || service == "email";
         });
}

Result<KeyRecord> parse_key_record(std::string_view txt) {
  auto tags = TagList::parse(txt, {.octets = kMaxKeyRecord});
  if (!tags) return tags.error();
  // RFC 6376 section 3.6.1: a record with another v= must be discarded. That v= must stand first is
  // asked of those who publish it: many records break it harmlessly.
  if (const Tag* version = tags->find("v"); version && version->value != "DKIM1") {
    return permanent_error("key record has v=" + printable(version->value, 40) +
                           ", expected DKIM1");
  }
  const auto type = read_type(*tags);
  if (!type) return type.error();
  auto key = read_key(*tags, *type);
  if (!key) return key.error();
  KeyRecord record;
  record.type = *type;
  record.key = *std::move(key);
  if (const Tag* hashes = tags->find("h")) record.hashes = colon_list(hashes->value);
  if (const Tag* services = tags->find("s")) record.services = colon_list(services->value);
  if (const Tag* notes = tags->find("n")) record.notes = notes->value;
  read_flags(*tags, record);
  return record;
}

KeyAnswer read_key_answer(const dns::Answer& answer) {
  // RFC 6376 section 6.1.2: a server that fails means try later, no record means PERMFAIL.
  if (dns::is_temporary(answer.status)) {
    std::string what = std::string("key query: ") + dns::to_string(answer.status);
    if (!answer.reason.empty()) what += " (" + printable(answer.reason, 100) + ")";
    return {temporary_error(std::move(what)), false};
  }
  if (answer.texts.empty()) return {permanent_error("no key for signature"), answer.secure};
  const std::string* candidate = nullptr;
  for (const std::string& txt : answer.texts) {
    auto record = parse_key_record(txt);
    if (record) return {std::move(record), answer.secure};
    if (!candidate && looks_like_key(txt)) candidate = &txt;
  }
  return {parse_key_record(candidate ? *candidate : answer.texts.front()).error(), answer.secure};
}

Step<KeyAnswer> KeyFlow::step(const Answers& answers) {
  Asker asker(answers);
  const dns::Answer* answer = asker.ask(query_);
  if (!answer) return asker.take_missing();
  return read_key_answer(*answer);
}

}  // namespace gatepost::dkim
