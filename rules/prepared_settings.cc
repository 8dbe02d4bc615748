#include "rules/prepared_settings.h"

#include "rules/lazy_regex.h"

namespace gatepost::rules {

PreparedSettings::PreparedSettings(RuleSettings settings) : settings_(std::move(settings)) {
  for (const std::string& name : settings_.top_level) registries_.add_top_level(name);
  for (const std::string& name : settings_.two_level) registries_.add_two_level(name);
  for (const std::string& name : settings_.three_level) registries_.add_three_level(name);
  for (const Pattern& pattern : settings_.redirectors) {
    if (auto regex = Regex::compile(expression_of(pattern), Captures::wanted))
      redirectors_.push_back(std::move(regex));
  }
  urls_.registries = &registries_;
  if (!redirectors_.empty()) {
    urls_.redirect = [this](std::string_view uri) { return redirect(uri); };
  }
}

std::optional<std::string> PreparedSettings::redirect(std::string_view uri) const {
  thread_local RegexRunner runner;
  runner.start({});
  for (const auto& regex : redirectors_) {
    if (auto target = runner.first_group(*regex, uri); target && !target->empty())
      return std::string(*target);
  }
  return std::nullopt;
}

}  // namespace gatepost::rules
