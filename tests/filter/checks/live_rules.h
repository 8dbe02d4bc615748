#pragma once
// Rules of a text, compiled as the program does it.

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rules/compile.h"
#include "rules/parse.h"
#include "rules/rule_set.h"

namespace gatepost::test {

inline std::shared_ptr<const rules::RuleSet> live_rules(const std::string& text) {
  const std::vector<rules::Source> sources = {{"test.cf", text}};
  const rules::RuleFile file = rules::parse(sources);
  for (const auto& d : file.diagnostics) ADD_FAILURE() << d.place.text() << ": " << d.what;
  auto compiled = rules::compile(file, {});
  EXPECT_TRUE(compiled.ok());
  return compiled.ok() ? compiled->rules : nullptr;
}

}  // namespace gatepost::test
