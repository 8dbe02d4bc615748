#pragma once
// What rule files want done to the header of messages: rewrite_header, add_header, remove_header.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/header_template.h"

namespace gatepost::rules {

/// A field of `add_header`.
struct AddedField {
  std::string name;  ///< "X-Spam-Status"
  HeaderTemplate text;
  bool operator==(const AddedField&) const = default;
};

/// As the lines of all files leave it. Of nothing but Subject, From, To and fields whose names
/// begin with X-Spam-.
struct HeaderChanges {
  /// Fields of each kind of mail, and the names that remove_header has.
  static constexpr std::size_t kMaxFields = 50;
  static constexpr std::string_view kPrefix = "X-Spam-";

  /// Of one kind of mail: spam, or all other ("ham").
  struct Kind {
    std::vector<AddedField> added;     ///< in their order in the header; a name stands once
    std::vector<std::string> removed;  ///< with their prefix; also those that were added since
    bool operator==(const Kind&) const = default;
  };
  /// Of spam: what stands in front of the Subject, and as a comment in From and To.
  std::optional<HeaderTemplate> subject, from, to;
  Kind spam, ham;

  /// Neither a field is rewritten nor one named.
  bool empty() const;
  bool rewrites() const { return subject || from || to; }
  /// Whether a line of that kind names the field, in either case of letters.
  static bool names(const Kind& kind, std::string_view field);
  /// Whether any line does: such a field of a message that comes in is not its sender's to write.
  bool names(std::string_view field) const { return names(spam, field) || names(ham, field); }
  bool uses(HeaderTag tag) const;
  bool operator==(const HeaderChanges&) const = default;
};

}  // namespace gatepost::rules
