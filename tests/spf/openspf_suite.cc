#include "tests/spf/openspf_suite.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "core/base/text.h"
#include "tests/support/shared_data.h"

namespace gatepost::spf::test {

namespace {

std::string joined(const YAML::Node& strings) {
  if (!strings.IsSequence()) return strings.as<std::string>("");
  std::string all;
  for (const auto& part : strings) all += part.as<std::string>();
  return all;
}

void add_entry(Zone& zone, const std::string& name, const YAML::Node& entry, bool has_txt) {
  if (entry.IsScalar()) {
    if (entry.as<std::string>() == "TIMEOUT") zone.timeout(name);
    return;
  }
  for (const auto& pair : entry) {
    const auto type = pair.first.as<std::string>();
    const YAML::Node& value = pair.second;
    if (type == "TXT") {
      if (value.IsScalar() && value.as<std::string>() == "NONE") continue;
      zone.txt(name, joined(value));
    } else if (type == "SPF") {
      // The suite's drivers publish type SPF as TXT where a name has no TXT of its own.
      if (!has_txt) zone.txt(name, joined(value));
    } else if (type == "A" || type == "AAAA") {
      zone.address(name, value.as<std::string>());
    } else if (type == "MX") {
      zone.mx(name, value[1].as<std::string>());
    } else if (type == "PTR") {
      zone.ptr(name, value.as<std::string>());
    } else if (type == "CNAME") {
      zone.cname(name, value.as<std::string>());
    } else {
      ADD_FAILURE() << "record type " << type << " at " << name;
    }
  }
}

std::shared_ptr<const Zone> load_zone(const YAML::Node& data) {
  auto zone = std::make_shared<Zone>();
  for (const auto& pair : data) {
    const auto name = pair.first.as<std::string>();
    zone->exists(name);
    const bool has_txt = std::any_of(pair.second.begin(), pair.second.end(), [](const auto& entry) {
      return entry.IsMap() && entry["TXT"].IsDefined();
    });
    for (const auto& entry : pair.second) add_entry(*zone, name, entry, has_txt);
  }
  return zone;
}

SuiteCase load_case(const std::string& name, const YAML::Node& data) {
  SuiteCase c;
  c.name = name;
  c.section = data["spec"].IsSequence() ? joined(data["spec"]) : data["spec"].as<std::string>("");
  c.request.client = IpAddress::parse(data["host"].as<std::string>()).value();
  c.request.helo = data["helo"].as<std::string>();
  c.request.mail_from = data["mailfrom"].as<std::string>("");
  c.request.receiver = "receiver.example.net";
  const YAML::Node result = data["result"];
  if (result.IsSequence()) {
    c.results = result.as<std::vector<std::string>>();
  } else {
    c.results = {result.as<std::string>()};
  }
  if (data["explanation"].IsDefined()) {
    c.has_explanation = true;
    c.explanation = data["explanation"].as<std::string>();
    if (c.explanation == "DEFAULT") c.explanation.clear();
  }
  return c;
}

}  // namespace

std::string test_name(const SuiteCase& c) {
  std::string name = c.name;
  for (char& octet : name) octet = is_alnum(octet) ? octet : '_';
  return name;
}

std::ostream& operator<<(std::ostream& out, const SuiteCase& c) {
  return out << c.scenario << ": " << c.name << " (" << c.section << ")";
}

std::vector<SuiteCase> load_suite(const char* file) {
  std::vector<SuiteCase> cases;
  const auto path = gatepost::test::shared_data(std::string("conformance/spf/openspf/") + file);
  if (!path) return cases;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(path->string())) {
    if (!scenario.IsMap()) continue;
    const auto zone = load_zone(scenario["zonedata"]);
    for (const auto& pair : scenario["tests"]) {
      SuiteCase c = load_case(pair.first.as<std::string>(), pair.second);
      c.scenario = scenario["description"].as<std::string>("");
      c.zone = zone;
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

}  // namespace gatepost::spf::test
