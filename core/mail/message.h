#pragma once
// One message while it arrives and while it is judged.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mail/fields.h"
#include "core/mail/header_field.h"

namespace gatepost::mail {

/// Octets of mail that may be in memory at one time, shared by all messages. All members are safe
/// from any thread.
class ByteBudget {
 public:
  explicit ByteBudget(std::size_t limit) : limit_(limit) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  /// Takes all of `octets`, or nothing and returns false when they do not fit.
  bool take(std::size_t octets);
  /// Takes `octets` even beyond the limit (header fields: they have their own small limit).
  void take_always(std::size_t octets) { used_.fetch_add(octets, std::memory_order_relaxed); }
  void give_back(std::size_t octets) { used_.fetch_sub(octets, std::memory_order_relaxed); }

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

/// What one message may hold; sizes in octets.
struct MessageLimits {
  std::size_t max_header_fields = 10000;
  std::size_t max_header_bytes = std::size_t{4} << 20;    ///< names and values together
  std::size_t max_body_memory = std::size_t{1} << 20;     ///< the head of the body kept in memory
  std::uint64_t max_body_spool = std::uint64_t{1} << 30;  ///< the rest, in a file
};

/// What is wrong with the form of a message; readers of it may disagree on what it says.
struct MessageDefects {
  bool header_limit = false;          ///< fields beyond the limits were left out
  bool header_without_colon = false;  ///< a line that is no field ended the header
  bool header_nul = false;
  bool header_bare_line_break = false;  ///< a CR or LF in a field that is no fold
  bool body_nul = false;
  bool body_bare_cr = false;  ///< a CR without its LF (RFC 5322 section 2.3 forbids both)
  bool body_bare_lf = false;

  bool any() const;
  bool operator==(const MessageDefects&) const = default;
};

/// A message in two phases. First one thread appends fields and body as they arrive; then freeze()
/// ends that, and from there on any number of threads may read (const members only).
///
/// The first max_body_memory octets of the body stay in memory while the shared budget has room;
/// everything behind the first octet that did not fit goes to an unnamed file in `spool_folder`,
/// which the system removes with the process. The destructor gives the budget back.
class Message {
 public:
  /// `budget` is shared with other messages; `spool_folder` must exist when a body needs it.
  Message(MessageLimits limits, std::shared_ptr<ByteBudget> budget,
          std::filesystem::path spool_folder);
  ~Message();
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// Appends a field. Beyond the limits it is left out and defects().header_limit is set.
  void add_field(HeaderField field);
  /// Appends octets of the body as they came (CRLF line ends, cut anywhere).
  /// @return a temporary error (answer 452 4.3.1) when the spool limit is reached or the file
  /// failed; the message is then incomplete for good and every later call gives the same error.
  Result<void> append_body(std::string_view octets);
  /// Ends the first phase; appending later is an internal error (fields are ignored).
  void freeze();
  bool frozen() const { return frozen_; }

  const std::vector<HeaderField>& fields() const { return fields_; }
  const MessageDefects& defects() const { return defects_; }
  /// Octets of names and values.
  std::size_t header_bytes() const { return header_bytes_; }
  std::uint64_t body_size() const { return body_in_memory_ + body_in_file_; }
  /// Octets of the body that lie in the file.
  std::uint64_t spooled() const { return body_in_file_; }

  /// Gives the body to `consume` from its start, in pieces of at most 64 KiB and never empty; a
  /// false from `consume` ends it early and is no error. @return a temporary error when the spool
  /// file cannot be read.
  Result<void> for_each_body_chunk(const std::function<bool(std::string_view)>& consume) const;
  /// The first `limit` octets of the body, or all of it when it is shorter.
  Result<std::string> body_head(std::size_t limit) const;

 private:
  void note_body_defects(std::string_view octets);
  bool append_to_memory(std::string_view octets);
  Result<void> append_to_file(std::string_view octets);
  Result<void> fail(std::string what);

  const MessageLimits limits_;
  const std::shared_ptr<ByteBudget> budget_;
  const std::filesystem::path spool_folder_;

  std::vector<HeaderField> fields_;
  std::size_t header_bytes_ = 0;
  std::vector<std::string> chunks_;  // each at most kChunk; no reallocation of what is there
  std::size_t body_in_memory_ = 0;
  std::uint64_t body_in_file_ = 0;
  int file_ = -1;
  MessageDefects defects_;
  std::optional<Error> failure_;
  bool last_was_cr_ = false;
  bool frozen_ = false;
};

}  // namespace gatepost::mail
