#include "rules/eval.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/base/text.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

const std::unordered_map<std::string_view, const EvalFunction*>& table() {
  static const auto kTable = [] {
    std::unordered_map<std::string_view, const EvalFunction*> out;
    for (const auto family : {answer_evals(), body_evals(), freemail_evals(), header_evals(),
                              html_evals(), image_evals(), mime_evals(), received_evals(),
                              relay_evals(), uri_evals(), list_evals()}) {
      for (const EvalFunction& function : family) out.emplace(function.name, &function);
    }
    return out;
  }();
  return kTable;
}

bool read_number(std::string_view text, double& out) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text == "inf") return out = 1e300, true;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, out, std::chars_format::fixed);
  return fault == std::errc() && stop == end;
}

}  // namespace

EvalArguments::EvalArguments(const EvalCall& call, std::string_view signature)
    : texts_(call.arguments), function_(call.function), subject_(call.text) {
  std::string kinds(signature);
  std::erase(kinds, '|');
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    EvalArgument& out = list_.emplace_back();
    out.text = call.arguments[i];
    out.undefined = out.text == "undef";
    if (!read_number(out.text, out.number)) out.number = 0;
    if (i < kinds.size() && kinds[i] == 'p') regex_ = Regex::compile({out.text});
  }
}

const EvalFunction* find_eval(std::string_view name) {
  const auto known = table().find(name);
  return known == table().end() ? nullptr : known->second;
}

std::string_view eval_like(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, function] : table()) names.push_back(known);
  std::sort(names.begin(), names.end());
  return did_you_mean(name, names);
}

bool is_answered_by_findings(std::string_view name) {
  const auto family = answer_evals();
  return std::any_of(family.begin(), family.end(),
                     [&](const EvalFunction& one) { return one.name == name; });
}

std::string check_arguments(const EvalFunction& function, const EvalCall& call) {
  const std::string name(function.name);
  std::size_t needed = 0;
  std::string kinds;
  bool optional = false;
  bool more = false;
  for (const char c : function.signature) {
    if (c == '|') {
      optional = true;
    } else if (c == '*') {
      more = true;
    } else {
      kinds += c;
      if (!optional) ++needed;
    }
  }
  const std::size_t given = call.arguments.size();
  if (given < needed || (given > kinds.size() && !more)) {
    std::string expected = std::to_string(needed);
    if (more)
      expected += " or more";
    else if (kinds.size() > needed)
      expected += " to " + std::to_string(kinds.size());
    return name + "() takes " + expected + " arguments, found " + std::to_string(given);
  }
  for (std::size_t i = 0; i < given && i < kinds.size(); ++i) {
    const std::string& text = call.arguments[i];
    double number = 0;
    const bool is_number = read_number(text, number) || (kinds[i] == 'u' && text == "undef");
    if ((kinds[i] == 'n' || kinds[i] == 'u') && !is_number) {
      return name + "(): expected a number" + (kinds[i] == 'u' ? " or 'undef'" : "") +
             " as argument " + std::to_string(i + 1) + ", found '" + printable(text, 60) + "'";
    }
    if (kinds[i] == 'p') {
      if (const auto fault = check_regex({text})) {
        return name + "(): argument " + std::to_string(i + 1) + ": " + fault->what;
      }
    }
  }
  return {};
}

}  // namespace gatepost::rules
