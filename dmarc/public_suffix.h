#pragma once
// The Public Suffix List: the organizational domains of RFC 7489, for the discovery mode `psl`.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

struct psl_ctx_st;

namespace gatepost::dmarc {

/// Immutable once made; safe from any thread.
class PublicSuffixList {
 public:
  /// The list compiled into libpsl; an internal Error when the library was built without one.
  static Result<std::shared_ptr<const PublicSuffixList>> builtin();
  /// The contents of a public_suffix_list.dat; a config Error when there is no rule in it.
  static Result<std::shared_ptr<const PublicSuffixList>> parse(std::string_view dat);

  /// The public suffix and one label more; empty when the domain is itself a public suffix, or no
  /// domain (empty, empty labels, more than 253 octets). Letter case and IDNA form of the list do
  /// not matter: "EXAMPLE.co.UK" and U-labels (UTF-8) are understood. Unlisted top-level domains
  /// count as public suffixes.
  std::string organizational_domain(std::string_view domain) const;

  ~PublicSuffixList();
  PublicSuffixList(const PublicSuffixList&) = delete;
  PublicSuffixList& operator=(const PublicSuffixList&) = delete;

 private:
  PublicSuffixList(const psl_ctx_st* list, bool owned) : list_(list), owned_(owned) {}

  const psl_ctx_st* list_;
  bool owned_;
};

}  // namespace gatepost::dmarc
