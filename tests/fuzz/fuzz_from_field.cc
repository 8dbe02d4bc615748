// From fields: one mailbox that is accepted is, written by itself, the same mailbox.

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/from_field.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::mail;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<HeaderField> fields = {{"From", std::string(input)}};
  const AuthorIdentity author = author_identity(fields);
  if (author.status == AuthorIdentity::single) {
    const std::vector<HeaderField> plain = {{"From", " <" + author.address + ">"}};
    const AuthorIdentity again = author_identity(plain);
    if (again.status != author.status || again.domain != author.domain || author.domain.empty() ||
        again.address != author.address || !gatepost::is_ascii(author.domain)) {
      std::abort();
    }
  } else if (author.reason.empty() || !author.address.empty()) {
    std::abort();
  }
  if (decode_encoded_words(input).size() > 4 * size + 4) std::abort();
  return 0;
}
