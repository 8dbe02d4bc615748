#pragma once
// What `header` rules look at: the values of a selector as one text.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"
#include "rules/rule.h"

namespace gatepost::rules {

/// The fields of one message with their names ready to compare. Keeps its memory for the next.
class FieldIndex {
 public:
  /// The fields must live as long as the index is used.
  void read(std::span<const mail::HeaderField> fields);
  std::span<const mail::HeaderField> fields() const { return fields_; }

  static std::uint32_t hash_of(std::string_view name);
  std::uint32_t hash(std::size_t field) const { return hashes_[field]; }

 private:
  std::span<const mail::HeaderField> fields_;
  std::vector<std::uint32_t> hashes_;
};

/// One selector, ready to be read from any message. Immutable.
///
/// As SpamAssassin has it (Mail::SpamAssassin::Conf, "header"):
/// - decoded: folds are one blank, blanks at both ends go, encoded words are decoded, LF at the end
///   of each value; Received, Message-Id, Date, MIME-Version, References, In-Reply-To and List-*
///   are not decoded;
/// - raw: as written behind the colon, folds kept, LF line ends, LF at the end of each value;
/// - address, display_name: of each mailbox, with LF between them; no LF at the end.
/// Several fields of a name follow one another. ALL is all fields with their names; ToCc is To,
/// then Cc; MESSAGEID is X-Message-Id, Resent-Message-Id, X-Original-Message-ID and Message-Id;
/// EnvelopeFrom is the sender's address, without LF.
class HeaderReader {
 public:
  HeaderReader(std::string_view name, HeaderSelector::Part part);

  /// Sets `out` to the text. @return whether there is any field of it (for exists: and if-unset).
  bool read(const FieldIndex& index, std::string_view mail_from, std::string& out) const;

 private:
  enum class Source { fields, all, envelope_from };
  Source source_ = Source::fields;
  HeaderSelector::Part part_;
  std::vector<std::string> names_;
  std::vector<std::uint32_t> hashes_;
};

}  // namespace gatepost::rules
