#include "filter/apps/gatepost/command.h"

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "core/base/text.h"

namespace gatepost::command {

void Common::add_to(CLI::App& app) {
  app.add_option("-c,--config", config_file,
                 "configuration file (default: /etc/gatepost/gatepost.toml if it exists)");
  app.add_option("--nameserver", nameservers,
                 "ask this resolver, ADDRESS or ADDRESS:PORT (repeatable)")
      ->allow_extra_args(false);  // what follows is the command's own
  app.add_option("--zone", zones, "answer the names in this master file from it (repeatable)")
      ->allow_extra_args(false);  // what follows is the command's own
  app.add_option("--rules", rules,
                 "content rules instead of the configured ones, a file or a folder (repeatable)")
      ->allow_extra_args(false);  // what follows is the command's own
  app.add_option("--at", at, "the time to check for, seconds since 1970")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", json, "print JSON");
}

EngineOptions Common::engine_options() const {
  EngineOptions options;
  options.nameservers = nameservers;
  options.zones = zones;
  options.unix_time = at;
  return options;
}

std::optional<config::Configuration> Common::load() const {
  constexpr const char* kDefault = "/etc/gatepost/gatepost.toml";
  std::string file = config_file;
  if (file.empty() && std::filesystem::exists(kDefault)) file = kDefault;
  config::LoadResult loaded = config::load(file, {.all_keys = false});
  for (const Error& warning : loaded.warnings)
    std::fprintf(stderr, "gatepost: warning: %s\n", warning.text().c_str());
  for (const Error& error : loaded.errors)
    std::fprintf(stderr, "gatepost: %s\n", error.text().c_str());
  if (!loaded.ok()) return std::nullopt;
  return std::move(loaded.configuration);
}

std::unique_ptr<Tools> Tools::open(const Common& common, int& exit_code) {
  auto configuration = common.load();
  if (!configuration) {
    exit_code = kConfig;
    return nullptr;
  }
  auto dns = DnsStack::open(configuration->daemon, *configuration->policy, common.engine_options());
  if (!dns.ok()) {
    exit_code = fail(dns.error());
    return nullptr;
  }
  return std::unique_ptr<Tools>(
      new Tools{std::move(*configuration), std::move(*dns), SystemClock(common.at)});
}

int fail(const Error& error) {
  std::fprintf(stderr, "gatepost: %s\n", error.text().c_str());
  switch (error.kind) {
    case ErrorKind::permanent:
      return kDataError;
    case ErrorKind::temporary:
      return kTemporary;
    case ErrorKind::config:
      return kConfig;
    case ErrorKind::internal:
      break;
  }
  return kInternal;
}

Result<std::string> read_input(const std::string& file) {
  if (file == "-")
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open() || std::filesystem::is_directory(file)) {
    return permanent_error("cannot be read, expected a message file or '-'", file);
  }
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

Json text(std::string_view value) {
  return is_valid_utf8(value) ? std::string(value) : printable(value, 4096);
}

std::string utc_text(const Json& seconds) {
  const std::time_t time = seconds.is_number() ? seconds.get<std::time_t>() : 0;
  if (time == 0) return "-";
  std::tm parts{};
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &parts));
  return text;
}

void print_rows(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [key, value] : rows) width = std::max(width, key.size());
  for (const auto& [key, value] : rows) {
    std::printf("%-*s  %s\n", static_cast<int>(width), key.c_str(), printable(value, 2000).c_str());
  }
}

}  // namespace gatepost::command
