#include "filter/store/sqlite_store.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>
#include <utility>

#include "filter/store/sqlite_file.h"

namespace gatepost::store {

namespace {

constexpr std::size_t kFullBatch = 2000;
constexpr auto kIdle = std::chrono::seconds(30);  // how often expired tables are looked for

Error outside_of_budget(const Key& key) {
  return permanent_error("a key has 1 to 24 of [a-z0-9_] as its space and a name of at most " +
                             std::to_string(kMaxName) + " octets, an entry at most " +
                             std::to_string(kMaxData) + " octets of data",
                         key.space);
}

}  // namespace

struct SqliteStore::Impl {
  Impl(const std::string& p, const Clock& c, SqliteOptions o)
      : path(p),
        clock(c),
        options(std::move(o)),
        file(p, options.max_bytes),
        overlay(options.max_pending, options.max_pending_bytes) {}

  // --- any thread

  Answer read(const Key& key) {
    ++reads;
    const std::int64_t now = clock.unix_time();
    {
      std::lock_guard lock(mutex);
      if (const PendingValue* pending = overlay.find(key)) {
        return *pending && is_live(**pending, now) ? found(**pending)
                                                   : Answer{Status::none, {}, ""};
      }
    }
    std::shared_lock open_file(file_mutex);
    if (!file.is_open()) return unreadable("the store's file is not open");
    FileAnswer answer = file.read(key);
    if (answer.fault != Fault::none) {
      if (answer.fault == Fault::corrupt) report_damage();
      return unreadable(answer.why);
    }
    if (!answer.value || !is_live(*answer.value, now)) return {Status::none, {}, ""};
    return found(std::move(*answer.value));
  }

  /// With file_mutex shared, so that a file that was replaced meanwhile is not blamed.
  void report_damage() {
    damaged = true;
    wake.notify_one();
  }

  Answer unreadable(const std::string& why) {
    ++failed_reads;
    return failed(Status::unavailable, why);
  }

  bool put(const Key& key, PendingValue value) {
    ++writes;
    std::lock_guard lock(mutex);
    const bool was_empty = overlay.incoming() == 0;
    if (!overlay.put(key, std::move(value))) {
      ++refused_full;
      return false;
    }
    if (was_empty || overlay.incoming() == kFullBatch) wake.notify_one();
    return true;
  }

  static Answer full() {
    return failed(Status::unavailable, "too many writes wait for the store's disk");
  }

  // With write_order held: nobody else writes between the read and the write.
  Answer add(const Add& add) {
    if (add.data.size() > kMaxData) return failed(Status::refused, outside_of_budget(add.key).what);
    Answer before = read(add.key);
    if (before.status == Status::unavailable) return before;
    const std::int64_t now = clock.unix_time();
    Value value{add.data, add.by, expiry(now, add.ttl)};
    if (before.status == Status::found) {
      value = std::move(before.value);
      value.number += add.by;
      if (add.prolong) value.expires = expiry(now, add.ttl);
    }
    return put(add.key, value) ? found(std::move(value)) : full();
  }

  Result<void> write(const Write& write) {
    const Key& key = key_of(write);
    if (!is_valid(key) || !knows_space(key.space)) return outside_of_budget(key);
    bool taken = true;
    if (const auto* value = std::get_if<Put>(&write)) {
      if (value->data.size() > kMaxData) return outside_of_budget(key);
      taken = put(key, Value{value->data, value->number, expiry(clock.unix_time(), value->ttl)});
    } else if (const auto* addition = std::get_if<Add>(&write)) {
      const Answer answer = add(*addition);
      if (answer.status == Status::refused) return permanent_error(answer.reason);
      if (answer.status == Status::unavailable) return temporary_error(answer.reason, path);
    } else {
      taken = put(key, std::nullopt);
    }
    return taken ? Result<void>() : temporary_error(full().reason, path);
  }

  /// Spaces become tables: their number is bounded. With write_order held.
  bool knows_space(const std::string& space) {
    if (spaces.count(space) > 0) return true;
    if (spaces.size() >= kMaxSpaces) return false;
    spaces.insert(space);
    return true;
  }

  // --- the writer's thread

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      const auto asked = [&] { return stopping || wanted_flush > served_flush; };
      if (is_degraded) {
        wake.wait_for(lock, options.retry_delay, asked);
      } else {
        wake.wait_for(lock, kIdle, [&] { return asked() || overlay.incoming() > 0 || damaged; });
        // Collect: a commit costs the same for one entry and for many.
        if (!asked() && !damaged) {
          wake.wait_for(lock, options.commit_delay,
                        [&] { return asked() || overlay.incoming() >= kFullBatch; });
        }
      }
      const bool last = stopping;
      const std::uint64_t flush = wanted_flush;
      overlay.begin_commit();
      lock.unlock();
      std::string why;
      const bool committed = work(why);
      lock.lock();
      if (committed)
        overlay.commit_succeeded();
      else
        overlay.commit_failed();
      note(committed, why);
      served_flush = flush;
      flush_failed = committed ? "" : why;
      flushed.notify_all();
      if (last) return;
    }
  }

  /// One round: opens or rescues the file when that is needed, drops what expired, commits.
  bool work(std::string& why) {
    const std::int64_t now = clock.unix_time();
    if (damaged.exchange(false) && file.is_open() && !rescue(why)) return false;
    if (!file.is_open() && !reopen(why)) return false;
    dropped_tables += static_cast<std::int64_t>(file.drop_expired(now));
    if (overlay.committing().empty()) return true;
    Fault fault = file.commit(overlay.committing(), now, why);
    if (fault == Fault::corrupt && rescue(why)) fault = file.commit(overlay.committing(), now, why);
    ++(fault == Fault::none ? commits : failed_commits);
    return fault == Fault::none;
  }

  bool reopen(std::string& why) {
    std::unique_lock nobody_reads(file_mutex);
    const Fault fault = file.open(why);
    if (fault != Fault::corrupt) return fault == Fault::none;
    nobody_reads.unlock();
    return rescue(why);
  }

  /// Moves the damaged file aside and begins a fresh one.
  bool rescue(std::string& why) {
    std::unique_lock nobody_reads(file_mutex);
    const std::string damage = why.empty() ? "database disk image is malformed" : why;
    file.close();
    damaged = false;
    const auto moved = file.move_aside(clock.unix_time());
    if (!moved.ok()) {
      why = damage + "; " + moved.error().text();
      return false;
    }
    ++rescued;
    say(true, path + ": " + damage + "; moved to " + *moved + ", a fresh one is begun");
    return file.open(why) == Fault::none;
  }

  void note(bool committed, const std::string& why) {  // mutex held
    if (committed == !is_degraded) return;
    is_degraded = !committed;
    degraded_why = committed ? "" : path + ": " + why;
    if (committed)
      say(false, path + ": works again, everything that waited was committed");
    else
      say(true, degraded_why + "; reads go on, writes wait and are tried again");
  }

  void say(bool problem, const std::string& line) const {
    if (options.say) options.say(problem, "store: " + line);
  }

  const std::string path;
  const Clock& clock;
  const SqliteOptions options;

  std::shared_mutex file_mutex;  // exclusive: the file is closed or replaced
  SqliteFile file;
  std::atomic<bool> damaged{false};

  std::mutex write_order;  // taken before the others
  std::set<std::string, std::less<>> spaces;

  mutable std::mutex mutex;  // of what follows
  std::condition_variable wake, flushed;
  Overlay overlay;
  bool stopping = false;
  bool is_degraded = false;
  std::string degraded_why;
  std::uint64_t wanted_flush = 0, served_flush = 0;
  std::string flush_failed;

  std::atomic<std::int64_t> reads{0}, failed_reads{0}, writes{0}, refused_full{0}, commits{0},
      failed_commits{0}, rescued{0}, dropped_tables{0};
  std::thread thread;
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SqliteStore::~SqliteStore() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, const Clock& clock,
                                                       SqliteOptions options) {
  auto impl = std::make_unique<Impl>(path, clock, std::move(options));
  std::string why;
  Fault fault = impl->file.open(why);
  if (fault == Fault::corrupt) {
    if (!impl->rescue(why)) return config_error("the store cannot be repaired: " + why, path);
    fault = Fault::none;
  }
  if (fault == Fault::denied || fault == Fault::no_table)
    return config_error("the store cannot be used: " + why, path);
  if (fault != Fault::none) impl->note(false, why);
  impl->thread = std::thread([state = impl.get()] { state->run(); });
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

std::optional<Answer> SqliteStore::now(const Question& question) {
  const Key& key = key_of(question);
  if (!is_valid(key)) return failed(Status::refused, outside_of_budget(key).what);
  if (const auto* add = std::get_if<Add>(&question)) {
    std::lock_guard order(impl_->write_order);
    if (!impl_->knows_space(key.space)) return failed(Status::refused, outside_of_budget(key).what);
    return impl_->add(*add);
  }
  return impl_->read(key);
}

void SqliteStore::ask(std::vector<Question> batch, Deadline, Callback done) {
  for (const Question& question : batch) done(question, *now(question));
}

Result<void> SqliteStore::apply(std::span<const Write> writes) {
  std::lock_guard order(impl_->write_order);
  Result<void> first;
  for (const Write& write : writes) {
    auto taken = impl_->write(write);
    if (!taken.ok() && first.ok()) first = std::move(taken);
  }
  return first;
}

Result<Page> SqliteStore::scan(std::string_view space, std::string_view prefix,
                               std::string_view after, std::size_t limit) {
  limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
  std::map<std::string, Value> rows;
  std::optional<std::string> horizon;
  std::vector<std::pair<std::string, PendingValue>> pending;
  {
    // Before the file: what is committed in between is then seen twice, not missed.
    std::lock_guard lock(impl_->mutex);
    impl_->overlay.for_each([&](const Key& key, const PendingValue& value) {
      const bool wanted = key.space == space && key.name.starts_with(prefix) && key.name > after;
      if (wanted) pending.emplace_back(key.name, value);
    });
  }
  {
    std::shared_lock open_file(impl_->file_mutex);
    if (!impl_->file.is_open()) return temporary_error("the store's file is not open", impl_->path);
    const Fault fault = impl_->file.scan(space, prefix, after, limit, rows, horizon);
    if (fault == Fault::corrupt) impl_->report_damage();
    if (fault != Fault::none) return temporary_error("the store cannot be read now", impl_->path);
  }
  for (auto& [name, value] : pending) {
    if (value)
      rows.insert_or_assign(name, *value);
    else
      rows.erase(name);
  }
  Page page;
  const std::int64_t now = impl_->clock.unix_time();
  for (auto& [name, value] : rows) {
    if (horizon && name > *horizon) break;
    if (!is_live(value, now)) continue;
    if (page.entries.size() == limit) {
      page.next = page.entries.back().name;
      return page;
    }
    page.entries.push_back({name, std::move(value)});
  }
  page.next = horizon;
  return page;
}

Health SqliteStore::health() const {
  Health health;
  {
    std::lock_guard lock(impl_->mutex);
    health.degraded = impl_->is_degraded;
    health.why = impl_->degraded_why;
    health.counters["pending"] = static_cast<std::int64_t>(impl_->overlay.size());
  }
  health.counters["reads"] = impl_->reads;
  health.counters["failed_reads"] = impl_->failed_reads;
  health.counters["writes"] = impl_->writes;
  health.counters["refused_full"] = impl_->refused_full;
  health.counters["commits"] = impl_->commits;
  health.counters["failed_commits"] = impl_->failed_commits;
  health.counters["corrupt_files"] = impl_->rescued;
  health.counters["dropped_tables"] = impl_->dropped_tables;
  return health;
}

Result<void> SqliteStore::flush() {
  std::unique_lock lock(impl_->mutex);
  const std::uint64_t ticket = ++impl_->wanted_flush;
  impl_->wake.notify_one();
  impl_->flushed.wait(lock, [&] { return impl_->served_flush >= ticket; });
  if (!impl_->flush_failed.empty()) return temporary_error(impl_->flush_failed, impl_->path);
  return {};
}

}  // namespace gatepost::store
