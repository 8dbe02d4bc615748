// Tag lists: views stay inside the text, names are unique.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dkim/tag_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = gatepost::dkim::TagList::parse(text);
  if (list) {
    for (const auto& tag : list->tags()) {
      if (tag.raw.data() < text.data() ||
          tag.raw.data() + tag.raw.size() > text.data() + text.size() ||
          list->find(tag.name) != &tag) {
        std::abort();
      }
    }
  }
  (void)gatepost::dkim::decode_quoted_printable(text);
  return 0;
}
