#pragma once
// Text of any charset as UTF-8.

#include <string>
#include <string_view>

namespace gatepost::mail {

/// Appends octets of `charset` as UTF-8, as SpamAssassin 4 (normalize_charset) reads them: what is
/// valid UTF-8 stays whatever its charset is said to be; else the whole text is of its charset, if
/// all of its octets are; else it is Windows-1252 (wrong octets become U+FFFD). ISO-8859-1 is
/// Windows-1252, too; UTF-16 without a byte order mark is told by where its NULs are.
/// @return false when octets above 127 are of no charset that is known.
bool append_text(std::string_view octets, std::string_view charset, std::string& out);

/// Whether the octets are UTF-8 text already and need no conversion.
bool is_utf8_text(std::string_view octets, std::string_view charset);

}  // namespace gatepost::mail
