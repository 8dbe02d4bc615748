#pragma once
// Finding header fields by name and reading their values.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"

namespace gatepost::mail {

/// The name without white space around it: "Subject " and " From" name the same field to some
/// reader of the message, so they do here (RFC 5322 section 4.5.8 allows blanks before the colon).
std::string_view trimmed_name(const HeaderField& field);
/// Compares trimmed names without letter case (RFC 5322 section 1.2.2).
bool is_named(const HeaderField& field, std::string_view name);
/// All fields of that name, from the top of the message; the pointers are into `fields`.
std::vector<const HeaderField*> find_fields(std::span<const HeaderField> fields,
                                            std::string_view name);
/// The topmost field of that name or null.
const HeaderField* first_field(std::span<const HeaderField> fields, std::string_view name);
/// The value on one line: CR and LF are removed where a blank follows (RFC 5322 section 2.2.3),
/// the blank stays. Other CR and LF are kept.
std::string unfold(std::string_view value);

}  // namespace gatepost::mail
