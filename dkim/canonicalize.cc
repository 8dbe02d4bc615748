#include "dkim/canonicalize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/evp.h>

namespace gatepost::dkim {

namespace {

constexpr std::size_t kBuffer = 4096;  // relaxed text comes in words

/// Octets that the relaxed form may have to change.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> table{};
  for (const char c : {' ', '\t', '\r'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// Fetched once: EVP_sha256() is looked up under a lock by each EVP_DigestInit_ex().
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method != nullptr ? method : EVP_sha256();
}

bool is_special(char c) {
  return kSpecial[static_cast<unsigned char>(c)];
}

constexpr std::uint64_t eight(unsigned char c) {
  return 0x0101010101010101U * c;
}

/// The high bit of each of eight octets that is 0.
constexpr std::uint64_t zeros(std::uint64_t octets) {
  return ~(((octets & eight(0x7f)) + eight(0x7f)) | octets | eight(0x7f));
}

std::uint64_t load(const char* at) {
  std::uint64_t octets = 0;
  std::memcpy(&octets, at, sizeof octets);
  return octets;
}

/// Whether the relaxed form leaves a line (without its end) as it is: no white space but single
/// blanks between words. Most lines are so; eight octets are looked at together.
bool is_relaxed_already(std::string_view line) {
  if (line.empty() || is_special(line.front()) || is_special(line.back())) return false;
  std::size_t at = 0;
  for (; at + 9 <= line.size(); at += 8) {
    const std::uint64_t octets = load(line.data() + at);
    const std::uint64_t next = load(line.data() + at + 1);
    const std::uint64_t changed = (zeros(octets ^ eight(' ')) & zeros(next ^ eight(' '))) |
                                  zeros(octets ^ eight('\t')) | zeros(octets ^ eight('\r'));
    if (changed != 0) return false;
  }
  for (; at + 1 < line.size(); ++at) {
    if (line[at] == '\t' || line[at] == '\r' || (line[at] == ' ' && line[at + 1] == ' '))
      return false;
  }
  return true;
}

}  // namespace

struct BodyHash::State {
  State(Canonicalization chosen, std::optional<std::uint64_t> most)
      : form(chosen), length(most), context(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context.get(), sha256_method(), nullptr);
    buffer.reserve(kBuffer);
  }

  struct Free {
    void operator()(EVP_MD_CTX* made) const { EVP_MD_CTX_free(made); }
  };

  Canonicalization form;
  std::optional<std::uint64_t> length;
  std::unique_ptr<EVP_MD_CTX, Free> context;
  std::string buffer;
  std::uint64_t octets = 0;
  std::uint64_t line_ends = 0;  // held back: they may be the empty lines at the end
  bool space = false;           // held back: it may be the white space at the end of a line
  bool any = false;             // something else than line ends was seen

  void hash(std::string_view text) {
    if (length) text = text.substr(0, octets < *length ? *length - octets : 0);
    if (!text.empty()) EVP_DigestUpdate(context.get(), text.data(), text.size());
  }
  void flush() {
    hash(buffer);
    octets += buffer.size();
    buffer.clear();
  }
  void emit(std::string_view text) {
    if (buffer.size() + text.size() > kBuffer) flush();
    if (text.size() < kBuffer) {
      buffer += text;
      return;
    }
    hash(text);
    octets += text.size();
  }
  /// What was held back turns out to be inside the body.
  void release() {
    any = true;
    for (; line_ends > 0; --line_ends) emit("\r\n");
    if (space) emit(" ");
    space = false;
  }
  void simple(std::string_view text);
  void relaxed(std::string_view text);
  std::size_t take_clean_lines(std::string_view text);
};

// RFC 6376 section 3.4.3: empty lines at the end are left out, nothing else changes.
void BodyHash::State::simple(std::string_view text) {
  std::uint64_t trailing = 0;
  for (; text.ends_with("\r\n"); text.remove_suffix(2)) ++trailing;
  if (!text.empty()) {
    release();
    emit(text);
  }
  line_ends += trailing;
}

/// Takes the whole lines at the start of `text` that need no change. @return their octets.
std::size_t BodyHash::State::take_clean_lines(std::string_view text) {
  std::size_t taken = 0;
  for (;;) {
    const std::size_t end = text.find('\n', taken);
    if (end == std::string_view::npos || end < taken + 2 || text[end - 1] != '\r') break;
    if (!is_relaxed_already(text.substr(taken, end - 1 - taken))) break;
    taken = end + 1;
  }
  if (taken == 0) return 0;
  release();
  emit(text.substr(0, taken - 2));
  line_ends = 1;
  return taken;
}

// RFC 6376 section 3.4.4: white space at the end of lines is left out, other runs of it are one
// blank.
void BodyHash::State::relaxed(std::string_view text) {
  std::size_t at = 0;
  const auto is_line_end = [&](std::size_t i) {
    return text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
  };
  bool line_begins = true;  // or nobody has looked whether it does: a word's rest is a fine line
  while (at < text.size()) {
    if (std::exchange(line_begins, false)) {
      at += take_clean_lines(text.substr(at));
      if (at == text.size()) break;
    }
    if (text[at] == ' ' || text[at] == '\t') {
      space = true;
      ++at;
      continue;
    }
    if (is_line_end(at)) {
      space = false;
      ++line_ends;
      at += 2;
      line_begins = true;
      continue;
    }
    release();
    std::size_t end = at + 1;
    for (; end < text.size(); ++end) {
      if (!is_special(text[end])) continue;
      // A single blank between words, and a CR that ends no line, stay.
      const bool stays = text[end] == '\r' ? !is_line_end(end)
                                           : text[end] == ' ' && end + 1 < text.size() &&
                                                 !is_special(text[end + 1]);
      if (!stays) break;
    }
    emit(text.substr(at, end - at));
    at = end;
  }
}

BodyHash::BodyHash(Canonicalization form, std::optional<std::uint64_t> length)
    : state_(std::make_unique<State>(form, length)) {}
BodyHash::~BodyHash() = default;
BodyHash::BodyHash(BodyHash&&) noexcept = default;
BodyHash& BodyHash::operator=(BodyHash&&) noexcept = default;

void BodyHash::update(std::string_view octets) {
  if (state_->form == Canonicalization::simple)
    state_->simple(octets);
  else
    state_->relaxed(octets);
}

std::string BodyHash::finish() {
  State& s = *state_;
  // A body without text is one CRLF in the simple form and nothing in the relaxed one.
  if (s.any || s.form == Canonicalization::simple) s.emit("\r\n");
  s.flush();
  std::string out(32, '\0');
  unsigned int size = 0;
  EVP_DigestFinal_ex(s.context.get(), reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::uint64_t BodyHash::octets() const {
  return state_->octets;
}

}  // namespace gatepost::dkim
