#include "rules/header_cache.h"

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

HeaderSelector selector_of(std::string_view text) {
  using S = HeaderSelector;
  S out;
  const auto pieces = split(text, ':');
  out.name = pieces[0];
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    if (pieces[i] == "raw") out.part = S::Part::raw;
    if (pieces[i] == "addr") out.part = S::Part::address;
    if (pieces[i] == "name") out.part = S::Part::display_name;
    if (pieces[i] == "first") out.pick = S::Pick::first;
    if (pieces[i] == "last") out.pick = S::Pick::last;
    if (pieces[i] == "host") out.extract = S::Extract::host;
    if (pieces[i] == "domain") out.extract = S::Extract::domain;
  }
  return out;
}

bool is_first_alone(const HeaderSelector& selector) {
  return selector.extract != HeaderSelector::Extract::none ||
         selector.part == HeaderSelector::Part::address ||
         selector.part == HeaderSelector::Part::display_name;
}

}  // namespace

HeaderCache::Entry::Entry(std::string_view selector)
    : name(selector),
      reader(selector_of(selector)),
      first_alone(is_first_alone(selector_of(selector))) {}

HeaderCache::Entry& HeaderCache::entry(std::string_view selector) {
  const auto place = reinterpret_cast<std::uintptr_t>(selector.data());
  Entry*& last = last_[(place ^ place >> 8) % last_.size()];
  if (last == nullptr || last->name != selector) last = &find(selector);
  return *last;
}

HeaderCache::Entry& HeaderCache::find(std::string_view selector) {
  const auto known = entries_.find(selector);
  if (known != entries_.end()) return known->second;
  return entries_.try_emplace(std::string(selector), selector).first->second;
}

const std::vector<std::string>& HeaderCache::list(Entry& entry, MessageFacts& facts) const {
  if (entry.listed != message_) {
    entry.list = entry.reader.list(facts);
    entry.listed = message_;
  }
  return entry.list;
}

const std::vector<std::string>& HeaderCache::list(std::string_view selector, MessageFacts& facts) {
  return list(entry(selector), facts);
}

const std::string& HeaderCache::text(std::string_view selector, MessageFacts& facts) {
  Entry& one = entry(selector);
  if (one.joined == message_) return one.text;
  if (!one.first_alone && one.listed != message_) {
    one.reader.read(facts, one.text);
  } else {
    one.text.clear();
    for (const std::string& value : list(one, facts)) {
      one.text += value;
      if (one.first_alone) break;
    }
  }
  one.joined = message_;
  return one.text;
}

}  // namespace gatepost::rules
