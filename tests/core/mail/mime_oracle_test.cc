// Our reader of MIME beside GMime's on messages of other people's test suites: the same text parts
// with the same octets.

#include <set>

#include <gmime/gmime.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mail/mime.h"
#include "tests/core/mail/content_support.h"
#include "tests/support/shared_data.h"

namespace gatepost::mail {
namespace {

using gatepost::test::message_of;
using gatepost::test::read_file;

// "text/plain: octets", a part of text; white space at its end is not compared: readers differ
// there.
using Parts = std::vector<std::string>;

void add(Parts& parts, const std::string& type, std::string octets) {
  std::erase(octets, '\r');
  if (trim(octets).empty()) return;
  parts.push_back(type + ": " + std::string(trim(octets)));
}

Parts ours(const std::string& raw) {
  Parts parts;
  const auto message = message_of(raw);
  std::string body = message->body_head(raw.size() * 2).value();
  std::erase(body, '\r');
  walk_mime(message->fields(), body, {}, [&](const MimeLeaf& leaf) {
    if (!leaf.type.type.starts_with("text/")) return;
    std::string octets;
    decode_transfer(leaf.body, leaf.encoding, raw.size(), octets);
    add(parts, leaf.type.type, std::move(octets));
  });
  return parts;
}

// GMime gives enclosed messages as parts of their own.
void collect(GMimeObject* object, Parts& parts) {
  if (GMIME_IS_MESSAGE_PART(object)) {
    GMimeMessage* enclosed = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
    if (enclosed != nullptr) collect(g_mime_message_get_mime_part(enclosed), parts);
  } else if (GMIME_IS_MULTIPART(object)) {
    const int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
    for (int i = 0; i < count; ++i)
      collect(g_mime_multipart_get_part(GMIME_MULTIPART(object), i), parts);
  } else if (GMIME_IS_PART(object)) {
    GMimeContentType* type = g_mime_object_get_content_type(object);
    GMimeDataWrapper* content = g_mime_part_get_content(GMIME_PART(object));
    if (!g_mime_content_type_is_type(type, "text", "*") || content == nullptr) return;
    GMimeStream* stream = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(content, stream);
    const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    char* name = g_mime_content_type_get_mime_type(type);
    // Ours calls every text/… but a few text/plain: so it is shown (parse_content_type).
    add(parts, parse_content_type(name).type,
        std::string(reinterpret_cast<const char*>(bytes->data), bytes->len));
    g_free(name);
    g_object_unref(stream);
  }
}

Parts gmimes(const std::string& raw) {
  Parts parts;
  GMimeStream* stream = g_mime_stream_mem_new_with_buffer(raw.data(), raw.size());
  GMimeParser* parser = g_mime_parser_new_with_stream(stream);
  GMimeMessage* message = g_mime_parser_construct_message(parser, nullptr);
  if (message != nullptr) {
    if (GMimeObject* root = g_mime_message_get_mime_part(message)) collect(root, parts);
    g_object_unref(message);
  }
  g_object_unref(parser);
  g_object_unref(stream);
  return parts;
}

// Where ours differs on purpose: it shows more text, never less.
struct Difference {
  const char* file;
  const char* why;
};
constexpr Difference kShowsMore[] = {
    {"008.eml", "the enclosed message is encoded (RFC 2046 section 5.2.1 forbids it): decoded"},
    {"base64encoded-rfc822message.msg", "the same"},
    {"ending-boundaries.msg",
     "text behind the boundary on its line: RFC 2046 section 5.1.1 has blanks alone there (its "
     "note to implementors lets readers be laxer); as in SpamAssassin that is no delimiter, so all "
     "is one text up to the last line, which is one"},
    {"malformedHeader-nocrlfcrlf.msg",
     "a line that is no field (RFC 5322 section 2.2) ends the header and is text"},
    {"malformedHeaderStartsBody-noheader.msg", "the same, with the first line"},
    {"missing-inner-boundary.msg",
     "a multipart whose boundary never comes (RFC 2046 section 5.1 wants one part at least) is "
     "text/plain"},
    {"multipartnopart.msg",
     "a multipart that ends before it begins (the same): the text before its end is a part"},
    {"very-very-long-boundary.msg",
     "longer than a line may be (RFC 5322 section 2.1.1; RFC 2046 section 5.1.1 allows 70), so "
     "none"},
};

TEST(MimeOracle, TheSameTextPartsAsGMime) {
  const auto folder = gatepost::test::shared_data("conformance/mime");
  if (!folder) GTEST_SKIP() << "no shared data";
  g_mime_init();
  int files = 0;
  std::set<std::string> different;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
    if (entry.path().extension() != ".eml" && entry.path().extension() != ".msg") continue;
    const std::string raw = read_file(entry.path());
    ++files;
    if (ours(raw) != gmimes(raw)) different.insert(entry.path().filename());
  }
  EXPECT_GT(files, 30);
  std::set<std::string> expected;
  for (const Difference& difference : kShowsMore) expected.insert(difference.file);
  EXPECT_EQ(different, expected);
}

}  // namespace
}  // namespace gatepost::mail
