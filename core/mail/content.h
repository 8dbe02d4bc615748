#pragma once
// What content rules read of a message: its text, decoded, under budgets.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"
#include "core/mail/message.h"

namespace gatepost::mail {

/// Sizes in octets.
struct ContentLimits {
  std::size_t max_size = std::size_t{2}
                         << 20;  ///< of the body that is looked at, and of each text made from it
  int max_depth = 30;            ///< of multiparts and enclosed messages
  int max_parts = 1000;
};

/// What could not be looked at, and why.
struct ContentDefects {
  bool truncated = false;  ///< the body is larger than max_size
  bool too_deep = false;   ///< parts below max_depth are not looked at
  bool too_many_parts = false;
  bool bad_encoding = false;  ///< base64 or quoted-printable with faults; decoded as far as it goes
  bool unknown_charset = false;  ///< text kept as octets, wrong ones as U+FFFD
  bool operator==(const ContentDefects&) const = default;
};

/// A text in pieces, each of which is matched for itself; the pieces lie one behind the other in
/// `text`, each followed by LF.
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
};

/// What rules see of a message, in the words of SpamAssassin's Conf(3).
struct Content {
  /// `body`: the decoded Subject as the first piece, then the paragraphs of all text parts:
  /// transfer encoding and charset decoded to UTF-8, white space runs as one blank. HTML stays as
  /// it is.
  PieceText body;
  /// `rawbody`: the text parts with the transfer encoding decoded and nothing else, in pieces of
  /// whole lines of 1 to 2 KiB.
  PieceText rawbody;
  /// `full`: the message as it came, header and body, with LF line ends, at most max_size of the
  /// body.
  std::string full;
  ContentDefects defects;
};

/// Pure but for reading the message's spool file. Any thread. Never fails: what cannot be read is a
/// defect. A temporary Error only when the spool file cannot be read.
Result<Content> read_content(const Message& message, const ContentLimits& limits = {});

}  // namespace gatepost::mail
