#pragma once
// What `header` rules look at: the values of a selector as one text.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"
#include "core/mail/registries.h"
#include "rules/relays.h"
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

/// What selectors need beside the fields, made when the first one asks. One message, one thread.
class MessageFacts {
 public:
  /// All must live as long.
  MessageFacts(const FieldIndex& index, std::string_view mail_from, const RuleSettings& settings,
               const mail::Registries& registries)
      : index_(&index), mail_from_(mail_from), settings_(&settings), registries_(&registries) {}

  const FieldIndex& index() const { return *index_; }
  std::string_view mail_from() const { return mail_from_; }
  const RuleSettings& settings() const { return *settings_; }
  const mail::Registries& registries() const { return *registries_; }
  const Relays& relays();

 private:
  const FieldIndex* index_;
  std::string_view mail_from_;
  const RuleSettings* settings_;
  const mail::Registries* registries_;
  std::optional<Relays> relays_;
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
/// EnvelopeFrom is the sender's address, without LF. X-Spam-Relays-Trusted, -Untrusted, -Internal
/// and -External are the relays (relays.h), without LF; ALL-TRUSTED, ALL-INTERNAL the fields down
/// to the Received of the first hop that is none, ALL-UNTRUSTED and ALL-EXTERNAL those from there
/// on.
///
/// Of what was picked (first, last), `extract` takes the last address's host, or the first name of
/// a host with a known top level domain; its domain; the first IP address; with LF between them.
class HeaderReader {
 public:
  /// Only name, part, pick and extract are looked at.
  explicit HeaderReader(const HeaderSelector& selector);

  /// Sets `out` to the text. @return whether there is any field of it (for exists: and if-unset).
  bool read(MessageFacts& facts, std::string& out) const;
  /// The same, apart; decoded and raw ones with their LF.
  std::vector<std::string> list(MessageFacts& facts) const;

 private:
  enum class Source {
    fields,
    all,
    envelope_from,
    relays_trusted,
    relays_untrusted,
    relays_internal,
    relays_external,
    all_trusted,
    all_untrusted,
    all_internal,
    all_external,
  };
  template <class Take>
  void each_field(MessageFacts& facts, Take take) const;
  void append(const mail::HeaderField& field, std::string& out) const;
  bool is_plain() const;

  Source source_ = Source::fields;
  HeaderSelector::Part part_;
  HeaderSelector::Pick pick_;
  HeaderSelector::Extract extract_;
  std::vector<std::string> names_;
  std::vector<std::uint32_t> hashes_;
};

struct MimePart;
/// What a `mimeheader` rule sees of a part: its last field of that name (ALL: all of them with
/// their names), decoded with LF at its end, or as it is written; without such a field `unset`.
std::string mime_header_text(const MimePart& part, const std::string& name, bool raw,
                             std::string_view unset);

}  // namespace gatepost::rules
