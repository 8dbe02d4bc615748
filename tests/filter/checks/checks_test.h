#pragma once
// The program's own checks in a session with fakes.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "filter/checks/registry.h"
#include "tests/support/session/session_rig.h"

namespace gatepost::test {

/// These of the program's checks, without needs that are left out; all for an empty list.
inline std::vector<CheckInfo> program_checks(const std::vector<std::string_view>& names = {}) {
  auto all = all_checks();
  EXPECT_TRUE(all.ok());
  std::vector<CheckInfo> picked;
  for (CheckInfo& info : *all) {
    const auto wanted = [&](std::string_view name) {
      return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    };
    if (!wanted(info.name)) continue;
    std::erase_if(info.needs, [&](std::string_view need) { return !wanted(need); });
    picked.push_back(std::move(info));
  }
  return picked;
}

/// "SPF_FAIL(-all) DKIM_PASS(example.com)": findings of the last record with their details.
inline std::string findings_with_details(const SessionRig& rig) {
  std::string text;
  if (rig.records.empty()) return "no record";
  for (const Finding& finding : rig.records.back().findings) {
    text += (text.empty() ? "" : " ") + finding.name +
            (finding.detail.empty() ? "" : "(" + finding.detail + ")");
  }
  return text;
}

/// The value of the Authentication-Results field that is added, or "none added".
inline std::string results_field(const Verdict& verdict) {
  for (const HeaderEdit& edit : verdict.edits) {
    if (edit.kind == HeaderEdit::Kind::insert && edit.name == "Authentication-Results")
      return edit.value;
  }
  return "none added";
}

}  // namespace gatepost::test
