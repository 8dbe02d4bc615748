#include "tests/dkim/test_signer.h"

#include <cctype>
#include <stdexcept>

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "core/base/encoding.h"

namespace gatepost::dkim::test {

namespace {

std::string digest(std::string_view text, const EVP_MD* type) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), out, &size, type, nullptr);
  return {reinterpret_cast<char*>(out), size};
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string without_trailing_blanks(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  return text;
}

std::string unfold(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\r' && c != '\n') out += c;
  }
  return out;
}

/// Runs of blanks become one.
std::string squeeze(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\t') c = ' ';
    if (c == ' ' && !out.empty() && out.back() == ' ') continue;
    out += c;
  }
  return out;
}

std::string canonical_field(const mail::HeaderField& field, bool relaxed) {
  if (!relaxed) return field.name + ":" + field.value;
  std::string value = without_trailing_blanks(squeeze(unfold(field.value)));
  if (!value.empty() && value.front() == ' ') value.erase(0, 1);
  return lower(without_trailing_blanks(field.name)) + ":" + value;
}

std::string folded(const std::string& base64) {
  std::string out;
  for (std::size_t i = 0; i < base64.size(); i += 60) {
    out += (i > 0 ? "\r\n\t " : "") + base64.substr(i, 60);
  }
  return out;
}

}  // namespace

TestKey TestKey::rsa(int bits) {
  return TestKey(EVP_RSA_gen(static_cast<unsigned int>(bits)));
}

TestKey TestKey::ed25519() {
  return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

bool TestKey::is_rsa() const {
  return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA;
}

std::string TestKey::public_base64(bool pkcs1) const {
  if (!is_rsa()) {
    unsigned char raw[32];
    std::size_t size = sizeof raw;
    EVP_PKEY_get_raw_public_key(key_.get(), raw, &size);
    return base64_encode({reinterpret_cast<char*>(raw), size});
  }
  unsigned char* der = nullptr;
  const int size = pkcs1 ? i2d_PublicKey(key_.get(), &der) : i2d_PUBKEY(key_.get(), &der);
  std::string text = base64_encode({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return text;
}

std::string TestKey::record() const {
  return std::string("v=DKIM1; k=") + (is_rsa() ? "rsa" : "ed25519") + "; p=" + public_base64();
}

std::string TestKey::sign_hash(std::string_view hash, const EVP_MD* type) const {
  const auto* data = reinterpret_cast<const unsigned char*>(hash.data());
  std::string out(1024, '\0');
  std::size_t size = out.size();
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  if (is_rsa()) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key_.get(), nullptr);
    EVP_PKEY_sign_init(context);
    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
    EVP_PKEY_CTX_set_signature_md(context, type);
    if (EVP_PKEY_sign(context, to, &size, data, hash.size()) != 1) size = 0;
    EVP_PKEY_CTX_free(context);
  } else {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get());
    if (EVP_DigestSign(context, to, &size, data, hash.size()) != 1) size = 0;
    EVP_MD_CTX_free(context);
  }
  if (size == 0) throw std::runtime_error("the test signer cannot sign");
  out.resize(size);
  return out;
}

std::string canonical_body(std::string_view body, bool relaxed) {
  std::string out;
  std::size_t empty_lines = 0;
  while (!body.empty()) {
    const std::size_t end = body.find("\r\n");
    std::string line(body.substr(0, end));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 2);
    if (relaxed) line = without_trailing_blanks(squeeze(line));
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) out += "\r\n";
    out += line + "\r\n";
  }
  return out.empty() && !relaxed ? "\r\n" : out;
}

mail::HeaderField sign(const Message& message, const TestKey& key, const SignOptions& options) {
  const std::size_t slash = options.form.find('/');
  const bool relaxed_header = options.form.substr(0, slash) == "relaxed";
  const bool relaxed_body =
      slash != std::string::npos && options.form.substr(slash + 1) == "relaxed";
  const std::string algorithm = !options.algorithm.empty() ? options.algorithm
                                : key.is_rsa()             ? "rsa-sha256"
                                                           : "ed25519-sha256";
  const EVP_MD* type = algorithm == "rsa-sha1" ? EVP_sha1() : EVP_sha256();

  std::string body = canonical_body(message.body, relaxed_body);
  if (options.length) body.resize(std::min(*options.length, body.size()));
  std::string names;
  for (const std::string& name : options.headers) names += (names.empty() ? "" : ":") + name;
  mail::HeaderField field{options.field_name, " v=" + options.version + "; a=" + algorithm +
                                                  "; c=" + options.form + "; d=" + options.domain +
                                                  ";\r\n\ts=" + options.selector + "; h=" + names};
  if (options.length) field.value += "; l=" + std::to_string(*options.length);
  field.value += options.extra + ";\r\n\t" + options.hash_name + base64_encode(digest(body, type)) +
                 "; " + options.b_tag;

  std::string text;
  std::vector<bool> used(message.fields.size());
  for (const std::string& name : options.headers) {
    for (std::size_t i = message.fields.size(); i-- > 0;) {
      if (used[i] || lower(without_trailing_blanks(message.fields[i].name)) != lower(name))
        continue;
      used[i] = true;
      text += canonical_field(message.fields[i], relaxed_header) + "\r\n";
      break;
    }
  }
  mail::HeaderField unsigned_field = field;  // white space behind "b=" goes with the value
  unsigned_field.value.erase(unsigned_field.value.find_last_not_of(" \t\r\n") + 1);
  text += canonical_field(unsigned_field, relaxed_header);
  const std::string signature = base64_encode(key.sign_hash(digest(text, type), type));
  field.value += options.fold_b ? folded(signature) : signature;
  return field;
}

void add_signature(Message& message, const TestKey& key, const SignOptions& options) {
  message.fields.insert(message.fields.begin(), sign(message, key, options));
}

Message sample_message() {
  return {{{"From", " Anna <anna@example.com>"},
           {"To", " Bo <bo@example.net>"},
           {"Subject", " A  day\r\n\tout "},
           {"Date", " Fri, 2 Jan 2026 10:00:00 +0000"}},
          "Hello  Bo,\r\n\r\nshall we\t walk? \r\n\r\n\r\n"};
}

std::string to_text(const Message& message) {
  std::string text;
  for (const auto& field : message.fields) text += field.name + ":" + field.value + "\r\n";
  return text + "\r\n" + message.body;
}

Message parse_message(std::string_view raw) {
  std::string text;
  for (const char c : raw) {
    if (c == '\n' && (text.empty() || text.back() != '\r')) text += '\r';
    text += c;
  }
  Message message;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (rest.substr(0, 2) == "\r\n") {
      message.body = rest.substr(2);
      break;
    }
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    if ((line.front() == ' ' || line.front() == '\t') && !message.fields.empty()) {
      message.fields.back().value += "\r\n" + std::string(line);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      message.fields.push_back(
          {std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
    }
  }
  return message;
}

}  // namespace gatepost::dkim::test
