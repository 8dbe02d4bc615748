#include "dkim/arc/fields.h"

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/lexical.h"
#include "dkim/tag_list.h"

namespace gatepost::arc {

namespace {

constexpr FieldKind kKinds[] = {FieldKind::authentication_results, FieldKind::message_signature,
                                FieldKind::seal};

/// position = 1*2DIGIT ; 1 - 50 (RFC 8617 section 4.2.1); 0 for anything else.
int read_instance(std::string_view text) {
  int number = 0;
  if (text.empty() || text.size() > 2) return 0;
  for (const char c : text) {
    if (!is_digit(c)) return 0;
    number = number * 10 + (c - '0');
  }
  return number <= kMaxInstance ? number : 0;
}

std::string bad_instance(std::string_view value) {
  return "i=" + printable(value, 20) + " is not a number from 1 to " + std::to_string(kMaxInstance);
}

// instance [CFWS] ";" authres-payload (RFC 8617 section 4.1.1).
void read_results(std::string_view value, Field& field) {
  const auto refuse = [&field] {
    field.problem = "does not begin with the instance, such as \"i=1;\"";
  };
  mail::Lexer lexer(value, mail::Lexer::Folds::tolerant);
  if (!lexer.skip_cfws() || !lexer.take('i') || !lexer.skip_cfws() || !lexer.take('=') ||
      !lexer.skip_cfws())
    return refuse();
  const std::string_view rest = lexer.rest();
  std::size_t digits = 0;
  while (digits < rest.size() && is_digit(rest[digits])) ++digits;
  lexer.advance(digits);
  if (digits == 0 || !lexer.skip_cfws() || !lexer.take(';')) return refuse();
  field.instance = read_instance(rest.substr(0, digits));
  if (field.instance == 0) field.problem = bad_instance(rest.substr(0, digits));
  field.payload = lexer.rest();
}

void read_cv(const dkim::TagList& tags, Field& field) {
  const dkim::Tag* cv = tags.find("cv");
  if (cv == nullptr) {
    field.problem = "no cv= tag";
  } else if (cv->value == "none" || cv->value == "pass" || cv->value == "fail") {
    field.cv = cv->value;
  } else {
    field.problem = "cv=" + printable(cv->value, 20) + " is not none, pass or fail";
  }
}

void read_signature(std::string_view value, Field& field) {
  const bool seal = field.kind == FieldKind::seal;
  field.signature = dkim::parse_signature(
      value, seal ? dkim::SignatureKind::arc_seal : dkim::SignatureKind::arc_message);
  const auto tags = dkim::TagList::parse(value, {.octets = dkim::kMaxSignatureField});
  if (!tags) {
    field.problem = tags.error().text();
    return;
  }
  const dkim::Tag* instance = tags->find("i");
  if (instance != nullptr) field.instance = read_instance(instance->value);
  if (seal) read_cv(*tags, field);
  if (instance == nullptr)
    field.problem = "no i= tag";
  else if (field.instance == 0)
    field.problem = bad_instance(instance->value);
  else if (!field.signature.ok())
    field.problem = field.signature.problem;
}

}  // namespace

const char* to_string(FieldKind kind) {
  switch (kind) {
    case FieldKind::authentication_results:
      return "ARC-Authentication-Results";
    case FieldKind::message_signature:
      return "ARC-Message-Signature";
    case FieldKind::seal:
      return "ARC-Seal";
  }
  return "";
}

std::optional<FieldKind> field_kind(std::string_view name) {
  name = trim(name);
  if (name.size() < 8 || !istarts_with(name, "ARC-")) return std::nullopt;
  for (const FieldKind kind : kKinds) {
    if (iequals(name, to_string(kind))) return kind;
  }
  return std::nullopt;
}

Field parse_field(FieldKind kind, std::string_view value) {
  Field field;
  field.kind = kind;
  if (value.size() > dkim::kMaxSignatureField) {
    field.problem = "is longer than " + std::to_string(dkim::kMaxSignatureField) + " octets";
  } else if (kind == FieldKind::authentication_results) {
    read_results(value, field);
  } else {
    read_signature(value, field);
  }
  return field;
}

}  // namespace gatepost::arc
