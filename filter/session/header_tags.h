#pragma once
// Texts of rule files with their tags filled in.

#include <string>

#include "filter/session/header_sources.h"
#include "rules/header_template.h"

namespace gatepost {

/// The text with the values of its tags, as SpamAssassin gives them where it has the same. Lines
/// end with LF. Values that come from the message hold no line breaks, no controls and nothing that
/// has a meaning in a header field. More than kMaxFieldText octets (field_text.h) are not made for
/// long: it ends behind the tag that goes beyond.
std::string expand(const rules::HeaderTemplate& text, const HeaderSources& sources);

}  // namespace gatepost
