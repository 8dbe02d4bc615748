#include "core/mail/message.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "core/mail/header_block.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

// A file of no name in `folder`, readable by this process only, or -1 with errno set.
int open_unnamed(const std::filesystem::path& folder) {
  int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  // Not every file system has O_TMPFILE; old kernels see a folder opened for writing (EISDIR).
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = (folder / "body-XXXXXX").string();
  file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

}  // namespace

bool ByteBudget::take(std::size_t octets) {
  std::size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used > limit_ || octets > limit_ - used) return false;
  } while (!used_.compare_exchange_weak(used, used + octets, std::memory_order_relaxed));
  return true;
}

bool MessageDefects::any() const {
  return *this != MessageDefects{};
}

Message::Message(MessageLimits limits, std::shared_ptr<ByteBudget> budget,
                 std::filesystem::path spool_folder)
    : limits_(limits), budget_(std::move(budget)), spool_folder_(std::move(spool_folder)) {}

Message::~Message() {
  if (file_ >= 0) ::close(file_);
  budget_->give_back(header_bytes_ + body_in_memory_);
}

void Message::add_field(HeaderField field) {
  if (frozen_) return;
  const std::size_t octets = field.name.size() + field.value.size();
  // Once one is left out all later ones are: what is kept is the top of the message.
  if (defects_.header_limit || fields_.size() >= limits_.max_header_fields ||
      octets > limits_.max_header_bytes - header_bytes_) {
    defects_.header_limit = true;
    return;
  }
  note_field_defects(field, defects_);
  budget_->take_always(octets);
  header_bytes_ += octets;
  fields_.push_back(std::move(field));
}

Result<void> Message::append_body(std::string_view octets) {
  if (frozen_) return internal_error("a frozen message cannot grow");
  if (failure_) return *failure_;
  note_body_defects(octets);
  // The file is behind what is in memory, so nothing goes to memory once it is there.
  if (body_in_file_ == 0 && append_to_memory(octets)) return {};
  return append_to_file(octets);
}

void Message::freeze() {
  if (last_was_cr_) defects_.body_bare_cr = true;
  frozen_ = true;
}

void Message::note_body_defects(std::string_view octets) {
  if (octets.empty()) return;
  const char* const begin = octets.data();
  const char* const end = begin + octets.size();
  const auto find = [end](const char* from, char c) {
    return static_cast<const char*>(std::memchr(from, c, static_cast<std::size_t>(end - from)));
  };
  if (!defects_.body_nul && find(begin, '\0') != nullptr) defects_.body_nul = true;
  if (last_was_cr_ && *begin != '\n') defects_.body_bare_cr = true;
  for (const char* at = begin; !defects_.body_bare_lf && at < end; ++at) {
    at = find(at, '\n');
    if (at == nullptr) break;
    if (at == begin ? !last_was_cr_ : at[-1] != '\r') defects_.body_bare_lf = true;
  }
  for (const char* at = begin; !defects_.body_bare_cr && at < end; ++at) {
    at = find(at, '\r');
    if (at == nullptr) break;
    if (at + 1 < end && at[1] != '\n') defects_.body_bare_cr = true;
  }
  last_was_cr_ = end[-1] == '\r';
}

bool Message::append_to_memory(std::string_view octets) {
  if (octets.size() > limits_.max_body_memory - body_in_memory_) return false;
  if (!budget_->take(octets.size())) return false;
  body_in_memory_ += octets.size();
  while (!octets.empty()) {
    if (chunks_.empty() || chunks_.back().size() == kChunk) chunks_.emplace_back();
    std::string& last = chunks_.back();
    const std::string_view piece = octets.substr(0, kChunk - last.size());
    last += piece;
    octets.remove_prefix(piece.size());
  }
  return true;
}

Result<void> Message::append_to_file(std::string_view octets) {
  if (octets.size() > limits_.max_body_spool - body_in_file_) {
    return fail("the message body is larger than the spool limit");
  }
  if (file_ < 0) {
    file_ = open_unnamed(spool_folder_);
    if (file_ < 0) return fail("cannot create a spool file: " + errno_text(errno));
  }
  while (!octets.empty()) {
    const ssize_t written =
        ::pwrite(file_, octets.data(), octets.size(), static_cast<off_t>(body_in_file_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("cannot write the spool file: " + errno_text(errno));
    body_in_file_ += static_cast<std::uint64_t>(written);
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> Message::fail(std::string what) {
  failure_ = temporary_error(std::move(what), spool_folder_.string());
  return *failure_;
}

Result<void> Message::for_each_body_chunk(
    const std::function<bool(std::string_view)>& consume) const {
  for (const std::string& chunk : chunks_) {
    if (!consume(chunk)) return {};
  }
  std::string buffer;
  for (std::uint64_t position = 0; position < body_in_file_;) {
    buffer.resize(kChunk);
    const std::size_t wanted = std::min<std::uint64_t>(kChunk, body_in_file_ - position);
    // pread keeps no position: several readers may be at work.
    const ssize_t got = ::pread(file_, buffer.data(), wanted, static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return temporary_error("cannot read the spool file: " +
                                 (got < 0 ? errno_text(errno) : std::string("it became shorter")),
                             spool_folder_.string());
    }
    position += static_cast<std::uint64_t>(got);
    if (!consume(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)))) return {};
  }
  return {};
}

Result<std::string> Message::body_head(std::size_t limit) const {
  std::string head;
  head.reserve(std::min<std::uint64_t>(limit, body_size()));
  if (limit == 0) return head;
  auto read = for_each_body_chunk([&](std::string_view chunk) {
    head += chunk.substr(0, limit - head.size());
    return head.size() < limit;
  });
  if (!read) return read.error();
  return head;
}

}  // namespace gatepost::mail
