#include "filter/store/sqlite.h"

#include <utility>

#include <sqlite3.h>

namespace gatepost::store {

namespace {

constexpr int kBusyMilliseconds = 2000;
constexpr std::size_t kMaxStatements = 200;

Fault fault_of(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return Fault::none;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Fault::corrupt;
    case SQLITE_ERROR:  // of our own SQL only this can happen
      return Fault::no_table;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Fault::denied;
    default:
      return Fault::temporary;
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind(int index, std::string_view octets) {
  // A null pointer would bind NULL, which equals nothing.
  sqlite3_bind_blob64(statement_, index, octets.empty() ? "" : octets.data(), octets.size(),
                      SQLITE_STATIC);
}

void Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(statement_, index, number);
}

StepResult Statement::step() {
  const int code = sqlite3_step(statement_);
  return code == SQLITE_ROW    ? StepResult::row
         : code == SQLITE_DONE ? StepResult::done
                               : StepResult::failed;
}

std::string Statement::octets(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

void Statement::reset() {
  sqlite3_reset(statement_);
}

std::unique_ptr<Database> Database::open(const std::string& path, Access access, Fault& fault,
                                         std::string& why) {
  sqlite3* handle = nullptr;
  // NOMUTEX: a connection belongs to one thread at a time by our own doing.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access == Access::write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (code != SQLITE_OK) {
    fault = fault_of(code);
    why = sqlite3_errstr(code);
    return nullptr;
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // SQLite opens what it cannot write for reading, without a word.
  if (sqlite3_db_readonly(handle, "main") == 1) {
    fault = Fault::denied;
    why = "it may only be read";
    return nullptr;
  }
  return database;
}

Database::~Database() {
  statements_.clear();
  sqlite3_close(handle_);
}

bool Database::run(const std::string& sql) {
  return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

std::string Database::value(const std::string& sql, bool& ok) {
  sqlite3_stmt* raw = nullptr;
  ok = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &raw, nullptr) == SQLITE_OK;
  if (!ok) return {};
  Statement statement(raw);
  const StepResult result = statement.step();
  ok = result != StepResult::failed;
  return result == StepResult::row ? statement.octets(0) : std::string();
}

Statement* Database::statement(const std::string& sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) return &known->second;
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(handle_, sql.c_str(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
    return nullptr;
  if (statements_.size() >= kMaxStatements) statements_.clear();
  return &statements_.emplace(sql, Statement(raw)).first->second;
}

Fault Database::fault() const {
  return fault_of(sqlite3_extended_errcode(handle_));
}

std::string Database::why() const {
  return sqlite3_errmsg(handle_);
}

}  // namespace gatepost::store
