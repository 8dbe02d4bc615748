// Our canonical bodies: by example, and libopendkim's hashes as the oracle on generated bodies, on
// those of other projects' suites and on a mail corpus.

#include "dkim/canonicalize.h"

#include <fstream>
#include <iterator>
#include <random>

#include "core/base/encoding.h"
#include "core/mail/header_block.h"
#include "dkim/body_feed.h"
#include "dkim/opendkim_message.h"
#include "tests/dkim/dkim_test.h"
#include "tests/support/shared_data.h"

namespace gatepost::dkim {
namespace {

using namespace test;

struct Measured {
  std::string digest;
  std::uint64_t octets;
  bool operator==(const Measured&) const = default;
};

/// Hands the body in pieces of `chunk` octets through a BodyFeed.
template <class Use>
void feed(std::string_view body, std::size_t chunk, Use&& use) {
  BodyFeed feeder;
  while (!body.empty()) {
    feeder.chunk(body.substr(0, chunk), use);
    body.remove_prefix(std::min(chunk, body.size()));
  }
  feeder.finish(use);
}

Measured ours(std::string_view body, Canonicalization form, std::optional<std::uint64_t> length,
              std::size_t chunk) {
  BodyHash hash(form, length);
  feed(body, chunk, [&](std::string_view clean) { hash.update(clean); });
  const std::string digest = hash.finish();
  return {hex_encode(digest), hash.octets()};
}

Measured theirs(std::string_view body, Canonicalization form, std::optional<std::uint64_t> length) {
  OpendkimMessage message(library());
  EXPECT_TRUE(message.header("From: x@x.example"));
  EXPECT_TRUE(message.header(stand_in_field(form, length)));
  EXPECT_TRUE(message.header(stand_in_field(form, std::nullopt)));
  EXPECT_TRUE(message.end_of_headers());
  feed(body, 65535, [&](std::string_view clean) { message.body(clean); });
  EXPECT_TRUE(message.finish().ok());
  return {hex_encode(message.hashes().at(0).body), message.hashes().at(1).octets};
}

void compare(std::string_view body, std::optional<std::uint64_t> length, std::size_t chunk) {
  for (const auto form : {Canonicalization::simple, Canonicalization::relaxed}) {
    const Measured mine = ours(body, form, length, chunk);
    const Measured oracle = theirs(body, form, length);
    ASSERT_EQ(mine.digest, oracle.digest)
        << to_string(form) << " l=" << length.value_or(-1) << " chunk " << chunk << "\n"
        << hex_encode(body.substr(0, 400));
    ASSERT_EQ(mine.octets, oracle.octets) << to_string(form) << "\n"
                                          << hex_encode(body.substr(0, 400));
  }
}

struct Case {
  const char* name;
  std::string_view body;
  std::string_view simple;
  std::string_view relaxed;
};

constexpr Case kCases[] = {
    {"empty_rfc6376_3_4", "", "\r\n", ""},
    {"empty_lines_only", "\r\n\r\n", "\r\n", ""},
    {"white_lines_only", " \r\n\t\r\n", " \r\n\t\r\n", ""},
    {"example_rfc6376_3_4_5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"no_line_end", "text", "text\r\n", "text\r\n"},
    {"white_space_before_the_end", "text \t", "text \t\r\n", "text\r\n"},
    {"empty_lines_inside_stay", "a\r\n\r\n\r\nb\r\n\r\n", "a\r\n\r\n\r\nb\r\n",
     "a\r\n\r\n\r\nb\r\n"},
    {"white_line_inside", "a\r\n \t\r\nb\r\n", "a\r\n \t\r\nb\r\n", "a\r\n\r\nb\r\n"},
    {"leading_white_space_is_one_blank", "\t \tx\r\n", "\t \tx\r\n", " x\r\n"},
    {"bare_lf_is_a_line_end", "a\nb\n", "a\r\nb\r\n", "a\r\nb\r\n"},
    {"bare_cr_stays", "a\rb \r c\r\n", "a\rb \r c\r\n", "a\rb \r c\r\n"},
};

class CanonicalBody : public ::testing::TestWithParam<Case> {};

TEST_P(CanonicalBody, IsAsTheRfcSays) {
  const Case& row = GetParam();
  for (const std::size_t chunk : {1, 2, 3, 100}) {
    EXPECT_EQ(ours(row.body, Canonicalization::simple, std::nullopt, chunk),
              (Measured{hex_encode(sha256(row.simple)), row.simple.size()}));
    EXPECT_EQ(ours(row.body, Canonicalization::relaxed, std::nullopt, chunk),
              (Measured{hex_encode(sha256(row.relaxed)), row.relaxed.size()}));
    for (std::size_t length = 0; length <= row.relaxed.size(); ++length) {
      EXPECT_EQ(ours(row.body, Canonicalization::relaxed, length, chunk).digest,
                hex_encode(sha256(row.relaxed.substr(0, length))));
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Rfc6376, CanonicalBody, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

TEST(CanonicalBodyOracle, GeneratedBodies) {
  std::mt19937 random(20261126);
  const auto below = [&](std::size_t n) { return random() % n; };
  constexpr const char* kPieces[] = {"word",     " ",        "\t",    "  ",     "\r\n",
                                     "\r\n",     "\r\n\r\n", " \r\n", "\t\r\n", "\n",
                                     "\xc3\xa4", ".",        "=20",   "-- ",    "\x01"};
  for (int round = 0; round < 20000; ++round) {
    std::string body;
    for (std::size_t i = below(14); i > 0; --i) body += kPieces[below(std::size(kPieces))];
    std::optional<std::uint64_t> length;
    if (below(3) == 0) length = below(body.size() + 2);
    compare(body, length, 1 + below(9));
    if (HasFatalFailure()) return;
  }
}

// More than any buffer holds, and one line without an end in sight.
TEST(CanonicalBodyOracle, LargeBodies) {
  std::string words;
  while (words.size() < 300000) words += "some  words\tand \r\n\r\n";
  compare(words, std::nullopt, 65535);
  compare(words, 100001, 4097);
  compare(std::string(200000, 'a'), std::nullopt, 65535);
  compare(std::string(200000, ' ') + "x" + std::string(5000, '\t'), std::nullopt, 4096);
  std::string lines;
  while (lines.size() < 100000) lines += "\r\n";
  compare(lines + "x" + lines, std::nullopt, 999);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// libopendkim 2.11.0 leaves a CR that ends no line out of the relaxed form. RFC 6376 section 3.4.4
// takes nothing away but SP and HTAB, and that is what others (OddBodies) have too.
bool has_bare_cr(std::string_view body) {
  for (std::size_t at = body.find('\r'); at != std::string_view::npos;
       at = body.find('\r', at + 1)) {
    if (at + 1 == body.size() || body[at + 1] != '\n') return true;
  }
  return false;
}

TEST(CanonicalBodyOracle, BodiesOfOthers) {
  int seen = 0;
  for (const char* folder : {"conformance", "corpora"}) {
    const auto path = gatepost::test::shared_data(folder);
    if (!path) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*path)) {
      if (!entry.is_regular_file() || entry.file_size() > 1 << 20 || seen == 600) continue;
      const std::string body = mail::parse_message(read(entry.path())).body;
      if (has_bare_cr(body)) continue;
      ++seen;
      compare(body, std::nullopt, 4096);
      if (HasFatalFailure()) FAIL() << entry.path();
    }
  }
  if (seen == 0) GTEST_SKIP() << "no shared test data";
  EXPECT_GT(seen, 100);
}

// Canonical octets by others, for bodies with every kind of white space.
TEST(CanonicalBodyOracle, OddBodies) {
  const auto folder = gatepost::test::shared_data("conformance/dkim/canonicalization-odd");
  if (!folder) GTEST_SKIP() << "no shared test data";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().stem() != "email") continue;
    const std::string number = entry.path().extension().string();
    const std::string body = test::parse_message(read(entry.path())).body;
    for (const auto form : {Canonicalization::simple, Canonicalization::relaxed}) {
      const std::string expected =
          read(*folder / (std::string(to_string(form)) + ".expected" + number));
      // Behind the first empty line: that of an empty header is the first of all.
      const std::size_t end = expected.starts_with("\r\n") ? 0 : expected.find("\r\n\r\n") + 2;
      const std::string octets = expected.substr(end + 2);
      EXPECT_EQ(ours(body, form, std::nullopt, 3),
                (Measured{hex_encode(sha256(octets)), octets.size()}))
          << entry.path() << " " << to_string(form);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 22);
}

}  // namespace
}  // namespace gatepost::dkim
