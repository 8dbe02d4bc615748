#include "dkim/trace.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/body_feed.h"
#include "dkim/canonicalize.h"
#include "dkim/header_hash.h"
#include "dkim/key.h"
#include "dkim/tag_list.h"
#include "dkim/trace_guess.h"

namespace gatepost::dkim {

namespace {

using Mark = TraceStep::Mark;

/// What a reader sees or acts upon: worth a word when a signature leaves it out.
constexpr std::string_view kShown[] = {"from",         "to",           "cc",
                                       "subject",      "date",         "reply-to",
                                       "content-type", "mime-version", "list-unsubscribe"};

std::string utc(std::int64_t time) {
  // Four digits of a year: what is beyond is shown as the number it is.
  if (time < 0 || time > 253402300799) return std::to_string(time);
  using namespace std::chrono;
  const sys_seconds at{seconds(time)};
  const year_month_day day(floor<days>(at));
  const hh_mm_ss clock(at - floor<days>(at));
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC", int(day.year()),
                unsigned(day.month()), unsigned(day.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()));
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  constexpr std::size_t kMost = 40;
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kMost; ++i)
    text += (text.empty() ? "" : ", ") + printable(words[i], 60);
  if (words.size() > kMost) text += " and " + std::to_string(words.size() - kMost) + " more";
  return text;
}

std::string octets(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " octet" : " octets");
}

/// One signature of one message.
class Tracer {
 public:
  Tracer(Library& library, const std::vector<KeptField>& fields, std::size_t own,
         std::string_view body, const Answers& keys, const SignatureResult& result)
      : library_(library),
        fields_(fields),
        own_(own),
        body_(body),
        keys_(keys),
        result_(result),
        parsed_(parse_signature(std::string_view(fields[own].text).substr(fields[own].colon + 1))),
        signature_(parsed_.fields) {}

  std::vector<TraceStep> run() {
    describe();
    if (parsed_.ok() && signature_.algorithm != Algorithm::rsa_sha1) {
      const std::shared_ptr<const PublicKey> key = look_at_key();
      describe_fields();
      look_at_header(key.get());
      look_at_body();
    }
    const bool pass = result_.outcome == Outcome::pass;
    add(pass ? Mark::good : Mark::bad, "result",
        to_string(result_.outcome) + (pass ? std::string() : ": " + result_.reason));
    return std::move(steps_);
  }

 private:
  void add(Mark mark, const char* about, std::string text) {
    steps_.push_back({mark, about, std::move(text)});
  }

  void describe() {
    if (!parsed_.ok()) return add(Mark::bad, "signature", "malformed: " + parsed_.problem);
    std::string text = std::string(to_string(signature_.algorithm)) + ", " +
                       to_string(signature_.header_form) + "/" + to_string(signature_.body_form) +
                       ", by " + signature_.domain;
    if (signature_.identity != "@" + signature_.domain)
      text += " for " + printable(signature_.identity, 320);
    if (signature_.timestamp) text += ", made " + utc(*signature_.timestamp);
    if (signature_.expiration) text += ", good until " + utc(*signature_.expiration);
    add(Mark::note, "signature", std::move(text));
  }

  /// @return the key when there is one.
  std::shared_ptr<const PublicKey> look_at_key() {
    const dns::Query query = signature_.key_query();
    const std::string at = "TXT of " + query.name;
    const dns::Answer* answer = keys_.find(query);
    if (!answer) {
      add(Mark::note, "key", at + " was not asked for, or did not answer in time");
      return nullptr;
    }
    const KeyAnswer key = read_key_answer(*answer);
    if (!key.record) {
      add(Mark::bad, "key", at + ": " + key.record.error().text());
      return nullptr;
    }
    auto decoded = library_.keys().get(*key.record);
    if (!decoded) {
      add(Mark::bad, "key", at + ": " + decoded.error().text());
      return nullptr;
    }
    std::string text = at + ": " + to_string(key.record->type);
    if (key.record->type == KeyType::rsa)
      text += ", " + std::to_string((*decoded)->bits()) + " bits";
    text += key.secure ? ", validated by DNSSEC" : "";
    text += key.record->testing ? ", the domain says that it is testing (t=y)" : "";
    text += key.record->strict_identity ? ", for this very domain only (t=s)" : "";
    add(Mark::good, "key", std::move(text));
    return *decoded;
  }

  void describe_fields() {
    std::map<std::string_view, std::size_t> present;
    for (const KeptField& field : fields_) ++present[field.name];
    std::vector<std::string> covered;
    std::vector<std::string> reserved;
    std::set<std::string> seen;
    for (const std::string& name : signature_.signed_headers) {
      if (!seen.insert(name).second) continue;
      const auto found = present.find(name);
      const std::size_t count = found == present.end() ? 0 : found->second;
      if (count > 0) covered.push_back(name);
      if (signature_.times_signed(name) > count) reserved.push_back(name);
    }
    add(Mark::note, "fields", "signed: " + joined(covered));
    if (!reserved.empty())
      add(Mark::note, "fields", "no further one may be added: " + joined(reserved));
    std::vector<std::string> open;
    for (const std::string_view name : kShown) {
      const auto found = present.find(name);
      if (found != present.end() && signature_.times_signed(name) < found->second)
        open.emplace_back(name);
    }
    if (!open.empty())
      add(Mark::note, "fields", "not signed, anyone may have written: " + joined(open));
  }

  std::string_view z() const {
    const KeptField& field = fields_[own_];
    const auto tags = TagList::parse(std::string_view(field.text).substr(field.colon + 1),
                                     {.octets = kMaxSignatureField});
    const Tag* tag = tags ? tags->find("z") : nullptr;
    return tag ? tag->value : std::string_view();
  }

  void look_at_header(const PublicKey* key) {
    const std::vector<CopiedField> copied =
        z().empty() ? std::vector<CopiedField>() : read_copied_fields(z());
    if (!key ||
        (key->type() == KeyType::ed25519) != (signature_.algorithm == Algorithm::ed25519_sha256)) {
      compare_copied(copied);
      return;
    }
    const auto matches = [&](const std::vector<KeptField>& fields) {
      return tries_++ < kMaxTries &&
             key->verify(header_hash(fields, own_, signature_), signature_.signature);
    };
    if (matches(fields_)) {
      add(Mark::good, "header", "the signed fields are as they were when they were signed");
      return;
    }
    add(Mark::bad, "header",
        "a signed field was changed, added or removed on its way, or the key is not the one that "
        "signed");
    compare_copied(copied);
    if (auto guess = guess_header_change(fields_, own_, signature_.signed_headers, copied, matches))
      add(Mark::bad, "header", *std::move(guess));
  }

  /// z= holds the fields as they were; it proves nothing, and helps to find a change.
  void compare_copied(const std::vector<CopiedField>& copied) {
    for (const CopiedField& copy : copied) {
      const std::string name = to_lower(trim(copy.name));
      const auto now = std::find_if(fields_.rbegin(), fields_.rend(),
                                    [&](const KeptField& field) { return field.name == name; });
      if (now == fields_.rend()) {
        add(Mark::bad, "header",
            printable(copy.name, 60) + " was there when it was signed (z=) and is gone");
        continue;
      }
      const std::string before = one_line(copy.value);
      const std::string after = one_line(std::string_view(now->text).substr(now->colon + 1));
      if (before == after) continue;
      add(Mark::bad, "header",
          printable(copy.name, 60) + " was \"" + printable(before, 100) +
              "\" when it was signed (z=), is \"" + printable(after, 100) + "\" now");
    }
  }

  struct Hashed {
    std::string hash;
    std::uint64_t octets;  // of the canonical body, beyond l=, too
  };
  Hashed hash_body(std::string_view body, std::optional<std::uint64_t> length) {
    BodyHash hashing(signature_.body_form, length);
    hashing.update(body);
    std::string hash = hashing.finish();
    return {std::move(hash), hashing.octets()};
  }

  void look_at_body() {
    const Hashed whole = hash_body(body_, std::nullopt);
    const Hashed part = signature_.body_length ? hash_body(body_, signature_.body_length) : whole;
    if (signature_.body_length) {
      add(*signature_.body_length < whole.octets ? Mark::bad : Mark::note, "body",
          "l= covers " + octets(*signature_.body_length) + " of " + std::to_string(whole.octets));
    }
    if (part.hash == signature_.body_hash) {
      add(Mark::good, "body",
          "the body (" +
              octets(std::min(part.octets, signature_.body_length.value_or(part.octets))) +
              ") is as it was when it was signed");
      return;
    }
    add(Mark::bad, "body",
        "the body was changed behind the signer: bh= is " + base64_encode(signature_.body_hash) +
            ", this body gives " + base64_encode(part.hash));
    std::size_t tries = 0;
    const auto same = [&](std::string_view body) {
      return tries++ < kMaxTries && hash_body(body, std::nullopt).hash == signature_.body_hash;
    };
    if (signature_.body_length) return;
    if (auto guess = guess_body_change(body_, same))
      return add(Mark::bad, "body", *std::move(guess));
    add(Mark::note, "body",
        "nothing was merely added at its ends: a footer inside of a MIME part, another encoding, "
        "rewritten "
        "links or removed attachments are usual");
  }

  Library& library_;
  const std::vector<KeptField>& fields_;
  const std::size_t own_;
  const std::string_view body_;
  const Answers& keys_;
  const SignatureResult& result_;
  const ParsedSignature parsed_;
  const Signature& signature_;
  std::size_t tries_ = 0;
  std::vector<TraceStep> steps_;
};

}  // namespace

const char* to_string(TraceStep::Mark mark) {
  switch (mark) {
    case Mark::good:
      return "ok";
    case Mark::note:
      return "-";
    case Mark::bad:
      return "!!";
  }
  return "";
}

std::vector<std::vector<TraceStep>> trace(Library& library,
                                          std::span<const mail::HeaderField> fields,
                                          std::string_view body, const Answers& keys,
                                          const std::vector<SignatureResult>& results) {
  std::vector<KeptField> kept;
  for (const mail::HeaderField& field : fields) {
    if (!trim(field.name).empty()) kept.push_back(keep_field(field));
  }
  std::string clean;
  const auto append = [&](std::string_view octets) { clean += octets; };
  BodyFeed feed;
  feed.chunk(body, append);
  feed.finish(append);
  std::vector<std::vector<TraceStep>> told;
  for (std::size_t i = 0; i < kept.size() && told.size() < results.size(); ++i) {
    if (kept[i].name != "dkim-signature") continue;
    told.push_back(Tracer(library, kept, i, clean, keys, results[told.size()]).run());
  }
  told.resize(results.size());
  return told;
}

}  // namespace gatepost::dkim
