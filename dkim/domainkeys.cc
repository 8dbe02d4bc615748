#include "dkim/domainkeys.h"

#include "core/base/text.h"
#include "dkim/signature.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

std::string read(const TagList& tags, std::string_view name) {
  const Tag* tag = tags.find(name);
  return tag ? to_lower(printable(tag->value, 253)) : "";
}

}  // namespace

bool is_domainkeys(std::string_view field_name) {
  return iequals(trim(field_name), "domainkey-signature");
}

DomainKeys parse_domainkeys(std::string_view value) {
  const auto tags = TagList::parse(value, {.octets = kMaxSignatureField});
  if (!tags) return {};
  return {read(*tags, "d"), read(*tags, "s")};
}

}  // namespace gatepost::dkim
