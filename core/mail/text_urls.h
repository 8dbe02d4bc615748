#pragma once
// Addresses in running text.

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/mail/registries.h"

namespace gatepost::mail {

enum class TextUrlKind : std::uint8_t {
  known,       ///< http://, https://, ftp:// or www., ftp. at its begin
  mail,        ///< mailto: or something@something
  schemeless,  ///< a host's name with a known top level domain
};

struct TextUrl {
  TextUrlKind kind = TextUrlKind::known;
  std::string_view text;  ///< without punctuation that ends a sentence
  std::string_view host;  ///< of a schemeless one
};

/// Finds what readers of mail make links of, as SpamAssassin does, in octets of one piece of text.
/// `found` returns false to end it. Linear in the length of `text`.
void find_text_urls(std::string_view text, const Registries& registries,
                    const std::function<bool(const TextUrl&)>& found);

}  // namespace gatepost::mail
