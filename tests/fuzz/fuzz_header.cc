// Message files: what was taken apart and written again is taken apart in the same way.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/mail/header_block.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::mail;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const ParsedMessage message = parse_message(input, {.max_header_fields = 50});
  std::string written;
  for (const HeaderField& field : message.fields) {
    written += field.name + ":" + field.value + "\r\n";
    const HeaderField same = from_milter(field.name, field.value);
    if (same != field) std::abort();
    (void)unfold(field.value);
  }
  written += "\r\n" + message.body;
  const ParsedMessage again = parse_message(written);
  if (again.fields != message.fields || again.body != message.body) std::abort();
  if (written.size() > 2 * size + 2) std::abort();

  // The same body through Message in pieces has the same defects of CR and NUL, and no bare LF.
  Message arriving({}, std::make_shared<ByteBudget>(std::size_t{1} << 30), "/tmp");
  for (std::size_t at = 0; at < message.body.size(); at += 7) {
    if (!arriving.append_body(std::string_view(message.body).substr(at, 7))) std::abort();
  }
  arriving.freeze();
  if (arriving.defects().body_bare_lf || arriving.defects().body_nul != message.defects.body_nul ||
      arriving.defects().body_bare_cr != message.defects.body_bare_cr ||
      arriving.body_head(message.body.size() + 1).value() != message.body) {
    std::abort();
  }
  return 0;
}
