#include "core/mail/content.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"
#include "core/mail/mime.h"

namespace gatepost::mail {
namespace {

// Opening a converter costs up to 0.1 ms; no honest message needs as many.
constexpr int kMaxConversions = 100;

// ------------------------------------------------------------------------------------ charsets

// Charsets in which octets below 128 mean what they mean in ASCII, by how their names begin.
constexpr std::string_view kExtendAscii[] = {
    "us-ascii", "ascii", "ansi_x3", "iso-8859", "iso8859", "latin", "windows-", "cp125",
    "utf-8",    "utf8",  "koi8",    "euc",      "big5",    "gb",    "ks_c",     "tis-620"};

// A name is often used for the larger charset that it is a part of (WHATWG Encoding, section 4.2).
struct Alias {
  std::string_view name;
  std::string_view larger;
};
constexpr Alias kAliases[] = {
    {"", "windows-1252"},           {"us-ascii", "windows-1252"},  {"ascii", "windows-1252"},
    {"iso-8859-1", "windows-1252"}, {"iso8859-1", "windows-1252"}, {"iso_8859-1", "windows-1252"},
    {"latin1", "windows-1252"},     {"x-unknown", "windows-1252"}, {"unknown-8bit", "windows-1252"},
    {"iso-8859-9", "windows-1254"}, {"gb2312", "gb18030"},         {"gbk", "gb18030"},
    {"ks_c_5601-1987", "cp949"},    {"euc-kr", "cp949"},           {"shift_jis", "cp932"},
    {"shift-jis", "cp932"},         {"x-sjis", "cp932"},           {"tis-620", "cp874"},
};

// What Windows-1252 has at 0x80 to 0x9f; the rest of it is the first 256 characters of Unicode.
constexpr char16_t kWindows1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

// Most text that is not UTF-8; iconv takes ten times as long.
void append_windows_1252(std::string_view octets, std::string& out) {
  while (!octets.empty()) {
    const auto* high = std::find_if(octets.begin(), octets.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 128; });
    out.append(octets.begin(), high);
    octets.remove_prefix(static_cast<std::size_t>(high - octets.begin()));
    if (octets.empty()) return;
    const auto octet = static_cast<unsigned char>(octets[0]);
    const unsigned code = octet < 0xa0 ? kWindows1252[octet - 0x80] : octet;
    if (code >= 0x800) {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    } else {
      out += static_cast<char>(0xc0 | code >> 6);
    }
    out += static_cast<char>(0x80 | (code & 0x3f));
    octets.remove_prefix(1);
  }
}

bool extends_ascii(std::string_view charset) {
  return charset.empty() ||
         std::any_of(std::begin(kExtendAscii), std::end(kExtendAscii),
                     [&](std::string_view prefix) { return istarts_with(charset, prefix); });
}

// Whether the octets are UTF-8 text already.
bool is_plain(std::string_view octets, std::string_view charset) {
  return is_ascii(octets) ? extends_ascii(charset) : is_valid_utf8(octets);
}

// --------------------------------------------------------------------------------- white space

enum : unsigned char { kOrdinary, kBlank, kLead, kNul };

struct ByteClasses {
  unsigned char of[256];
  constexpr ByteClasses() : of() {
    for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'})
      of[static_cast<unsigned char>(c)] = kBlank;
    for (const unsigned char c : {0xc2, 0xe1, 0xe2, 0xe3}) of[c] = kLead;
    of[0] = kNul;
  }
};
constexpr ByteClasses kClasses;

constexpr std::string_view kWideBlanks[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

// Octets of the white space character at `at`, 0 when there is none.
std::size_t blank_at(std::string_view text, std::size_t at) {
  switch (kClasses.of[static_cast<unsigned char>(text[at])]) {
    case kBlank:
      return 1;
    case kLead:
      for (const std::string_view wide : kWideBlanks) {
        if (text.compare(at, wide.size(), wide) == 0) return wide.size();
      }
      return 0;
    default:
      return 0;
  }
}

// Writes paragraphs with single blanks: SpamAssassin's s/\n+\s*\n+/\x00/g; s/\s+/ /g; tr/\x00/\n/.
class Paragraphs {
 public:
  explicit Paragraphs(PieceText& out) : out_(out) {}

  void read(std::string_view text) {
    out_.text.reserve(out_.text.size() + text.size() + 64);
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t run = ordinary_end(text, at);
      paragraph_ += text.substr(at, run - at);
      at = run;
      if (at == text.size()) break;
      if (text[at] == '\0') {
        end_paragraph();
        ++at;
      } else if (blank_at(text, at) == 0) {
        paragraph_ += text[at++];  // a lead octet of another character
      } else {
        at = read_blanks(text, at);
      }
    }
    end_paragraph();
  }

 private:
  // The end of what needs no look: ordinary octets with single blanks between.
  static std::size_t ordinary_end(std::string_view text, std::size_t at) {
    const auto of = [&](std::size_t i) { return kClasses.of[static_cast<unsigned char>(text[i])]; };
    for (;; ++at) {
      while (at < text.size() && of(at) == kOrdinary) ++at;
      if (at + 1 < text.size() && text[at] == ' ' && of(at + 1) == kOrdinary) continue;
      return at;
    }
  }

  std::size_t read_blanks(std::string_view text, std::size_t at) {
    const std::size_t begin = at;
    std::size_t first = std::string_view::npos;  // line feeds of the run
    std::size_t last = 0;
    int lines = 0;
    while (at < text.size()) {
      const std::size_t length = blank_at(text, at);
      if (length == 0) break;
      if (text[at] == '\n') {
        if (lines++ == 0) first = at;
        last = at;
      }
      at += length;
    }
    if (lines < 2) {
      paragraph_ += ' ';
      return at;
    }
    if (first != begin) paragraph_ += ' ';
    end_paragraph();
    if (last + 1 != at) paragraph_ += ' ';
    return at;
  }

  void end_paragraph() {
    if (!paragraph_.empty()) out_.add(paragraph_, Content::kPiece);
    paragraph_.clear();
  }

  PieceText& out_;
  std::string paragraph_;
};

// ---------------------------------------------------------------------------------- line ends

// CRLF becomes LF, also when a chunk ends between the two; other CR stay.
class LineEnds {
 public:
  explicit LineEnds(std::string& out) : out_(out) {}

  void read(std::string_view chunk) {
    if (held_cr_ && !chunk.empty()) {
      if (chunk[0] != '\n') out_ += '\r';
      held_cr_ = false;
    }
    while (!chunk.empty()) {
      const std::size_t at = std::min(chunk.find('\r'), chunk.size());
      out_ += chunk.substr(0, at);
      chunk.remove_prefix(at);
      if (chunk.empty()) return;
      if (chunk.size() == 1) {
        held_cr_ = true;
        return;
      }
      if (chunk[1] != '\n') out_ += '\r';
      chunk.remove_prefix(1);
    }
  }
  void finish() {
    if (held_cr_) out_ += '\r';
    held_cr_ = false;
  }

 private:
  std::string& out_;
  bool held_cr_ = false;
};

void drop_line_end_cr(std::string& text) {
  if (std::memchr(text.data(), '\r', text.size()) == nullptr) return;
  std::string lines;
  lines.reserve(text.size());
  LineEnds ends(lines);
  ends.read(text);
  ends.finish();
  text = std::move(lines);
}

// A part's text in pieces: whole lines, else up to '>' or a blank.
void add_raw(std::string_view text, PieceText& out) {
  while (text.size() > 2 * Content::kPiece) {
    std::size_t cut = std::string_view::npos;
    const std::string_view window = text.substr(0, 2 * Content::kPiece);
    for (const char stop : {'\n', '>', ' '}) {
      cut = window.find(stop, Content::kPiece);
      if (cut != std::string_view::npos) break;
    }
    if (cut == std::string_view::npos) cut = Content::kPiece;
    const bool at_line_end = text[cut] == '\n';
    out.add(text.substr(0, cut + (at_line_end ? 0 : 1)), 2 * Content::kPiece);
    text.remove_prefix(cut + 1);
  }
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) out.add(text, 2 * Content::kPiece);
}

// ------------------------------------------------------------------------------------- reading

class Reader {
 public:
  Reader(const ContentLimits& limits, Content& content) : limits_(limits), content_(content) {}

  void leaf(const MimeLeaf& leaf) {
    // SpamAssassin joins the parts so; what is no text leaves its line end, too.
    if (!rendered_.empty()) rendered_ += '\n';
    const std::string& type = leaf.type.type;
    const bool shown = type == "text/plain" || type == "text/html";
    const bool raw = shown || type.starts_with("message/") ||
                     (type.starts_with("text/") && type != "text/calendar");
    if (!raw) return;
    std::string_view text = leaf.body;
    if (leaf.encoding != TransferEncoding::identity) {
      decoded_.clear();
      if (!decode_transfer(text, leaf.encoding, limits_.max_size, decoded_))
        content_.defects.bad_encoding = true;
      drop_line_end_cr(decoded_);
      text = decoded_;
    }
    add_raw(bounded(text, content_.rawbody.text.size()), content_.rawbody);
    if (shown) render(bounded(text, rendered_.size()), leaf.type.charset);
  }

  void finish() { Paragraphs(content_.body).read(rendered_); }

 private:
  std::string_view bounded(std::string_view text, std::size_t used) {
    const std::size_t room = limits_.max_size - std::min(limits_.max_size, used);
    if (text.size() <= room) return text;
    content_.defects.truncated = true;
    return text.substr(0, room);
  }

  void render(std::string_view octets, std::string_view charset) {
    const bool plain = is_plain(octets, charset);
    if (!plain && ++conversions_ > kMaxConversions) {
      content_.defects.unknown_charset = true;
      charset = "utf-8";
    }
    if (plain)
      rendered_ += octets;
    else if (!append_text(octets, charset, rendered_))
      content_.defects.unknown_charset = true;
    if (rendered_.size() <= limits_.max_size) return;
    content_.defects.truncated = true;
    rendered_.resize(limits_.max_size);
  }

  const ContentLimits& limits_;
  Content& content_;
  std::string rendered_;
  std::string decoded_;
  int conversions_ = 0;
};

void add_subject(const Message& message, Content& content) {
  const HeaderField* field = first_field(message.fields(), "Subject");
  if (field != nullptr) {
    const std::string words = decode_encoded_words(unfold(trim(field->value)));
    std::string subject;
    append_text(words, "", subject);
    // A line break in an encoded word ends no piece.
    std::replace(subject.begin(), subject.end(), '\n', ' ');
    content.body.add(subject, Content::kPiece);
  }
  if (content.body.pieces.empty()) content.body.add("", Content::kPiece);
  content.subject_pieces = content.body.pieces.size();
}

// @return where the body begins in content.full.
Result<std::size_t> add_full(const Message& message, const ContentLimits& limits,
                             Content& content) {
  std::string& full = content.full;
  const auto body_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(message.body_size(), limits.max_size));
  content.defects.truncated = message.body_size() > limits.max_size;
  full.reserve(message.header_bytes() + 3 * message.fields().size() + body_size + 8);
  LineEnds ends(full);
  for (const HeaderField& field : message.fields()) {
    full += field.name;
    full += ':';
    ends.read(field.value);
    ends.finish();
    full += '\n';
  }
  full += '\n';
  const std::size_t begin = full.size();
  std::size_t room = body_size;
  auto read = message.for_each_body_chunk([&](std::string_view chunk) {
    chunk = chunk.substr(0, room);
    ends.read(chunk);
    room -= chunk.size();
    return room > 0;
  });
  if (!read.ok()) return read.error();
  ends.finish();
  return begin;
}

}  // namespace

void PieceText::add(std::string_view piece, std::size_t limit) {
  do {
    std::size_t length = piece.size();
    if (length > limit) {
      const std::size_t blank = piece.rfind(' ', limit - 1);
      length = blank == std::string_view::npos ? limit : blank + 1;
      if (blank == std::string_view::npos) {
        // Not inside of a character, if these are characters.
        std::size_t back = 0;
        while (back < 3 && (static_cast<unsigned char>(piece[length - back]) & 0xc0) == 0x80)
          ++back;
        length -= back;
      }
    }
    const auto begin = static_cast<std::uint32_t>(text.size());
    text += piece.substr(0, length);
    pieces.push_back({begin, static_cast<std::uint32_t>(text.size())});
    text += '\n';
    piece.remove_prefix(length);
  } while (!piece.empty());
}

bool append_text(std::string_view octets, std::string_view charset, std::string& out) {
  if (is_plain(octets, charset)) {
    out += octets;
    return true;
  }
  const auto* alias = std::find_if(std::begin(kAliases), std::end(kAliases),
                                   [&](const Alias& a) { return iequals(a.name, charset); });
  if (alias != std::end(kAliases)) charset = alias->larger;
  if (iequals(charset, "windows-1252")) {
    append_windows_1252(octets, out);
    return true;
  }
  if (append_as_utf8(octets, charset, out)) return true;
  append_as_utf8(octets, "utf-8", out);
  return false;
}

Result<Content> read_content(const Message& message, const ContentLimits& limits) {
  Content content;
  add_subject(message, content);
  const auto begin = add_full(message, limits, content);
  if (!begin.ok()) return begin.error();
  Reader reader(limits, content);
  const MimeDefects defects =
      walk_mime(message.fields(), std::string_view(content.full).substr(*begin),
                {limits.max_depth, limits.max_parts, limits.max_size},
                [&](const MimeLeaf& leaf) { reader.leaf(leaf); });
  reader.finish();
  content.defects.too_deep = defects.too_deep;
  content.defects.too_many_parts = defects.too_many_parts;
  return content;
}

}  // namespace gatepost::mail
