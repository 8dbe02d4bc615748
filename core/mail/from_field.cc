#include "core/mail/from_field.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"
#include "core/mail/lexical.h"

namespace gatepost::mail {
namespace {

// A word or a dot, as it stands in a phrase or a local part; which of both is known only when the
// character behind the last one is seen.
struct Token {
  enum class Kind { atom, quoted, dot };
  Kind kind;
  std::string text;
  bool blank_before;
};

class ListParser {
 public:
  explicit ListParser(std::string_view value) : lexer_(value, Lexer::Folds::strict) {}

  // address-list with the empty elements of RFC 5322 section 4.4.
  Result<AddressList> parse() {
    if (auto read = read_elements(); !read) return read.error();
    return std::move(list_);
  }

 private:
  Result<void> read_elements();
  Result<void> read_element();
  Result<void> read_tokens();
  Result<void> start_group();
  Result<void> read_angle_address();
  Result<void> finish_mailbox(Address address, std::string display_name);
  Result<void> expect_end_of_element();
  Result<std::string> local_part();
  Result<std::string> domain();
  Result<std::string> literal();
  std::string phrase() const;
  Result<void> skip() { return lexer_.skip_cfws(); }

  Lexer lexer_;
  AddressList list_;
  std::vector<Token> tokens_;
  bool in_group_ = false;
};

Result<void> ListParser::read_elements() {
  for (;;) {
    if (auto read = read_element(); !read) return read;
    if (lexer_.at_end()) {
      return in_group_ ? permanent_error("a group is not closed with ';'") : Result<void>();
    }
  }
}

// One element and the separator behind it.
Result<void> ListParser::read_element() {
  tokens_.clear();
  if (auto read = read_tokens(); !read) return read;
  if (lexer_.next_is('<')) return read_angle_address();
  if (lexer_.next_is('@')) {
    auto local = local_part();
    if (!local) return local.error();
    lexer_.take('@');
    auto host = domain();
    if (!host) return host.error();
    return finish_mailbox({*std::move(local), *std::move(host)}, {});
  }
  if (lexer_.next_is(':')) return start_group();
  if (tokens_.empty()) return expect_end_of_element();
  if (lexer_.at_end() || lexer_.next_is(',') || lexer_.next_is(';')) {
    return permanent_error("a word stands where an address is expected");
  }
  return expect_end_of_element();  // which says what it found
}

// Words and dots with comments and blanks between, up to the first other character.
Result<void> ListParser::read_tokens() {
  for (;;) {
    const std::size_t before = lexer_.position();
    if (auto skipped = skip(); !skipped) return skipped;
    const bool blank = lexer_.position() != before;
    if (lexer_.next_is('"')) {
      auto text = lexer_.quoted_string();
      if (!text) return text.error();
      tokens_.push_back({Token::Kind::quoted, *std::move(text), blank});
    } else if (lexer_.take('.')) {
      tokens_.push_back({Token::Kind::dot, ".", blank});
    } else {
      const std::string_view atom = lexer_.atom();
      if (atom.empty()) return {};
      tokens_.push_back({Token::Kind::atom, std::string(atom), blank});
    }
  }
}

// group = display-name ":" [group-list] ";" (RFC 6854 section 2.1); groups do not nest.
Result<void> ListParser::start_group() {
  if (in_group_) return permanent_error("a group stands inside a group");
  if (tokens_.empty()) return permanent_error("a group has no name");
  lexer_.take(':');
  in_group_ = true;
  ++list_.groups;
  return {};
}

// "<" [obs-route] addr-spec ">" (RFC 5322 sections 3.4 and 4.4).
Result<void> ListParser::read_angle_address() {
  std::string name = phrase();
  lexer_.take('<');
  if (auto skipped = skip(); !skipped) return skipped;
  if (lexer_.next_is('@') || lexer_.next_is(',')) {
    while (!lexer_.take(':')) {
      while (lexer_.take(',')) {
        if (auto skipped = skip(); !skipped) return skipped;
      }
      if (!lexer_.take('@')) return permanent_error("a source route is malformed");
      if (auto host = domain(); !host) return host.error();
    }
  }
  tokens_.clear();
  if (auto read = read_tokens(); !read) return read;
  if (tokens_.empty() && lexer_.next_is('>')) {
    return permanent_error("the angle brackets are empty");
  }
  auto local = local_part();
  if (!local) return local.error();
  if (!lexer_.take('@')) return permanent_error("an address has no domain");
  auto host = domain();
  if (!host) return host.error();
  if (!lexer_.take('>')) return permanent_error("an angle bracket is not closed");
  return finish_mailbox({*std::move(local), *std::move(host)}, std::move(name));
}

Result<void> ListParser::finish_mailbox(Address address, std::string display_name) {
  if (list_.mailboxes.size() >= kMaxMailboxes) return permanent_error("it has too many mailboxes");
  list_.mailboxes.push_back({std::move(display_name), std::move(address)});
  return expect_end_of_element();
}

Result<void> ListParser::expect_end_of_element() {
  if (auto skipped = skip(); !skipped) return skipped;
  if (lexer_.at_end() || lexer_.take(',')) return {};
  if (in_group_ && lexer_.take(';')) {
    in_group_ = false;
    return expect_end_of_element();  // not deep: a second ';' is none of a group
  }
  return permanent_error("'" + printable(lexer_.rest().substr(0, 1)) +
                         "' stands where a comma or the end is expected");
}

// local-part = word *("." word), blanks and comments between them (RFC 5322 section 4.4).
Result<std::string> ListParser::local_part() {
  std::string text;
  bool word_expected = true;
  for (const Token& token : tokens_) {
    if (word_expected == (token.kind == Token::Kind::dot)) {
      return permanent_error(word_expected ? "a local part has an empty atom"
                                           : "words without a dot stand in a local part");
    }
    // RFC 2047 section 5: an encoded word must not appear in any portion of an addr-spec.
    if (holds_encoded_word(token.text)) {
      return permanent_error("an encoded word stands in an address");
    }
    text += token.text;
    word_expected = !word_expected;
  }
  if (word_expected) {
    return permanent_error(tokens_.empty() ? "a local part is missing"
                                           : "a local part has an empty atom");
  }
  if (text.size() > kMaxLocalPart) return permanent_error("a local part is too long");
  if (!is_valid_utf8(text)) return permanent_error("a local part is not valid UTF-8");
  if (text.find('\t') != std::string::npos) {
    return permanent_error("a control character stands in a local part");
  }
  return text;
}

// domain = atom *("." atom) with blanks and comments between them, or a literal.
Result<std::string> ListParser::domain() {
  if (auto skipped = skip(); !skipped) return skipped.error();
  if (lexer_.next_is('[')) return literal();
  std::string text;
  do {
    if (auto skipped = skip(); !skipped) return skipped.error();
    text += lexer_.atom();
    if (auto skipped = skip(); !skipped) return skipped.error();
  } while (lexer_.take('.') && (text += '.', true));
  if (holds_encoded_word(text)) return permanent_error("an encoded word stands in an address");
  return normalize_domain(text);
}

Result<std::string> ListParser::literal() {
  const std::size_t end = lexer_.rest().find(']');
  if (end == std::string_view::npos) return permanent_error("a domain literal is not closed");
  auto text = normalize_literal(lexer_.rest().substr(0, end + 1));
  lexer_.advance(end + 1);
  if (auto skipped = skip(); !skipped) return skipped.error();
  return text;
}

// The display name: words with a blank where there was any, encoded words decoded.
std::string ListParser::phrase() const {
  std::string text;
  for (const Token& token : tokens_) {
    if (!text.empty() && token.blank_before) text += ' ';
    text += token.text;
  }
  return decode_encoded_words(text);
}

AuthorIdentity identity(AuthorIdentity::Status status, std::string reason) {
  return {.status = status, .domain = {}, .address = {}, .reason = std::move(reason)};
}

}  // namespace

Result<AddressList> parse_address_list(std::string_view value) {
  if (value.size() > kMaxAddressListOctets) return permanent_error("it is too long");
  if (value.find('\0') != std::string_view::npos) return permanent_error("it holds a NUL");
  return ListParser(value).parse();
}

const char* to_string(AuthorIdentity::Status status) {
  switch (status) {
    case AuthorIdentity::single:
      return "single";
    case AuthorIdentity::missing:
      return "missing";
    case AuthorIdentity::several_fields:
      return "several_fields";
    case AuthorIdentity::several_mailboxes:
      return "several_mailboxes";
    case AuthorIdentity::group_empty:
      return "group_empty";
    case AuthorIdentity::malformed:
      return "malformed";
  }
  return "malformed";
}

AuthorIdentity author_identity(std::span<const HeaderField> fields) {
  const auto found = find_fields(fields, "From");
  if (found.empty()) return identity(AuthorIdentity::missing, "the message has no From field");
  if (found.size() > 1) {
    return identity(AuthorIdentity::several_fields,
                    "the message has " + std::to_string(found.size()) + " From fields");
  }
  const auto list = parse_address_list(found[0]->value);
  if (!list) {
    return identity(AuthorIdentity::malformed, "the From field is malformed: " + list.error().what);
  }
  const auto& mailboxes = list->mailboxes;
  if (mailboxes.empty()) {
    return list->groups > 0
               ? identity(AuthorIdentity::group_empty, "the From field is an empty group")
               : identity(AuthorIdentity::malformed, "the From field is malformed: it is empty");
  }
  const Address& first = mailboxes[0].address;
  if (mailboxes.size() == 1) {
    return {.status = AuthorIdentity::single,
            .domain = first.domain,
            .address = first.text(),
            .reason = {}};
  }
  auto several = identity(AuthorIdentity::several_mailboxes,
                          "the From field has " + std::to_string(mailboxes.size()) + " mailboxes");
  const bool same = std::all_of(mailboxes.begin(), mailboxes.end(), [&](const Mailbox& mailbox) {
    return mailbox.address.domain == first.domain;
  });
  if (same) several.domain = first.domain;
  return several;
}

}  // namespace gatepost::mail
