#pragma once
// Connections and statements of SQLite, as values that clean up. Private to the room.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gatepost::store {

/// What a failed call means for the store.
enum class Fault {
  none,
  corrupt,   ///< the file is no database, or damaged
  no_table,  ///< a table was dropped meanwhile
  denied,    ///< cannot be opened or written by us, at all
  temporary  ///< full, busy, an I/O error: it may work later
};

/// How a step ended.
enum class StepResult { row, done, failed };

/// Belongs to one thread at a time. Statements must be reset before the next one is used.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3_stmt* statement) : statement_(statement) {}  // NOLINT: implicit by intent
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  explicit operator bool() const { return statement_ != nullptr; }
  void bind(int index, std::string_view octets);  ///< must live until reset()
  void bind(int index, std::int64_t number);
  StepResult step();
  std::string octets(int column) const;
  std::int64_t number(int column) const;
  void reset();

 private:
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  enum class Access { write, read };

  /// Null with `fault` and `why` set when it cannot be opened.
  static std::unique_ptr<Database> open(const std::string& path, Access access, Fault& fault,
                                        std::string& why);
  ~Database();
  Database(const Database&) = delete;

  /// False: see fault() and why().
  bool run(const std::string& sql);
  /// The first column of the first row; empty when there is none or it failed.
  std::string value(const std::string& sql, bool& ok);
  /// Prepared once and kept; null when it cannot be prepared.
  Statement* statement(const std::string& sql);
  void forget_statements() { statements_.clear(); }

  Fault fault() const;      ///< of the last call that failed
  std::string why() const;  ///< the same for people

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}

  sqlite3* handle_;
  std::unordered_map<std::string, Statement> statements_;
};

}  // namespace gatepost::store
