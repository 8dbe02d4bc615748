#include "core/mail/encoded_word.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include <iconv.h>

#include "core/base/encoding.h"
#include "core/base/text.h"

namespace gatepost::mail {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

class Converter {
 public:
  explicit Converter(const std::string& charset)
      : handle_(::iconv_open("UTF-8", charset.c_str())) {}
  ~Converter() {
    if (known()) ::iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // iconv_open(3): its error is (iconv_t)-1.
  bool known() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

  void append(std::string_view octets, std::string& out) {
    char* from = const_cast<char*>(octets.data());  // iconv's signature; it does not write there
    std::size_t left = octets.size();
    char buffer[4096];
    while (left > 0) {
      char* to = buffer;
      std::size_t room = sizeof buffer;
      const std::size_t status = ::iconv(handle_, &from, &left, &to, &room);
      out.append(buffer, to);
      if (status != static_cast<std::size_t>(-1)) break;
      if (errno == E2BIG && to != buffer) continue;
      out += kReplacement;
      if (errno != EILSEQ) return;  // cut off inside a character
      ++from;
      --left;
      ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    }
    // The converter may hold back a character that could have been combined.
    char* to = buffer;
    std::size_t room = sizeof buffer;
    ::iconv(handle_, nullptr, nullptr, &to, &room);
    out.append(buffer, to);
  }

 private:
  iconv_t handle_;
};

// iconv takes options and paths in names; a charset has neither (RFC 2978 section 2.3).
bool is_charset_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
  });
}

struct EncodedWord {
  std::string charset;
  std::string octets;
  std::size_t length;  // of the word as written
};

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 2047 section 4.2; a '=' that starts no octet stands for itself.
std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() && text[i] == '=' ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

// The encoded word at the start of `text` (RFC 2047 section 2).
std::optional<EncodedWord> read_word(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const std::size_t charset_end = text.substr(0, 64).find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() ||
      text[charset_end + 2] != '?') {
    return std::nullopt;
  }
  // RFC 2231 section 5: a language may follow the charset.
  const std::string_view name = text.substr(2, charset_end - 2);
  const std::string_view charset = name.substr(0, name.find('*'));
  const std::size_t start = charset_end + 3;
  const std::size_t end = text.find_first_of("? \t\r\n", start);
  if (!is_charset_name(charset) || end == std::string_view::npos || text.substr(end, 2) != "?=") {
    return std::nullopt;
  }
  EncodedWord word{.charset = to_lower(charset), .octets = {}, .length = end + 2};
  const std::string_view encoded = text.substr(start, end - start);
  const char encoding = ascii_lower(text[charset_end + 1]);
  if (encoding == 'q') {
    word.octets = decode_q(encoded);
  } else if (encoding == 'b') {
    auto octets = base64_decode(encoded);
    if (!octets) return std::nullopt;
    word.octets = *std::move(octets);
  } else {
    return std::nullopt;
  }
  return word;
}

}  // namespace

bool append_as_utf8(std::string_view octets, std::string_view charset, std::string& out) {
  if (!is_charset_name(charset)) return false;
  if (is_valid_utf8(octets) &&
      (iequals(charset, "utf-8") || iequals(charset, "utf8") || iequals(charset, "us-ascii"))) {
    out += octets;
    return true;
  }
  Converter converter{std::string(charset)};
  if (!converter.known()) return false;
  converter.append(octets, out);
  return true;
}

std::string encode_words(std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 32 && static_cast<unsigned char>(c) < 127;
  });
  if (plain && text.find("=?") == std::string_view::npos) return std::string(text);
  constexpr std::size_t kOctets = 42;  // 56 as base64 beside "=?utf-8?b?" and "?="
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(kOctets, text.size());
    // A word holds whole characters (RFC 2047 section 5).
    for (int back = 0; back < 3 && length < text.size() &&
                       (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80;
         ++back)
      --length;
    out +=
        (out.empty() ? "=?utf-8?b?" : " =?utf-8?b?") + base64_encode(text.substr(0, length)) + "?=";
    text.remove_prefix(length);
  }
  return out;
}

std::string decode_encoded_words(std::string_view text) {
  std::string out;
  std::size_t runs = 0;
  while (!text.empty()) {
    const std::size_t at = text.find("=?");
    out += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at);
    auto word = runs < kMaxCharsetRuns ? read_word(text) : std::nullopt;
    if (!word) {
      out += text.substr(0, 2);
      text.remove_prefix(2);
      continue;
    }
    ++runs;
    // The run: words of the same charset with only white space between.
    std::string octets = std::move(word->octets);
    std::size_t length = word->length;
    std::size_t next = 0;
    for (;;) {
      next = std::min(text.find_first_not_of(" \t\r\n", length), text.size());
      const auto joined = read_word(text.substr(next));
      if (!joined) {
        next = length;  // the white space before other text stays
        break;
      }
      if (joined->charset != word->charset) break;
      octets += joined->octets;
      length = next + joined->length;
    }
    if (!append_as_utf8(octets, word->charset, out)) {
      out += text.substr(0, length);
      next = length;
    }
    text.remove_prefix(next);
  }
  return out;
}

}  // namespace gatepost::mail
