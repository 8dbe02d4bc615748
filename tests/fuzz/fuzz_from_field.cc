// From fields: one mailbox that is accepted is, written by itself, the same mailbox; readers that
// differ never agree.

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/readers.h"

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
  const ReadAuthor read = read_author(fields);
  if (read.readings.differ && !read.readings.agreed_domain.empty()) std::abort();
  if (read.author.status != AuthorIdentity::single && !read.author.domain.empty() &&
      read.readings.differ)
    std::abort();
  if (read.readings.text().size() > 1700) std::abort();
  (void)name_address(input, author);
  if (decode_encoded_words(input).size() > 4 * size + 4) std::abort();
  return 0;
}
