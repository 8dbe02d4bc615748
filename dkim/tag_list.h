#pragma once
// The "tag=value; tag=value" lists of DKIM-Signature fields, DKIM key records and ARC fields.

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace gatepost::dkim {

/// One tag. All views point into the parsed text.
struct Tag {
  std::string_view name;   ///< ALPHA *(ALPHA / DIGIT / "_"), case-sensitive
  std::string_view value;  ///< without white space at its ends; inside it stays
  std::string_view raw;    ///< everything between '=' and ';': what is deleted for b= (3.7)
  bool spaced = false;     ///< white space stands between the name and '='
};

/// What a list may cost. Beyond it parsing is a permanent error.
struct TagLimits {
  std::size_t octets = 32768;
  std::size_t tags = 64;
};

/// A parsed list in the order written; lookups are linear (lists are short).
/// Lifetime: views the parsed text, which must outlive it. Thread rule: immutable.
class TagList {
 public:
  /// Strict RFC 6376 section 3.2: tag names are unique, a ';' may end the list, white space stands
  /// around names, '=' and values only. Values hold printable ASCII, inner white space and octets
  /// of 0x80 and above (UTF-8 by RFC 8616).
  /// @return a permanent Error that names the tag or the place for anything else.
  static Result<TagList> parse(std::string_view text, TagLimits limits = {});

  /// Null when the list has no such tag; an empty value is not null.
  const Tag* find(std::string_view name) const;
  const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::vector<Tag> tags_;
};

/// Decodes dkim-quoted-printable (RFC 6376 section 2.11): "=XX" with upper-case hex digits, white
/// space dropped. @return a permanent Error for a '=' that no two hex digits follow.
Result<std::string> decode_quoted_printable(std::string_view text);

}  // namespace gatepost::dkim
