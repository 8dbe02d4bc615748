#include "core/dns/zone.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "core/dns/zone_parser.h"

namespace gatepost::dns {

namespace {

constexpr int kMaxChain = 16;
constexpr std::uint32_t kNegativeTtl = 300;

/// "b.c" of "a.b.c"; nothing for a name of one label (its parent is the root).
std::optional<std::string_view> parent_of(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return name.substr(dot + 1);
}

}  // namespace

Result<void> Zone::add_text(std::string_view text, std::string_view file) {
  return ZoneParser(*this, file).parse(text);
}

Result<void> Zone::add_file(const std::string& path) {
  std::error_code error;
  std::ifstream file(path, std::ios::binary);
  // A folder opens, and throws when it is read.
  if (!file.is_open() || std::filesystem::is_directory(path, error))
    return config_error("the zone file cannot be read", path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return config_error("the zone file cannot be read", path);
  return add_text(text, path);
}

Zone::Node& Zone::make_node(const std::string& name) {
  // RFC 4592 section 2.2.2: the names between exist as well, without records.
  for (auto parent = parent_of(name); parent; parent = parent_of(*parent)) {
    if (!nodes_.try_emplace(std::string(*parent)).second) break;
  }
  return nodes_[name];
}

const Zone::Node* Zone::find_node(std::string_view name) const {
  auto found = nodes_.find(std::string(name));
  if (found != nodes_.end()) return &found->second;
  // RFC 4592 section 3.3.1: only the wildcard right below the closest encloser counts.
  for (auto parent = parent_of(name); parent; parent = parent_of(*parent)) {
    if (nodes_.find(std::string(*parent)) == nodes_.end()) continue;
    found = nodes_.find("*." + std::string(*parent));
    return found == nodes_.end() ? nullptr : &found->second;
  }
  found = nodes_.find("*");
  return found == nodes_.end() ? nullptr : &found->second;
}

std::uint32_t Zone::negative_ttl(std::string_view name) const {
  for (std::optional<std::string_view> at = name; at; at = parent_of(*at)) {
    const auto found = nodes_.find(std::string(*at));
    if (found == nodes_.end()) continue;
    const auto soa = found->second.sets.find(RrType::soa);
    // RFC 2308 section 5: the smaller of the SOA's own TTL and its minimum field.
    if (soa != found->second.sets.end()) return std::min(soa->second.ttl, found->second.minimum);
  }
  return kNegativeTtl;
}

Zone::Found Zone::lookup(const Query& query) const {
  Found found;
  std::string name = query.name;
  std::uint32_t ttl = UINT32_MAX;
  for (int i = 0; i <= kMaxChain; ++i) {
    const Node* node = find_node(name);
    if (node == nullptr) {
      found.answer.status = Status::nxdomain;
      found.answer.ttl = std::min(ttl, negative_ttl(name));
      if (i != 0 && !covers(name)) found.outside = name;
      return found;
    }
    const auto set = node->sets.find(query.type);
    if (set != node->sets.end()) {
      found.answer = set->second;
      found.answer.ttl = std::min(ttl, set->second.ttl);
      return found;
    }
    const auto alias = node->sets.find(RrType::cname);
    if (alias == node->sets.end()) {
      found.answer.status = Status::no_data;
      found.answer.ttl = std::min(ttl, negative_ttl(name));
      return found;
    }
    ttl = std::min(ttl, alias->second.ttl);
    name = alias->second.names.front();
  }
  found.answer.status = Status::servfail;
  found.answer.reason = "more than 16 CNAMEs in a row";
  return found;
}

bool Zone::covers(std::string_view name) const {
  if (find_node(name) != nullptr) return true;
  for (std::optional<std::string_view> at = name; at; at = parent_of(*at)) {
    const auto found = nodes_.find(std::string(*at));
    if (found != nodes_.end() && found->second.sets.count(RrType::soa) != 0) return true;
  }
  const auto root = nodes_.find("");
  return root != nodes_.end() && root->second.sets.count(RrType::soa) != 0;
}

}  // namespace gatepost::dns
