// The parts of a message: their fields, their encodings, their letters.

#include <algorithm>

#include "core/base/text.h"
#include "rules/count_octets.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"
#include "rules/evals/locales.h"

namespace gatepost::rules {
namespace {

// What check_for_mime() and its kin ask for.
struct MimeFacts {
  bool attachment = false;
  bool bad_iso_charset = false;
  bool base64_encoded_text = false;
  bool faraway_charset = false;
  bool multipart_alternative = false;
  bool qp_long_line = false;
  std::size_t ascii_text_illegal = 0;
  std::size_t base64_count = 0;
  std::size_t html_count = 0;
  std::size_t text_count = 0;
  std::size_t qp_count = 0;
  double qp_ratio = 0;
  double multipart_ratio = 1;
  double unicode_ratio = 0;
  std::vector<std::string> charsets;
};

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != text.npos;
}

template <class Take>
void each_line(std::string_view text, Take take) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t lf = text.find('\n', at);
    const std::size_t end = lf == text.npos ? text.size() : lf + 1;
    take(text.substr(at, end - at));
    at = end;
  }
}

void read_fields(EvalContext& message, const MimePart& part, MimeFacts& out) {
  static const FixedPattern kIso(R"(iso-\S+-\S+\b)", "i");
  static const FixedPattern kGoodIso(R"(iso-(?:8859-\d{1,2}|2022-(?:jp|kr))\b)");
  static const FixedPattern kAscii(
      R"(us-ascii|ansi_x3\.4-19(?:68|86)|iso-ir-6|iso_646\.irv:1991|ascii|iso646-us|us|ibm367|)"
      R"(cp367|csascii)");
  if (part.type == "multipart/alternative") out.multipart_alternative = true;
  if (part.type == "text/html") {
    ++out.html_count;
  } else if (part.type.starts_with("text")) {
    ++out.text_count;
  }
  const bool base64 = contains(part.encoding, "base64");
  if (base64)
    ++out.base64_count;
  else if (contains(part.encoding, "quoted-printable"))
    ++out.qp_count;
  out.attachment = out.attachment || contains(part.disposition, "attachment");
  const bool shown_apart =
      part.disposition.starts_with("attachment") || part.disposition.starts_with("inline");
  if (part.type.starts_with("text") && base64 && !shown_apart &&
      (part.charset.empty() || message.matches(kAscii, part.charset))) {
    out.base64_encoded_text = true;
  }
  if (message.matches(kIso, part.charset) && !message.matches(kGoodIso, part.charset))
    out.bad_iso_charset = true;
  if (std::none_of(part.charset.begin(), part.charset.end(), is_alpha)) return;
  out.charsets.push_back(part.charset);
  if (!is_usual_charset(part.charset, message.settings().ok_locales)) out.faraway_charset = true;
}

struct QuotedPrintable {
  double octets = 0;
  double needless = 0;  // octets that need not have been encoded
};

void read_qp_line(std::string_view line, QuotedPrintable& out, MimeFacts& facts) {
  constexpr std::size_t kLine = 78;  // RFC 5322 section 2.1.1
  if (line.starts_with("SPAM: ")) return;
  if (line.size() > kLine + 1) facts.qp_long_line = true;
  out.octets += static_cast<double>(line.size());
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); };
  for (std::size_t at = line.find('='); at != line.npos && at + 2 < line.size();
       at = line.find('=', at + 1)) {
    const char a = line[at + 1];
    const char b = line[at + 2];
    if (!is_hex(b)) continue;
    const bool digit = a == '3' && b != 'D';
    const bool letter = a == '2' || (a >= '4' && a <= '6');
    if ((a == '0' && b == '9') || digit || letter || (a == '7' && b != 'F')) ++out.needless;
  }
  // Blanks at the end of a line must be encoded.
  std::size_t end = line.size();
  while (end > 0 && is_wsp(line[end - 1])) --end;
  while (end >= 3 && (line.substr(end - 3, 3) == "=09" || line.substr(end - 3, 3) == "=20")) {
    --out.needless;
    end -= 3;
  }
}

void read_plain_text(const MimePart& part, MimeFacts& out, double& normal, double& unicode) {
  if (part.type != "text/plain") return;
  const std::string_view text = part.raw;
  if (!part.has_charset || part.charset == "us-ascii") {
    const auto illegal = [](unsigned char c) { return (c == 0) | (c == '\r') | (c >= 0x80); };
    if (count_octets(text, illegal) != 0) {
      each_line(text, [&](std::string_view line) {
        if (count_octets(line, illegal) != 0) ++out.ascii_text_illegal;
      });
    }
  }
  if (!part.encoding.empty() && part.encoding != "7bit" && part.encoding != "8bit") return;
  double found = 0;  // &#xHHHH;
  for (std::size_t at = text.find("&#x"); at != text.npos; at = text.find("&#x", at + 1)) {
    const std::string_view hex = text.substr(at + 3, 5);
    const bool is_entity =
        hex.size() == 5 && hex[4] == ';' && std::all_of(hex.begin(), hex.begin() + 4, [](char c) {
          return is_digit(c) || (c >= 'A' && c <= 'F');
        });
    if (is_entity) ++found;
  }
  unicode += found;
  normal += static_cast<double>(text.size()) - 8 * found;
}

MimeFacts read_facts(EvalContext& message) {
  MimeFacts out;
  struct Size {
    std::string_view type;
    double octets = 0;
  };
  std::vector<Size> sizes;
  QuotedPrintable qp;
  double normal = 0;
  double unicode = 0;
  for (const MimePart& part : message.mime().parts) {
    read_fields(message, part, out);
    if (!part.leaf) continue;
    const bool attached = contains(part.disposition, "attachment");
    const bool is_text = part.type == "text/plain" || part.type == "text/html";
    if (!attached) {
      sizes.push_back({part.type, out.multipart_alternative && is_text
                                      ? static_cast<double>(part.raw.size())
                                      : 0});
    }
    if (part.encoding == "quoted-printable")
      each_line(part.raw, [&](std::string_view line) { read_qp_line(line, qp, out); });
    read_plain_text(part, out, normal, unicode);
  }
  if (qp.octets > 0) {
    out.qp_ratio = qp.needless / qp.octets;
    out.qp_count = static_cast<std::size_t>(std::max(qp.needless, 0.0));
  }
  if (normal > 0) out.unicode_ratio = unicode / normal;
  if (out.multipart_alternative) {
    const auto last = [&](std::string_view type) {
      return std::find_if(sizes.rbegin(), sizes.rend(),
                          [&](const Size& size) { return size.type == type; });
    };
    const auto text = last("text/plain");
    const auto html = last("text/html");
    if (text != sizes.rend() && html != sizes.rend() && html->octets > 0)
      out.multipart_ratio = text->octets / html->octets;
  }
  return out;
}

const MimeFacts& facts(EvalContext& message) {
  return message.once<MimeFacts>([&] { return read_facts(message); });
}

bool for_mime(EvalContext& message, const EvalArguments& arguments) {
  const MimeFacts& f = facts(message);
  const std::string_view name = arguments.text(0);
  if (name == "mime_attachment") return f.attachment;
  if (name == "mime_bad_iso_charset") return f.bad_iso_charset;
  if (name == "mime_base64_encoded_text") return f.base64_encoded_text;
  if (name == "mime_base64_count") return f.base64_count != 0;
  if (name == "mime_body_html_count") return f.html_count != 0;
  if (name == "mime_body_text_count") return f.text_count != 0;
  if (name == "mime_faraway_charset") return f.faraway_charset;
  if (name == "mime_missing_boundary") return message.mime().unbalanced_boundary;
  if (name == "mime_multipart_alternative") return f.multipart_alternative;
  if (name == "mime_multipart_ratio") return f.multipart_ratio != 0;
  if (name == "mime_qp_count") return f.qp_count != 0;
  if (name == "mime_qp_long_line") return f.qp_long_line;
  if (name == "mime_qp_ratio") return f.qp_ratio != 0;
  if (name == "mime_ascii_text_illegal") return f.ascii_text_illegal != 0;
  if (name == "mime_text_unicode_ratio") return f.unicode_ratio != 0;
  return false;  // also those that SpamAssassin gave up
}

bool message_is_html(EvalContext& message) {
  return istarts_with(message.get("Content-Type"), "text/html");
}
bool mime_html(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message_is_html(message) || facts(message).html_count > 0;
}
bool mime_html_only(EvalContext& message, const EvalArguments& /*arguments*/) {
  return message_is_html(message) ||
         (facts(message).html_count > 0 && facts(message).text_count == 0);
}
bool multipart_ratio(EvalContext& message, const EvalArguments& arguments) {
  const double ratio = facts(message).multipart_ratio;
  return ratio >= arguments[0].number && ratio < arguments[1].number;
}
bool ascii_text_illegal(EvalContext& message, const EvalArguments& /*arguments*/) {
  return facts(message).ascii_text_illegal > 0;
}
bool abundant_unicode_ratio(EvalContext& message, const EvalArguments& arguments) {
  return facts(message).unicode_ratio >= arguments[0].number;
}
bool qp_ratio(EvalContext& message, const EvalArguments& arguments) {
  return facts(message).qp_ratio >= arguments[0].number;
}

bool parse_flags(EvalContext& message, const EvalArguments& arguments) {
  const std::string_view name = arguments.text(0);
  const MimeTree& tree = message.mime();
  if (name == "mime_epilogue_exists") return tree.text_behind_end;
  if (name == "missing_mime_head_body_separator") return tree.missing_separator;
  if (name == "missing_mime_headers") return tree.missing_headers;
  if (name == "mimepart_limit_exceeded") return tree.too_many_parts;
  if (name == "truncated_header") {
    constexpr std::size_t kName = 256;
    constexpr std::size_t kValue = 8192;
    const auto& fields = message.subject().fields;
    return std::any_of(fields.begin(), fields.end(), [](const mail::HeaderField& field) {
      return field.name.size() > kName || field.value.size() > kValue;
    });
  }
  return false;  // missing_head_body_separator: the MTA made one
}

// ---- charsets ----

// As the message's own Content-Type gives it.
std::string message_charset(EvalContext& message) {
  static const FixedPattern kCharset(R"(charset=(?:"\K[^"]+|'\K[^']+|\K\S+))", "i");
  return message.matches(kCharset, message.get("Content-Type")) ? std::string(message.found())
                                                                : std::string();
}

bool faraway_charset(EvalContext& message, const EvalArguments& /*arguments*/) {
  const std::string charset = message_charset(message);
  if (charset.empty() || is_usual_charset(charset, message.settings().ok_locales)) return false;
  // Such a charset holds ASCII, too.
  const std::string& text = message.subject().content.body.text;
  const auto high =
      static_cast<std::ptrdiff_t>(count_octets(text, [](unsigned char c) { return c >= 0x80; }));
  return high > 3 && high >= static_cast<std::ptrdiff_t>(text.size()) - high;
}

struct Capitals {
  double percent = 0;
};

constexpr bool is_lower_or_digit(unsigned char c) {
  return (static_cast<unsigned char>(c - 'a') < 26) | (static_cast<unsigned char>(c - '0') < 10);
}
constexpr bool is_upper(unsigned char c) {
  return static_cast<unsigned char>(c - 'A') < 26;
}

Capitals read_capitals(EvalContext& message) {
  static const FixedPattern kBase64(R"(^(?:[A-Za-z0-9+/=]{60,76} ){2})");
  static const FixedPattern kJapanese(R"(\x1b\$B.*\x1b\(B)", "s");
  constexpr double kLeast = 200;
  const MimeFacts& f = facts(message);
  if (may_look_like_capitals(message_charset(message)) ||
      std::any_of(f.charsets.begin(), f.charsets.end(), may_look_like_capitals)) {
    return {};
  }
  double length = 0, lower = 0, upper = 0;
  const mail::PieceText& body = message.subject().content.body;
  for (std::size_t i = 0; i < body.pieces.size(); ++i) {
    const std::string_view piece = body.piece(i);
    if (trim(piece).find_first_of(" \t\r\n") == piece.npos) continue;
    constexpr std::size_t kLine = 60;  // of base64, at least
    if (piece.size() > 2 * kLine && piece.substr(0, kLine).find(' ') == piece.npos &&
        message.matches(kBase64, piece)) {
      continue;
    }
    length += 1;  // the line end
    const auto count = [&](std::string_view text) {
      length += static_cast<double>(text.size());
      lower += static_cast<double>(count_octets(text, is_lower_or_digit));  // numbers do not shout
      upper += static_cast<double>(count_octets(text, is_upper));
    };
    if (piece.find('\x1b') != piece.npos && message.matches(kJapanese, piece)) {
      const auto at = static_cast<std::size_t>(message.found().data() - piece.data());
      const std::size_t end = at + message.found().size();
      count(piece.substr(0, at));
      count(piece.substr(end));
    } else {
      count(piece);
    }
  }
  if (length < kLeast || upper + lower == 0) return {};
  return {100 * upper / (upper + lower)};
}
bool uppercase(EvalContext& message, const EvalArguments& arguments) {
  const double percent = message.once<Capitals>([&] { return read_capitals(message); }).percent;
  return percent > arguments[0].number && percent <= arguments[1].number;
}

// ---- structure ----

// multipart/alternative with something that is no text.
bool alternative_non_text(EvalContext& message, const EvalArguments& /*arguments*/) {
  const auto& parts = message.mime().parts;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const MimePart& part = parts[i];
    if (parts[part.parent].type != "multipart/alternative") continue;
    if (part.type == "multipart/related" || part.type == "application/rtf" ||
        part.type.starts_with("text/")) {
      continue;
    }
    return true;
  }
  return false;
}

struct Base64Line {
  std::size_t longest = 0;
};
bool base64_length(EvalContext& message, const EvalArguments& arguments) {
  const Base64Line& line = message.once<Base64Line>([&] {
    Base64Line out;
    for (const MimePart& part : message.mime().parts) {
      if (!part.leaf || part.type == "application/ics" || part.encoding != "base64") continue;
      each_line(part.raw, [&](std::string_view text) {
        constexpr std::size_t kMost = 2049;  // longer ones are cut
        out.longest = std::max(out.longest, std::min(text.size(), kMost));
      });
    }
    return out;
  });
  const double longest = static_cast<double>(line.longest);
  return longest >= arguments[0].number && (arguments.size() < 2 || longest <= arguments[1].number);
}

constexpr EvalFunction kFunctions[] = {
    {"check_abundant_unicode_ratio", "n", abundant_unicode_ratio},
    {"check_base64_length", "n|n", base64_length},
    {"check_for_ascii_text_illegal", "", ascii_text_illegal},
    {"check_for_faraway_charset", "", faraway_charset},
    {"check_for_mime", "t", for_mime},
    {"check_for_mime_html", "", mime_html},
    {"check_for_mime_html_only", "", mime_html_only},
    {"check_for_uppercase", "nn", uppercase},
    {"check_ma_non_text", "", alternative_non_text},
    {"check_mime_multipart_ratio", "nn", multipart_ratio},
    {"check_msg_parse_flags", "t", parse_flags},
    {"check_qp_ratio", "n", qp_ratio},
};

}  // namespace

std::span<const EvalFunction> mime_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
