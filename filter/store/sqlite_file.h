#pragma once
// The database file: opened, kept and, when it is damaged, replaced. Private to the room.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/store/store.h"
#include "filter/store/buckets.h"
#include "filter/store/overlay.h"
#include "filter/store/sqlite.h"

namespace gatepost::store {

/// The tables of each space, those that end last first. Immutable; `select` is the statement that
/// reads a name from all tables of a space.
struct Catalog {
  struct Space {
    std::vector<Bucket> buckets;
    std::string select;
  };
  std::map<std::string, Space, std::less<>> spaces;
};
using CatalogPtr = std::shared_ptr<const Catalog>;

/// A read, or what went wrong.
struct FileAnswer {
  Fault fault = Fault::none;
  std::optional<Value> value;
  std::string why;
};

/// The writer's connection and a few for readers. read() and scan() from any thread, the others by
/// the writer only; open() and close() while nobody reads.
class SqliteFile {
 public:
  SqliteFile(std::string path, std::uint64_t max_bytes)
      : path_(std::move(path)), max_bytes_(max_bytes) {}

  /// Makes the file when it is missing, checks it (all of it up to 64 MiB), reads its tables.
  Fault open(std::string& why);
  void close();
  bool is_open() const { return writer_ != nullptr; }
  /// Renames file and journal to NAME.corrupt-UNIXTIME. @return that name, or an Error.
  Result<std::string> move_aside(std::int64_t unix_time);

  /// What stands there, expired or not.
  FileAnswer read(const Key& key);
  /// The first `limit` rows of each table in order of names, together; `horizon` is the name up to
  /// which they are complete.
  Fault scan(std::string_view space, std::string_view prefix, std::string_view after,
             std::size_t limit, std::map<std::string, Value>& rows,
             std::optional<std::string>& horizon);

  /// All or nothing.
  Fault commit(const PendingMap& writes, std::int64_t now, std::string& why);
  /// Drops the tables whose time is over. @return how many.
  std::size_t drop_expired(std::int64_t now);

 private:
  class Reader;

  Fault check(std::string& why);
  Fault read_tables(std::string& why);
  bool write_one(const Key& key, const PendingValue& value, std::int64_t now);
  bool make_table(const Bucket& bucket);
  void publish();
  CatalogPtr catalog() const;
  std::unique_ptr<Database> take_reader(FileAnswer& failed);
  void give_back(std::unique_ptr<Database> reader);

  const std::string path_;
  const std::uint64_t max_bytes_;
  std::unique_ptr<Database> writer_;
  std::map<std::string, std::vector<Bucket>, std::less<>> tables_;  // the writer's own view

  mutable std::mutex mutex_;  // of what follows
  CatalogPtr catalog_ = std::make_shared<const Catalog>();
  std::vector<std::unique_ptr<Database>> idle_readers_;
};

}  // namespace gatepost::store
