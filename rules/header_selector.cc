#include "rules/header_selector.h"

#include <algorithm>
#include <vector>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

bool fail(SelectorFault& fault, std::string what, std::size_t offset, bool unsupported = false) {
  fault = {std::move(what), offset, unsupported};
  return false;
}

bool is_name_char(char c) {
  return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

// What SpamAssassin computes and offers as a header field.
bool is_unsupported_pseudo_header(std::string_view name) {
  constexpr std::string_view kNames[] = {"ALL-TRUSTED",  "ALL-UNTRUSTED", "ALL-INTERNAL",
                                         "ALL-EXTERNAL", "X-Languages",   "X-ASN",
                                         "MESSAGEIDS"};
  constexpr std::string_view kFamilies[] = {"X-Spam-Relays-", "X-Relay-Countries"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kFamilies), std::end(kFamilies),
                     [&](std::string_view family) { return name.starts_with(family); });
}

bool read_modifiers(std::string_view text, std::size_t offset, HeaderSelector& out,
                    SelectorFault& fault) {
  if (text.empty()) return true;  // "Subject: =~": the colon of the field
  static const std::vector<std::string_view> kKnown = {"raw", "addr",  "name",  "host", "domain",
                                                       "ip",  "revip", "first", "last"};
  const std::vector<std::string_view> modifiers = split(text, ':');
  std::string_view unsupported;
  for (const std::string_view modifier : modifiers) {
    const std::string lower = to_lower(modifier);
    if (std::find(kKnown.begin(), kKnown.end(), lower) == kKnown.end()) {
      std::string what = "unknown header modifier ':" + printable(modifier, 40) + "'";
      const std::string_view meant = did_you_mean(lower, kKnown);
      if (!meant.empty())
        what += ", did you mean ':" + std::string(meant) + "'?";
      else
        what += ", expected :raw, :addr or :name";
      return fail(fault, std::move(what), offset);
    }
    if (lower == "raw")
      out.part = HeaderSelector::Part::raw;
    else if (lower == "addr")
      out.part = HeaderSelector::Part::address;
    else if (lower == "name")
      out.part = HeaderSelector::Part::display_name;
    else
      unsupported = modifier;
  }
  if (!unsupported.empty()) {
    return fail(fault, "header modifier ':" + std::string(unsupported) + "' is not supported",
                offset, true);
  }
  if (modifiers.size() > 1) {
    return fail(fault, "several header modifiers are not supported", offset, true);
  }
  return true;
}

// [if-unset: TEXT] at the end of the line.
void read_if_unset(std::string_view line, std::size_t begin, std::size_t& end,
                   HeaderSelector& out) {
  constexpr std::string_view kOpen = "[if-unset:";
  if (!line.ends_with(']')) return;
  const std::size_t open = line.rfind(kOpen);
  if (open == std::string_view::npos || open <= begin || !is_wsp(line[open - 1])) return;
  const std::size_t text = open + kOpen.size();
  if (!is_wsp(line[text])) return;
  out.if_unset = std::string(trim(line.substr(text, line.size() - 1 - text)));
  end = open;
  while (end > begin && is_wsp(line[end - 1])) --end;
}

}  // namespace

bool parse_selector(std::string_view line, std::size_t at, HeaderSelector& out, std::size_t& begin,
                    std::size_t& end, SelectorFault& fault) {
  constexpr std::string_view kExists = "exists:";
  const bool exists = line.substr(at).starts_with(kExists);
  if (exists) at += kExists.size();
  std::size_t stop = at;
  while (stop < line.size() && is_name_char(line[stop])) ++stop;
  const std::size_t name_at = at;
  out.name = line.substr(at, stop - at);
  out.exists = exists;
  if (out.name.empty()) {
    return fail(fault, "expected a header field such as Subject =~ /text/i or exists:Subject", at);
  }
  std::size_t modifiers_end = stop;
  while (modifiers_end < line.size() &&
         (line[modifiers_end] == ':' || is_alpha(line[modifiers_end]))) {
    ++modifiers_end;
  }
  const bool colon = stop < line.size() && line[stop] == ':';
  if (exists) {
    if (stop + (colon ? 1 : 0) != line.size()) {
      return fail(fault, "expected the end of the line behind exists:" + out.name,
                  std::min(stop, line.size()));
    }
  } else if (colon &&
             !read_modifiers(line.substr(stop + 1, modifiers_end - stop - 1), stop, out, fault)) {
    return false;
  }
  if (is_unsupported_pseudo_header(out.name)) {
    return fail(fault, "header '" + out.name + "' is not supported", name_at, true);
  }
  if (exists) return true;
  at = colon ? modifiers_end : stop;
  while (at < line.size() && is_wsp(line[at])) ++at;
  const std::string_view op = line.substr(at, 2);
  if (op != "=~" && op != "!~") {
    return fail(fault, "expected =~ or !~ behind the header field '" + out.name + "'", at);
  }
  out.negated = op == "!~";
  at += 2;
  while (at < line.size() && is_wsp(line[at])) ++at;
  begin = at;
  end = line.size();
  read_if_unset(line, begin, end, out);
  return true;
}

}  // namespace gatepost::rules
