#include "dkim/header_hash.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "core/base/encoding.h"
#include "core/base/text.h"

namespace gatepost::dkim {

namespace {

/// RFC 6376 section 3.4.2: unfolded, runs of white space become one space, none at either end.
void append_relaxed(std::string_view value, std::string& out) {
  value = trim(value);
  const std::size_t before = out.size();
  out.resize(before + value.size());
  char* to = out.data() + before;
  bool space = false;
  for (const char c : value) {
    if (is_wsp(c)) {
      space = true;
      continue;
    }
    if (space) *to++ = ' ';
    space = false;
    *to++ = c;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void append_field(const KeptField& field, std::string_view text, Canonicalization form,
                  std::string& out) {
  if (form == Canonicalization::simple) {  // RFC 6376 section 3.4.1
    out += text;
    return;
  }
  out += field.name;
  out += ':';
  append_relaxed(text.substr(field.colon + 1), out);
}

/// RFC 6376 section 3.7: the value of b= is deleted, with all white space around it. Tags are not
/// looked at closely: a signature that is hashed has been read already.
std::string without_b(const KeptField& field) {
  const std::string_view text = field.text;
  for (std::size_t begin = field.colon + 1; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string_view tag = text.substr(begin, end - begin);
    const std::size_t equals = tag.find('=');
    if (equals != std::string_view::npos && trim(tag.substr(0, equals)) == "b")
      return std::string(text.substr(0, begin + equals + 1)).append(text.substr(end));
    begin = end + 1;
  }
  return field.text;
}

/// Up to so many comparisons, names are compared with names and fields one by one.
constexpr std::size_t kFewComparisons = 4000;

/// What canonical_fields() does, without a table.
void append_few(const std::vector<KeptField>& fields, std::size_t own,
                const std::vector<std::string>& names, Canonicalization form, std::string& out) {
  out.reserve(2048);
  for (auto name = names.begin(); name != names.end(); ++name) {
    auto above = std::count(names.begin(), name, *name);  // mentions before this one
    for (std::size_t i = fields.size(); i-- > 0;) {
      if (i == own || fields[i].name != *name || above-- > 0) continue;
      append_field(fields[i], fields[i].text, form, out);
      out += "\r\n";
      break;
    }
  }
}

}  // namespace

KeptField keep_field(const mail::HeaderField& field) {
  KeptField kept;
  kept.colon = field.name.size();
  kept.text.reserve(field.name.size() + 1 + field.value.size());
  kept.text = field.name;
  kept.text += ':';
  std::string_view rest = field.value;
  for (std::size_t at = 0; (at = rest.find('\n')) != std::string_view::npos;) {
    kept.text += rest.substr(0, at);
    kept.text += kept.text.back() == '\r' ? "\n" : "\r\n";
    rest.remove_prefix(at + 1);
  }
  kept.text += rest;
  kept.name = to_lower(trim(field.name));
  return kept;
}

std::string canonical_field(const KeptField& field, Canonicalization form) {
  std::string text;
  append_field(field, field.text, form, text);
  return text;
}

std::string canonical_own_field(const KeptField& field, Canonicalization form) {
  std::string text;
  append_field(field, without_b(field), form, text);
  return text;
}

std::string canonical_fields(const std::vector<KeptField>& fields, std::size_t own,
                             const std::vector<std::string>& names, Canonicalization form) {
  std::string text;
  if (names.size() * (names.size() + fields.size()) <= kFewComparisons) {
    append_few(fields, own, names, form, text);
    return text;
  }
  std::unordered_map<std::string_view, std::vector<std::size_t>> unused;
  for (const std::string& name : names) unused[name];
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto wanted = unused.find(fields[i].name);
    // RFC 6376 section 3.5 h=: names other DKIM-Signature fields, never the signature's own.
    if (wanted != unused.end() && i != own) wanted->second.push_back(i);
  }
  for (const std::string& name : names) {
    // RFC 6376 section 5.4.2: from the bottom up; a name too many stands for no field.
    auto& left = unused[name];
    if (left.empty()) continue;
    append_field(fields[left.back()], fields[left.back()].text, form, text);
    text += "\r\n";
    left.pop_back();
  }
  return text;
}

std::string header_hash(const std::vector<KeptField>& fields, std::size_t own,
                        const Signature& signature) {
  std::string text = canonical_fields(fields, own, signature.signed_headers, signature.header_form);
  append_field(fields[own], without_b(fields[own]), signature.header_form, text);
  return sha256(text);
}

}  // namespace gatepost::dkim
