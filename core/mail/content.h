#pragma once
// What content rules read of a message: its text, decoded, under budgets.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/message.h"

namespace gatepost::mail {

/// Sizes in octets.
struct ContentLimits {
  /// Of the body that is looked at, and of each text made from it.
  std::size_t max_size = std::size_t{2} << 20;
  /// Of each part's text in `body`, in characters, and in `rawbody`, in octets; a little more where
  /// a line or a word ends behind it; 0 is no limit. SpamAssassin's body_part_scan_size and
  /// rawbody_part_scan_size, with its defaults.
  std::size_t max_body_part = 50000;
  std::size_t max_rawbody_part = 500000;
  int max_depth = 30;  ///< of multiparts and enclosed messages
  int max_parts = 1000;

  bool operator==(const ContentLimits&) const = default;
};

/// What could not be looked at, and why.
struct ContentDefects {
  bool truncated = false;  ///< the body, or a text made from it, is larger than max_size
  bool part_cut = false;   ///< a part's text is longer than max_body_part or max_rawbody_part
  bool too_deep = false;   ///< parts below max_depth are not looked at
  bool too_many_parts = false;
  bool bad_encoding = false;  ///< base64 or quoted-printable with faults; decoded as far as it goes
  bool unknown_charset = false;       ///< text read as Windows-1252
  bool too_many_conversions = false;  ///< so are parts behind the first 100 that need converting
  bool too_much_html = false;         ///< more addresses, comments or kinds of tags than are kept
  bool too_many_urls = false;  ///< more different addresses than are looked at (MessageView::urls)
  bool operator==(const ContentDefects&) const = default;
};

/// A text in pieces, each of which is matched for itself; the pieces lie one behind the other in
/// `text`, each followed by LF, which is not part of it.
struct PieceText {
  struct Piece {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  std::string text;
  std::vector<Piece> pieces;

  std::string_view piece(std::size_t index) const {
    return std::string_view(text).substr(pieces[index].begin,
                                         pieces[index].end - pieces[index].begin);
  }
  /// Appends a piece, cut where it is longer than `limit`: behind a blank (which may be one more),
  /// else between characters.
  void add(std::string_view piece, std::size_t limit);
};

/// What rules see of a message, in the words of SpamAssassin's Conf(3) and with its rules of white
/// space, so that rules written for it hit the same mail.
struct Content {
  /// Pieces of `body` are at most this long, those of `rawbody` at most twice.
  static constexpr std::size_t kPiece = 2048;

  /// `body`: the decoded Subject (always there, maybe empty; where it is longer than kPiece, in
  /// several pieces), then the paragraphs of all parts of text/plain and text/html: transfer
  /// encoding and charset decoded to UTF-8, each run of Unicode white space as one blank. Empty
  /// lines and NUL end a paragraph. HTML is rendered (html.h). UTF-8, but for a message that is
  /// ASCII through and through and whose HTML names characters from U+0080 to U+00FF: these are
  /// single octets then, as they are for SpamAssassin.
  PieceText body;
  std::size_t subject_pieces = 1;  ///< how many of the first pieces of `body` are the Subject
  /// `rawbody`: the parts of text/* (but text/calendar) and message/* with the transfer encoding
  /// decoded and nothing else; a part of more than kPiece octets in pieces of whole lines of that
  /// size to twice of it. Line ends are LF; that at the end of a piece is not part of it.
  PieceText rawbody;
  /// `full`: the message as it came, header and body, with LF line ends, at most max_size of the
  /// body. Trace fields that the MTA adds later are missing.
  std::string full;
  ContentDefects defects;
};

/// All of it at once; MessageView (view.h) reads what is asked for.
/// Reads a frozen message. Pure but for reading its spool file; any thread. Never fails over what
/// the message holds: what cannot be read is a defect. A temporary Error only when the spool file
/// cannot be read. Costs about as much memory as four times what is read.
Result<Content> read_content(const Message& message, const ContentLimits& limits = {});

}  // namespace gatepost::mail
