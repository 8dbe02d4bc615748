// Addresses in any text: found in bounds, in their order, with forms that are bounded.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/mail/text_urls.h"
#include "core/mail/urls.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::mail;
  static const Registries registries = [] {
    Registries made;
    for (const char* name : {"com", "uk", "us", "xn--p1ai"}) made.add_top_level(name);
    made.add_two_level("co.uk");
    return made;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const UrlSettings settings{
      .registries = &registries, .redirect = {}, .max_urls = 20, .max_forms = 10};
  const char* last = text.data();
  find_text_urls(text, registries, [&](const TextUrl& url) {
    if (url.text.data() < last || url.text.data() + url.text.size() > text.data() + size)
      std::abort();
    last = url.text.data() + url.text.size();
    return true;
  });
  if (url_forms(text, settings).size() > settings.max_forms) std::abort();
  PieceText body;
  body.add(text, Content::kPiece);
  const UrlList list = find_urls(body, {}, settings);
  if (list.urls.size() > settings.max_urls) std::abort();
  for (const Url& url : list.urls) {
    if (url.domains.empty() || url.cleaned.empty()) std::abort();
  }
  return 0;
}
