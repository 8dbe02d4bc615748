#include "dmarc/public_suffix.h"

#include <cstdio>

#include <libpsl.h>

#include "core/base/text.h"

namespace gatepost::dmarc {
namespace {

// RFC 1035 section 2.3.4, as text.
constexpr std::size_t kMaxName = 253;

}  // namespace

Result<std::shared_ptr<const PublicSuffixList>> PublicSuffixList::builtin() {
  const psl_ctx_t* list = psl_builtin();
  if (list == nullptr) return internal_error("libpsl has no built-in public suffix list");
  return std::shared_ptr<const PublicSuffixList>(new PublicSuffixList(list, false));
}

Result<std::shared_ptr<const PublicSuffixList>> PublicSuffixList::parse(std::string_view dat) {
  if (dat.empty()) return config_error("public suffix list is empty");
  std::string copy(dat);
  FILE* file = fmemopen(copy.data(), copy.size(), "r");
  if (file == nullptr) return internal_error("cannot read the public suffix list from memory");
  psl_ctx_t* list = psl_load_fp(file);
  std::fclose(file);
  if (list == nullptr) return config_error("public suffix list cannot be parsed");
  std::shared_ptr<const PublicSuffixList> result(new PublicSuffixList(list, true));
  if (psl_suffix_count(list) <= 0) return config_error("public suffix list has no rule");
  return result;
}

PublicSuffixList::~PublicSuffixList() {
  if (owned_) psl_free(const_cast<psl_ctx_st*>(list_));
}

std::string PublicSuffixList::organizational_domain(std::string_view domain) const {
  if (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
  if (domain.empty() || domain.size() > kMaxName || domain.front() == '.' ||
      domain.find("..") != std::string_view::npos || domain.find('\0') != std::string_view::npos) {
    return {};
  }
  std::string name = to_lower(domain);
  if (!is_ascii(name)) {
    char* lower = nullptr;
    if (!is_valid_utf8(name) ||
        psl_str_to_utf8lower(name.c_str(), "utf-8", nullptr, &lower) != PSL_SUCCESS) {
      return {};
    }
    name = lower;
    psl_free_string(lower);
  }
  // Points into `name`.
  const char* found = psl_registrable_domain(list_, name.c_str());
  return found == nullptr ? std::string() : std::string(found);
}

}  // namespace gatepost::dmarc
