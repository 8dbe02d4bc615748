// What header fields say of themselves: letters, recipients, forged identities.

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "rules/count_octets.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"
#include "rules/evals/locales.h"

namespace gatepost::rules {
namespace {

bool faraway_charset(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kWord(R"(=\?\K[^?\s]+(?=\?.\?.*?\?=))");
  const auto& locales = message.settings().ok_locales;
  if (std::find(locales.begin(), locales.end(), "all") != locales.end()) return false;
  for (const char* name : {"From:raw", "Subject:raw"}) {
    for (const std::string& field : message.list(name)) {
      std::string_view rest = field;
      while (message.matches(kWord, rest)) {
        const std::string_view charset = message.found();
        if (!is_usual_charset(charset, locales)) return true;
        rest = rest.substr(static_cast<std::size_t>(charset.data() - rest.data()) + charset.size());
      }
    }
  }
  return false;
}

constexpr bool is_control(unsigned char c) {
  return ((c < 0x20) & (c != '\t') & (c != '\n') & (c != '\r')) | (c == 0x7f);
}

// check_illegal_chars(header, ratio, count)
bool illegal_chars(EvalContext& message, const EvalArguments& arguments) {
  std::string selector(arguments.text(0));
  if (!selector.ends_with(":raw")) selector += ":raw";
  const std::string& text = message.get(selector);
  if (trim(text).empty()) return false;
  const std::size_t high = count_octets(text, [](unsigned char c) { return c >= 0x80; });
  const std::size_t controls = count_octets(text, is_control);
  if (high != 0 && is_valid_utf8(text) &&
      controls == count_octets(text, [](unsigned char c) { return c == 0x7f; })) {
    return false;
  }
  std::size_t illegal = high + controls;
  if (illegal > 0 && iequals(selector, "Subject:raw")) {
    // One sign for cent, pound or "registered" may be.
    const auto exempt = std::count_if(
        text.begin(), text.end(), [](char c) { return c == '\xa2' || c == '\xa3' || c == '\xae'; });
    if (exempt == 1) --illegal;
  }
  return static_cast<double>(illegal) / static_cast<double>(text.size()) >= arguments[1].number &&
         static_cast<double>(illegal) >= arguments[2].number;
}

bool subject_is_all_caps(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kReply(R"(^(?:(?:re|fwd|fw|aw|antwort|wg|sv|vb|vs|vl):\s*)+)", "i");
  static const FixedPattern kCharset(R"(=\?\K[^?]+(?=\?))");
  std::string_view subject = trim(message.get("Subject"));
  if (message.matches(kReply, subject)) subject.remove_prefix(message.found().size());
  if (subject.size() < 10 || subject.find_first_of(" \t\r\n\f\v") == subject.npos) return false;
  std::string_view raw = message.get("Subject:raw");
  while (message.matches(kCharset, raw)) {
    const std::string_view charset = message.found();
    if (may_look_like_capitals(charset)) return false;
    raw = raw.substr(static_cast<std::size_t>(charset.data() - raw.data()) + charset.size());
  }
  bool any = false;
  for (const char c : subject) {
    if (c >= 'a' && c <= 'z') return false;
    any = any || is_alpha(c);
  }
  return any;
}

// ---- recipients ----

struct RecipientFacts {
  bool sorted = false;
  double similar = 0;
};

std::string_view behind_at(std::string_view address) {
  const std::size_t at = address.find('@');
  return at == address.npos ? std::string_view() : address.substr(at + 1);
}

RecipientFacts recipient_facts(EvalContext& message) {
  constexpr std::size_t kSorted = 7;
  constexpr std::size_t kSimilar = 5;
  constexpr std::size_t kMost = 256;
  std::vector<std::string_view> addresses;
  const auto add = [&](const std::vector<std::string>& inputs) {
    for (const std::string& one : inputs) {
      if (addresses.size() == kMost) break;
      if (addresses.empty() || !iequals(addresses.back(), one)) addresses.push_back(one);
    }
  };
  const std::vector<std::string>& shown = message.list("ToCc:addr");
  add(shown);
  if (shown.size() < kSimilar) add(message.list("Bcc:addr"));
  RecipientFacts out;
  out.sorted = addresses.size() >= kSorted && std::is_sorted(addresses.begin(), addresses.end());
  if (addresses.size() < kSimilar) return out;
  std::size_t hits = 0;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    for (std::size_t j = i + 1; j < addresses.size(); ++j) {
      const std::string_view a = addresses[i];
      const std::string_view b = addresses[j];
      if (a.substr(0, 2) == b.substr(0, 2)) ++hits;
      if (behind_at(a).substr(0, 2) == behind_at(b).substr(0, 2) && behind_at(a) != behind_at(b))
        ++hits;
      ++pairs;
    }
  }
  out.similar = static_cast<double>(hits) / static_cast<double>(pairs);
  return out;
}

bool sorted_recipients(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.once<RecipientFacts>([&] { return recipient_facts(message); }).sorted;
}
bool similar_recipients(EvalContext& message, const EvalArguments& arguments) {
  const double value =
      message.once<RecipientFacts>([&] { return recipient_facts(message); }).similar;
  return (arguments[0].undefined || value >= arguments[0].number) &&
         (arguments[1].undefined || value < arguments[1].number);
}

bool missing_to(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message.get("To").empty() && message.get("Apparently-To").empty();
}

bool is_word(char c) {
  return is_alnum(c) || c == '_';
}

// Where `word` stands in `text` with no word character next to its word ends.
bool has_word(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  const std::string low = to_lower(text);
  const std::string low_word = to_lower(word);
  for (std::size_t at = low.find(low_word); at != low.npos; at = low.find(low_word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = is_word(low[at]) != (at > 0 && is_word(low[at - 1]));
    const bool ends = is_word(low[end - 1]) != (end < low.size() && is_word(low[end]));
    if (begins && ends) return true;
  }
  return false;
}

bool to_in_subject(EvalContext& message, const EvalArguments& arguments) {
  const std::string& to = message.get("To:addr");
  if (to.empty()) return false;
  const std::string& subject = message.get("Subject");
  if (arguments.text(0) == "address") return has_word(subject, to);
  if (arguments.text(0) != "user") return false;
  const std::string user = to.substr(0, to.find('@'));
  std::string_view text = subject;
  if (text.ends_with('\n')) text.remove_suffix(1);
  // "Re: [word] user", "user" alone
  if (iequals(text, user)) return true;
  if (istarts_with(text, "re:") || istarts_with(text, "fw:")) {
    std::string_view rest = trim(text.substr(3));
    if (iequals(rest, user)) return true;
    std::size_t end = 0;
    while (end < rest.size() && is_word(rest[end])) ++end;
    if (end > 0 && end < rest.size() && is_wsp(rest[end]) && iequals(trim(rest.substr(end)), user))
      return true;
  }
  // "user, …"
  constexpr std::string_view kMarks = ",:;!?-";
  if (text.starts_with(user)) {
    const std::string_view rest = text.substr(user.size());
    const std::size_t at = rest.find_first_not_of(" \t\r\n");
    if (at != rest.npos && kMarks.find(rest[at]) != kMarks.npos &&
        (at + 1 == rest.size() || is_wsp(rest[at + 1]))) {
      return true;
    }
  }
  // ", user!"
  if (text.starts_with(',')) {
    const std::string_view rest = trim(text.substr(1));
    return rest.size() == user.size() + 1 && istarts_with(rest, user) &&
           kMarks.find(rest.back()) != kMarks.npos;
  }
  return false;
}

bool header_count_range(EvalContext& message, const EvalArguments& arguments) {
  const std::string name(arguments.text(0));
  const std::vector<std::string>& all = message.list(name);
  const double count = static_cast<double>(std::set<std::string>(all.begin(), all.end()).size());
  return count >= arguments[1].number && count <= arguments[2].number;
}

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

// "%[A-Z][A-Z_-]" in a field that has no such words of its own.
bool unresolved_template(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kExempt(
      "^(?:x-vms-to|x-uidl|x-face|to|cc|from|subject|references|in-reply-to|"
      "(?:x-|resent-|x-original-)?message-id):",
      "i");
  const std::string_view all = message.get("ALL");
  for (std::size_t at = all.find('%'); at != all.npos; at = all.find('%', at + 1)) {
    if (at + 2 >= all.size() || !is_upper(all[at + 1])) continue;
    if (!is_upper(all[at + 2]) && all[at + 2] != '_' && all[at + 2] != '-') continue;
    const std::size_t begin = all.rfind('\n', at) + 1;  // npos + 1 is 0
    const std::size_t end = std::min(all.find('\n', at), all.size());
    if (!message.matches(kExempt, all.substr(begin, end - begin))) return true;
    at = end - 1;
  }
  return false;
}

bool ratware_name_id(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kId(R"(<[A-Z]{28}\.\K[^>]+?(?=>))");
  static const FixedPattern kQuoted(R"("[^"]+"\s*\K<)");
  if (!message.matches(kId, message.get("MESSAGEID"))) return false;
  const std::string address = "<" + std::string(message.found()) + ">";
  std::string_view from = message.get("From");
  while (message.matches(kQuoted, from)) {
    const std::string_view at =
        from.substr(static_cast<std::size_t>(message.found().data() - from.data()));
    if (at.starts_with(address)) return true;
    from = at.substr(1);
  }
  return false;
}

// The sender is made of the recipient: example.com-user@…
bool ratware_envelope_from(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kRewritten(R"(^SRS\d[=+-])", "i");
  const std::string& to = message.get("To:addr");
  const std::string& from = message.get("EnvelopeFrom:addr");
  const std::size_t at = to.find('@');
  if (from.empty() || at == to.npos || at == 0 || message.matches(kRewritten, from)) return false;
  const std::string host = to_lower(to.substr(at + 1));
  const std::string domain = message.registries().domain_of(host);
  if (domain.empty() || !message.registries().is_known(domain)) return false;
  const std::string sender = to_lower(from);
  const std::string behind = to_lower(to.substr(0, at)) + "@";
  for (std::size_t i = sender.find(domain); i != sender.npos; i = sender.find(domain, i + 1)) {
    if (i > 0 && is_word(sender[i - 1])) continue;
    const std::size_t next = i + domain.size() + 1;
    if (next <= sender.size() && std::string_view(sender).substr(next).starts_with(behind))
      return true;
  }
  return false;
}

// The last two labels of what is behind the '@'.
std::string two_labels(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == address.npos) return {};
  const std::string domain = to_lower(address.substr(at + 1));
  std::size_t dot = domain.rfind('.');
  if (dot == domain.npos || dot == 0 || dot + 1 == domain.size()) return domain;
  dot = domain.rfind('.', dot - 1);
  if (dot == domain.npos || dot == 0) return domain;
  return domain.substr(dot + 1);
}

bool equal_from_domains(EvalContext& message, const EvalArguments& /*arguments*/) {
  const std::string from = two_labels(message.get("From:addr"));
  const std::string sender = two_labels(message.get("EnvelopeFrom:addr"));
  return !from.empty() && !sender.empty() && from != sender;
}

bool matching_env_and_hdr_from(EvalContext& message, const EvalArguments& /*arguments*/) {
  return iequals(message.get("EnvelopeFrom:addr"), message.get("From:addr"));
}

bool never(EvalContext& /*message*/, const EvalArguments& /*arguments*/) {
  return false;
}

constexpr EvalFunction kFunctions[] = {
    {"check_equal_from_domains", "", equal_from_domains},
    {"check_for_faraway_charset_in_headers", "", faraway_charset},
    {"check_for_matching_env_and_hdr_from", "", matching_env_and_hdr_from},
    {"check_for_missing_to_header", "", missing_to},
    {"check_for_to_in_subject", "t", to_in_subject},
    {"check_for_unique_subject_id", "", never},
    {"check_header_count_range", "tnn", header_count_range},
    {"check_illegal_chars", "tnn", illegal_chars},
    {"check_ratware_envelope_from", "", ratware_envelope_from},
    {"check_ratware_name_id", "", ratware_name_id},
    {"check_unresolved_template", "", unresolved_template},
    {"similar_recipients", "uu", similar_recipients},
    {"sorted_recipients", "", sorted_recipients},
    {"subject_is_all_caps", "", subject_is_all_caps},
};

}  // namespace

std::span<const EvalFunction> header_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
