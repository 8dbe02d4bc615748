#include "core/mail/pieces.h"

#include <algorithm>
#include <cstring>

#include "core/mail/characters.h"

namespace gatepost::mail {
namespace {

enum : unsigned char { kOrdinary, kBlank, kLead, kNul };

struct ByteClasses {
  unsigned char of[256];
  constexpr ByteClasses() : of() {
    for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'})
      of[static_cast<unsigned char>(c)] = kBlank;
    for (const unsigned char c : {0xc2, 0xc3, 0xe1, 0xe2, 0xe3}) of[c] = kLead;
    of[0] = kNul;
  }
};
constexpr ByteClasses kClasses;

class Paragraphs {
 public:
  Paragraphs(bool wide, PieceText& out) : wide_(wide), out_(out) {}

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
      } else if (white_space_at(text, at, wide_) == 0) {
        if (wide_)
          paragraph_ += text[at++];  // a lead octet of another character
        else
          paragraph_ += static_cast<char>(next_character(text, at));
      } else {
        at = read_blanks(text, at);
      }
    }
    end_paragraph();
  }

 private:
  // Whether some of the `kBlock` octets at `at` needs a look, or the one behind them: without a
  // branch, so that all are looked at together.
  static constexpr std::size_t kBlock = 32;
  static bool is_special(std::string_view text, std::size_t at) {
    const auto special = [](unsigned char c) {
      return (static_cast<unsigned char>(c - '\t') < 5) | (c == 0) |
             (static_cast<unsigned char>(c - 0xc2) < 2) |
             (static_cast<unsigned char>(c - 0xe1) < 3);
    };
    unsigned char any = 0;
    for (std::size_t i = at; i < at + kBlock; ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const auto next = static_cast<unsigned char>(text[i + 1]);
      any = static_cast<unsigned char>(
          any |
          static_cast<unsigned char>(special(c) | ((c == ' ') & (special(next) | (next == ' ')))));
    }
    return any != 0;
  }

  // The end of what needs no look: ordinary octets with single blanks between.
  static std::size_t ordinary_end(std::string_view text, std::size_t at) {
    while (text.size() - at > kBlock && !is_special(text, at)) at += kBlock;
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
      const std::size_t length = white_space_at(text, at, wide_);
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

  bool wide_;
  PieceText& out_;
  std::string paragraph_;
};

}  // namespace

void add_paragraphs(std::string_view text, bool wide, PieceText& out) {
  Paragraphs(wide, out).read(text);
}

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

void LineEnds::read(std::string_view chunk) {
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

void LineEnds::finish() {
  if (held_cr_) out_ += '\r';
  held_cr_ = false;
}

void drop_line_end_cr(std::string& text) {
  if (std::memchr(text.data(), '\r', text.size()) == nullptr) return;
  std::string lines;
  lines.reserve(text.size());
  LineEnds ends(lines);
  ends.read(text);
  ends.finish();
  text = std::move(lines);
}

std::string_view without_long_gaps(std::string_view text, std::string& out) {
  constexpr std::size_t kMost = 20;
  const auto line_end = [&](std::size_t at) {
    return std::min(text.find('\n', at), text.size() - 1) + 1;
  };
  const auto is_blank = [&](std::size_t at) {
    const std::size_t solid = text.find_first_not_of(" \t\r\v\f", at);
    return at < text.size() && (solid == std::string_view::npos || text[solid] == '\n');
  };
  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    std::size_t lines = 0;
    for (; is_blank(end); end = line_end(end)) ++lines;
    const std::size_t first = at == 0 ? 2 : 1;  // at the top two of them stay
    if (lines > kMost + first - 1) {
      std::size_t from = at;
      for (std::size_t i = 0; i < first; ++i) from = line_end(from);
      out.append(text.substr(copied, from - copied));
      copied = from;
      for (std::size_t i = kMost + first - 1; i < lines; ++i) copied = line_end(copied);
    }
    at = end < text.size() ? line_end(end) : end;
  }
  if (copied == 0) return text;
  out.append(text.substr(copied));
  return out;
}

}  // namespace gatepost::mail
