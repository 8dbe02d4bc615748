#include "filter/log/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include "core/base/guarded.h"

namespace gatepost {

struct Log::Impl {
  std::string target;
  bool json = false;
  Guarded<std::shared_ptr<spdlog::logger>> logger;
};

namespace {

int facility_code(const std::string& facility) {
  if (facility == "daemon") return LOG_DAEMON;
  if (facility == "local0") return LOG_LOCAL0;
  if (facility == "local1") return LOG_LOCAL1;
  return LOG_MAIL;
}

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink, const char* pattern) {
  auto logger = std::make_shared<spdlog::logger>("gatepostd", std::move(sink));
  logger->set_pattern(pattern);
  logger->flush_on(spdlog::level::info);
  return logger;
}

Result<std::shared_ptr<spdlog::logger>> make_file_logger(const std::string& path) {
  constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%e%z gatepostd[%P]: %v";
  try {
    return make_logger(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path), kPattern);
  } catch (const spdlog::spdlog_ex& error) {
    return config_error("log.target: cannot write to " + path + ": " + error.what());
  }
}

}  // namespace

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(const std::string& target, const std::string& format,
                                       const std::string& facility) {
  std::shared_ptr<spdlog::logger> logger;
  if (target == "syslog") {
    logger = make_logger(std::make_shared<spdlog::sinks::syslog_sink_mt>(
                             "gatepostd", LOG_PID, facility_code(facility), true),
                         "%v");
  } else if (target == "stderr") {
    logger = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>(), "gatepostd[%P]: %v");
  } else {
    auto file = make_file_logger(target);
    if (!file.ok()) return file.error();
    logger = std::move(*file);
  }
  auto impl = std::make_unique<Impl>();
  impl->target = target;
  impl->json = format == "json";
  impl->logger.with([&](auto& current) { current = std::move(logger); });
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

void Log::write(Level level, std::string_view line) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::info, spdlog::level::warn,
                                                          spdlog::level::err};
  const auto logger = impl_->logger.with([](auto& current) { return current; });
  logger->log(kLevels[static_cast<int>(level)], spdlog::string_view_t(line.data(), line.size()));
}

void Log::record(const Record& record) {
  write(Level::info, impl_->json ? to_json(record) : summary_line(record));
}

Result<void> Log::reopen() {
  if (impl_->target == "syslog" || impl_->target == "stderr") return {};
  auto file = make_file_logger(impl_->target);
  if (!file.ok()) return file.error();
  impl_->logger.with([&](auto& current) { current = std::move(*file); });
  return {};
}

}  // namespace gatepost
