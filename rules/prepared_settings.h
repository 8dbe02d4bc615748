#pragma once
// RuleSettings made ready for messages.

#include <memory>
#include <vector>

#include "core/mail/urls.h"
#include "rules/regex.h"
#include "rules/settings.h"

namespace gatepost::rules {

/// Immutable, any thread.
class PreparedSettings {
 public:
  explicit PreparedSettings(RuleSettings settings);
  PreparedSettings(const PreparedSettings&) = delete;
  PreparedSettings& operator=(const PreparedSettings&) = delete;

  const RuleSettings& settings() const { return settings_; }
  const mail::Registries& registries() const { return registries_; }
  /// For mail::MessageView::urls(): the registries and redirectors of the rule files.
  const mail::UrlSettings& urls() const { return urls_; }

 private:
  std::optional<std::string> redirect(std::string_view uri) const;

  RuleSettings settings_;
  mail::Registries registries_;
  std::vector<std::unique_ptr<const Regex>> redirectors_;
  mail::UrlSettings urls_;
};

}  // namespace gatepost::rules
