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
  /// Which entries of a list of the settings can have an address (in lower case) as theirs.
  const GlobIndex& welcomelist_from_rcvd() const { return from_rcvd_; }
  const GlobIndex& def_welcomelist_from_rcvd() const { return def_from_rcvd_; }
  const GlobIndex& welcomelist_from_dkim() const { return from_dkim_; }
  const GlobIndex& def_welcomelist_from_dkim() const { return def_from_dkim_; }
  /// For mail::MessageView::urls(): the registries and redirectors of the rule files.
  const mail::UrlSettings& urls() const { return urls_; }

 private:
  std::optional<std::string> redirect(std::string_view uri) const;

  RuleSettings settings_;
  GlobIndex from_rcvd_, def_from_rcvd_, from_dkim_, def_from_dkim_;
  mail::Registries registries_;
  std::vector<std::unique_ptr<const Regex>> redirectors_;
  mail::UrlSettings urls_;
};

}  // namespace gatepost::rules
