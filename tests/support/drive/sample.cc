#include "tests/support/drive/sample.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "core/base/ip.h"
#include "core/base/text.h"

namespace gatepost::drive {

namespace {

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) return permanent_error("cannot be read", path.string());
  return text;
}

/// @return what is wrong with the line, or nothing.
std::string take(Sample& sample, std::string_view key, std::string value) {
  static constexpr std::string_view kExpected[] = {"verdict", "stage", "spf", "dkim", "dmarc"};
  if (key == "client") {
    const auto address = IpAddress::parse(value);
    if (!address) return "no IP address: " + printable(value);
    using Family = test::milter::ClientInfo::Family;
    sample.client.family = address->is_v4() ? Family::inet : Family::inet6;
    sample.client.address = std::move(value);
  } else if (key == "client_name") {
    sample.client.name = std::move(value);
  } else if (key == "helo") {
    sample.helo = std::move(value);
  } else if (key == "from") {
    sample.mail_from = std::move(value);
  } else if (key == "rcpt") {
    sample.recipients.push_back(std::move(value));
  } else if (key == "login") {
    sample.login = std::move(value);
  } else if (key == "expect_header") {
    sample.header_lines.push_back(std::move(value));
  } else if (key == "expect_no_header") {
    sample.lost_header_lines.push_back(std::move(value));
  } else if (key.starts_with("expect_") && std::find(std::begin(kExpected), std::end(kExpected),
                                                     key.substr(7)) != std::end(kExpected)) {
    sample.expected[std::string(key.substr(7))] = std::move(value);
  } else {
    return "unknown key '" + printable(key) +
           "', expected client, client_name, helo, from, rcpt, login or expect_verdict, _stage, "
           "_spf, _dkim, _dmarc, _header, _no_header";
  }
  return {};
}

}  // namespace

Result<Sample> read_sample(const std::filesystem::path& env_file) {
  Sample sample;
  sample.name = env_file.stem().string();
  sample.client = {.name = "unknown", .address = ""};
  const auto text = read_file(env_file);
  if (!text.ok()) return text.error();
  int number = 0;
  for (const std::string_view line : split(*text, '\n')) {
    ++number;
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') continue;
    const auto equals = content.find('=');
    const std::string wrong = equals == std::string_view::npos
                                  ? "expected KEY=VALUE"
                                  : take(sample, trim(content.substr(0, equals)),
                                         std::string(trim(content.substr(equals + 1))));
    if (!wrong.empty())
      return permanent_error(wrong, env_file.string() + ":" + std::to_string(number));
  }
  if (sample.client.address.empty() || sample.recipients.empty() ||
      sample.expected.count("verdict") == 0) {
    return permanent_error("client, rcpt and expect_verdict must be said", env_file.string());
  }
  auto message = read_file(std::filesystem::path(env_file).replace_extension(".eml"));
  if (!message.ok()) return message.error();
  sample.message = std::move(*message);
  return sample;
}

Result<std::vector<Sample>> read_samples(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".env") files.insert(entry.path());
  }
  if (files.empty()) return permanent_error("there is no *.env file", folder.string());
  std::vector<Sample> samples;
  for (const auto& file : files) {
    auto sample = read_sample(file);
    if (!sample.ok()) return sample.error();
    samples.push_back(std::move(*sample));
  }
  return samples;
}

}  // namespace gatepost::drive
