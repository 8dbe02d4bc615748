#pragma once
// Address lists of header fields, and the one author that DMARC speaks of.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/address.h"
#include "core/mail/header_field.h"

namespace gatepost::mail {

/// Budgets; what exceeds them is malformed.
constexpr std::size_t kMaxAddressListOctets = std::size_t{128} << 10;
constexpr std::size_t kMaxMailboxes = 2000;

struct Mailbox {
  std::string display_name;  ///< UTF-8, encoded words decoded; may be empty; for display only
  Address address;

  bool operator==(const Mailbox&) const = default;
};

/// The mailboxes of a field, those inside groups included.
struct AddressList {
  std::vector<Mailbox> mailboxes;
  std::size_t groups = 0;
};

/// Reads an address-list (RFC 5322 section 3.4 with the groups of RFC 6854 and the UTF-8 of
/// RFC 6532; obsolete forms of section 4.4: source routes, blanks and comments around dots, empty
/// list elements). Strict: where two readers of mail could see two addresses, it is an error.
/// Refused are NUL and other controls, a CR or LF that is no fold, encoded words in an address
/// (RFC 2047 section 5), unbalanced quotes, comments and brackets, text behind an address, a word
/// that is no address, "<>", addresses without a domain. Octets that are no UTF-8 are accepted in
/// names and comments only. Pure, any thread.
/// @return the list (may be empty), or a permanent error that says what is wrong.
Result<AddressList> parse_address_list(std::string_view value);

/// Who wrote a message as far as its From fields say so in one way only.
struct AuthorIdentity {
  enum class Status {
    single,             ///< one field, one mailbox
    missing,            ///< no From field (RFC 5322 section 3.6 demands one)
    several_fields,     ///< more than one From field (forbidden by RFC 5322 section 3.6)
    several_mailboxes,  ///< one field, several mailboxes
    group_empty,        ///< one field with nothing but empty groups (RFC 6854)
    malformed,          ///< no address list, or an empty one; see `reason`
  };
  using enum Status;

  Status status = Status::missing;
  /// A-labels in lower case, or a literal in brackets. Set for `single`; for `several_mailboxes`
  /// only when all of them have this same domain; else empty (but see read_author() in readers.h).
  std::string domain;
  /// The address as Address::text(), for `single` only.
  std::string address;
  /// For all but `single`: why, in a few words.
  std::string reason;
};

/// @return "single", "missing", "several_fields" and so on.
const char* to_string(AuthorIdentity::Status status);

/// The author of a message with these fields. Names are compared by is_named(), so that "From "
/// and " From" count as From. Pure, any thread.
AuthorIdentity author_identity(std::span<const HeaderField> fields);

}  // namespace gatepost::mail
