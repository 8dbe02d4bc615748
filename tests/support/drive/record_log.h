#pragma once
// The daemon's JSON records, read back from its log file.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/result.h"

namespace gatepost::drive {

/// Follows the file that log.target names under log.format = "json". One thread.
class RecordLog {
 public:
  explicit RecordLog(std::string path) : path_(std::move(path)) {}

  /// The record with that reference or, when that is empty, that queue id. A temporary Error when
  /// the daemon has not written it after `wait`.
  Result<nlohmann::json> find(const std::string& reference, const std::string& queue_id,
                              std::chrono::milliseconds wait);

 private:
  void read_more();

  std::string path_;
  std::streamoff read_ = 0;
  std::vector<nlohmann::json> records_;
};

/// "5KX7Q2M0-Q2" of "… (ref 5KX7Q2M0-Q2)" or "… (ref 5KX7Q2M0-Q2; see …)"; else empty.
std::string reference_of(std::string_view reply_text);

}  // namespace gatepost::drive
