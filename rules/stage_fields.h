#pragma once
// What rules of SMTP's stages can look at: `connect NAME ip =~ /pattern/`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/header_selector.h"
#include "rules/rule_set.h"

namespace gatepost::rules {

enum class StageField { ip, host, daemon, name, sender, login, recipient };

/// By the name in rule files. Nothing when there is none.
std::optional<StageField> find_stage_field(std::string_view name);

/// The bit of SmtpTexts::unknown.
constexpr std::uint32_t unknown_field(StageField field) {
  return std::uint32_t{1} << static_cast<unsigned>(field);
}

/// The text of a field; not of `recipient`, of which there may be several.
std::string_view stage_text(const SmtpTexts& smtp, StageField field);

/// A text as if SMTP had said it in that field: for `test` lines. `recipient` must live as long as
/// what is returned.
SmtpTexts smtp_example(StageField field, const std::string_view& text);

/// Reads `FIELD =~` or `FIELD !~` of a rule of `stage` from `at` on; the pattern is then to be read
/// from [begin, end). A stage knows its own fields and those of the stages before it.
bool parse_stage_selector(RuleType stage, std::string_view line, std::size_t at,
                          HeaderSelector& out, std::size_t& begin, std::size_t& end,
                          SelectorFault& fault);

}  // namespace gatepost::rules
