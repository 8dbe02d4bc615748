// A message for its rules: what is to be seen and what is not, parts, addresses.

#include "core/mail/view.h"

#include <gtest/gtest.h>

#include "tests/core/mail/content_support.h"

namespace gatepost::mail {
namespace {

using gatepost::test::joined;

const std::string kMessage =
    "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee www.a.com\n"
    "--b\nContent-Type: text/html; charset=us-ascii\n\n<p>shown</p><font color=white>hidden</font>"
    "<a href=\"http://b.com/\">www.c.com</a>\n--b\nContent-Type: image/png; "
    "name=i.png\n\nx\n--b--\n";

const Registries& registries() {
  static const Registries made = [] {
    Registries out;
    out.add_top_level("com");
    return out;
  }();
  return made;
}

TEST(MessageView, ShowsAndHides) {
  const auto message = test::message_of(kMessage);
  auto view = MessageView::open(*message).value();
  EXPECT_EQ(joined(view.content().body), "[s][see www.a.com][shown][hiddenwww.c.com ]");
  EXPECT_EQ(joined(view.visible_body()), "[s][see www.a.com][shown][www.c.com ]");
  EXPECT_EQ(joined(view.invisible_body()), "[hidden ]");
  ASSERT_EQ(view.html().size(), 1U);
  EXPECT_TRUE(view.html()[0].font_low_contrast);
  ASSERT_EQ(view.parts().size(), 3U);
  EXPECT_EQ(view.parts()[1].type, "text/html");
  EXPECT_EQ(view.parts()[1].charset, "us-ascii");
  EXPECT_EQ(view.parts()[2].name, "i.png");
  EXPECT_EQ(view.defects(), ContentDefects{});
}

TEST(MessageView, AddressesAreFoundOnce) {
  const auto message = test::message_of(kMessage);
  auto view = MessageView::open(*message).value();
  const UrlSettings settings{.registries = &registries(), .redirect = {}};
  const auto& urls = view.urls(settings);
  ASSERT_EQ(urls.size(), 3U);
  EXPECT_EQ(urls[0].raw, "http://www.a.com");
  EXPECT_EQ(urls[2].raw, "http://b.com/");
  EXPECT_TRUE(urls[2].shows_other_domain);
  EXPECT_EQ(&urls, &view.urls(settings));
}

TEST(MessageView, TooManyAddressesAreADefect) {
  std::string text = "Subject: s\nContent-Type: text/html\n\n";
  for (int i = 0; i < 100000; ++i) text += "<a href=http://h" + std::to_string(i) + ".com>";
  const auto message = test::message_of(text);
  auto view = MessageView::open(*message, {.max_size = std::size_t{8} << 20}).value();
  const UrlSettings settings{.registries = &registries(), .redirect = {}};
  EXPECT_EQ(view.urls(settings).size(), settings.max_urls);
  EXPECT_TRUE(view.defects().too_much_html);
  std::string plain = "Subject: s\n\n";
  for (int i = 0; i < 100000; ++i) plain += "http://h" + std::to_string(i) + ".com ";
  const auto second = test::message_of(plain);
  auto plain_view =
      MessageView::open(*second, {.max_size = std::size_t{8} << 20, .max_body_part = 0}).value();
  EXPECT_EQ(plain_view.urls(settings).size(), settings.max_urls);
  EXPECT_TRUE(plain_view.defects().too_many_urls);
}

TEST(MessageView, WithoutInvisibleTextTheVisibleIsAll) {
  const auto message = test::message_of("Subject: s\n\nx\n");
  auto view = MessageView::open(*message).value();
  EXPECT_EQ(&view.visible_body(), &view.content().body);
  EXPECT_TRUE(view.invisible_body().pieces.empty());
  EXPECT_TRUE(view.html().empty());
}

std::string lines(std::size_t count, std::string_view line = "\n") {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += line;
  return out;
}

// SpamAssassin keeps 20 of the empty lines in a row, at the top of the body one more.
TEST(MessageView, LongGapsAreShort) {
  struct Case {
    const char* name;
    std::string body, rawbody;
  };
  const Case cases[] = {
      {"twenty", "a\n" + lines(20) + "b\n", "a\n" + lines(20) + "b"},
      {"twenty_one", "a\n" + lines(21) + "b\n", "a\n" + lines(20) + "b"},
      {"first_and_last_stay", "a\n \n" + lines(50) + "\t\nb\n", "a\n \n" + lines(18) + "\t\nb"},
      {"two_gaps", "a\n" + lines(30) + "b\n" + lines(30) + "c\n",
       "a\n" + lines(20) + "b\n" + lines(20) + "c"},
      {"at_the_top", lines(30) + "b\n", lines(21) + "b"},
      {"at_the_end", "a\n" + lines(30, " \n"), "a\n" + lines(19, " \n") + " "},
      {"no_line_end", "a\n" + lines(30) + "b", "a\n" + lines(20) + "b"},
  };
  for (const Case& c : cases) {
    const auto message = test::message_of("Subject: s\n\n" + c.body);
    auto view = MessageView::open(*message).value();
    EXPECT_EQ(joined(view.content().rawbody), "[" + c.rawbody + "]") << c.name;
    EXPECT_EQ(view.raw_body(), c.body) << c.name;
  }
}

// The field that the MTA is going to add stands above all others; the body is where it was.
TEST(MessageView, TheNewestField) {
  const auto message = test::message_of("Subject: s\n\nbody\n");
  auto view = MessageView::open(*message, {}, HeaderField{"Received", " from a\r\n\tby b"}).value();
  ASSERT_EQ(view.fields().size(), 2U);
  EXPECT_EQ(view.fields()[0].name, "Received");
  EXPECT_EQ(view.fields()[1].name, "Subject");
  EXPECT_EQ(view.full(), "Received: from a\n\tby b\nSubject: s\n\nbody\n");
  EXPECT_EQ(view.raw_body(), "body\n");
  EXPECT_EQ(view.message().fields().size(), 1U);
  const auto moved = std::move(view);
  EXPECT_EQ(moved.fields()[0].name, "Received");
}

}  // namespace
}  // namespace gatepost::mail
