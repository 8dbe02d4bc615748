#pragma once
// The release token: what lets one stored message pass the filter, once, to its own recipients.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/header_field.h"

namespace gatepost {
namespace mail {
class Message;
}

namespace quarantine {

/// A longer value of the field is a bad token, in octets.
inline constexpr std::size_t kMaxTokenField = 4096;

/// The value of X-Gatepost-Release, taken apart. All of it is signed; what it is bound to (content
/// and envelope) is not in it but made anew from the message it stands in.
struct ReleaseToken {
  std::string reference;
  std::string nonce;         ///< of one release; the index has the only one that is good now
  std::int64_t expires = 0;  ///< unix time
  std::string fields;        ///< names of the bound header fields, lower case, joined by ':'
  std::string mac;           ///< 64 hexadecimal digits

  bool operator==(const ReleaseToken&) const = default;
};

/// The names of the fields that a token is bound to, in the order of the message, for
/// ReleaseToken::fields. Left out is what an MTA adds, drops or rewrites on the way: Received,
/// Return-Path, Delivered-To, Bcc, Content-Length, address fields other than a From that has a
/// domain, and names that would not fit (64 names, 1,500 octets). The body is always bound.
std::string bound_fields(std::span<const mail::HeaderField> fields);

/// SHA-256 as hexadecimal digits of the bound fields (name in lower case, value unfolded, runs of
/// blanks as one, as in RFC 6376 section 3.4.2) and of the body (CR ignored, empty lines at its end
/// ignored: MTAs differ in them). A temporary Error when the body cannot be read.
Result<std::string> content_digest(const mail::Message& message, std::string_view bound);

/// SHA-256 as hexadecimal digits of sender and recipients; the recipients' order does not matter.
std::string envelope_digest(std::string_view mail_from, std::vector<std::string> recipients);

/// HMAC-SHA-256 as hexadecimal digits of all parts of `token` but its mac, and of both digests.
std::string token_mac(std::string_view secret, const ReleaseToken& token,
                      std::string_view content_digest, std::string_view envelope_digest);
/// Compares in constant time.
bool mac_fits(std::string_view secret, const ReleaseToken& token, std::string_view content_digest,
              std::string_view envelope_digest);

/// The field's value, folded with CRLF + TAB, without a blank in front.
std::string format_token(const ReleaseToken& token);
/// @param value  as it came, hostile. White space in it means nothing. @return a permanent Error
/// that says what is missing or malformed. Pure.
Result<ReleaseToken> parse_token(std::string_view value);

}  // namespace quarantine
}  // namespace gatepost
