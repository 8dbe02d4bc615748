#include "rules/test_message.h"

#include <memory>
#include <utility>

#include "core/base/text.h"
#include "core/mail/header_block.h"
#include "core/mail/registries.h"
#include "rules/envelope_from.h"
#include "rules/subject_of.h"

namespace gatepost::rules {
namespace {

// A line of a rule file has 64 KiB: no example comes near, and nothing is spooled.
constexpr std::size_t kMostOctets = std::size_t{1} << 20;

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string> test_message(std::string_view text) {
  constexpr std::string_view kMark = "message:";
  if (!text.starts_with(kMark)) return std::nullopt;
  text = trim(text.substr(kMark.size()));
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '\\') {
      out += text[i];
    } else if (next == 'n' || next == 't' || next == '\\') {
      out += next == 'n' ? '\n' : next == 't' ? '\t' : '\\';
      ++i;
    } else if (next == 'x' && i + 3 < text.size() && hex_digit(text[i + 2]) >= 0 &&
               hex_digit(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3]));
      i += 3;
    } else {
      out += '\\';
    }
  }
  out += '\n';
  return out;
}

TestMessage::TestMessage(std::string_view raw, const RuleSettings& settings, const RuleSet& set)
    : message_({}, std::make_shared<mail::ByteBudget>(kMostOctets), "/tmp") {
  const mail::ParsedMessage parsed = mail::parse_message(raw);
  for (const mail::HeaderField& field : parsed.fields) message_.add_field(field);
  (void)message_.append_body(parsed.body);
  message_.freeze();
  if (auto view = mail::MessageView::open(message_); view.ok()) view_.emplace(std::move(*view));
  static const mail::Content kNothing;
  if (!view_) {
    subject_.emplace(Subject{message_.fields(), kNothing, mail_from_, false});
    return;
  }
  const mail::UrlSettings& urls = set.url_settings();
  const mail::Registries known;
  FieldIndex index;
  index.read(message_.fields());
  MessageFacts facts(index, "", settings, urls.registries ? *urls.registries : known);
  mail_from_ = guess_envelope_from(facts).value_or("");
  subject_.emplace(subject_of(*view_, set, mail_from_, 0));
  subject_->want_matched = false;
}

}  // namespace gatepost::rules
