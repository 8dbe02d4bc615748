#include "core/mail/readers.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"
#include "core/mail/lexical.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMaxShown = 1000;

bool ends_local_part(char c) {
  return is_wsp(c) || std::string_view("<>()[],;:@").find(c) != std::string_view::npos;
}
bool is_domain_octet(char c) {
  return is_alnum(c) || c == '.' || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 128;
}

std::string readable_domain(std::string_view domain) {
  while (domain.ends_with('.')) domain.remove_suffix(1);
  const auto normal =
      domain.starts_with('[') ? normalize_literal(domain) : normalize_domain(domain);
  return normal ? *normal : to_lower(domain);
}

// What stands around the '@' at `at`, whatever grammar says; nothing without text on both sides.
std::optional<std::pair<std::string_view, std::string_view>> around(std::string_view text,
                                                                    std::size_t at) {
  std::size_t begin = at;
  if (begin > 0 && text[begin - 1] == '"') {
    const std::size_t open = begin < 2 ? std::string_view::npos : text.rfind('"', begin - 2);
    begin = open == std::string_view::npos ? begin - 1 : open;
  } else {
    while (begin > 0 && !ends_local_part(text[begin - 1]) && text[begin - 1] != '"') --begin;
  }
  std::size_t end = at + 1;
  if (end < text.size() && text[end] == '[') {
    end = std::min(text.find(']', end), text.size() - 1) + 1;
  } else {
    while (end < text.size() && is_domain_octet(text[end])) ++end;
  }
  if (begin == at || end == at + 1) return std::nullopt;
  return std::pair(text.substr(begin, end - begin), text.substr(at + 1, end - at - 1));
}

std::optional<Reading> address_around(const char* reader, std::string_view text, std::size_t at) {
  const auto found = around(text, at);
  if (!found) return std::nullopt;
  return Reading{reader, std::string(found->first), readable_domain(found->second)};
}

std::optional<Reading> first_address(const char* reader, std::string_view text) {
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (auto found = address_around(reader, text, at)) return found;
  }
  return std::nullopt;
}

std::optional<Reading> last_address(const char* reader, std::string_view text) {
  for (auto at = text.rfind('@'); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : text.rfind('@', at - 1)) {
    if (auto found = address_around(reader, text, at)) return found;
  }
  return std::nullopt;
}

// The address between the first '<' that has one and its '>'.
std::optional<Reading> bracketed_address(const char* reader, std::string_view text) {
  for (auto open = text.find('<'); open != std::string_view::npos;
       open = text.find('<', open + 1)) {
    const std::string_view inside = text.substr(open + 1);
    // Behind a source route stands the address (RFC 5322 section 4.4).
    if (auto found = last_address(reader, inside.substr(0, inside.find('>')))) return found;
  }
  return std::nullopt;
}

// Past the '"' at `at` to behind the closing one; the end when there is none.
std::size_t behind_quoted(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

std::size_t behind_comment(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')' && --depth == 0) {
      return at + 1;
    }
  }
  return text.size();
}

enum class Comments { dropped, kept };

// Without quoted strings that are no local part, with or without comments, on one line.
std::string essence(std::string_view value, Comments comments) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size();) {
    if (value[i] == '"') {
      const std::size_t end = behind_quoted(value, i);
      const bool closed = end > i + 1 && value[end - 1] == '"';
      const bool local_part = end < value.size() && (value[end] == '@' || value[end] == '.');
      if (!closed || local_part) out += value.substr(i, end - i);
      i = end;
    } else if (value[i] == '(' && comments == Comments::dropped) {
      i = behind_comment(value, i);
    } else {
      out += value[i++];
    }
  }
  return out;
}

bool is_bare_break(std::string_view value, std::size_t at) {
  const std::string_view fold = value.substr(at, 3);
  return fold != "\r\n " && fold != "\r\n\t";
}

bool has_bare_break(std::string_view value) {
  for (auto at = value.find_first_of("\r\n"); at != std::string_view::npos;
       at = value.find_first_of("\r\n", at + 1)) {
    if (is_bare_break(value, at)) return true;
    at += 1;  // the LF of the fold
  }
  return false;
}

class Collector {
 public:
  explicit Collector(Readings& to) : to_(to) {}
  void add(std::optional<Reading> reading) {
    if (reading) to_.list.push_back(*std::move(reading));
  }

 private:
  Readings& to_;
};

// The ways of one value that do not depend on which field it is.
void read_value(std::string_view value, Collector& found) {
  const std::string plain = essence(value, Comments::dropped);
  found.add(first_address("first address", plain));
  found.add(last_address("last address", plain));
  found.add(bracketed_address("address in brackets", plain));
  if (value.find('(') != std::string_view::npos) {
    const std::string with_comments = essence(value, Comments::kept);
    found.add(first_address("comments as text, first address", with_comments));
    found.add(last_address("comments as text, last address", with_comments));
  }
  if (const auto nul = value.find('\0'); nul != std::string_view::npos) {
    found.add(first_address("cut at NUL", essence(value.substr(0, nul), Comments::dropped)));
    std::string without(plain);
    std::erase(without, '\0');
    found.add(first_address("NUL dropped", without));
  }
  if (const auto route = plain.find("<@"); route != std::string::npos) {
    const std::string domain = plain.substr(
        route + 2, std::find_if_not(plain.begin() + static_cast<std::ptrdiff_t>(route) + 2,
                                    plain.end(), is_domain_octet) -
                       plain.begin() - static_cast<std::ptrdiff_t>(route) - 2);
    if (!domain.empty())
      found.add(Reading{"source route as address", "@" + domain, readable_domain(domain)});
  }
}

// Encoded words decoded before the list is read (RFC 2047 section 5 forbids it): the first element.
void read_decoded(std::string_view value, Collector& found) {
  if (value.find("=?") == std::string_view::npos) return;
  const std::string decoded = essence(decode_encoded_words(value), Comments::dropped);
  const std::string_view element = std::string_view(decoded).substr(0, decoded.find(','));
  auto reading = bracketed_address("encoded words decoded", element);
  found.add(reading ? std::move(reading) : first_address("encoded words decoded", element));
}

// A field that spans lines, for readers who do not join them as they should.
void read_lines(std::string_view value, Collector& found) {
  const std::size_t line_end = value.find_first_of("\r\n");
  if (line_end == std::string_view::npos) return;
  found.add(
      first_address("first line only", essence(value.substr(0, line_end), Comments::dropped)));
  for (std::size_t at = line_end; at != std::string_view::npos;
       at = value.find_first_of("\r\n", at + 1)) {
    if (!is_bare_break(value, at)) {
      ++at;
      continue;
    }
    const std::string_view line = value.substr(at + 1);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && iequals(trim(line.substr(0, colon)), "From")) {
      const std::string_view rest = line.substr(colon + 1);
      found.add(
          first_address("bare line break as the end of a field",
                        essence(rest.substr(0, rest.find_first_of("\r\n")), Comments::dropped)));
      return;
    }
  }
}

// Mailboxes at several domains: one that is neither first nor last is shown by some, too.
void read_others(std::string_view value, Collector& found) {
  const auto list = parse_address_list(value);
  if (!list || list->mailboxes.size() < 3) return;
  const std::string& first = list->mailboxes[0].address.domain;
  for (const Mailbox& mailbox : list->mailboxes) {
    if (mailbox.address.domain == first) continue;
    return found.add(Reading{"one of several", mailbox.address.text(), mailbox.address.domain});
  }
}

// One mailbox, one '@', nothing that any reader takes in another way.
bool is_plain(std::string_view value) {
  return std::count(value.begin(), value.end(), '@') == 1 &&
         value.find_first_of(std::string_view("(\\:\0", 4)) == std::string_view::npos &&
         value.find("=?") == std::string_view::npos && !has_bare_break(value);
}

void conclude(Readings& readings) {
  for (const Reading& reading : readings.list) {
    if (readings.agreed_domain.empty()) readings.agreed_domain = reading.domain;
    readings.differ = readings.differ || reading.domain != readings.agreed_domain;
  }
  if (readings.differ) readings.agreed_domain.clear();
}

void read_stand_ins(std::span<const HeaderField> fields, Collector& found) {
  for (const auto& [name, reader] : {std::pair{"Sender", "Sender in place of From"},
                                     std::pair{"Resent-From", "Resent-From in place of From"}}) {
    if (const HeaderField* field = first_field(fields, name)) {
      const std::string_view value = std::string_view(field->value).substr(0, kMaxReadOctets);
      found.add(first_address(reader, essence(value, Comments::dropped)));
    }
  }
}

}  // namespace

Readings author_readings(std::span<const HeaderField> fields, const AuthorIdentity& author) {
  Readings readings;
  Collector found(readings);
  const auto from = find_fields(fields, "From");
  if (from.empty()) {
    read_stand_ins(fields, found);
    // Nobody is the author of a message without From: whoever is shown stands for nobody.
    readings.differ = !readings.list.empty();
    return readings;
  }
  if (author.status == AuthorIdentity::single) {
    if (from.size() == 1 && is_plain(from[0]->value)) {
      readings.agreed_domain = author.domain;
      return readings;
    }
    found.add(Reading{"strict (RFC 5322)", author.address, author.domain});
  }
  const std::string_view first = std::string_view(from.front()->value).substr(0, kMaxReadOctets);
  read_value(first, found);
  read_decoded(first, found);
  read_lines(first, found);
  if (from.size() > 1) {
    const std::string_view last = std::string_view(from.back()->value).substr(0, kMaxReadOctets);
    const std::string plain = essence(last, Comments::dropped);
    found.add(first_address("last From field", plain));
    found.add(last_address("last From field, last address", plain));
    const auto exact = std::find_if(from.begin(), from.end(), [](const HeaderField* field) {
      return iequals(field->name, "From");
    });
    if (exact != from.end()) {
      found.add(first_address(
          "first From field without white space around its name",
          essence(std::string_view((*exact)->value).substr(0, kMaxReadOctets), Comments::dropped)));
    }
  }
  if (author.status == AuthorIdentity::several_mailboxes && author.domain.empty())
    read_others(first, found);
  conclude(readings);
  return readings;
}

std::string Readings::text() const {
  std::vector<std::pair<std::string, std::string>> by_address;
  for (const Reading& reading : list) {
    const auto known = std::find_if(by_address.begin(), by_address.end(), [&](const auto& entry) {
      return entry.first == reading.address;
    });
    if (known == by_address.end())
      by_address.emplace_back(reading.address, reading.reader);
    else if (known->second.find(reading.reader) == std::string::npos)
      known->second += std::string(", ") + reading.reader;
  }
  std::string out;
  for (const auto& [address, readers] : by_address) {
    if (out.size() > kMaxShown) return out + ", ...";
    out += (out.empty() ? "" : ", ") + printable(address, 200) + " (" + readers + ")";
  }
  return out;
}

ReadAuthor read_author(std::span<const HeaderField> fields) {
  ReadAuthor read{author_identity(fields), {}};
  read.readings = author_readings(fields, read.author);
  if (read.author.status == AuthorIdentity::single) return read;
  const bool mixed =
      read.author.status == AuthorIdentity::several_mailboxes && read.author.domain.empty();
  read.author.domain = mixed ? "" : read.readings.agreed_domain;
  return read;
}

std::string name_address(std::string_view from_value, const AuthorIdentity& author) {
  if (author.status != AuthorIdentity::single) return {};
  // One '@' is the mailbox's own, unless an encoded word hides another.
  if (std::count(from_value.begin(), from_value.end(), '@') < 2 &&
      from_value.find("=?") == std::string_view::npos)
    return {};
  const auto list = parse_address_list(from_value);
  if (!list || list->mailboxes.size() != 1) return {};
  const auto shown = first_address("name", list->mailboxes[0].display_name);
  return shown && shown->domain != author.domain ? shown->domain : "";
}

}  // namespace gatepost::mail
