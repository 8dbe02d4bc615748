#pragma once
// mbox files: many messages in one, each behind a line "From sender date" (RFC 4155).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::rule_tools {

/// Finds the messages of an mbox that comes in pieces, cut anywhere. Hostile files are fine: a
/// message costs what a MailboxMessage takes, a line at most kLine octets.
///
/// A message begins at a "From " line at the start of the file, and at one behind an empty line
/// that holds a time of day ("12:34"), as all writers put it there: "From here on…" in a text whose
/// writer did not quote it begins none.
class MailboxScanner {
 public:
  struct Message {
    std::uint64_t begin = 0;  ///< of its "From " line
    std::uint64_t end = 0;    ///< behind its last octet; the empty line before the next is in it
    bool operator==(const Message&) const = default;
  };
  static constexpr std::size_t kLine = 512;  ///< octets of a line that are looked at

  void feed(std::string_view octets);
  /// Once, at the end. Empty when the file does not begin with "From ".
  std::vector<Message> finish();

 private:
  void end_line();

  std::uint64_t at_ = 0;
  std::uint64_t line_begin_ = 0;
  std::string line_;  // its head
  bool line_is_longer_ = false;
  bool after_empty_ = true;  // the line before is empty, or there is none
  bool is_mailbox_ = true;
  std::vector<Message> messages_;
};

/// A message of an mbox as it was before it was put there: without the "From " line and with one
/// '>' less where a line begins with ">From ", ">>From " … (mboxrd).
std::string unquote_mailbox_message(std::string_view text);

}  // namespace gatepost::rule_tools
