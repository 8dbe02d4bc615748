#pragma once
// A verdict in the words of X-Spam-* fields.

#include <cstddef>
#include <string>

#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"

namespace gatepost {

/// A field shows this many reasons, the strongest ones.
constexpr std::size_t kMaxReasons = 100;

/// "5.0": one decimal.
std::string score_text(double value);

/// "Yes, score=5.5 required=5.0 tests=A,B", folded with LF and TAB.
std::string spam_status(const Verdict& verdict, const Policy& policy, bool spam);

/// A line for each reason, "*  2.0 NAME what it means", folded with LF and TAB between words.
std::string spam_report(const Verdict& verdict);

/// The same as a table, each line with its LF: " 2.0 NAME                   what it means".
std::string spam_summary(const Verdict& verdict);

}  // namespace gatepost
