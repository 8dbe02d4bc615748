#include "dkim/header_hash.h"

#include <string_view>
#include <unordered_map>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

/// RFC 6376 section 3.4.2: unfolded, runs of white space become one space, none at either end.
void append_relaxed(std::string_view value, std::string& out) {
  bool space = false;
  for (const char c : trim(value)) {
    if (is_wsp(c)) {
      space = true;
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
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

/// RFC 6376 section 3.7: the value of b= is deleted, with all white space around it.
std::string without_b(const KeptField& field) {
  const std::string_view value = std::string_view(field.text).substr(field.colon + 1);
  const auto tags = TagList::parse(value, {.octets = kMaxSignatureField});
  const Tag* b = tags ? tags->find("b") : nullptr;
  if (!b) return field.text;
  const auto begin = static_cast<std::size_t>(b->raw.data() - field.text.data());
  std::string text = field.text;
  return text.erase(begin, b->raw.size());
}

}  // namespace

KeptField keep_field(const mail::HeaderField& field) {
  KeptField kept;
  kept.colon = field.name.size();
  kept.text.reserve(field.name.size() + 1 + field.value.size());
  kept.text = field.name;
  kept.text += ':';
  for (const char c : field.value) {
    if (c == '\n' && kept.text.back() != '\r') kept.text += '\r';
    kept.text += c;
  }
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
  std::unordered_map<std::string_view, std::vector<std::size_t>> unused;
  for (const std::string& name : names) unused[name];
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto wanted = unused.find(fields[i].name);
    // RFC 6376 section 3.5 h=: names other DKIM-Signature fields, never the signature's own.
    if (wanted != unused.end() && i != own) wanted->second.push_back(i);
  }
  std::string text;
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
