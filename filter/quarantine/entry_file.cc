#include "filter/quarantine/entry_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/message.h"
#include "filter/quarantine/token.h"
#include "filter/session/record.h"

namespace gatepost::quarantine {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kBuffer = std::size_t{256} << 10;
constexpr std::size_t kMaxHead = std::size_t{16} << 20;
constexpr std::size_t kSecretSize = 32;
constexpr std::string_view kReleased = ".released";

Error io_error(const char* what, const std::filesystem::path& file, int error = errno) {
  return temporary_error(std::string("cannot ") + what + ": " + std::strerror(error),
                         file.string());
}

/// Writes in large pieces; the first fault stays.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) { buffer_.reserve(kBuffer); }
  bool add(std::string_view octets) {
    written_ += octets.size();
    if (buffer_.size() + octets.size() > kBuffer && !flush()) return false;
    if (octets.size() > kBuffer) return put(octets);
    buffer_ += octets;
    return true;
  }
  bool flush() {
    const bool good = put(buffer_);
    buffer_.clear();
    return good;
  }
  std::uint64_t written() const { return written_; }
  int error() const { return error_; }

 private:
  bool put(std::string_view octets) {
    while (error_ == 0 && !octets.empty()) {
      const ssize_t put = ::write(fd_, octets.data(), octets.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) error_ = errno;
      if (put > 0) octets.remove_prefix(static_cast<std::size_t>(put));
    }
    return error_ == 0;
  }
  int fd_;
  int error_ = 0;
  std::uint64_t written_ = 0;
  std::string buffer_;
};

// JSON is UTF-8; other octets of a hostile message are shown as escapes.
std::string shown(std::string_view text, std::size_t limit) {
  if (text.size() <= limit && is_valid_utf8(text)) return std::string(text);
  return printable(text, limit);
}

std::string field_text(const mail::Message& message, std::string_view name) {
  const mail::HeaderField* field = mail::first_field(message.fields(), name);
  return field == nullptr ? "" : shown(trim(mail::unfold(field->value)), 500);
}

Json head_json(const Entry& entry, const Record& record) {
  return {{"gatepost", 1},
          {"reference", entry.reference},
          {"time", entry.time},
          {"mail_from", entry.mail_from},
          {"recipients", entry.recipients},
          {"smtputf8", entry.smtputf8},
          {"header_from", entry.header_from},
          {"subject", entry.subject},
          {"message_id", entry.message_id},
          {"client", entry.client},
          {"queue_id", entry.queue_id},
          {"reason", entry.reason},
          {"score", entry.score},
          {"bound", entry.bound},
          {"digest", entry.digest},
          {"record", Json::parse(to_json(record), nullptr, false)}};
}

bool add_message(Writer& out, const mail::Message& message, Result<void>& read) {
  for (const mail::HeaderField& field : message.fields()) {
    if (!out.add(field.name) || !out.add(":") || !out.add(field.value) || !out.add("\r\n"))
      return false;
  }
  if (!out.add("\r\n")) return false;
  bool good = true;
  read = message.for_each_body_chunk([&](std::string_view chunk) { return good = out.add(chunk); });
  return good;
}

std::string all_of(int fd, std::size_t limit) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; text.size() < limit && (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

}  // namespace

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Entry> entry_of(const mail::Message& message, const Record& record) {
  Entry entry;
  entry.reference = record.reference;
  entry.time = record.unix_time;
  entry.mail_from = shown(record.envelope.mail_from, 4096);
  bool utf8 = !is_ascii(entry.mail_from);
  for (const Recipient& recipient : record.envelope.recipients) {
    entry.recipients.push_back(shown(recipient.address, 4096));
    utf8 = utf8 || !is_ascii(recipient.address);
  }
  entry.smtputf8 = utf8;
  entry.header_from = field_text(message, "From");
  entry.subject = field_text(message, "Subject");
  entry.message_id = field_text(message, "Message-ID");
  if (record.connection.client) entry.client = record.connection.client->text();
  entry.queue_id = shown(record.envelope.queue_id, 64);
  for (const Reason& reason : record.verdict.reasons) {
    if (entry.reason.size() > 400) break;
    entry.reason += (entry.reason.empty() ? "" : ",") + reason.finding;
  }
  entry.score = record.verdict.score;
  entry.bound = bound_fields(message.fields());
  auto digest = content_digest(message, entry.bound);
  if (!digest.ok()) return digest.error();
  entry.digest = std::move(*digest);
  return entry;
}

std::optional<std::filesystem::path> EntryFolder::find(const std::string& reference) const {
  for (const auto& file : {folder_ / reference, folder_ / (reference + std::string(kReleased))}) {
    if (::access(file.c_str(), F_OK) == 0) return file;
  }
  return std::nullopt;
}

Result<void> EntryFolder::write(Entry& entry, const mail::Message& message,
                                const Record& record) const {
  const auto place = folder_ / entry.reference;
  const auto beside = folder_ / ("." + entry.reference);
  const File file(::open(beside.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open()) return io_error("create", beside);
  Writer out(file.get());
  Result<void> read;
  const std::string head =
      head_json(entry, record).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const bool written = out.add(head) && add_message(out, message, read) && out.flush();
  int error = written ? 0 : out.error();
  if (error == 0 && read.ok() && ::fsync(file.get()) != 0) error = errno;
  // link() and not rename(): never over another entry, whose reference a clock that was set back
  // could make once more.
  if (error == 0 && read.ok() && ::link(beside.c_str(), place.c_str()) != 0) error = errno;
  ::unlink(beside.c_str());
  if (!read.ok()) return read;
  if (error != 0) return io_error("write", place, error);
  entry.size = out.written();
  if (const auto synced = sync_folder(); !synced.ok()) {
    ::unlink(place.c_str());
    return synced;
  }
  return {};
}

Result<void> EntryFolder::sync_folder() const {
  const File folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open() || ::fsync(folder.get()) != 0) return io_error("sync", folder_);
  return {};
}

Result<bool> EntryFolder::remove(const std::string& reference) const {
  const auto file = find(reference);
  if (!file) return false;
  if (::unlink(file->c_str()) != 0) return io_error("remove", *file);
  if (const auto synced = sync_folder(); !synced.ok()) return synced.error();
  return true;
}

Result<void> EntryFolder::mark_released(const std::string& reference, bool released) const {
  const auto plain = folder_ / reference;
  const auto marked = folder_ / (reference + std::string(kReleased));
  const auto& from = released ? plain : marked;
  const auto& to = released ? marked : plain;
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return io_error("rename", from);
  return sync_folder();
}

Result<FileHead> EntryFolder::read_head(const std::filesystem::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) return io_error("read", path);
  std::string line;
  char buffer[16384];
  while (line.find('\n') == std::string::npos && line.size() < kMaxHead) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    line.append(buffer, static_cast<std::size_t>(got));
  }
  const auto end = line.find('\n');
  const Json json = Json::parse(line.substr(0, end), nullptr, false);
  if (end == std::string::npos || !json.is_object() || !json.contains("gatepost"))
    return permanent_error("is no file of the quarantine", path.string());
  FileHead head;
  Entry& e = head.entry;
  try {
    e.reference = json.at("reference");
    e.time = json.at("time");
    e.mail_from = json.at("mail_from");
    e.recipients = json.at("recipients").get<std::vector<std::string>>();
    e.smtputf8 = json.at("smtputf8");
    e.header_from = json.at("header_from");
    e.subject = json.at("subject");
    e.message_id = json.at("message_id");
    e.client = json.at("client");
    e.queue_id = json.at("queue_id");
    e.reason = json.at("reason");
    e.score = json.at("score");
    e.bound = json.at("bound");
    e.digest = json.at("digest");
    head.record = json.at("record").dump();
  } catch (const nlohmann::json::exception& error) {
    return permanent_error(std::string("is damaged: ") + error.what(), path.string());
  }
  e.size = static_cast<std::uint64_t>(status.st_size);
  head.message_at = end + 1;
  return head;
}

Result<std::vector<EntryFolder::Found>> EntryFolder::sweep() const {
  std::vector<Found> all;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(folder_, error)) {
    std::string name = item.path().filename();
    if (name.starts_with('.')) {
      ::unlink(item.path().c_str());  // its message was answered with 4xx, or not at all
      continue;
    }
    Found found;
    found.released = name.ends_with(kReleased);
    if (found.released) name.resize(name.size() - kReleased.size());
    found.reference = name;
    if (is_reference(name)) all.push_back(std::move(found));
  }
  if (error) return io_error("read", folder_, error.value());
  return all;
}

Result<std::string> read_secret(const std::filesystem::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return io_error("read", path);
  std::string secret = all_of(file.get(), 4096);
  if (secret.size() < kSecretSize)
    return temporary_error("the release key is too short: remove it, a new one is made",
                           path.string());
  return secret;
}

Result<std::string> read_or_make_secret(const std::filesystem::path& path) {
  if (::access(path.c_str(), F_OK) == 0) return read_secret(path);
  std::string secret(kSecretSize, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()),
                 static_cast<int>(secret.size())) != 1)
    return internal_error("there are no random numbers to be had");
  const auto beside = path.string() + ".new";
  ::unlink(beside.c_str());
  const File file(::open(beside.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open()) return io_error("create", path);
  Writer out(file.get());
  if (!out.add(secret) || !out.flush()) return io_error("write", path, out.error());
  if (::fsync(file.get()) != 0 || ::rename(beside.c_str(), path.c_str()) != 0)
    return io_error("write", path);
  return secret;
}

}  // namespace gatepost::quarantine
