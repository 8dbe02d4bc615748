// The text of a message: its length, its lines, and whether two renderings of it say the same.

#include <algorithm>
#include <deque>
#include <memory_resource>
#include <set>
#include <unordered_map>

#include "core/base/text.h"
#include "core/mail/charset.h"
#include "core/mail/html.h"
#include "core/mail/mime.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kMostDecoded = std::size_t{2} << 20;

std::string decoded(const MimePart& part) {
  std::string out;
  mail::decode_transfer(part.raw, mail::parse_transfer_encoding(part.encoding), kMostDecoded, out);
  return out;
}

std::string as_utf8(const MimePart& part, const std::string& octets) {
  std::string out;
  mail::append_text(octets, part.charset, out);
  return out;
}

// ---- multipart/alternative ----

struct Words {
  std::pmr::unordered_map<std::string_view, int> counts;
  std::deque<std::string> texts;  // that they are of

  explicit Words(std::pmr::memory_resource* memory) : counts(memory) {}
};

// Those with a letter, digit or '_'.
void add_words(std::string part, Words& out) {
  constexpr std::size_t kMostWords = 100000;
  constexpr std::size_t kUsual = 8;  // octets a word, about
  const std::string_view text = out.texts.emplace_back(std::move(part));
  out.counts.reserve(out.counts.size() + std::min(text.size() / kUsual, kMostWords));
  for (std::size_t at = 0; at < text.size() && out.counts.size() < kMostWords;) {
    while (at < text.size() && (is_wsp(text[at]) || text[at] == '\f' || text[at] == '\v')) ++at;
    std::size_t end = at;
    bool word = false;
    while (end < text.size() && !is_wsp(text[end]) && text[end] != '\f' && text[end] != '\v') {
      // Letters of other scripts are more than one octet.
      word = word || is_alnum(text[end]) || text[end] == '_' ||
             static_cast<unsigned char>(text[end]) >= 0xC3;
      ++end;
    }
    if (word) ++out.counts[text.substr(at, end - at)];
    at = end;
  }
}

struct Difference {
  double percent = 0;  // of the words of the HTML that the text has not
  double html_words = 0;
  double text_words = 0;
};

bool is_below(const MimeTree& tree, std::size_t part, std::size_t ancestor) {
  while (part > ancestor) part = tree.parts[part].parent;
  return part == ancestor;
}

void compare(const MimeTree& tree, std::size_t alternative, Difference& out) {
  std::pmr::monotonic_buffer_resource memory(std::size_t{32} << 10);
  Words html(&memory), text(&memory);
  for (std::size_t i = alternative + 1; i < tree.parts.size(); ++i) {
    const MimePart& part = tree.parts[i];
    if (!is_below(tree, i, alternative)) break;
    if (!part.leaf || (part.type != "text/plain" && part.type != "text/html")) continue;
    const std::string octets = decoded(part);
    if (part.type == "text/plain") {
      add_words(as_utf8(part, octets), text);
      continue;
    }
    mail::HtmlText rendered = mail::render_html(as_utf8(part, octets), octets.size());
    add_words(std::move(rendered.all), html);
    if (html.counts.empty() && rendered.facts.inside.contains("img")) html.counts["\n"] = 1;
  }
  if (html.counts.empty()) return;
  out.html_words = static_cast<double>(html.counts.size());
  out.text_words = static_cast<double>(text.counts.size());
  const auto left = std::count_if(html.counts.begin(), html.counts.end(), [&](const auto& word) {
    const auto known = text.counts.find(word.first);
    return known == text.counts.end() || word.second > known->second;
  });
  out.percent = std::max(out.percent, 100 * static_cast<double>(left) / out.html_words);
}

Difference read_difference(EvalContext& message) {
  const MimeTree& tree = message.mime();
  Difference out;
  // Invitations to meetings have HTML and a calendar alone.
  const bool invitation = tree.parts.size() == 3 && tree.parts[0].type == "multipart/alternative" &&
                          tree.parts[1].type == "text/html" &&
                          tree.parts[2].type == "text/calendar";
  if (invitation) return out;
  constexpr int kMost = 20;  // nested ones are read again and again
  int compared = 0;
  for (std::size_t i = 0; i < tree.parts.size() && compared < kMost; ++i) {
    if (tree.parts[i].type != "multipart/alternative") continue;
    ++compared;
    compare(tree, i, out);
  }
  return out;
}

const Difference& difference(EvalContext& message) {
  return message.once<Difference>([&] { return read_difference(message); });
}
bool alternative_difference(EvalContext& message, const EvalArguments& arguments) {
  const double percent = difference(message).percent;
  return (arguments[0].number == 0 || percent > arguments[0].number) &&
         (arguments[1].undefined || percent <= arguments[1].number);
}
bool alternative_difference_count(EvalContext& message, const EvalArguments& arguments) {
  const Difference& d = difference(message);
  return d.html_words > arguments[1].number && d.text_words / d.html_words > arguments[0].number;
}

// ---- lines ----

struct LineFacts {
  double lines = 0;
  double blank = 0;
};

// check_blank_line_ratio(least percent, most, least lines)
bool blank_line_ratio(EvalContext& message, const EvalArguments& arguments) {
  const LineFacts& f = message.once<LineFacts>([&] {
    LineFacts out;
    const mail::PieceText& text = message.subject().content.rawbody;
    for (std::size_t i = 0; i < text.pieces.size(); ++i) {
      const std::string_view piece = text.piece(i);
      for (std::size_t at = 0; at <= piece.size();) {
        const std::size_t end = std::min(piece.find('\n', at), piece.size());
        ++out.lines;
        if (trim(piece.substr(at, end - at)).empty()) ++out.blank;
        at = end + 1;
      }
    }
    return out;
  });
  const double least = arguments.size() > 2 ? std::max(arguments[2].number, 1.0) : 1;
  const double ratio = f.lines < least ? -1 : 100 * f.blank / f.lines;
  const double min = arguments[0].number;
  const double max = arguments[1].number;
  return (min == 0 || ratio > min) && ratio <= max;
}

// The most blanks for each other character in a paragraph, in percent.
struct Blanks {
  double percent = -1;
};
bool vertical_words(EvalContext& message, const EvalArguments& arguments) {
  const double percent =
      message
          .once<Blanks>([&] {
            Blanks out;
            const mail::PieceText& body = message.subject().content.body;
            for (std::size_t i = 0; i < body.pieces.size(); ++i) {
              const std::string_view piece = body.piece(i);
              const std::size_t length = piece.size() + 1;  // with its line end
              if (length <= 5) continue;
              const auto blanks = std::count(piece.begin(), piece.end(), ' ');
              const auto others = static_cast<std::ptrdiff_t>(length) - blanks;
              const double here =
                  blanks > others || others == 0 ? 100 : static_cast<double>(100 * blanks / others);
              out.percent = std::max(out.percent, here);
            }
            return out;
          })
          .percent;
  const double max = arguments[1].number >= 100 ? 101 : arguments[1].number;
  return percent >= arguments[0].number && percent < max;
}

bool body_length(EvalContext& message, const EvalArguments& arguments) {
  return static_cast<double>(message.raw_body().size()) <= arguments[0].number;
}

// ---- stock tips ----

struct StockWords {
  std::size_t kinds = 0;
};

StockWords read_stock_words(EvalContext& message) {
  static const FixedPattern kLabel(R"(^\s*\K[^:\s][^:\n]{2,29}(?=\s*:\s*\S))", "m");
  static const FixedPattern kWord(
      R"((?:^trad(?:e|ing)date|company(?:name)?|s\w?(?:t\w?o\w?c\w?k|y\w?m(?:\w?b\w?o\w?l)?)|)"
      R"(t(?:arget|icker)|(?:opening|current)p(?:rice)?|p(?:rojected|osition)|expectations|)"
      R"(weeks?high|marketperformance|(?:year|week|month|day|price)(?:target|estimates?)|)"
      R"(sector|r(?:ecommendation|ating))$)");
  const auto& parts = message.mime().parts;
  const auto part = std::find_if(parts.begin(), parts.end(), [](const MimePart& one) {
    return one.leaf && one.type == "text/plain";
  });
  if (part == parts.end()) return {};
  const std::string text = as_utf8(*part, decoded(*part));
  std::set<std::string> kinds;
  std::string_view rest = text;
  constexpr int kMostLabels = 2000;
  for (int i = 0; i < kMostLabels && message.matches(kLabel, rest); ++i) {
    const std::string_view label = message.found();
    const std::size_t at = static_cast<std::size_t>(label.data() - rest.data()) + label.size();
    std::string letters;
    for (const char c : label) {
      if (is_alpha(c)) letters += ascii_lower(c);
    }
    if (message.matches(kWord, letters)) kinds.emplace(message.found());
    // On the next line: a label is the first thing of its own.
    const std::size_t line = rest.find('\n', at);
    if (line == rest.npos) break;
    rest = rest.substr(line + 1);
  }
  return {kinds.size()};
}
bool stock_info(EvalContext& message, const EvalArguments& arguments) {
  const auto kinds = message.once<StockWords>([&] { return read_stock_words(message); }).kinds;
  return arguments[0].number == 0 || static_cast<double>(kinds) >= arguments[0].number;
}

// ---- signatures ----

struct Signature {
  bool any_text = false;
  double body = 0;
  double signature = 0;
};

Signature read_signature(EvalContext& message) {
  const auto& parts = message.mime().parts;
  const auto part = std::find_if(parts.begin(), parts.end(), [](const MimePart& one) {
    return one.leaf && one.type.starts_with("text/plain");
  });
  if (part == parts.end()) return {};
  const std::string text = decoded(*part);
  Signature out{true, static_cast<double>(text.size()), 0};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t lf = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, lf - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if ((line == "--" || line == "-- ") && text.size() - lf > 4) {
      out.body = static_cast<double>(at);
      out.signature = static_cast<double>(text.size() - lf);
    }
    at = lf + 1;
  }
  return out;
}
const Signature& signature(EvalContext& message) {
  return message.once<Signature>([&] { return read_signature(message); });
}
bool in_range(const EvalArguments& arguments, double value) {
  return value >= arguments[0].number && (arguments.size() < 2 || value <= arguments[1].number);
}
bool plaintext_body_length(EvalContext& message, const EvalArguments& arguments) {
  return signature(message).any_text && in_range(arguments, signature(message).body);
}
bool plaintext_sig_length(EvalContext& message, const EvalArguments& arguments) {
  return signature(message).any_text && in_range(arguments, signature(message).signature);
}
bool plaintext_body_sig_ratio(EvalContext& message, const EvalArguments& arguments) {
  const Signature& s = signature(message);
  return s.any_text && in_range(arguments, s.signature > 0 ? s.body / s.signature : 1e6);
}

constexpr EvalFunction kFunctions[] = {
    {"check_blank_line_ratio", "nn|n", blank_line_ratio},
    {"check_body_length", "n", body_length},
    {"check_stock_info", "n", stock_info},
    {"multipart_alternative_difference", "nu", alternative_difference},
    {"multipart_alternative_difference_count", "nn", alternative_difference_count},
    {"plaintext_body_length", "n|n", plaintext_body_length},
    {"plaintext_body_sig_ratio", "n|n", plaintext_body_sig_ratio},
    {"plaintext_sig_length", "n|n", plaintext_sig_length},
    {"tvd_vertical_words", "nn", vertical_words},
};

}  // namespace

std::span<const EvalFunction> body_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
