#include "rules/prepared_settings.h"

#include "rules/lazy_regex.h"

namespace gatepost::rules {
namespace {

template <class Entry>
void index(const std::vector<Entry>& list, GlobIndex& out) {
  for (std::size_t i = 0; i < list.size(); ++i)
    out.add(list[i].address, static_cast<std::uint32_t>(i));
}

}  // namespace

PreparedSettings::PreparedSettings(RuleSettings settings) : settings_(std::move(settings)) {
  for (const std::string& name : settings_.top_level) registries_.add_top_level(name);
  for (const std::string& name : settings_.two_level) registries_.add_two_level(name);
  for (const std::string& name : settings_.three_level) registries_.add_three_level(name);
  for (const Pattern& pattern : settings_.redirectors) {
    if (auto regex = Regex::compile(expression_of(pattern), Captures::wanted))
      redirectors_.push_back(std::move(regex));
  }
  index(settings_.welcomelist_from_rcvd, from_rcvd_);
  index(settings_.def_welcomelist_from_rcvd, def_from_rcvd_);
  index(settings_.welcomelist_from_dkim, from_dkim_);
  index(settings_.def_welcomelist_from_dkim, def_from_dkim_);
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
