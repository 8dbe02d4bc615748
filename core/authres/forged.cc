#include "core/authres/forged.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"

namespace gatepost::authres {
namespace {

// How a reader may take comments and quotes; programs differ in each of these.
struct Reading {
  bool comments;       // parentheses are comments, else they count as blanks
  bool nested;         // comments nest
  bool escapes;        // a backslash in a comment hides the next character
  bool quotes;         // parentheses and semicolons in quotes are ordinary
  bool blank_instead;  // a comment or control leaves a blank behind, else nothing
};

// No honest field has so much before its first semicolon; what has counts as a claim, unread.
constexpr std::size_t kMaxHead = 4096;

// What stands before the first semicolon in one reading.
struct Head {
  std::string text;
  bool too_long = false;  // no semicolon within kMaxHead octets
  bool closed = true;     // no comment or quoted string ran to the end of the value
};

class HeadReader {
 public:
  HeadReader(std::string_view value, const Reading& reading) : value_(value), reading_(reading) {}

  Head read() {
    for (std::size_t i = 0; i < value_.size(); ++i) {
      const char c = value_[i];
      if (i == kMaxHead) {
        head_.too_long = true;
        return head_;
      }
      if (depth_ > 0) {
        if (in_comment(c) && reading_.escapes) ++i;
      } else if (c == ';' && !(quoted_ && reading_.quotes)) {
        // An empty part in front is skipped by some.
        if (head_.text.find_first_not_of(' ') != std::string::npos) return head_;
      } else {
        outside(c);
      }
    }
    head_.closed = depth_ == 0 && !quoted_;
    return head_;
  }

 private:
  // True for a backslash.
  bool in_comment(char c) {
    if (c == '(' && reading_.nested) ++depth_;
    if (c == ')' && --depth_ == 0 && reading_.blank_instead) put(' ');
    return c == '\\';
  }

  void outside(char c) {
    const bool literal = quoted_ && reading_.quotes;
    if (c == '"') {
      quoted_ = !quoted_;
    } else if (c == '(' && reading_.comments && !literal) {
      depth_ = 1;
    } else if ((c == '(' || c == ')') || is_wsp(c)) {
      put(' ');
    } else if (static_cast<unsigned char>(c) < 32 || c == 127) {
      if (reading_.blank_instead) put(' ');
    } else if (c != '\\') {
      put(ascii_lower(c));
    }
  }

  void put(char c) {
    if (c != ' ' || !head_.text.ends_with(' ')) head_.text += c;
  }

  std::string_view value_;
  const Reading& reading_;
  Head head_;
  std::size_t depth_ = 0;
  bool quoted_ = false;
};

bool is_name_octet(char c) {
  return is_alnum(c) || c == '-' || c == '_';
}

// `id` in `text` with no letter, digit or further label on either side.
bool holds_id(std::string_view text, std::string_view id) {
  for (std::size_t at = text.find(id); at != std::string_view::npos; at = text.find(id, at + 1)) {
    const std::string_view before = text.substr(0, at);
    const std::string_view behind = text.substr(at + id.size());
    const bool starts = before.empty() || !(is_name_octet(before.back()) || before.back() == '.');
    const bool goes_on =
        !behind.empty() && (is_name_octet(behind[0]) ||
                            (behind[0] == '.' && behind.size() > 1 && is_name_octet(behind[1])));
    if (starts && !goes_on) return true;
  }
  return false;
}

std::string without_blanks_around_dots(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool before_dot = text[i] == ' ' && i + 1 < text.size() && text[i + 1] == '.';
    const bool behind_dot = text[i] == ' ' && i > 0 && text[i - 1] == '.';
    if (!before_dot && !behind_dot) out += text[i];
  }
  return out;
}

// The forms of the ids that are looked for: as configured and with A-labels, in lower case.
std::set<std::string> needles_of(std::span<const std::string> ids) {
  std::set<std::string> needles;
  for (const std::string& id : ids) {
    const std::string_view name = trim(id);
    if (name.empty()) continue;
    needles.insert(to_lower(name));
    if (auto domain = mail::normalize_domain(name)) needles.insert(*domain);
  }
  return needles;
}

// A head with more words of U-labels than this is not converted, it counts as a claim.
constexpr int kMaxUnicodeWords = 32;

// Words with U-labels, as A-labels; nothing when they are too many.
std::optional<std::string> with_a_labels(std::string_view text) {
  std::string out;
  int converted = 0;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), [](char c) {
      return !is_name_octet(c) && c != '.' && static_cast<unsigned char>(c) < 128;
    });
    const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    if (is_ascii(word)) {
      out += word;
    } else {
      if (++converted > kMaxUnicodeWords) return std::nullopt;
      const auto domain = mail::normalize_domain(word);
      out += domain ? std::string_view(*domain) : word;
    }
    text.remove_prefix(word.size());
    if (!text.empty()) out += text[0], text.remove_prefix(1);
  }
  return out;
}

bool holds_any(const std::string& text, const std::set<std::string>& needles) {
  const auto in = [&](const std::string& form) {
    return std::any_of(needles.begin(), needles.end(),
                       [&](const std::string& id) { return holds_id(form, id); });
  };
  if (in(text)) return true;
  const std::string joined = without_blanks_around_dots(text);
  if (in(joined)) return true;
  if (is_ascii(joined)) return false;
  const auto converted = with_a_labels(joined);
  return !converted || in(*converted);
}

// "spf=pass smtp.helo=x": a field without an id starts with a result, of which only the method
// stands where an id could.
std::string_view before_result(std::string_view head) {
  const std::size_t equals = head.find('=');
  return trim(head.substr(0, equals)).empty() ? head : head.substr(0, equals);
}

bool claims(std::string_view value, const std::set<std::string>& needles) {
  std::set<std::string> heads;
  bool closed = true;
  const bool equals_in_ids = std::any_of(needles.begin(), needles.end(), [](const auto& id) {
    return id.find('=') != std::string::npos;
  });
  const bool odd = value.find_first_of("(\"\\") != std::string_view::npos;
  for (int bits = 0; bits < 32; ++bits) {
    const Reading reading{.comments = (bits & 2) == 0,
                          .nested = (bits & 4) == 0,
                          .escapes = (bits & 8) == 0,
                          .quotes = (bits & 16) == 0,
                          .blank_instead = (bits & 1) == 0};
    const Head head = HeadReader(value, reading).read();
    if (head.too_long) return true;
    closed = closed && head.closed;
    heads.emplace(equals_in_ids ? head.text : before_result(head.text));
    if (!odd && bits == 1) break;  // the other readings see the same
  }
  if (!closed) {
    // Where it ends is anybody's guess: the whole of it counts.
    std::string whole(value);
    std::replace(whole.begin(), whole.end(), ';', ' ');
    const Reading plain{.comments = false,
                        .nested = false,
                        .escapes = false,
                        .quotes = false,
                        .blank_instead = true};
    heads.insert(HeadReader(whole, plain).read().text);
  }
  return std::any_of(heads.begin(), heads.end(),
                     [&](const std::string& head) { return holds_any(head, needles); });
}

}  // namespace

bool claims_authserv_id(std::string_view value, std::span<const std::string> ids) {
  const auto needles = needles_of(ids);
  if (needles.empty()) return false;
  if (claims(value, needles)) return true;
  return value.find("=?") != std::string_view::npos &&
         claims(mail::decode_encoded_words(value.substr(0, 2 * kMaxHead)), needles);
}

std::vector<int> forged_indices(std::span<const mail::HeaderField> fields,
                                std::span<const std::string> ids) {
  std::vector<int> indices;
  int index = 0;
  for (const mail::HeaderField* field : mail::find_fields(fields, "Authentication-Results")) {
    ++index;
    if (claims_authserv_id(field->value, ids)) indices.push_back(index);
  }
  std::reverse(indices.begin(), indices.end());
  return indices;
}

}  // namespace gatepost::authres
