#include "filter/rule_tools/mail_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/text.h"
#include "filter/rule_tools/mailbox.h"

namespace gatepost::rule_tools {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;
constexpr std::size_t kChunk = std::size_t{1} << 20;

class Lister {
 public:
  Lister(MailList& out, std::atomic<std::size_t>& seen) : out_(out), seen_(seen) {}

  void folder(const fs::path& path, int depth) {
    if (depth > kMaxDepth) return fault(path, "lies more than 32 folders deep");
    std::error_code error;
    const bool maildir =
        fs::is_directory(path / "cur", error) && fs::is_directory(path / "new", error);
    std::vector<fs::path> entries;
    auto entry = fs::directory_iterator(path, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
      entries.push_back(entry->path());
    if (error) return fault(path, error.message());
    std::sort(entries.begin(), entries.end());
    for (const fs::path& one : entries) {
      const std::string name = one.filename().string();
      const fs::file_status link = fs::symlink_status(one, error);
      if (fs::is_directory(link)) {
        // A maildir's subfolders have a dot in front.
        if (maildir ? name != "tmp" : name[0] != '.') folder(one, depth + 1);
      } else if (!maildir && name[0] != '.' && fs::is_regular_file(one, error)) {
        file(one);
      }
    }
  }

  void file(const fs::path& path) {
    seen_.fetch_add(1, std::memory_order_relaxed);
    std::ifstream in(path, std::ios::binary);
    if (!in.is_open()) return fault(path, "cannot be read");
    char head[5] = {};
    in.read(head, sizeof head);
    if (in.gcount() == 0) return;
    if (std::string_view(head, static_cast<std::size_t>(in.gcount())) == "From ") {
      in.clear();
      in.seekg(0);
      return mailbox(path, in);
    }
    std::error_code error;
    out_.mail.push_back({path.string(), 0, fs::file_size(path, error), 0});
  }

  void fault(const fs::path& path, const std::string& what) {
    ++out_.unreadable_count;
    if (out_.unreadable.size() < MailList::kMaxTold)
      out_.unreadable.push_back(printable(path.string(), 400) + ": " + what);
  }

 private:
  void mailbox(const fs::path& path, std::ifstream& in) {
    MailboxScanner scanner;
    std::string chunk(kChunk, '\0');
    while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), in.gcount() > 0)
      scanner.feed(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())));
    if (in.bad()) return fault(path, "cannot be read");
    const auto messages = scanner.finish();
    std::uint32_t number = 0;
    for (const auto& message : messages) {
      // A file of one message with the "From " line kept is a message, too.
      out_.mail.push_back({path.string(), message.begin, message.end - message.begin,
                           messages.size() == 1 ? 0 : ++number});
    }
  }

  MailList& out_;
  std::atomic<std::size_t>& seen_;
};

}  // namespace

std::string MailPlace::name() const {
  return number == 0 ? path : path + "#" + std::to_string(number);
}

Result<void> list_mail(const std::string& path, MailList& out, std::atomic<std::size_t>& seen) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  Lister lister(out, seen);
  if (fs::is_directory(status)) {
    lister.folder(path, 0);
  } else if (fs::is_regular_file(status)) {
    lister.file(path);
  } else {
    return permanent_error(
        "cannot be read, expected a message, an mbox file, a maildir or a folder",
        printable(path, 400));
  }
  return {};
}

Result<std::string> read_mail(const MailPlace& place) {
  std::ifstream in(place.path, std::ios::binary);
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(place.size, kMaxMailSize)),
                   '\0');
  in.seekg(static_cast<std::streamoff>(place.offset));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad())
    return permanent_error("cannot be read", printable(place.name(), 400));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (text.starts_with("From ")) return unquote_mailbox_message(text);
  return text;
}

}  // namespace gatepost::rule_tools
