#include "core/base/json_writer.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

std::string text_of(std::string_view value) {
  std::string out;
  JsonWriter(out).text(value);
  return out;
}

TEST(JsonWriter, TextIsAscii) {
  struct Row {
    std::string_view value, json;
  };
  using std::string_view_literals::operator""sv;
  static constexpr Row kRows[] = {
      {""sv, R"("")"},
      {"plain text / ~"sv, R"("plain text / ~")"},
      {"\"quoted\" \\ back"sv, R"("\"quoted\" \\ back")"},
      {"\b\f\n\r\t"sv, R"("\b\f\n\r\t")"},
      {"\0\x1f\x7f"sv, R"("\u0000\u001f\u007f")"},
      {"Gr\xc3\xbc\xc3\x9f"
       "e"sv,
       R"("Gr\u00fc\u00dfe")"},
      {"\xe2\x82\xac"sv, R"("\u20ac")"},
      {"\xf0\x9f\x93\xa7"sv, R"("\ud83d\udce7")"},
      {"bad \xff end"sv, R"("bad \ufffd end")"},
      {"cut \xc3"sv, R"("cut \ufffd")"},
      {"surrogate \xed\xa0\x80"sv, R"("surrogate \ufffd\ufffd\ufffd")"},
  };
  for (const Row& row : kRows) EXPECT_EQ(text_of(row.value), row.json);
}

TEST(JsonWriter, CommasStandBetweenValuesOnly) {
  std::string out = "line ";
  JsonWriter json(out);
  json.begin_object();
  json.key("a");
  json.number(-9223372036854775807 - 1);
  json.key("b");
  json.begin_array();
  json.end_array();
  json.key("c");
  json.begin_array();
  json.null();
  json.boolean(true);
  json.begin_object();
  json.end_object();
  json.begin_object();
  json.key("d");
  json.boolean(false);
  json.end_object();
  json.text("e");
  json.end_array();
  json.key("f");
  json.number(0);
  json.end_object();
  EXPECT_EQ(out,
            R"(line {"a":-9223372036854775808,"b":[],"c":[null,true,{},{"d":false},"e"],"f":0})");
}

}  // namespace
}  // namespace gatepost
