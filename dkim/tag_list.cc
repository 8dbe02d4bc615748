#include "dkim/tag_list.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/base/text.h"

namespace gatepost::dkim {

namespace {

bool is_tag_name(std::string_view name) {
  if (name.empty() || !is_alpha(name.front())) return false;
  for (const char c : name) {
    if (!is_alnum(c) && c != '_') return false;
  }
  return true;
}

bool is_tag_value(std::string_view value) {
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet == 0x7f || (octet < 0x21 && !is_wsp(c))) return false;
  }
  return true;
}

Result<Tag> parse_tag(std::string_view spec) {
  const std::size_t equals = spec.find('=');
  if (equals == std::string_view::npos) {
    return permanent_error("tag without '='", printable(trim(spec), 40));
  }
  const std::string_view before = spec.substr(0, equals);
  Tag tag;
  tag.name = trim(before);
  tag.raw = spec.substr(equals + 1);
  tag.value = trim(tag.raw);
  tag.spaced = !before.empty() && is_wsp(before.back());
  if (!is_tag_name(tag.name)) {
    return permanent_error("not a tag name", printable(tag.name, 40));
  }
  if (!is_tag_value(tag.value)) {
    return permanent_error("control character in tag " + std::string(tag.name) + "=");
  }
  return tag;
}

std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text, TagLimits limits) {
  if (text.size() > limits.octets) {
    return permanent_error("tag list is longer than " + std::to_string(limits.octets) + " octets");
  }
  if (trim(text).empty()) return permanent_error("tag list is empty");
  TagList list;
  list.tags_.reserve(std::min<std::size_t>(12, limits.tags));
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string_view spec = text.substr(begin, end - begin);
    // RFC 6376 section 3.2: tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
    const bool last = end == text.size();
    if (last && !list.tags_.empty() && trim(spec).empty()) break;
    auto tag = parse_tag(spec);
    if (!tag) return tag.error();
    // RFC 6376 section 3.2: tags with duplicate names must not occur in one list.
    if (list.find(tag->name)) {
      return permanent_error("tag " + std::string(tag->name) + "= stands twice");
    }
    if (list.tags_.size() == limits.tags) {
      return permanent_error("more than " + std::to_string(limits.tags) + " tags");
    }
    list.tags_.push_back(*tag);
    begin = end + 1;
  }
  return list;
}

const Tag* TagList::find(std::string_view name) const {
  for (const Tag& tag : tags_) {
    if (tag.name == name) return &tag;
  }
  return nullptr;
}

Result<std::string> decode_quoted_printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_wsp(text[i])) continue;
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return permanent_error("'=' without two hex digits in a quoted value");
    out += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return out;
}

}  // namespace gatepost::dkim
