#pragma once
// Whom other programs would show as the author: a guard against mail that is checked for one
// domain and shown with another ("Composition Kills", USENIX Security 2020).

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/from_field.h"
#include "core/mail/header_field.h"

namespace gatepost::mail {

/// Of one value the readers see no more than this; all of them are linear in it.
constexpr std::size_t kMaxReadOctets = std::size_t{64} << 10;

/// What one kind of reader takes for the author.
struct Reading {
  const char* reader;   ///< "first address", "cut at NUL", …: words for people
  std::string address;  ///< UTF-8 or any octets: escape before showing; never empty
  std::string domain;   ///< lower-case A-labels where it is a domain, else in lower case as it is
};

/// All readings of a message. Kinds of readers whose way makes no difference to this message, and
/// those who see no address, are left out.
struct Readings {
  std::vector<Reading> list;
  /// The one domain that all readers see; empty when they differ or see nothing.
  std::string agreed_domain;
  /// Two readers see two domains.
  bool differ = false;
  /// "admin@bank.example (first address), eve@evil.example (last address, strict)": who sees whom,
  /// escaped, at most about 1,000 octets.
  std::string text() const;
};

/// Reads the From fields among `fields` in the ways of real programs: strictly (RFC 5322); the
/// first and the last address; the one in angle brackets; of several From fields the first or the
/// last, with white space around the name or only without; encoded words decoded before the list is
/// read; cut at a NUL or with NULs dropped; comments taken for text; a source route taken for the
/// address; the first line of a folded field; a bare CR or LF taken for a line's end. Without a
/// From field: what Sender and Resent-From say. `author` is what author_identity() says of the same
/// fields. Addresses inside quoted display names do not count here (see name_address()).
/// Pure, any thread; nothing is allocated for an author who can be read in one way only.
Readings author_readings(std::span<const HeaderField> fields, const AuthorIdentity& author);

/// author_identity() and author_readings() of the same fields. Where the author is not `single`,
/// `author.domain` is the one domain that all readers see (of several mailboxes: that all of them
/// have), no proof of who wrote the message but of who is shown; else empty.
struct ReadAuthor {
  AuthorIdentity author;
  Readings readings;
};
ReadAuthor read_author(std::span<const HeaderField> fields);

/// The domain of an address that stands in the display name of the one mailbox of a From field,
/// when it is another than the mailbox's: some readers show names only. Empty: none.
std::string name_address(std::string_view from_value, const AuthorIdentity& author);

}  // namespace gatepost::mail
