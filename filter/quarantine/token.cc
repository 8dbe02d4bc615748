#include "filter/quarantine/token.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/message.h"
#include "filter/quarantine/entry.h"

namespace gatepost::quarantine {

namespace {

constexpr std::size_t kMaxNames = 64;
constexpr std::size_t kMaxNameOctets = 1500;

/// SHA-256 over pieces.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view octets) {
    EVP_DigestUpdate(context_.get(), octets.data(), octets.size());
  }
  std::string hex() {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), out, &size);
    return hex_encode({reinterpret_cast<const char*>(out), size});
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Postfix appends domains to bare addresses of local clients and may map addresses; both drop or
// add the rest of these.
constexpr std::string_view kUnbound[] = {"received",
                                         "return-path",
                                         "delivered-to",
                                         "bcc",
                                         "resent-bcc",
                                         "content-length",
                                         "to",
                                         "cc",
                                         "sender",
                                         "reply-to",
                                         "errors-to",
                                         "resent-from",
                                         "resent-to",
                                         "resent-cc",
                                         "resent-sender",
                                         "return-receipt-to",
                                         "x-gatepost-release"};

bool is_token_character(char c) {
  return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

bool is_bound(const std::string& name, std::string_view value) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_character)) return false;
  if (name == "from") return value.find('@') != std::string_view::npos;
  return std::find(std::begin(kUnbound), std::end(kUnbound), name) == std::end(kUnbound);
}

std::string relaxed(std::string_view value) {
  std::string out;
  bool blank = false;
  for (const char c : trim(value)) {
    if (is_wsp(c)) {
      blank = true;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    out += c;
  }
  return out;
}

/// Adds a body without its CRs and without the line ends at its end.
class BodyDigest {
 public:
  explicit BodyDigest(Digest& digest) : digest_(digest) {}
  void add(std::string_view chunk) {
    text_.clear();
    for (const char c : chunk) {
      if (c == '\r') continue;
      if (c == '\n') {
        ++line_ends_;
        continue;
      }
      text_.append(line_ends_, '\n');
      line_ends_ = 0;
      text_ += c;
    }
    digest_.add(text_);
  }

 private:
  Digest& digest_;
  std::string text_;
  std::size_t line_ends_ = 0;
};

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string bound_fields(std::span<const mail::HeaderField> fields) {
  std::string list;
  std::set<std::string> seen;
  for (const mail::HeaderField& field : fields) {
    const std::string name = to_lower(mail::trimmed_name(field));
    if (!is_bound(name, field.value) || seen.size() >= kMaxNames ||
        list.size() + name.size() + 1 > kMaxNameOctets || !seen.insert(name).second)
      continue;
    list += (list.empty() ? "" : ":") + name;
  }
  return list;
}

Result<std::string> content_digest(const mail::Message& message, std::string_view bound) {
  Digest digest;
  for (const std::string_view name : split(bound, ':')) {
    if (name.empty()) continue;
    for (const mail::HeaderField* field : mail::find_fields(message.fields(), name)) {
      digest.add(name);
      digest.add(":");
      digest.add(relaxed(field->value));
      digest.add("\n");
    }
  }
  digest.add("\n");
  BodyDigest body(digest);
  const auto read = message.for_each_body_chunk([&](std::string_view chunk) {
    body.add(chunk);
    return true;
  });
  if (!read.ok()) return read.error();
  return digest.hex();
}

std::string envelope_digest(std::string_view mail_from, std::vector<std::string> recipients) {
  std::sort(recipients.begin(), recipients.end());
  recipients.erase(std::unique(recipients.begin(), recipients.end()), recipients.end());
  Digest digest;
  digest.add(mail_from);
  for (const std::string& recipient : recipients) {
    digest.add(std::string_view("\0", 1));
    digest.add(recipient);
  }
  return digest.hex();
}

std::string token_mac(std::string_view secret, const ReleaseToken& token,
                      std::string_view content_digest, std::string_view envelope_digest) {
  std::string text = "gatepost release 1\n";
  for (const std::string_view part :
       {std::string_view(token.reference), std::string_view(token.nonce),
        std::string_view(token.fields), content_digest, envelope_digest}) {
    text.append(part) += '\n';
  }
  text += std::to_string(token.expires);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, &size);
  return hex_encode({reinterpret_cast<const char*>(out), size});
}

bool mac_fits(std::string_view secret, const ReleaseToken& token, std::string_view content_digest,
              std::string_view envelope_digest) {
  const std::string mac = token_mac(secret, token, content_digest, envelope_digest);
  return mac.size() == token.mac.size() &&
         CRYPTO_memcmp(mac.data(), token.mac.data(), mac.size()) == 0;
}

std::string format_token(const ReleaseToken& token) {
  std::string out = "v=1; r=" + token.reference + "; n=" + token.nonce +
                    "; x=" + std::to_string(token.expires) + ";\r\n\th=";
  std::size_t column = 3;
  for (const char c : token.fields) {
    out += c;
    if (++column > 70 && c == ':') out += "\r\n\t", column = 1;
  }
  return out + ";\r\n\tb=" + token.mac;
}

Result<ReleaseToken> parse_token(std::string_view value) {
  if (value.size() > kMaxTokenField) return permanent_error("the token is too long");
  std::string text;
  for (const char c : value) {
    if (!is_wsp(c)) text += c;
  }
  ReleaseToken token;
  std::string version;
  std::string expires;
  std::set<char> seen;
  for (const std::string_view part : split(text, ';')) {
    if (part.empty()) continue;
    if (part.size() < 2 || part[1] != '=' || !seen.insert(part[0]).second)
      return permanent_error("the token has a malformed or doubled tag");
    const std::string content(part.substr(2));
    switch (part[0]) {
      case 'v':
        version = content;
        break;
      case 'r':
        token.reference = content;
        break;
      case 'n':
        token.nonce = content;
        break;
      case 'x':
        expires = content;
        break;
      case 'h':
        token.fields = content;
        break;
      case 'b':
        token.mac = content;
        break;
      default:
        return permanent_error("the token has an unknown tag");
    }
  }
  if (version != "1") return permanent_error("the token has no version 1");
  const auto [end, error] =
      std::from_chars(expires.data(), expires.data() + expires.size(), token.expires);
  if (error != std::errc() || end != expires.data() + expires.size() || token.expires < 0)
    return permanent_error("the token has no time of expiry");
  if (!is_reference(token.reference)) return permanent_error("the token has no reference");
  if (!is_hex(token.nonce, 32) || !is_hex(token.mac, 64))
    return permanent_error("the token has no nonce or no signature");
  if (!std::all_of(token.fields.begin(), token.fields.end(), [](char c) {
        return (is_token_character(c) && c == ascii_lower(c)) || c == ':';
      }))
    return permanent_error("the token's list of fields is malformed");
  return token;
}

}  // namespace gatepost::quarantine
