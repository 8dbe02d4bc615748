#pragma once
// Messages that lie in files and folders.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace gatepost::rule_tools {

/// Where one message lies.
struct MailPlace {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t number = 0;  ///< in its mbox, from 1; 0: the file is the message

  /// "folder/file", "inbox.mbox#17"
  std::string name() const;
};

struct MailList {
  std::vector<MailPlace> mail;  ///< by path and number
  /// Files and folders that cannot be read, with the reason; at most kMaxTold.
  std::vector<std::string> unreadable;
  std::size_t unreadable_count = 0;
  static constexpr std::size_t kMaxTold = 20;
};

/// Octets of one message that are read; the rest is left out.
constexpr std::size_t kMaxMailSize = std::size_t{64} << 20;

/// Adds all mail at `path`:
/// - a file that begins with "From " is an mbox, any other a message; an empty one is none;
/// - a folder with cur and new is a maildir: what lies in cur and new, and its subfolders
///   (.Folder), which are maildirs too; never tmp;
/// - of any other folder all files and folders, at most 32 deep. Names with a dot in front, links
/// to
///   folders and what is no file are left out.
/// `seen` counts files meanwhile, for a progress bar.
/// @return a permanent error when `path` itself is not there.
Result<void> list_mail(const std::string& path, MailList& out, std::atomic<std::size_t>& seen);

/// The message, in a form that parse_message() takes. Any thread. A permanent error when the file
/// cannot be read.
Result<std::string> read_mail(const MailPlace& place);

}  // namespace gatepost::rule_tools
