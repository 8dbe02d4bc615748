#include "filter/policy/match_list.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost {

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || static_cast<unsigned char>(c) >= 128;
  });
}

}  // namespace

Result<MatchList> MatchList::parse(const std::vector<std::string>& entries) {
  MatchList list;
  for (const std::string& entry : entries) {
    const std::string word = to_lower(trim(entry));
    if (const auto network = IpNetwork::parse(word)) {
      list.networks_.push_back(*network);
      continue;
    }
    const auto at = word.rfind('@');
    const bool address = at != std::string::npos && at > 0 &&
                         (at + 1 == word.size() || is_name(word.substr(at + 1)));
    if (!address && !(at == std::string::npos && is_name(word))) {
      return permanent_error(
          "'" + printable(entry) +
          "' is no network (192.0.2.0/24), name (mail.example), suffix (.example) or address "
          "(user@mail.example, user@)");
    }
    list.words_.insert(word);
  }
  return list;
}

std::optional<std::string> MatchList::match(const IpAddress& address) const {
  for (const IpNetwork& network : networks_) {
    if (network.contains(address)) return network.text();
  }
  return std::nullopt;
}

std::optional<std::string> MatchList::match_name(std::string_view name) const {
  if (words_.empty() || name.empty()) return std::nullopt;
  const std::string lower = to_lower(name);
  if (words_.count(lower) != 0) return lower;
  for (auto dot = lower.find('.'); dot != std::string::npos; dot = lower.find('.', dot + 1)) {
    std::string suffix = lower.substr(dot);
    if (words_.count(suffix) != 0) return suffix;
  }
  return std::nullopt;
}

std::optional<std::string> MatchList::match_address(std::string_view address) const {
  if (words_.empty() || address.empty()) return std::nullopt;
  const std::string lower = to_lower(address);
  if (words_.count(lower) != 0) return lower;
  const auto at = lower.rfind('@');
  if (at == std::string::npos) return std::nullopt;
  std::string local = lower.substr(0, at + 1);
  if (words_.count(local) != 0) return local;
  return match_name(std::string_view(lower).substr(at + 1));
}

}  // namespace gatepost
