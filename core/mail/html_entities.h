#pragma once
// Character references of HTML.

#include <string>
#include <string_view>

namespace gatepost::mail {

/// Appends UTF-8 `text` with its character references decoded, as HTML::Parser does it for
/// SpamAssassin: numeric ones with or without semicolon; the names of HTML 4, of which those of
/// Latin-1 (and amp, lt, gt, quot, apos) need no semicolon. With `prefixes`, a name of these at the
/// begin of a longer unknown one counts, too ("&ampfoo", for text). Surrogates in pairs are one
/// character; what is no character becomes U+FFFD; what is no reference stays as it is. Linear.
/// @return whether a reference stood for a character above U+00FF.
bool decode_entities(std::string_view text, bool prefixes, std::string& out);

}  // namespace gatepost::mail
