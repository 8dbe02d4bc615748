#pragma once
// Messages that lie in files, and fields as the milter protocol brings them.

#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"
#include "core/mail/message.h"

namespace gatepost::mail {

/// A message file taken apart.
struct ParsedMessage {
  std::vector<HeaderField> fields;
  std::string body;  ///< lines end in CRLF
  MessageDefects defects;
};

/// Takes an .eml or mbox-like file apart; its lines may end in CRLF or LF. Never fails: what is odd
/// is a defect.
/// - A first line "From " without a field's colon (mbox) is dropped.
/// - Values keep their white space octet for octet; folds become CRLF + blank.
/// - The first line that is no field and no fold ends the header (as Postfix has it) and belongs to
///   the body; an empty line ends it and belongs to nothing.
/// - LF without CR becomes CRLF; it is a defect only when the file has CRLF line ends too. A bare
/// CR
///   stays and is a defect.
/// - Fields beyond max_header_fields or max_header_bytes are left out; the other limits do not
///   apply. The result is never larger than twice `raw`.
/// Pure, any thread.
ParsedMessage parse_message(std::string_view raw, const MessageLimits& limits = {});

/// A field as libmilter gives it with SMFIP_HDR_LEADSPC: folds are LF + blank and become CRLF +
/// blank, the leading blank of the value stays.
HeaderField from_milter(std::string_view name, std::string_view value);

/// Sets header_nul and header_bare_line_break of `defects` if `field` has them.
void note_field_defects(const HeaderField& field, MessageDefects& defects);

}  // namespace gatepost::mail
