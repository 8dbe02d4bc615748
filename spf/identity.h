#pragma once
// What check_host() is called with: the domain and the sender, made of the SMTP identities.

#include <string>
#include <string_view>

namespace gatepost::spf {

/// Which of the two identities is checked (RFC 7208 sections 2.3 and 2.4).
enum class Identity { mail_from, helo };

/// @return "mailfrom" or "helo", as the identity key of Received-SPF has it (section 9.1).
const char* to_string(Identity identity);

struct Subject {
  std::string sender;       ///< local_part@domain
  std::string local_part;   ///< "postmaster" when there is none (section 4.3)
  std::string domain;       ///< A-labels, no trailing dot, letters as given
  std::string helo;         ///< for %{h}: A-labels where it could be converted
  std::string fault;        ///< why nothing can be checked, the result is none; empty when fine
  bool ascii_local = true;  ///< RFC 8616 section 4: else terms with %{s} or %{l} match nothing
};

/// Takes the identities apart. U-labels become A-labels (RFC 8616 section 4). A domain with one
/// label, an empty or too long one, an address literal or characters that no domain has is a fault
/// (RFC 7208 section 4.3), as is a local part of more than 1024 octets. Pure.
/// @param mail_from  with or without angle brackets; empty is the null reverse-path, and then
///                   postmaster@HELO is checked (section 2.4)
Subject make_subject(Identity identity, std::string_view mail_from, std::string_view helo);

}  // namespace gatepost::spf
