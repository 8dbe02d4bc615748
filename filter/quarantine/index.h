#pragma once
// The table of entries: quarantine/index.db, SQLite with write-ahead log and synchronous=FULL.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "filter/quarantine/entry.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gatepost::quarantine {

/// One connection. What a function has changed is on disk when it returns. One thread at a time.
/// Errors are temporary (disk, lock) and name the file.
class Index {
 public:
  /// Opens it, or makes a new one. What cannot be read as a database is moved aside to
  /// "index.db.damaged-TIME" and `rebuilt` is set: the caller adds the entries again. An index of a
  /// newer program is a config Error.
  static Result<std::unique_ptr<Index>> open(const std::filesystem::path& file, std::int64_t now,
                                             bool& rebuilt);
  ~Index();
  Index(const Index&) = delete;

  Result<void> insert(const Entry& entry);
  /// Writes the columns that change: state, before, released, nonce, passed.
  Result<void> update(const Entry& entry);
  /// unconfirmed becomes stored, for those that are there, in one transaction.
  Result<void> confirm(const std::vector<std::string>& references);
  Result<void> erase(const std::string& reference);
  Result<std::optional<Entry>> find(const std::string& reference);
  Result<std::vector<Entry>> list(const Filter& filter);
  /// References of entries from before `time` that no release is at work on, at most `limit`.
  Result<std::vector<std::string>> older_than(std::int64_t time, int limit);
  /// Every reference with its state.
  Result<std::unordered_map<std::string, State>> all_states();
  Result<Totals> totals();
  /// Whether the last error said that the file is damaged.
  bool is_damaged() const { return damaged_; }

 private:
  class Statement;
  Index(sqlite3* db, std::filesystem::path file) : db_(db), file_(std::move(file)) {}
  static Result<std::unique_ptr<Index>> open_once(const std::filesystem::path& file);
  Result<void> prepare_schema();
  Result<void> execute(const char* sql);
  Error error(const char* what);

  sqlite3* db_;
  std::filesystem::path file_;
  bool damaged_ = false;
};

}  // namespace gatepost::quarantine
