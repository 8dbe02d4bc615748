#include "filter/session/json_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace gatepost {
namespace {

using nlohmann::json;

// The same as the library writes, which reads it back.
TEST(JsonText, TextsAreThoseOfTheLibrary) {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, "plain"s, "\"quoted\" \\ /"s, "\b\f\n\r\t"s, "\0\x01\x1f\x7f"s, "caf\xc3\xa9"s,
        "\xe2\x80\xae"s
        "bidi"s,
        "\xef\xbf\xbf"s, "\xf0\x9f\x93\xa8 \xf4\x8f\xbf\xbf"s}) {
    JsonText out;
    out.value(text);
    EXPECT_EQ(out.take(), json(text).dump(-1, ' ', true));
  }
}

TEST(JsonText, WhatIsNotUtf8IsReplaced) {
  for (const char* text : {"\x80", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    JsonText out;
    out.value(text);
    const json read = json::parse(out.take());
    EXPECT_NE(read.get<std::string>().find("\xef\xbf\xbd"), std::string::npos) << text;
  }
}

TEST(JsonText, NumbersAreThoseOfTheLibrary) {
  for (const double number :
       {0.0, -0.0, 1.0, -2.5, 0.1, 1e-3, 1e-7, 123456.0, 3e14, 1e15, 1e20, 1.0 / 3, -99.999}) {
    JsonText out;
    out.value(number);
    EXPECT_EQ(out.take(), json(number).dump());
  }
  JsonText out;
  out.value(std::int64_t{-9223372036854775807});
  EXPECT_EQ(out.take(), "-9223372036854775807");
}

TEST(JsonText, CommasStandBetweenMembersAndElements) {
  JsonText out;
  out.begin('{');
  out.member("a", true);
  out.key("list");
  out.begin('[');
  out.value("x");
  out.begin('{');
  out.end('}');
  out.begin('[');
  out.end(']');
  out.value(7);
  out.end(']');
  out.key("tree");
  out.raw("{\"b\":1}");
  out.member("c", "d");
  out.end('}');
  EXPECT_EQ(out.take(), R"({"a":true,"list":["x",{},[],7],"tree":{"b":1},"c":"d"})");
}

}  // namespace
}  // namespace gatepost
