#pragma once
// How the texts that rules read are cut, and made of lines.

#include <string>
#include <string_view>

#include "core/mail/content.h"

namespace gatepost::mail {

/// Adds the paragraphs of rendered text (UTF-8): SpamAssassin's s/\n+\s*\n+/\x00/g, s/\s+/ /g,
/// tr/\x00/\n/, then the pieces between. Empty paragraphs are left out. Without `wide`, the text
/// has no characters above U+00FF; those above U+007F are written as one octet each, and no white
/// space.
void add_paragraphs(std::string_view text, bool wide, PieceText& out);

/// Adds a part's text for `rawbody`: whole lines, else up to '>' or a blank.
void add_raw(std::string_view text, PieceText& out);

/// CRLF becomes LF, also when a chunk ends between the two; other CR stay.
class LineEnds {
 public:
  explicit LineEnds(std::string& out) : out_(out) {}
  void read(std::string_view chunk);
  void finish();

 private:
  std::string& out_;
  bool held_cr_ = false;
};

/// Of more than 20 lines with nothing but white space in a row the first and the last 19 stay, as
/// for SpamAssassin. LF line ends. @return `text`, or `out` when lines went.
std::string_view without_long_gaps(std::string_view text, std::string& out);

/// CRLF becomes LF.
void drop_line_end_cr(std::string& text);

}  // namespace gatepost::mail
