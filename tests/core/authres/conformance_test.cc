// Authentication-Results fields of other programs' test suites.

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/authres/authentication_results.h"
#include "core/base/text.h"
#include "tests/support/shared_data.h"

namespace gatepost::authres {
namespace {

std::optional<nlohmann::json> load(std::string_view file) {
  const auto path = test::shared_data("conformance/authres/" + std::string(file));
  if (!path) return std::nullopt;
  std::ifstream stream(*path);
  return nlohmann::json::parse(stream);
}

std::string value_of(const std::string& header) {
  return header.substr(header.find(':') + 1);
}

const std::string* find_property(const AuthResult& result, std::string_view ptype,
                                 std::string_view name) {
  for (const Property& property : result.properties) {
    if (property.ptype == ptype && property.property == to_lower(name)) return &property.value;
  }
  return nullptr;
}

std::string or_one(const std::string& version) {
  return version.empty() ? "1" : version;
}

// "resinfo[0].properties.smtp.mailfrom" of the first file.
std::string lookup_resinfo(const AuthenticationResults& results, const std::string& path) {
  if (path == "authserv_id") return results.authserv_id;
  if (path == "authres_version") return or_one(results.version);
  if (path == "resinfo.length") return std::to_string(results.results.size());
  const AuthResult& result = results.results.at(std::stoul(path.substr(path.find('[') + 1)));
  const std::string member = path.substr(path.find("].") + 2);
  if (member == "method") return result.method;
  if (member == "method_version") return or_one(result.version);
  if (member == "result") return result.result;
  if (member == "reason") return result.reason;
  const auto parts = split(member, '.');
  if (parts.size() != 3 || parts[0] != "properties") return "unknown path " + path;
  const std::string* value = find_property(result, parts[1], parts[2]);
  return value == nullptr ? "no property " + path : *value;
}

TEST(Conformance, Rfc8601AppendixB) {
  const auto data = load("rfc8601-appendix-b.json");
  if (!data) GTEST_SKIP() << "conformance/authres/rfc8601-appendix-b.json is not there";
  std::size_t checked = 0;
  std::size_t items = 0;
  for (const auto& c : data->at("cases")) {
    for (const auto& item : c.at("items")) {
      const std::string header = item.at("header");
      ++items;
      const auto results = parse(value_of(header));
      ASSERT_EQ(results.ok(), !item.at("throws").get<bool>()) << header;
      if (!results) continue;
      for (const auto& [path, expected] : item.at("expect").items()) {
        EXPECT_EQ(lookup_resinfo(*results, path), expected.get<std::string>()) << header;
        ++checked;
      }
    }
  }
  EXPECT_EQ(items, 11U);
  EXPECT_GT(checked, 50U);
}

// "results[0].properties[0].type" of the second file; its values are in quotes, 'None' is nothing.
std::string lookup_results(const AuthenticationResults& results, const std::string& path) {
  if (path == "authserv_id") return results.authserv_id;
  const AuthResult& result = results.results.at(std::stoul(path.substr(path.find('[') + 1)));
  const auto nothing = [](const std::string& text) { return text.empty() ? "None" : text; };
  const std::size_t dot = path.find("].");
  if (dot == std::string::npos) {
    std::string text = result.method + "=" + result.result;
    for (const Property& p : result.properties) {
      text += " " + p.ptype + "." + p.property + "=" + p.value;
    }
    return text;
  }
  const std::string member = path.substr(dot + 2);
  if (member == "method") return result.method;
  if (member == "result") return result.result;
  if (member == "reason") return nothing(result.reason);
  if (member.starts_with("properties[")) {
    const Property& property = result.properties.at(std::stoul(member.substr(11)));
    const std::string part = member.substr(member.find("].") + 2);
    return part == "type" ? property.ptype : part == "name" ? property.property : property.value;
  }
  const std::size_t underscore = member.find('_');
  const std::string* value =
      find_property(result, member.substr(0, underscore), member.substr(underscore + 1));
  return value == nullptr ? "None" : *value;
}

TEST(Conformance, AuthresParse) {
  const auto data = load("authres-parse-even.json");
  if (!data) GTEST_SKIP() << "conformance/authres/authres-parse-even.json is not there";
  EXPECT_EQ(data->at("cases").size(), 12U);
  for (const auto& c : data->at("cases")) {
    const std::string header = c.at("header");
    const auto results = parse(value_of(header));
    ASSERT_TRUE(results.ok()) << header;
    EXPECT_FALSE(results->results.empty()) << header;
    for (const auto& check : c.at("checks")) {
      const std::string expected = check.at("value");
      EXPECT_EQ("'" + lookup_results(*results, check.at("path")) + "'", expected)
          << header << " " << check.at("path");
    }
  }
}

// The generator's inputs are expressions of another language; what it wrote is read, written by us
// and compared, which shows both directions.
TEST(Conformance, AuthresGenerate) {
  const auto data = load("authres-generate-even.json");
  if (!data) GTEST_SKIP() << "conformance/authres/authres-generate-even.json is not there";
  EXPECT_EQ(data->at("cases").size(), 6U);
  for (const auto& c : data->at("cases")) {
    const std::string output = c.at("output");
    const std::string value = output.substr(1, output.size() - 2);
    const auto results = parse(value_of(value));
    ASSERT_TRUE(results.ok()) << value;
    EXPECT_EQ("Authentication-Results: " + format(*results, " "), value);
  }
}

}  // namespace
}  // namespace gatepost::authres
