#pragma once
// The parts of a message with their fields, as SpamAssassin cuts them.

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"

namespace gatepost::rules {

struct MimePart {
  std::span<const mail::HeaderField> fields;  ///< of the first part the message's own
  std::string type;                           ///< lower case; text/… but a few is text/plain
  std::string boundary;
  std::string charset;  ///< lower case; empty when none is given
  bool has_charset = false;
  std::string name;         ///< of the file
  std::string encoding;     ///< Content-Transfer-Encoding, lower case
  std::string disposition;  ///< Content-Disposition, lower case
  bool leaf = true;
  std::string_view raw;  ///< of a leaf: its body, still encoded, LF line ends
  std::size_t parent = 0;
  std::size_t depth = 0;
  std::vector<mail::HeaderField> own_fields;  ///< what `fields` are, but for the first part

  /// The last field of that name, or null.
  const mail::HeaderField* field(std::string_view field_name) const;
};

/// Linear in depth times size. One thread; views live as long as the tree, the message's fields and
/// the body.
struct MimeTree {
  MimeTree() = default;
  MimeTree(MimeTree&&) = default;
  MimeTree& operator=(MimeTree&&) = default;

  std::vector<MimePart> parts;     ///< depth first; the first one is the message
  bool missing_headers = false;    ///< no field behind a delimiter
  bool missing_separator = false;  ///< no empty line between a part's fields and its body
  bool text_behind_end = false;    ///< an epilogue
  bool too_many_parts = false;
  bool unbalanced_boundary = false;  ///< some multipart has no end, or several
  std::deque<std::string> decoded;   ///< bodies of enclosed messages that were encoded
};

struct MimeTreeLimits {
  std::size_t max_depth = 20;
  std::size_t max_parts = 1000;
  std::size_t max_decoded = std::size_t{2} << 20;
};

/// @param fields  must outlive the tree
/// @param body    of the message, LF line ends; must outlive the tree
MimeTree read_mime_tree(std::span<const mail::HeaderField> fields, std::string_view body,
                        const MimeTreeLimits& limits = {});

}  // namespace gatepost::rules
