#include "filter/quarantine/disk_quarantine.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/message.h"
#include "filter/policy/envelope.h"
#include "filter/quarantine/index.h"
#include "filter/quarantine/token.h"
#include "filter/session/record.h"

namespace gatepost::quarantine {

namespace {

constexpr auto kExpireEvery = std::chrono::minutes(1);
constexpr int kExpireBatch = 20;                              // deleted under one lock
constexpr std::uint64_t kHeadRoom = std::uint64_t{64} << 10;  // JSON line, index row, its log

Result<void> make_private(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return temporary_error(std::string("cannot make the folder: ") + std::strerror(errno),
                           folder.string());
  return {};
}

std::string random_nonce() {
  unsigned char octets[16];
  if (RAND_bytes(octets, sizeof octets) != 1) return {};
  return hex_encode({reinterpret_cast<const char*>(octets), sizeof octets});
}

std::vector<std::string> addresses(const Envelope& envelope) {
  std::vector<std::string> list;
  for (const Recipient& recipient : envelope.recipients) list.push_back(recipient.address);
  return list;
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

std::filesystem::path messages_folder(const std::filesystem::path& directory) {
  return directory / "messages";
}
std::filesystem::path secret_file(const std::filesystem::path& directory) {
  return directory / "release.key";
}

bool lock_entry(int fd) {
  return ::flock(fd, LOCK_EX | LOCK_NB) == 0;
}

struct DiskQuarantine::Impl {
  Impl(Options o, const Clock& c, Metrics& m, Say s)
      : options(std::move(o)),
        clock(c),
        metrics(m),
        say(std::move(s)),
        folder(messages_folder(options.directory)) {}

  // --- opening; the caller holds `mutex`

  Result<void> ensure_open() {
    if (index && !index->is_damaged()) return {};
    index.reset();
    if (const auto made = make_private(options.directory); !made.ok()) return made;
    if (const auto made = make_private(folder.path()); !made.ok()) return made;
    auto key = read_or_make_secret(secret_file(options.directory));
    if (!key.ok()) return key.error();
    secret = std::move(*key);
    bool rebuilt = false;
    auto opened = Index::open(options.directory / "index.db", clock.unix_time(), rebuilt);
    if (!opened.ok()) return opened.error();
    if (rebuilt) {
      metrics.counter("quarantine.index_rebuilt").add();
      tell("the index was damaged: moved aside, made anew from the files");
    }
    if (const auto put = put_right(**opened); !put.ok()) return put;
    auto sums = (*opened)->totals();
    if (!sums.ok()) return sums.error();
    totals = *sums;
    index = std::move(*opened);
    return {};
  }

  /// After a crash: files without a row get one, rows without a file go.
  Result<void> put_right(Index& fresh) {
    auto rows = fresh.all_states();
    if (!rows.ok()) return rows.error();
    auto files = folder.sweep();
    if (!files.ok()) return files.error();
    for (const EntryFolder::Found& file : *files) {
      // One that is being written now has a name already but no row yet.
      if (in_hand.count(file.reference) != 0) continue;
      if (const auto row = rows->extract(file.reference); !row.empty()) {
        if ((row.mapped() == State::released) != file.released)
          (void)folder.mark_released(file.reference, !file.released);
        continue;
      }
      auto head = EntryFolder::read_head(*folder.find(file.reference));
      if (!head.ok()) {
        tell(head.error().text());
        continue;
      }
      Entry& entry = head->entry;
      entry.reference = file.reference;
      entry.state = file.released ? State::released : State::unconfirmed;
      if (file.released) entry.released = entry.recipients;
      if (const auto put = fresh.insert(entry); !put.ok()) return put;
      metrics.counter("quarantine.recovered").add();
      tell("entry " + file.reference + " had no index row: entered as " +
           std::string(to_string(entry.state)));
    }
    for (const auto& [lost, state] : *rows) {
      if (in_hand.count(lost) != 0) continue;
      if (const auto gone = fresh.erase(lost); !gone.ok()) return gone;
      metrics.counter("quarantine.lost_files").add();
      tell("entry " + lost + " has no file any more: removed from the index");
    }
    return {};
  }

  void tell(const std::string& what) {
    if (say) say("quarantine: " + what);
  }

  // --- storing

  /// Takes a writer's place, a share of the budgets, and the reference. The disk is the limit, not
  /// the number of callback threads: more writers would only make each fsync slower. libmilter has
  /// a thread for each session in a callback, so those who wait here hold up nobody else; too many
  /// of them get their 452 at once.
  Result<void> reserve(const std::string& reference, std::uint64_t octets) {
    std::unique_lock lock(mutex);
    if (waiting >= options.max_waiting)
      return temporary_error("too many messages wait to be stored");
    ++waiting;
    writer_ended.wait(lock, [this] { return writers < options.max_writers; });
    --waiting;
    if (const auto open = ensure_open(); !open.ok()) return open;
    if (totals.messages >= options.max_messages || totals.octets + octets > options.max_octets) {
      // What has expired makes room before anything is deferred.
      (void)expire_locked();
      if (totals.messages >= options.max_messages || totals.octets + octets > options.max_octets)
        return temporary_error("the quarantine is full: quarantine.max_size or max_messages");
    }
    struct statvfs disk {};
    if (::statvfs(folder.path().c_str(), &disk) != 0)
      return temporary_error(std::string("cannot be used: ") + std::strerror(errno),
                             folder.path().string());
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free < octets + options.min_free)
      return temporary_error("less than quarantine.min_free is left on the disk",
                             folder.path().string());
    ++writers;
    in_hand.insert(reference);
    totals.messages += 1;
    totals.octets += octets;
    return {};
  }

  void release_reservation(const std::string& reference, std::uint64_t octets) {
    std::lock_guard lock(mutex);
    --writers;
    in_hand.erase(reference);
    totals.messages -= 1;
    totals.octets -= octets;
    writer_ended.notify_one();
  }

  Result<void> keep(const mail::Message& message, const Record& record) {
    if (!is_reference(record.reference))
      return internal_error("'" + printable(record.reference) + "' is no reference");
    const std::uint64_t octets =
        message.header_bytes() + message.fields().size() * 3 + message.body_size() + kHeadRoom;
    if (const auto room = reserve(record.reference, octets); !room.ok()) return room;
    Result<void> kept = write(message, record);
    release_reservation(record.reference, octets);
    return kept;
  }

  Result<void> write(const mail::Message& message, const Record& record) {
    auto entry = entry_of(message, record);
    if (!entry.ok()) return entry.error();
    if (const auto written = folder.write(*entry, message, record); !written.ok()) return written;
    std::lock_guard lock(mutex);
    Result<void> put = ensure_open();
    if (put.ok()) put = index->insert(*entry);
    if (!put.ok() && index && index->is_damaged()) {
      put = ensure_open();  // moved aside and made anew
      if (put.ok()) put = index->insert(*entry);
    }
    if (!put.ok()) {
      if (const auto gone = folder.remove(entry->reference); !gone.ok()) tell(gone.error().text());
      return put;
    }
    totals.messages += 1;
    totals.octets += entry->size;
    return {};
  }

  // --- release tokens

  ReleaseCheck check(const mail::Message& message, const Envelope& envelope,
                     const std::vector<const mail::HeaderField*>& fields) {
    if (fields.size() > 1) return {false, "the message has several tokens"};
    const auto token = parse_token(fields[0]->value);
    if (!token.ok()) return {false, token.error().what};
    if (token->expires < clock.unix_time()) return {false, "the token has expired"};
    std::string key;
    {
      std::lock_guard lock(mutex);
      if (const auto good = nonce_is_good(*token); !good.ok()) return {false, good.error().what};
      key = secret;
    }
    // Hashed only for a token that could be good: nobody can make us do it at will.
    const auto content = content_digest(message, token->fields);
    if (!content.ok()) return {false, content.error().text()};
    const std::string to = envelope_digest(envelope.mail_from, addresses(envelope));
    if (!mac_fits(key, *token, *content, to))
      return {false, "the token is forged, or of another content or envelope"};
    std::lock_guard lock(mutex);
    if (const auto passed = note_passed(*token); !passed.ok()) return {false, passed.error().what};
    return {true, token->reference};
  }

  Result<Entry> entry_in_release(const ReleaseToken& token) {
    if (const auto open = ensure_open(); !open.ok()) return open.error();
    auto entry = index->find(token.reference);
    if (!entry.ok()) return entry.error();
    if (!*entry) return permanent_error("the token is of an entry that does not exist");
    if ((*entry)->state != State::releasing || (*entry)->nonce != token.nonce)
      return permanent_error("the token was used already, or its release has ended");
    return std::move(**entry);
  }

  Result<void> nonce_is_good(const ReleaseToken& token) {
    const auto entry = entry_in_release(token);
    return entry.ok() ? Result<void>() : entry.error();
  }

  Result<void> note_passed(const ReleaseToken& token) {
    auto entry = entry_in_release(token);
    if (!entry.ok()) return entry.error();
    if (entry->passed != 0) return {};
    entry->passed = std::max<std::int64_t>(clock.unix_time(), 1);
    return index->update(*entry);
  }

  // --- deletion and expiry; the caller holds `mutex`

  Result<bool> erase(const std::string& reference) {
    if (!is_reference(reference)) return false;
    if (const auto open = ensure_open(); !open.ok()) return open.error();
    const auto entry = index->find(reference);
    if (!entry.ok()) return entry.error();
    const auto file = folder.find(reference);
    if (!*entry) return false;
    const File held(file ? ::open(file->c_str(), O_RDONLY | O_CLOEXEC) : -1);
    if (held.is_open() && !lock_entry(held.get()))
      return temporary_error(reference + " is being released now");
    // The file first: a row without it is removed at the next start, a file without its row would
    // come back then.
    if (const auto gone = folder.remove(reference); !gone.ok()) return gone.error();
    if (const auto gone = index->erase(reference); !gone.ok()) return gone.error();
    totals.messages -= std::min<std::uint64_t>(totals.messages, 1);
    totals.octets -= std::min(totals.octets, (*entry)->size);
    return true;
  }

  Result<std::size_t> expire_locked() {
    if (const auto open = ensure_open(); !open.ok()) return open.error();
    const std::int64_t before = clock.unix_time() - options.retention.count();
    const auto old = index->older_than(before, kExpireBatch);
    if (!old.ok()) return old.error();
    std::size_t count = 0;
    for (const std::string& reference : *old) {
      const auto gone = erase(reference);
      if (!gone.ok()) {
        tell(gone.error().text());
        continue;
      }
      ++count;
    }
    metrics.counter("quarantine.expired").add(static_cast<std::int64_t>(count));
    return count;
  }

  // --- the thread

  /// Takes what is due, without holding up those who confirm.
  std::vector<std::string> take_due() {
    std::lock_guard lock(confirm_mutex);
    return std::exchange(due, {});
  }

  void flush() {
    std::vector<std::string> batch = take_due();
    std::lock_guard lock(mutex);
    to_confirm.insert(to_confirm.end(), batch.begin(), batch.end());
    if (to_confirm.empty()) return;
    if (const auto open = ensure_open(); !open.ok()) return;
    const auto done = index->confirm(to_confirm);
    if (!done.ok()) return tell(done.error().text());
    metrics.counter("quarantine.confirmed").add(static_cast<std::int64_t>(to_confirm.size()));
    to_confirm.clear();
  }

  void work() {
    for (;;) {
      {
        std::unique_lock lock(confirm_mutex);
        work_to_do.wait_for(lock, kExpireEvery, [this] { return stopping || !due.empty(); });
        if (stopping) return;
      }
      flush();
      for (bool more = true; more;) {
        std::lock_guard lock(mutex);  // in batches, so that nobody waits long
        if (!index) break;
        const auto expired = expire_locked();
        more = expired.ok() && *expired == kExpireBatch;
      }
    }
  }

  const Options options;
  const Clock& clock;
  Metrics& metrics;
  const Say say;
  const EntryFolder folder;

  std::mutex mutex;  // guards all of this block
  std::condition_variable writer_ended;
  std::unique_ptr<Index> index;
  std::string secret;
  Totals totals;
  std::unordered_set<std::string> in_hand;
  std::vector<std::string> to_confirm;
  int writers = 0;
  int waiting = 0;

  std::mutex confirm_mutex;  // never taken with `mutex` held
  std::condition_variable work_to_do;
  std::vector<std::string> due;
  bool stopping = false;
  std::thread thread;
};

DiskQuarantine::DiskQuarantine(Options options, const Clock& clock, Metrics& metrics, Say say)
    : impl_(std::make_unique<Impl>(std::move(options), clock, metrics, std::move(say))) {}

DiskQuarantine::~DiskQuarantine() {
  {
    std::lock_guard lock(impl_->confirm_mutex);
    impl_->stopping = true;
    impl_->work_to_do.notify_all();
  }
  if (impl_->thread.joinable()) impl_->thread.join();
  flush();
}

Result<void> DiskQuarantine::start() {
  if (!impl_->thread.joinable())
    impl_->thread = std::thread([impl = impl_.get()] { impl->work(); });
  std::lock_guard lock(impl_->mutex);
  return impl_->ensure_open();
}

Result<void> DiskQuarantine::keep(const mail::Message& message, const Record& record) {
  Result<void> kept = impl_->keep(message, record);
  impl_->metrics.counter(kept.ok() ? "quarantine.stored" : "quarantine.unavailable").add();
  if (!kept.ok()) impl_->tell(record.reference + " is not stored: " + kept.error().text());
  return kept;
}

void DiskQuarantine::confirm(const std::string& reference) {
  std::lock_guard lock(impl_->confirm_mutex);
  impl_->due.push_back(reference);
  impl_->work_to_do.notify_all();
}

void DiskQuarantine::flush() {
  impl_->flush();
}

std::optional<ReleaseCheck> DiskQuarantine::check_release(const mail::Message& message,
                                                          const Envelope& envelope) {
  const auto fields = mail::find_fields(message.fields(), kReleaseField);
  if (fields.empty()) return std::nullopt;
  ReleaseCheck check = impl_->check(message, envelope, fields);
  impl_->metrics.counter(check.good ? "quarantine.tokens_good" : "quarantine.tokens_bad").add();
  return check;
}

Result<std::vector<Entry>> DiskQuarantine::list(const Filter& filter) {
  flush();
  std::lock_guard lock(impl_->mutex);
  if (const auto open = impl_->ensure_open(); !open.ok()) return open.error();
  return impl_->index->list(filter);
}

Result<std::optional<Entry>> DiskQuarantine::find(const std::string& reference) {
  flush();
  std::lock_guard lock(impl_->mutex);
  if (const auto open = impl_->ensure_open(); !open.ok()) return open.error();
  return impl_->index->find(reference);
}

Result<Totals> DiskQuarantine::totals() {
  std::lock_guard lock(impl_->mutex);
  if (const auto open = impl_->ensure_open(); !open.ok()) return open.error();
  return impl_->index->totals();
}

Result<bool> DiskQuarantine::erase(const std::string& reference) {
  std::lock_guard lock(impl_->mutex);
  return impl_->erase(reference);
}

const std::filesystem::path& DiskQuarantine::directory() const {
  return impl_->options.directory;
}

std::optional<std::filesystem::path> DiskQuarantine::file_of(const std::string& reference) const {
  return is_reference(reference) ? impl_->folder.find(reference) : std::nullopt;
}

Result<std::optional<Begun>> DiskQuarantine::begin_release(const std::string& reference,
                                                           bool again) {
  flush();
  std::lock_guard lock(impl_->mutex);
  if (const auto open = impl_->ensure_open(); !open.ok()) return open.error();
  auto found = impl_->index->find(reference);
  if (!found.ok()) return found.error();
  if (!*found) return std::optional<Begun>();
  Entry& entry = **found;
  if (entry.state == State::released && !again)
    return permanent_error(reference + " was released already; --again releases it once more");
  if (entry.state == State::releasing && entry.passed != 0 && !again) {
    return permanent_error(reference +
                           " was let pass in a release that was cut off, so it may have been "
                           "delivered; --again releases it once more");
  }
  if (entry.state == State::released) entry.released.clear();
  if (entry.state != State::releasing) entry.before = entry.state;
  entry.state = State::releasing;
  entry.nonce = random_nonce();
  entry.passed = 0;
  if (entry.nonce.empty()) return internal_error("there are no random numbers to be had");
  if (const auto noted = impl_->index->update(entry); !noted.ok()) return noted.error();
  Begun begun{entry, {}};
  for (const std::string& recipient : entry.recipients) {
    if (!contains(entry.released, recipient)) begun.recipients.push_back(recipient);
  }
  return std::optional<Begun>(std::move(begun));
}

Result<bool> DiskQuarantine::end_release(const std::string& reference, const std::string& nonce,
                                         const std::vector<std::string>& delivered, bool whole) {
  std::lock_guard lock(impl_->mutex);
  if (const auto open = impl_->ensure_open(); !open.ok()) return open.error();
  auto found = impl_->index->find(reference);
  if (!found.ok()) return found.error();
  if (!*found || (*found)->state != State::releasing || (*found)->nonce != nonce) return true;
  Entry& entry = **found;
  const bool to_all = delivered.size() == 1 && delivered[0] == "*";
  for (const std::string& recipient : to_all ? entry.recipients : delivered) {
    if (!contains(entry.released, recipient)) entry.released.push_back(recipient);
  }
  const bool all = std::all_of(entry.recipients.begin(), entry.recipients.end(),
                               [&](const auto& r) { return contains(entry.released, r); });
  const bool done = !delivered.empty() && (all || whole);
  entry.state = done ? State::released : entry.before;
  const bool passed = entry.passed != 0;
  entry.nonce.clear();  // burned
  entry.passed = 0;
  if (const auto noted = impl_->index->update(entry); !noted.ok()) return noted.error();
  if (done) impl_->metrics.counter("quarantine.released").add();
  const auto marked = impl_->folder.mark_released(reference, entry.state == State::released);
  if (!marked.ok()) impl_->tell(marked.error().text());
  return passed;
}

Result<std::size_t> DiskQuarantine::expire() {
  std::lock_guard lock(impl_->mutex);
  return impl_->expire_locked();
}

}  // namespace gatepost::quarantine
