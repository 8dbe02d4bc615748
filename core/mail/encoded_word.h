#pragma once
// RFC 2047: what is shown of a header field. For people and rules, never for identity.

#include <cstddef>
#include <string>
#include <string_view>

namespace gatepost::mail {

/// A value may name this many different runs of charsets; encoded words behind them stay as they
/// are (opening a converter costs time).
constexpr std::size_t kMaxCharsetRuns = 100;

/// The text with its encoded words decoded to UTF-8, wherever they stand (readers of mail do that
/// too). White space between two encoded words goes (RFC 2047 section 6.2); adjacent words of one
/// charset are joined before conversion, since many senders split characters between words. What
/// does not decode stays as it was; octets that are wrong in their charset become U+FFFD; octets
/// outside of encoded words are not touched. The result is at most 4 times as long, plus 4 octets.
/// Pure but for iconv's own tables; any thread.
std::string decode_encoded_words(std::string_view text);

/// UTF-8 text for an unstructured field: as it is when it is printable ASCII, else as encoded words
/// (RFC 2047 section 2: at most 75 octets each) with a blank between them. Line breaks are for the
/// caller.
std::string encode_words(std::string_view text);

/// `octets` of `charset` as UTF-8, wrong ones as U+FFFD. @return false, with `out` untouched, for a
/// charset that iconv does not know.
bool append_as_utf8(std::string_view octets, std::string_view charset, std::string& out);

}  // namespace gatepost::mail
