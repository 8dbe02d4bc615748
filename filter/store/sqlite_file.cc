#include "filter/store/sqlite_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace gatepost::store {

namespace {

constexpr const char* kSchemaVersion = "1";
constexpr const char* kApplicationId = "1198551156";  // "Gpst"
constexpr std::uint64_t kCheckWhole = std::uint64_t{64} << 20;
constexpr std::size_t kIdleReaders = 4;
constexpr std::uint64_t kPageSize = 4096;

std::string quoted(const Bucket& bucket) {
  return "\"" + bucket.table() + "\"";
}

std::string select_from(const std::vector<Bucket>& buckets) {
  std::string sql;
  for (const Bucket& bucket : buckets) {
    sql += (sql.empty() ? "SELECT data, number, expires FROM "
                        : " UNION ALL SELECT data, number, expires FROM ") +
           quoted(bucket) + " WHERE name = ?1";
  }
  return sql;
}

bool ends_later(const Bucket& a, const Bucket& b) {
  const auto end = [](const Bucket& bucket) {
    return bucket.width == 0 ? INT64_MAX : (bucket.index + 1) * bucket.width;
  };
  return end(a) != end(b) ? end(a) > end(b) : a < b;
}

}  // namespace

Fault SqliteFile::open(std::string& why) {
  close();
  Fault fault = Fault::none;
  auto database = Database::open(path_, Database::Access::write, fault, why);
  if (database == nullptr) return fault;
  writer_ = std::move(database);
  fault = check(why);
  if (fault == Fault::none) fault = read_tables(why);
  if (fault != Fault::none) close();
  return fault;
}

Fault SqliteFile::check(std::string& why) {
  Database& db = *writer_;
  const auto failed = [&] {
    why = db.why();
    return db.fault();
  };
  bool ok = true;
  if (db.value("PRAGMA journal_mode = WAL", ok) != "wal" || !ok) {
    if (!ok) return failed();
    why = "its file system cannot keep a write-ahead log";
    return Fault::denied;
  }
  const std::uint64_t pages = std::max<std::uint64_t>(max_bytes_ / kPageSize, 16);
  if (!db.run("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096;"
              "PRAGMA journal_size_limit = 16777216; PRAGMA max_page_count = " +
              std::to_string(pages)))
    return failed();
  const std::string tables = db.value("SELECT count(*) FROM sqlite_schema", ok);
  if (!ok) return failed();
  const std::string application = db.value("PRAGMA application_id", ok);
  const std::string version = db.value("PRAGMA user_version", ok);
  if (tables == "0" && application != kApplicationId) {
    return db.run(std::string("BEGIN IMMEDIATE; PRAGMA application_id = ") + kApplicationId +
                  "; PRAGMA user_version = " + kSchemaVersion + "; COMMIT")
               ? Fault::none
               : failed();
  }
  if (application != kApplicationId) {
    why = "it is the database of another program";
    return Fault::denied;
  }
  if (version != kSchemaVersion) {
    why = "its schema is version " + version + ", this program knows version " + kSchemaVersion;
    return Fault::denied;
  }
  std::error_code error;
  if (std::filesystem::file_size(path_, error) <= kCheckWhole && !error) {
    const std::string result = db.value("PRAGMA quick_check(1)", ok);
    if (!ok) return failed();
    if (result != "ok") {
      why = result;
      return Fault::corrupt;
    }
  }
  return Fault::none;
}

Fault SqliteFile::read_tables(std::string& why) {
  tables_.clear();
  Statement* list = writer_->statement("SELECT name FROM sqlite_schema WHERE type = 'table'");
  StepResult result = StepResult::failed;
  while (list != nullptr && (result = list->step()) == StepResult::row) {
    if (auto bucket = Bucket::parse(list->octets(0)))
      tables_[bucket->space].push_back(std::move(*bucket));
  }
  if (list != nullptr) list->reset();
  if (result == StepResult::failed) {
    why = writer_->why();
    return writer_->fault() == Fault::none ? Fault::temporary : writer_->fault();
  }
  publish();
  return Fault::none;
}

void SqliteFile::close() {
  std::lock_guard lock(mutex_);
  idle_readers_.clear();
  catalog_ = std::make_shared<const Catalog>();
  writer_.reset();
}

Result<std::string> SqliteFile::move_aside(std::int64_t unix_time) {
  std::string target = path_ + ".corrupt-" + std::to_string(unix_time);
  std::error_code error;
  for (int i = 1; std::filesystem::exists(target, error) && i < 100; ++i)
    target = path_ + ".corrupt-" + std::to_string(unix_time) + "-" + std::to_string(i);
  std::filesystem::rename(path_, target, error);
  if (error) return config_error("cannot be moved aside: " + error.message(), path_);
  // The journal belongs to the old file; it would be played into the new one.
  std::error_code ignored;
  std::filesystem::rename(path_ + "-wal", target + "-wal", ignored);
  std::filesystem::remove(path_ + "-wal", ignored);
  std::filesystem::remove(path_ + "-shm", ignored);
  return target;
}

void SqliteFile::publish() {
  auto next = std::make_shared<Catalog>();
  for (auto& [space, buckets] : tables_) {
    std::sort(buckets.begin(), buckets.end(), ends_later);
    next->spaces[space] = {buckets, select_from(buckets)};
  }
  std::lock_guard lock(mutex_);
  catalog_ = std::move(next);
}

CatalogPtr SqliteFile::catalog() const {
  std::lock_guard lock(mutex_);
  return catalog_;
}

std::unique_ptr<Database> SqliteFile::take_reader(FileAnswer& failed) {
  {
    std::lock_guard lock(mutex_);
    if (!idle_readers_.empty()) {
      auto reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  auto reader = Database::open(path_, Database::Access::read, failed.fault, failed.why);
  if (reader != nullptr) (void)reader->run("PRAGMA query_only = ON; PRAGMA cache_size = -1024");
  return reader;
}

void SqliteFile::give_back(std::unique_ptr<Database> reader) {
  std::unique_ptr<Database> surplus;
  std::lock_guard lock(mutex_);
  if (idle_readers_.size() < kIdleReaders)
    idle_readers_.push_back(std::move(reader));
  else
    surplus = std::move(reader);
}

FileAnswer SqliteFile::read(const Key& key) {
  FileAnswer answer;
  // A second time when a table was dropped in between.
  for (int tries = 0; tries < 2; ++tries) {
    answer = {};
    const CatalogPtr tables = catalog();
    const auto space = tables->spaces.find(key.space);
    if (space == tables->spaces.end() || space->second.buckets.empty()) return answer;
    auto reader = take_reader(answer);
    if (reader == nullptr) return answer;
    Statement* select = reader->statement(space->second.select);
    StepResult result = StepResult::failed;
    if (select != nullptr) {
      select->bind(1, key.name);
      result = select->step();
      if (result == StepResult::row)
        answer.value = Value{select->octets(0), select->number(1), select->number(2)};
    }
    if (result == StepResult::failed) {
      answer.fault = reader->fault();
      answer.why = reader->why();
    }
    if (select != nullptr) select->reset();
    if (answer.fault == Fault::none) {
      give_back(std::move(reader));
      return answer;
    }
    if (answer.fault != Fault::no_table) return answer;
  }
  answer.fault = Fault::temporary;
  return answer;
}

Fault SqliteFile::scan(std::string_view space, std::string_view prefix, std::string_view after,
                       std::size_t limit, std::map<std::string, Value>& rows,
                       std::optional<std::string>& horizon) {
  const CatalogPtr tables = catalog();
  const auto known = tables->spaces.find(space);
  if (known == tables->spaces.end()) return Fault::none;
  FileAnswer failed;
  auto reader = take_reader(failed);
  if (reader == nullptr) return failed.fault;
  for (const Bucket& bucket : known->second.buckets) {
    Statement* select =
        reader->statement("SELECT name, data, number, expires FROM " + quoted(bucket) +
                          " WHERE name >= ?1 AND name > ?2 ORDER BY name LIMIT ?3");
    if (select == nullptr) {
      if (reader->fault() == Fault::no_table) continue;
      return reader->fault();
    }
    select->bind(1, prefix);
    select->bind(2, after);
    select->bind(3, static_cast<std::int64_t>(limit));
    std::size_t count = 0;
    std::string last;
    StepResult result = StepResult::done;
    while ((result = select->step()) == StepResult::row) {
      last = select->octets(0);
      if (!std::string_view(last).starts_with(prefix)) break;
      ++count;
      rows.insert_or_assign(last, Value{select->octets(1), select->number(2), select->number(3)});
    }
    const Fault fault = result == StepResult::failed ? reader->fault() : Fault::none;
    select->reset();
    if (fault != Fault::none && fault != Fault::no_table) return fault;
    if (count == limit && (!horizon || last < *horizon)) horizon = last;
  }
  give_back(std::move(reader));
  return Fault::none;
}

bool SqliteFile::make_table(const Bucket& bucket) {
  auto& buckets = tables_[bucket.space];
  if (std::find(buckets.begin(), buckets.end(), bucket) != buckets.end()) return true;
  if (!writer_->run("CREATE TABLE " + quoted(bucket) +
                    " (name BLOB PRIMARY KEY, data BLOB NOT NULL, number INTEGER NOT NULL,"
                    " expires INTEGER NOT NULL) WITHOUT ROWID"))
    return false;
  buckets.push_back(bucket);
  return true;
}

bool SqliteFile::write_one(const Key& key, const PendingValue& value, std::int64_t now) {
  std::optional<Bucket> target;
  if (value && is_live(*value, now)) {
    target = bucket_for(key.space, value->expires, now);
    if (!make_table(*target)) return false;
  }
  const auto known = tables_.find(key.space);
  if (known == tables_.end()) return true;
  for (const Bucket& bucket : known->second) {
    const bool here = target == bucket;
    Statement* write = writer_->statement(
        here ? "INSERT OR REPLACE INTO " + quoted(bucket) + " VALUES (?1, ?2, ?3, ?4)"
             : "DELETE FROM " + quoted(bucket) + " WHERE name = ?1");
    if (write == nullptr) return false;
    write->bind(1, key.name);
    if (here) {
      write->bind(2, value->data);
      write->bind(3, value->number);
      write->bind(4, value->expires);
    }
    const StepResult result = write->step();
    write->reset();
    if (result == StepResult::failed) return false;
  }
  return true;
}

Fault SqliteFile::commit(const PendingMap& writes, std::int64_t now, std::string& why) {
  const auto before = tables_;
  bool ok = writer_->run("BEGIN IMMEDIATE");
  for (auto at = writes.begin(); ok && at != writes.end(); ++at)
    ok = write_one(at->first, at->second, now);
  ok = ok && writer_->run("COMMIT");
  if (!ok) {
    why = writer_->why();
    const Fault fault = writer_->fault();
    (void)writer_->run("ROLLBACK");
    tables_ = before;
    return fault == Fault::none || fault == Fault::no_table ? Fault::temporary : fault;
  }
  if (tables_ != before) publish();
  return Fault::none;
}

std::size_t SqliteFile::drop_expired(std::int64_t now) {
  std::size_t dropped = 0;
  for (auto& [space, buckets] : tables_) {
    std::erase_if(buckets, [&](const Bucket& bucket) {
      if (!bucket.is_over(now)) return false;
      writer_->forget_statements();
      if (!writer_->run("DROP TABLE IF EXISTS " + quoted(bucket))) return false;
      ++dropped;
      return true;
    });
  }
  if (dropped > 0) publish();
  return dropped;
}

}  // namespace gatepost::store
