// Addresses of providers that anybody can have one of.

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

bool is_freemail(EvalContext& message, const std::string& address) {
  static const FixedPattern kRole(
      R"(^(?:abuse|support|sales|info|helpdesk|contact|kontakt|(?:post|host|domain)master|)"
      R"(undisclosed.*|request-[a-f0-9]{16}|bounced?-|)"
      R"([a-f0-9]{8}(?:\.[a-f0-9]{8}|-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})|)"
      R"(.+=.+=.+)@)",
      "i");
  if (address.empty()) return false;
  const std::string_view domain = std::string_view(address).substr(address.rfind('@') + 1);
  const RuleSettings& settings = message.settings();
  return settings.freemail_domains.matches(domain) &&
         !settings.freemail_welcomelist.matches(address) &&
         !settings.freemail_welcomelist.matches(domain) && !message.matches(kRole, address);
}

std::vector<std::string> lower(const std::vector<std::string>& addresses) {
  std::vector<std::string> out;
  for (const std::string& address : addresses) out.push_back(to_lower(address));
  return out;
}

// ---- addresses in the text ----

bool is_local_char(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+/=?^_`{|}~-").find(c) != std::string_view::npos;
}

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The next address in `text` from `from` on.
bool next_address(EvalContext& message, std::string_view text, std::size_t from, Span& out) {
  constexpr std::size_t kLocal = 64;
  for (std::size_t at = text.find('@', from); at != text.npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    while (begin > from && at - begin < kLocal &&
           (is_local_char(text[begin - 1]) ||
            (text[begin - 1] == '.' && begin < at && text[begin] != '.'))) {
      --begin;
    }
    if (begin < at && text[at - 1] == '.') continue;
    while (begin < at && text[begin] == '.') ++begin;
    if (begin == at) continue;
    std::size_t end = at + 1;
    while (end < text.size() && (is_alnum(text[end]) || text[end] == '-' || text[end] == '.'))
      ++end;
    while (end > at + 1 && !is_alnum(text[end - 1])) --end;
    // The longest run of labels that ends in a top level domain.
    while (end > at + 1) {
      const std::string host = to_lower(text.substr(at + 1, end - at - 1));
      if (mail::is_host_name(host) && message.registries().is_known(host)) {
        out = {begin, end};
        return true;
      }
      const std::size_t dot = host.rfind('.');
      if (dot == host.npos) break;
      end = at + 1 + dot;
    }
  }
  return false;
}

struct BodyAddresses {
  std::vector<std::string> freemail;
  bool too_many = false;
};

// "<address>" and "address wrote:" are quotes.
bool is_quote(EvalContext& message, std::string_view text, const Span& span) {
  static const FixedPattern kWrote(R"(^\s{1,10}(?!(?:fa(?:x|csi)|tel|phone|e?-?mail))[a-z]{2,11}:)",
                                   "i");
  if (text.substr(0, span.begin).ends_with("mailto:")) return false;
  const std::string_view behind = text.substr(span.end);
  return behind.starts_with('>') || message.matches(kWrote, behind);
}

std::vector<std::string> all_addresses(EvalContext& message) {
  constexpr std::size_t kMostLinks = 20;
  constexpr std::size_t kMost = 40;
  static const FixedPattern kUrl(R"(<?https?://\S{0,255}(?:@|%40)\S{0,255})", "i");
  std::vector<std::string> out;
  const auto add = [&](std::string_view address) {
    std::string text = to_lower(address);
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  };
  for (const mail::Url& url : message.subject().urls) {
    if (out.size() >= kMostLinks) break;
    Span span;
    if (url.has_type("a") && !url.has_type("parsed") && istarts_with(url.raw, "mailto:") &&
        next_address(message, url.raw, 7, span) && span.begin == 7) {
      add(std::string_view(url.raw).substr(span.begin, span.end - span.begin));
    }
  }
  const mail::PieceText& body = message.subject().content.body;
  for (std::size_t i = 0; i < body.pieces.size() && out.size() < kMost; ++i) {
    if (body.piece(i).find('@') == std::string_view::npos) continue;
    std::string text(body.piece(i));
    while (message.matches(kUrl, text)) {
      const auto at = static_cast<std::size_t>(message.found().data() - text.data());
      text.replace(at, message.found().size(), " ");
    }
    Span span;
    for (std::size_t from = 0; next_address(message, text, from, span) && out.size() < kMost;
         from = span.end) {
      if (!is_quote(message, text, span))
        add(std::string_view(text).substr(span.begin, span.end - span.begin));
    }
  }
  return out;
}

BodyAddresses read_body(EvalContext& message) {
  const RuleSettings& settings = message.settings();
  BodyAddresses out;
  std::size_t seen = 0;
  for (const std::string& address : all_addresses(message)) {
    if (++seen == settings.freemail_max_body_emails && settings.freemail_skip_when_over_max) {
      out.too_many = true;
      return out;
    }
    if (!is_freemail(message, address)) continue;
    out.freemail.push_back(address);
    if (out.freemail.size() == settings.freemail_max_body_freemails &&
        settings.freemail_skip_when_over_max) {
      out.too_many = true;
      return out;
    }
  }
  return out;
}
const BodyAddresses& body_addresses(EvalContext& message) {
  return message.once<BodyAddresses>([&] { return read_body(message); });
}

// ---- functions ----

bool any_freemail(EvalContext& message, const std::vector<std::string>& addresses,
                  const Regex* regex) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
    return is_freemail(message, address) && (regex == nullptr || message.matches(*regex, address));
  });
}

bool freemail_from(EvalContext& message, const EvalArguments& arguments) {
  return any_freemail(message, lower(message.senders()), arguments.regex());
}
bool freemail_header(EvalContext& message, const EvalArguments& arguments) {
  std::string selector(arguments.text(0));
  if (selector.find(':') == selector.npos) selector += ":addr";
  return any_freemail(message, lower(message.list(selector)), arguments.regex());
}
bool freemail_body(EvalContext& message, const EvalArguments& arguments) {
  const BodyAddresses& body = body_addresses(message);
  if (body.too_many) return false;
  if (arguments.regex() == nullptr) return !body.freemail.empty();
  return std::any_of(body.freemail.begin(), body.freemail.end(), [&](const std::string& address) {
    return message.matches(*arguments.regex(), address);
  });
}

bool is_bulk(EvalContext& message) {
  static const FixedPattern kBulk(
      R"((?:^(?:post|host|domain)master|^double-bounce|)"
      R"(^(?:sentto|owner|return|(?:gr)?bounced?)-.+|-(?:request|bounces?|admin|owner)|)"
      R"(\b(?:do[._-t]?)?no[._-t]?repl(?:y|ies)|.+=.+)@)",
      "i");
  return message.settings().freemail_skip_bulk_envfrom &&
         message.matches(kBulk, message.get("EnvelopeFrom"));
}

// check_freemail_replyto(['replyto'|'reply']): answers would go to another free address than the
// one that is shown.
bool freemail_replyto(EvalContext& message, const EvalArguments& arguments) {
  const bool reply = arguments.text(0) == "reply";
  const std::vector<std::string> from = lower(message.list("From:addr"));
  const std::vector<std::string> reply_to = lower(message.list("Reply-To:addr"));
  const bool from_free = any_freemail(message, from, nullptr);
  const bool reply_free = any_freemail(message, reply_to, nullptr);
  const bool differ = std::none_of(from.begin(), from.end(), [&](const std::string& one) {
    return std::find(reply_to.begin(), reply_to.end(), one) != reply_to.end();
  });
  if (from_free && reply_free && differ) return !is_bulk(message);
  if (!reply && !reply_free) return false;
  if (reply && ((!reply_to.empty() && !reply_free) || !from_free)) return false;
  if (is_bulk(message)) return false;
  const BodyAddresses& body = body_addresses(message);
  if (body.too_many) return false;
  const std::vector<std::string>& answers = !reply || reply_free ? reply_to : from;
  for (const std::string& in_body : body.freemail) {
    for (const std::string& answer : answers) {
      if (in_body != answer) return true;
    }
  }
  return false;
}

constexpr EvalFunction kFunctions[] = {
    {"check_freemail_body", "|p", freemail_body},
    {"check_freemail_from", "|p", freemail_from},
    {"check_freemail_header", "t|p", freemail_header},
    {"check_freemail_replyto", "|t", freemail_replyto},
};

}  // namespace

std::span<const EvalFunction> freemail_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
