#pragma once
// Where lines go: syslog, stderr or a file.

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "filter/session/record.h"

namespace gatepost {

/// Thread rule: everything from any thread.
class Log final : public RecordSink {
 public:
  enum class Level { info, warning, error };

  /// @param target  "syslog", "stderr" or a file; @param format "text" or "json" (records only)
  /// @return a config Error when the file cannot be opened.
  static Result<std::unique_ptr<Log>> open(const std::string& target, const std::string& format,
                                           const std::string& facility);
  ~Log() override;

  void write(Level level, std::string_view line);
  void record(const Record& record) override;
  /// Opens the file again under its name (USR2, after logrotate); nothing for other targets.
  Result<void> reopen();

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatepost
