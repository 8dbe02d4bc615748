#pragma once
// What rule files do to the header of one message (Policy::header_changes).

#include <string_view>
#include <vector>

#include "filter/policy/verdict.h"
#include "filter/session/header_sources.h"

namespace gatepost {

/// Of one name more fields than this are not rewritten but for the first and the last ones: RFC
/// 5322 section 3.6 allows one, and a reader shows one of these.
constexpr int kMaxRewritten = 20;

/// rewrite_header, for a message that is tagged or more: a text in front of each Subject, a comment
/// in front of each From and To. A field that has it is left; a Subject that is missing is added.
/// None for other messages. Pure.
std::vector<HeaderEdit> field_rewrites(const HeaderSources& sources);

/// add_header: the fields for this kind of mail, in the order of their lines on top of the header.
/// A field whose text came to nothing is not added.
void add_rule_fields(const HeaderSources& sources, std::vector<HeaderEdit>& edits);

/// Whether an add_header or remove_header names the field for this kind of mail: we add none then.
bool is_of_rule_files(const HeaderSources& sources, std::string_view field);

}  // namespace gatepost
