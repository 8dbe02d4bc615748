// HTML of any kind: tokens come in bounds, and all text is either to be seen or not.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "core/mail/html.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost;
  const std::string_view html(reinterpret_cast<const char*>(data), size);
  const mail::HtmlText text = mail::render_html(html, size, {.max_uris = 10, .max_comments = 10});
  if (text.all.size() != text.visible.size() + text.invisible.size()) std::abort();
  if (text.facts.uris.size() > 10 || text.facts.comment.size() > 10) std::abort();
  if (text.facts.non_space_len > text.facts.html_length) std::abort();
  if (text.facts.elements > text.facts.tags) std::abort();
  if (is_valid_utf8(html) && !is_valid_utf8(text.all)) std::abort();
  // A reference or a tag is never shorter than what it stands for.
  if (text.all.size() > 2 * size + 2) std::abort();
  return 0;
}
