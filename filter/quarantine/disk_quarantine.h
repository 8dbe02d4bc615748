#pragma once
// The quarantine on disk: DIRECTORY/messages with a file for each entry, DIRECTORY/index.db, and
// the key of release tokens.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "filter/metrics/metrics.h"
#include "filter/quarantine/entry.h"
#include "filter/quarantine/entry_file.h"
#include "filter/session/quarantine.h"

namespace gatepost::quarantine {

struct Options {
  std::filesystem::path directory;  ///< made when missing; its parent must exist
  std::chrono::seconds retention{30 * 24 * 3600};
  std::uint64_t max_octets = std::uint64_t{10} << 30;  ///< of all files
  std::uint64_t max_messages = 1000000;
  std::uint64_t min_free = std::uint64_t{256} << 20;  ///< octets that stay free on the disk
  int max_writers = 4;                                ///< messages written at one time
  int max_waiting = 200;  ///< callers that may wait for that; beyond it keep() fails at once
};

/// The file names of a quarantine, for `gatepost`, which reads files itself.
std::filesystem::path messages_folder(const std::filesystem::path& directory);
std::filesystem::path secret_file(const std::filesystem::path& directory);

/// A release that has begun: the entry with its nonce, and who is still to get it.
struct Begun {
  Entry entry;
  std::vector<std::string> recipients;
};

/// Order of writes: file (fsync, name, folder fsync), index row (fsync), then the answer. A row
/// without a file or a file without a row, left by a crash, is put right when it is opened. A disk
/// that is full, read-only or gone makes keep() fail; it is tried again with each message.
///
/// Thread rule: everything from any thread.
class DiskQuarantine final : public Quarantine {
 public:
  using Say = std::function<void(const std::string& line)>;  ///< faults, for the log; any thread

  DiskQuarantine(Options options, const Clock& clock, Metrics& metrics, Say say);
  /// Writes the confirmations that are due.
  ~DiskQuarantine() override;

  /// Opens it and starts the thread for confirmations and expiry. As the user who is to own the
  /// files. An Error is no reason not to go on: opening is tried again when it is needed.
  Result<void> start();

  Result<void> keep(const mail::Message& message, const Record& record) override;
  void confirm(const std::string& reference) override;
  std::optional<ReleaseCheck> check_release(const mail::Message& message,
                                            const Envelope& envelope) override;

  Result<std::vector<Entry>> list(const Filter& filter);
  Result<std::optional<Entry>> find(const std::string& reference);
  Result<Totals> totals();
  /// False: there is no such entry. A temporary Error when it is being released.
  Result<bool> erase(const std::string& reference);
  const std::filesystem::path& directory() const;
  std::optional<std::filesystem::path> file_of(const std::string& reference) const;

  /// The caller holds the lock of the entry's file (lock_entry), so no other release is at work. A
  /// release that was cut off is taken over, unless the filter had let it pass: then, and for a
  /// released entry, `again` must say so. Nothing: no such entry. A permanent Error says why not.
  Result<std::optional<Begun>> begin_release(const std::string& reference, bool again);
  /// @param delivered  whom the MTA accepted it for: empty, and the release has failed; "*" alone
  ///                   stands for all that were left
  /// @param whole      the entry counts as released whoever that was (`--to`)
  /// A nonce that is not the entry's changes nothing: it has ended already.
  /// @return whether the filter let the message pass with its token
  Result<bool> end_release(const std::string& reference, const std::string& nonce,
                           const std::vector<std::string>& delivered, bool whole);

  /// Deletes what is older than the retention. @return how many.
  Result<std::size_t> expire();
  /// Writes the confirmations that are due.
  void flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Locks an open entry file against other releases and deletion, without waiting; the lock goes
/// with the file's last descriptor. False: another process has it.
bool lock_entry(int fd);

}  // namespace gatepost::quarantine
