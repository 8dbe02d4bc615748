#pragma once
// The rules of lint that need nothing but the record's text. Private to the room.

#include <string>
#include <string_view>
#include <vector>

#include "spf/lint.h"
#include "spf/record.h"

namespace gatepost::spf {

/// Octets from 1 of a view into the record.
std::size_t column_of(std::string_view record, std::string_view part);

/// Grammar faults, with what was meant.
std::vector<LintFault> syntax_faults(const RecordScan& scan, const std::string& domain);

/// Everything else that the text alone tells: order, ranges, size, words that look misspelt.
std::vector<LintFault> text_faults(std::string_view text, const Record& record,
                                   const std::string& domain);

}  // namespace gatepost::spf
