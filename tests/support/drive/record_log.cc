#include "tests/support/drive/record_log.h"

#include <fstream>
#include <thread>

namespace gatepost::drive {

void RecordLog::read_more() {
  std::ifstream in(path_, std::ios::binary);
  in.seekg(read_);
  std::string line;
  while (std::getline(in, line) && !in.eof()) {  // at its end the last line may be half written
    read_ += static_cast<std::streamoff>(line.size()) + 1;
    const auto begin = line.find(": {");
    if (begin == std::string::npos) continue;
    auto record = nlohmann::json::parse(line.substr(begin + 2), nullptr, false);
    if (record.is_object() && record.contains("reference")) records_.push_back(std::move(record));
  }
}

Result<nlohmann::json> RecordLog::find(const std::string& reference, const std::string& queue_id,
                                       std::chrono::milliseconds wait) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  const char* key = reference.empty() ? "queue_id" : "reference";
  const std::string& wanted = reference.empty() ? queue_id : reference;
  for (;;) {
    read_more();
    for (const auto& record : records_) {
      if (record.value(key, "") == wanted) return record;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return temporary_error("no record with " + std::string(key) + " " + wanted, path_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string reference_of(std::string_view reply_text) {
  constexpr std::string_view kMark = "(ref ";
  const auto at = reply_text.rfind(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = reply_text.substr(at + kMark.size());
  return std::string(rest.substr(0, rest.find_first_of(";)")));
}

}  // namespace gatepost::drive
