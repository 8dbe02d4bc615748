#pragma once
// The MIME tree of a message (RFC 2045, 2046), walked without being built.

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/mail/header_field.h"

namespace gatepost::mail {

/// What a Content-Type field says; media type and subtype as one word in lower case.
struct ContentType {
  std::string type = "text/plain";
  std::string boundary;  ///< of a multipart; at most 1000 octets, else empty
  std::string charset;   ///< as written, empty when none is given
  std::string name;      ///< of the file, from name or filename; as written in RFC 2231's octets

  bool is_multipart() const { return type.starts_with("multipart/"); }
  bool operator==(const ContentType&) const = default;
};

/// Reads the value of a Content-Type field as tolerantly as readers of mail do: comments anywhere,
/// quotes or none, values in sections (RFC 2231 section 3), the first of two equal parameters. What
/// has no slash is text/plain (RFC 2045 section 5.2), and so is every text/… but html, calendar and
/// x-vcard. Also reads the parameters of Content-Disposition. Linear in the length of `value`.
ContentType parse_content_type(std::string_view value);

enum class TransferEncoding { identity, quoted_printable, base64 };
/// 7bit, 8bit, binary and anything unknown are `identity`.
TransferEncoding parse_transfer_encoding(std::string_view value);

/// Appends at most `limit` decoded octets to `out` (RFC 2045 sections 6.7 and 6.8) and goes on
/// behind faults, as readers of mail do. Lines of `text` end in LF.
/// @return false when there were faults.
bool decode_transfer(std::string_view text, TransferEncoding encoding, std::size_t limit,
                     std::string& out);

/// One part that holds no others. The views are valid during the visit only.
struct MimeLeaf {
  const ContentType& type;  ///< its name is that of Content-Disposition when there is one
  TransferEncoding encoding = TransferEncoding::identity;
  std::string_view body;  ///< still encoded, LF line ends, without the LF before the delimiter
};

struct MimeLimits {
  int max_depth = 30;  ///< multiparts and enclosed messages around a part
  int max_parts = 1000;
  std::size_t max_decoded = std::size_t{2} << 20;  ///< of an enclosed message that is encoded
};

struct MimeDefects {
  bool too_deep = false;        ///< something below max_depth was not visited
  bool too_many_parts = false;  ///< the parts behind the first max_parts were not visited
  bool operator==(const MimeDefects&) const = default;
};

/// Visits all leaves in their order. `fields` are those of the message, `body` has LF line ends.
///
/// Where readers of mail differ this takes the side that shows more text: a multipart without a
/// boundary, or whose boundary never comes, is text/plain; a part that ends without a delimiter
/// ends with what it lies in; a delimiter of an outer multipart ends the inner ones. Preamble and
/// epilogue are not shown by anybody and not visited. Enclosed messages (message/rfc822, and
/// global) are walked, also when they are encoded. Time at most max_depth times the length of the
/// body. Pure, any thread.
MimeDefects walk_mime(std::span<const HeaderField> fields, std::string_view body,
                      const MimeLimits& limits, const std::function<void(const MimeLeaf&)>& visit);

}  // namespace gatepost::mail
