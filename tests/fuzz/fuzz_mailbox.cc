// mbox files of any kind: messages lie one behind the other, and no cut changes what is found.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "filter/rule_tools/mailbox.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::rule_tools;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MailboxScanner whole;
  whole.feed(text);
  const auto messages = whole.finish();
  std::uint64_t end = 0;
  for (const MailboxScanner::Message& message : messages) {
    if (message.begin != end || message.end <= message.begin) std::abort();
    end = message.end;
    const std::string_view one = text.substr(message.begin, message.end - message.begin);
    if (!one.starts_with("From ")) std::abort();
    if (unquote_mailbox_message(one).size() >= one.size()) std::abort();
  }
  if (!messages.empty() && end != size) std::abort();
  const std::size_t piece = size == 0 ? 1 : data[0] % 13 + 1;
  MailboxScanner cut;
  for (std::size_t at = 0; at < size; at += piece) cut.feed(text.substr(at, piece));
  if (cut.finish() != messages) std::abort();
  return 0;
}
