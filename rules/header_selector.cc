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

// What SpamAssassin computes and offers as a header field, and Gatepost does not.
bool is_unsupported_pseudo_header(std::string_view name) {
  constexpr std::string_view kNames[] = {"X-Languages", "X-ASN", "MESSAGEIDS"};
  constexpr std::string_view kFamilies[] = {"X-Relay-Countries"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kFamilies), std::end(kFamilies),
                     [&](std::string_view family) { return name.starts_with(family); });
}

bool read_modifiers(std::string_view text, std::size_t offset, HeaderSelector& out,
                    SelectorFault& fault) {
  if (text.empty()) return true;  // "Subject: =~": the colon of the field
  static const std::vector<std::string_view> kKnown = {"raw", "addr",  "name",  "host", "domain",
                                                       "ip",  "revip", "first", "last"};
  bool raw = false;
  for (const std::string_view modifier : split(text, ':')) {
    const std::string lower = to_lower(modifier);
    using Part = HeaderSelector::Part;
    using Extract = HeaderSelector::Extract;
    if (lower == "raw") {
      raw = true;
    } else if (lower == "addr") {
      out.part = Part::address;
    } else if (lower == "name") {
      if (out.part != Part::address) out.part = Part::display_name;
    } else if (lower == "host") {
      if (out.extract != Extract::domain) out.extract = Extract::host;
    } else if (lower == "domain") {
      out.extract = Extract::domain;
    } else if (lower == "ip") {
      if (out.extract == Extract::none) out.extract = Extract::ip;
    } else if (lower == "revip") {
      if (out.extract == Extract::none || out.extract == Extract::ip)
        out.extract = Extract::reversed_ip;
    } else if (lower == "first") {
      out.pick = HeaderSelector::Pick::first;
    } else if (lower == "last") {
      if (out.pick != HeaderSelector::Pick::first) out.pick = HeaderSelector::Pick::last;
    } else {
      std::string what = "unknown header modifier ':" + printable(modifier, 40) + "'";
      const std::string_view meant = did_you_mean(lower, kKnown);
      if (!meant.empty())
        what += ", did you mean ':" + std::string(meant) + "'?";
      else
        what += ", expected :raw, :addr or :name";
      return fail(fault, std::move(what), offset);
    }
  }
  if (raw && out.part == HeaderSelector::Part::decoded) out.part = HeaderSelector::Part::raw;
  if (raw && out.part == HeaderSelector::Part::display_name)
    out.part = HeaderSelector::Part::raw_display_name;
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
      return fail(fault, "expected the end of the line behind exists:" + printable(out.name, 100),
                  std::min(stop, line.size()));
    }
  } else if (colon &&
             !read_modifiers(line.substr(stop + 1, modifiers_end - stop - 1), stop, out, fault)) {
    return false;
  }
  if (is_unsupported_pseudo_header(out.name)) {
    return fail(fault, "header '" + printable(out.name, 100) + "' is not supported", name_at, true);
  }
  if (exists) return true;
  at = colon ? modifiers_end : stop;
  while (at < line.size() && is_wsp(line[at])) ++at;
  const std::string_view op = line.substr(at, 2);
  if (op != "=~" && op != "!~") {
    return fail(fault,
                "expected =~ or !~ behind the header field '" + printable(out.name, 100) + "'", at);
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
