#pragma once
// Faults of a published record, or of one that is to be published: for those who write them.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/flow/flow.h"

namespace gatepost::spf {

/// error: receivers give permerror or find no record; warning: it works, hardly as it was meant.
enum class LintSeverity { error, warning };

/// @return "error" or "warning"
const char* to_string(LintSeverity severity);

struct LintFault {
  LintSeverity severity = LintSeverity::error;
  std::string rule;        ///< stable, for scripts: "syntax", "covered", "lookups", …
  std::string domain;      ///< whose record; empty: the text that was given without a domain
  std::size_t column = 0;  ///< octets from 1; 0: the record as a whole
  std::string term;        ///< as published; empty for the record as a whole
  std::string what;        ///< one sentence

  bool operator==(const LintFault&) const = default;
};

/// A record of the tree that a check may walk, in order.
struct LintRecord {
  int depth = 0;  ///< 0 the record itself (and its redirect), 1 what it includes, …
  std::string domain;
  std::string term;  ///< that led here; empty for the first
  std::string text;
  int lookups = 0;  ///< lookup terms of this record alone

  bool operator==(const LintRecord&) const = default;
};

struct LintReport {
  std::string domain;
  std::string record;
  std::vector<LintRecord> records;  ///< at most 100
  std::vector<LintFault> faults;    ///< at most 200, of the first record in order of columns
  int lookups = 0;  ///< of 10: what a client costs that no term matches, whole tree; at most 51
  int void_lookups = 0;    ///< of 2: terms for which DNS has nothing, in neither address family
  bool temporary = false;  ///< DNS failed for now: the faults are not all
  std::size_t errors() const;

  bool operator==(const LintReport&) const = default;
};

/// Looks at one record and all that it includes. Included records are another's: of them only what
/// breaks the check is told. Asks at most about 270 questions in at most 25 steps; terms with
/// macros of the message are counted and not looked up. Thread rule: as Flow. Source: RFC 7208.
class Lint final : public Flow<LintReport> {
 public:
  /// @param domain  whose record, in A-labels; may be empty when a record is given: then terms that
  ///                speak of it are not looked up
  /// @param record  this text instead of what DNS has
  explicit Lint(std::string domain, std::optional<std::string> record = std::nullopt);
  Step<LintReport> step(const Answers& answers) override;

 private:
  std::string domain_;
  std::optional<std::string> record_;
};

}  // namespace gatepost::spf
