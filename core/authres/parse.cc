// parse() of authentication_results.h.

#include <algorithm>
#include <utility>

#include "core/authres/authentication_results.h"
#include "core/base/text.h"
#include "core/mail/lexical.h"

namespace gatepost::authres {
namespace {

using mail::Lexer;

constexpr std::string_view kEndOfWord = " \t\r\n;(";

class Parser {
 public:
  explicit Parser(std::string_view value) : lexer_(value, Lexer::Folds::tolerant) {}

  Result<AuthenticationResults> parse();

 private:
  // [CFWS] keyword [CFWS] [ "/" version ] "=": the start of a result, at `lexer`. Leaves `lexer`
  // behind the '=' when it is one.
  static Result<bool> read_method(Lexer& lexer, AuthResult& result);
  static std::string_view word(Lexer& lexer, std::string_view more_ends = "");

  Result<void> read_id();
  Result<void> read_result(AuthResult result);
  Result<bool> read_property(AuthResult& result);
  Result<std::string> read_value(bool blank_before);
  Result<void> skip_rest_of_result();
  bool at_end_of_result() const { return lexer_.at_end() || lexer_.next_is(';'); }

  Lexer lexer_;
  AuthenticationResults found_;
};

std::string_view Parser::word(Lexer& lexer, std::string_view more_ends) {
  const std::string_view rest = lexer.rest();
  std::size_t end = 0;
  while (end < rest.size() && kEndOfWord.find(rest[end]) == std::string_view::npos &&
         more_ends.find(rest[end]) == std::string_view::npos) {
    ++end;
  }
  lexer.advance(end);
  return rest.substr(0, end);
}

Result<AuthenticationResults> Parser::parse() {
  if (auto read = read_id(); !read) return read.error();
  for (;;) {
    if (auto skipped = lexer_.skip_cfws(); !skipped) return skipped.error();
    if (lexer_.at_end()) return std::move(found_);
    if (lexer_.take(';')) continue;
    AuthResult result;
    Lexer ahead = lexer_;
    const auto is_result = read_method(ahead, result);
    if (!is_result) return is_result.error();
    if (*is_result) lexer_ = ahead;
    // "none", an id written again, or noise.
    auto read = *is_result ? read_result(std::move(result)) : skip_rest_of_result();
    if (!read) return read.error();
  }
}

Result<bool> Parser::read_method(Lexer& lexer, AuthResult& result) {
  if (auto skipped = lexer.skip_cfws(); !skipped) return skipped.error();
  result.method = to_lower(word(lexer, "=/\""));
  if (result.method.empty()) return false;
  if (auto skipped = lexer.skip_cfws(); !skipped) return skipped.error();
  if (lexer.take('/')) {
    if (auto skipped = lexer.skip_cfws(); !skipped) return skipped.error();
    result.version = word(lexer, "=\"");
    if (auto skipped = lexer.skip_cfws(); !skipped) return skipped.error();
  }
  return lexer.take('=');
}

// authserv-id [ CFWS version ] (RFC 8601 section 2.2), or nothing of it.
Result<void> Parser::read_id() {
  AuthResult ignored;
  Lexer ahead = lexer_;
  const auto no_id = read_method(ahead, ignored);
  if (!no_id) return no_id.error();
  if (*no_id) return {};
  if (auto skipped = lexer_.skip_cfws(); !skipped) return skipped;
  if (lexer_.next_is('"')) {
    auto id = lexer_.quoted_string();
    if (!id) return id.error();
    found_.authserv_id = *std::move(id);
  } else {
    found_.authserv_id = word(lexer_);
  }
  if (auto skipped = lexer_.skip_cfws(); !skipped) return skipped;
  ahead = lexer_;
  const std::string_view version = word(ahead, "=");
  if (!version.empty() && std::all_of(version.begin(), version.end(), is_digit)) {
    found_.version = version;
    lexer_ = ahead;
  }
  return {};
}

Result<void> Parser::read_result(AuthResult result) {
  if (found_.results.size() >= kMaxResults) return permanent_error("it has too many results");
  if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped;
  result.result = to_lower(word(lexer_));
  for (;;) {
    if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped;
    if (at_end_of_result()) break;
    const auto read = read_property(result);
    if (!read) return read.error();
    if (result.properties.size() > kMaxProperties) {
      return permanent_error("it has too many properties");
    }
  }
  found_.results.push_back(std::move(result));
  return {};
}

// propspec or reasonspec; false when it was neither and one word of it was skipped.
Result<bool> Parser::read_property(AuthResult& result) {
  if (lexer_.next_is('"')) {
    auto noise = lexer_.quoted_string();
    if (!noise) return noise.error();
    return false;
  }
  Property property{.ptype = {}, .property = to_lower(word(lexer_, "=.\"")), .value = {}};
  if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped.error();
  if (lexer_.take('.')) {
    if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped.error();
    property.ptype = std::exchange(property.property, to_lower(word(lexer_, "=\"")));
    if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped.error();
  }
  if (!lexer_.take('=')) return false;
  const std::size_t before = lexer_.position();
  if (auto skipped = lexer_.skip_cfws(&result.comment); !skipped) return skipped.error();
  auto value = read_value(lexer_.position() != before);
  if (!value) return value.error();
  property.value = *std::move(value);
  if (property.ptype.empty() && property.property == "reason") {
    if (result.reason.empty()) result.reason = std::move(property.value);
  } else if (!property.property.empty()) {
    result.properties.push_back(std::move(property));
  }
  return true;
}

// pvalue, and what stands for it in the wild: nothing, base64, addresses in angle brackets.
Result<std::string> Parser::read_value(bool blank_before) {
  if (lexer_.next_is('"')) {
    auto quoted = lexer_.quoted_string();
    if (!quoted || !lexer_.next_is('@')) return quoted;
    // A quoted local part: the value is the address as it is written.
    return mail::quote(*quoted) + std::string(word(lexer_));
  }
  Lexer ahead = lexer_;
  const std::string_view text = word(ahead);
  // "smtp.mailfrom= smtp.helo=x": the value is empty, what follows is the next property.
  if (blank_before) {
    const std::size_t dot = text.find('.');
    const std::size_t equals = text.find('=');
    for (const std::string_view ptype : {"smtp", "header", "body", "policy", "dns"}) {
      if (equals != std::string_view::npos && dot < equals && iequals(text.substr(0, dot), ptype)) {
        return std::string();
      }
    }
  }
  lexer_ = ahead;
  return std::string(text);
}

Result<void> Parser::skip_rest_of_result() {
  while (!at_end_of_result()) {
    if (lexer_.next_is('"')) {
      if (auto noise = lexer_.quoted_string(); !noise) return noise.error();
    } else {
      // A missing semicolon: "mail.example.com spf=pass".
      if (word(lexer_, "\"").empty()) lexer_.advance(1);
    }
    if (auto skipped = lexer_.skip_cfws(); !skipped) return skipped;
    AuthResult ignored;
    Lexer ahead = lexer_;
    const auto is_result = read_method(ahead, ignored);
    if (!is_result) return is_result.error();
    if (*is_result) return {};
  }
  return {};
}

}  // namespace

Result<AuthenticationResults> parse(std::string_view value) {
  if (value.size() > kMaxFieldOctets) return permanent_error("it is too long");
  if (value.find('\0') != std::string_view::npos) return permanent_error("it holds a NUL");
  return Parser(value).parse();
}

}  // namespace gatepost::authres
