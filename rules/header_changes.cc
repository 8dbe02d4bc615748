#include "rules/header_changes.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {

bool HeaderChanges::empty() const {
  return !rewrites() && spam == Kind() && ham == Kind();
}

bool HeaderChanges::names(const Kind& kind, std::string_view field) {
  if (!istarts_with(field, kPrefix)) return false;
  return std::any_of(kind.removed.begin(), kind.removed.end(),
                     [&](const std::string& name) { return iequals(name, field); }) ||
         std::any_of(kind.added.begin(), kind.added.end(),
                     [&](const AddedField& added) { return iequals(added.name, field); });
}

bool HeaderChanges::uses(HeaderTag tag) const {
  for (const auto* rewrite : {&subject, &from, &to}) {
    if (*rewrite && (*rewrite)->uses(tag)) return true;
  }
  for (const Kind* kind : {&spam, &ham}) {
    for (const AddedField& field : kind->added) {
      if (field.text.uses(tag)) return true;
    }
  }
  return false;
}

}  // namespace gatepost::rules
