#include "filter/quarantine/index.h"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::quarantine {

namespace {

constexpr int kSchemaVersion = 1;
constexpr const char* kColumns =
    "reference, time, state, before, mail_from, recipients, released, smtputf8, header_from, "
    "subject, message_id, client, queue_id, reason, score, size, bound, digest, nonce, passed";

constexpr const char* kSchema = R"(
  CREATE TABLE entry(
    reference TEXT PRIMARY KEY, time INTEGER NOT NULL, state TEXT NOT NULL, before TEXT NOT NULL,
    mail_from TEXT NOT NULL, recipients TEXT NOT NULL, released TEXT NOT NULL,
    smtputf8 INTEGER NOT NULL, header_from TEXT NOT NULL, subject TEXT NOT NULL,
    message_id TEXT NOT NULL, client TEXT NOT NULL, queue_id TEXT NOT NULL, reason TEXT NOT NULL,
    score REAL NOT NULL, size INTEGER NOT NULL, bound TEXT NOT NULL, digest TEXT NOT NULL,
    nonce TEXT NOT NULL, passed INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX entry_time ON entry(time, reference);
)";

// As JSON; what is no UTF-8 was escaped before it came here.
std::string joined(const std::vector<std::string>& list) {
  return nlohmann::json(list).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> parted(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::string> list;
  if (!json.is_array()) return list;
  for (const auto& item : json) {
    if (item.is_string()) list.push_back(item);
  }
  return list;
}

bool says_damaged(int code) {
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

}  // namespace

/// A prepared statement; parameters are bound in order.
class Index::Statement {
 public:
  Statement(Index& index, const std::string& sql) : index_(index) {
    failed_ = sqlite3_prepare_v2(index.db_, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;

  Statement& bind(std::string_view text) {
    if (!failed_)
      sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                        SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(std::int64_t number) {
    if (!failed_) sqlite3_bind_int64(statement_, ++bound_, number);
    return *this;
  }
  Statement& bind_real(double number) {
    if (!failed_) sqlite3_bind_double(statement_, ++bound_, number);
    return *this;
  }
  /// @return whether there is a row.
  Result<bool> step() {
    const int code = failed_ ? SQLITE_ERROR : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return index_.error("use");
  }
  Result<void> run() {
    const auto done = step();
    return done.ok() ? Result<void>() : done.error();
  }
  std::string text(int column) {
    const auto* octets = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return octets == nullptr
               ? ""
               : std::string(octets,
                             static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  std::int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
  double real(int column) { return sqlite3_column_double(statement_, column); }

  Entry entry() {
    Entry e;
    e.reference = text(0);
    e.time = number(1);
    e.state = parse_state(text(2)).value_or(State::unconfirmed);
    e.before = parse_state(text(3)).value_or(State::unconfirmed);
    e.mail_from = text(4);
    e.recipients = parted(text(5));
    e.released = parted(text(6));
    e.smtputf8 = number(7) != 0;
    e.header_from = text(8);
    e.subject = text(9);
    e.message_id = text(10);
    e.client = text(11);
    e.queue_id = text(12);
    e.reason = text(13);
    e.score = real(14);
    e.size = static_cast<std::uint64_t>(number(15));
    e.bound = text(16);
    e.digest = text(17);
    e.nonce = text(18);
    e.passed = number(19);
    return e;
  }

 private:
  Index& index_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  bool failed_ = false;
};

Index::~Index() {
  sqlite3_close_v2(db_);
}

Error Index::error(const char* what) {
  damaged_ = damaged_ || says_damaged(sqlite3_extended_errcode(db_));
  return temporary_error(
      std::string("cannot ") + what + " the quarantine's index: " + sqlite3_errmsg(db_),
      file_.string());
}

Result<void> Index::execute(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("use");
  return {};
}

Result<std::unique_ptr<Index>> Index::open(const std::filesystem::path& file, std::int64_t now,
                                           bool& rebuilt) {
  rebuilt = false;
  auto first = open_once(file);
  if (first.ok()) return first;
  if (first.error().kind != ErrorKind::permanent) return first.error();
  std::error_code failed;
  const std::string aside = file.string() + ".damaged-" + std::to_string(now);
  std::filesystem::rename(file, aside, failed);
  if (failed) {
    return temporary_error(
        "the quarantine's index is damaged and cannot be moved aside: " + failed.message(),
        file.string());
  }
  for (const char* suffix : {"-wal", "-shm"})
    std::filesystem::rename(file.string() + suffix, aside + suffix, failed);
  rebuilt = true;
  return open_once(file);
}

// A permanent Error: the file is damaged.
Result<std::unique_ptr<Index>> Index::open_once(const std::filesystem::path& file) {
  const mode_t before = ::umask(0077);
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(
      file.c_str(), &db,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
      nullptr);
  std::unique_ptr<Index> index(new Index(db, file));
  Result<void> ready = code == SQLITE_OK ? index->prepare_schema() : index->error("open");
  ::umask(before);
  if (ready.ok()) return index;
  if (index->damaged_) return permanent_error(ready.error().what, file.string());
  return ready.error();
}

Result<void> Index::prepare_schema() {
  sqlite3_busy_timeout(db_, 5000);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"}) {
    if (const auto set = execute(pragma); !set.ok()) return set;
  }
  Statement check(*this, "PRAGMA quick_check(1)");
  const auto row = check.step();
  if (!row.ok()) return row.error();
  if (check.text(0) != "ok") {
    damaged_ = true;
    return temporary_error("the quarantine's index is damaged: " + printable(check.text(0), 200),
                           file_.string());
  }
  Statement version(*this, "PRAGMA user_version");
  if (const auto read = version.step(); !read.ok()) return read.error();
  if (version.number(0) > kSchemaVersion) {
    return config_error("the quarantine's index was made by a newer gatepost; expected version " +
                            std::to_string(kSchemaVersion),
                        file_.string());
  }
  if (version.number(0) == kSchemaVersion) return {};
  const std::string make = std::string("BEGIN IMMEDIATE;") + kSchema +
                           "PRAGMA user_version=" + std::to_string(kSchemaVersion) + ";COMMIT";
  return execute(make.c_str());
}

Result<void> Index::insert(const Entry& e) {
  Statement s(*this, std::string("INSERT INTO entry(") + kColumns +
                         ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  s.bind(e.reference).bind(e.time).bind(to_string(e.state)).bind(to_string(e.before));
  s.bind(e.mail_from).bind(joined(e.recipients)).bind(joined(e.released));
  s.bind(std::int64_t{e.smtputf8}).bind(e.header_from).bind(e.subject).bind(e.message_id);
  s.bind(e.client).bind(e.queue_id).bind(e.reason).bind_real(e.score);
  s.bind(static_cast<std::int64_t>(e.size)).bind(e.bound).bind(e.digest).bind(e.nonce);
  return s.bind(e.passed).run();
}

Result<void> Index::update(const Entry& e) {
  Statement s(
      *this, "UPDATE entry SET state=?, before=?, released=?, nonce=?, passed=? WHERE reference=?");
  return s.bind(to_string(e.state))
      .bind(to_string(e.before))
      .bind(joined(e.released))
      .bind(e.nonce)
      .bind(e.passed)
      .bind(e.reference)
      .run();
}

Result<void> Index::confirm(const std::vector<std::string>& references) {
  if (const auto begun = execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  Result<void> result;
  for (const std::string& reference : references) {
    for (const char* column : {"state", "before"}) {  // before: a release is at work already
      if (!result.ok()) break;
      Statement s(*this, std::string("UPDATE entry SET ") + column +
                             "='stored' WHERE reference=? AND " + column + "='unconfirmed'");
      result = s.bind(reference).run();
    }
  }
  if (result.ok()) result = execute("COMMIT");
  if (!result.ok()) (void)execute("ROLLBACK");
  return result;
}

Result<void> Index::erase(const std::string& reference) {
  Statement s(*this, "DELETE FROM entry WHERE reference=?");
  return s.bind(reference).run();
}

Result<std::optional<Entry>> Index::find(const std::string& reference) {
  Statement s(*this, std::string("SELECT ") + kColumns + " FROM entry WHERE reference=?");
  const auto row = s.bind(reference).step();
  if (!row.ok()) return row.error();
  return *row ? std::optional<Entry>(s.entry()) : std::nullopt;
}

Result<std::vector<Entry>> Index::list(const Filter& filter) {
  std::string sql = std::string("SELECT ") + kColumns + " FROM entry WHERE time>=?";
  if (!filter.from.empty())
    sql += " AND (instr(lower(mail_from),?)>0 OR instr(lower(header_from),?)>0)";
  if (!filter.to.empty()) sql += " AND instr(lower(recipients),?)>0";
  if (filter.state) sql += " AND state=?";
  std::optional<Entry> last;
  if (!filter.after.empty()) {
    const auto found = find(filter.after);
    if (!found.ok()) return found.error();
    last = *found;
    sql += " AND (time,reference)<(?,?)";
  }
  sql += " ORDER BY time DESC, reference DESC LIMIT ?";
  Statement s(*this, sql);
  s.bind(filter.since);
  if (!filter.from.empty()) s.bind(to_lower(filter.from)).bind(to_lower(filter.from));
  if (!filter.to.empty()) s.bind(to_lower(filter.to));
  if (filter.state) s.bind(to_string(*filter.state));
  if (!filter.after.empty()) {
    if (!last) return std::vector<Entry>();  // it was deleted meanwhile: the reader begins again
    s.bind(last->time).bind(last->reference);
  }
  s.bind(std::int64_t{std::clamp(filter.limit, 1, 500)});
  std::vector<Entry> entries;
  for (;;) {
    const auto row = s.step();
    if (!row.ok()) return row.error();
    if (!*row) return entries;
    entries.push_back(s.entry());
  }
}

Result<std::vector<std::string>> Index::older_than(std::int64_t time, int limit) {
  Statement s(
      *this,
      "SELECT reference FROM entry WHERE time<? AND state<>'releasing' ORDER BY time LIMIT ?");
  s.bind(time).bind(std::int64_t{limit});
  std::vector<std::string> list;
  for (;;) {
    const auto row = s.step();
    if (!row.ok()) return row.error();
    if (!*row) return list;
    list.push_back(s.text(0));
  }
}

Result<std::unordered_map<std::string, State>> Index::all_states() {
  Statement s(*this, "SELECT reference, state FROM entry");
  std::unordered_map<std::string, State> states;
  for (;;) {
    const auto row = s.step();
    if (!row.ok()) return row.error();
    if (!*row) return states;
    states.emplace(s.text(0), parse_state(s.text(1)).value_or(State::unconfirmed));
  }
}

Result<Totals> Index::totals() {
  Statement s(*this, "SELECT count(*), coalesce(sum(size),0) FROM entry");
  const auto row = s.step();
  if (!row.ok()) return row.error();
  return Totals{static_cast<std::uint64_t>(s.number(0)), static_cast<std::uint64_t>(s.number(1))};
}

}  // namespace gatepost::quarantine
