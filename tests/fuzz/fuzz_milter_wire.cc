// Input: a stream of reply packets as a filter would send them. The decoder must refuse or read
// each one without taking more memory than its budgets allow.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/support/milter/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::test::milter;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Limits limits;
  limits.packet = 65536;
  limits.macros_in_list = 16;
  limits.reply_lines = 8;
  while (rest.size() >= 4) {
    const auto length = decode_length(rest, limits);
    if (!length || *length > rest.size() - 4) break;
    const auto reply = decode_reply(rest.substr(4, *length), limits);
    if (reply) {
      if (const auto* code = std::get_if<ReplyCode>(&*reply)) {
        if (code->code < 400 || code->code > 599 || code->lines.empty()) std::abort();
        if (code->lines.size() > limits.reply_lines) std::abort();
      }
      if (const auto* answer = std::get_if<Negotiated>(&*reply)) {
        if (answer->macro_lists.size() > kMacroStages.size()) std::abort();
      }
      if (to_string(*reply)[0] == '\0') std::abort();
    } else if (reply.error().what.empty()) {
      std::abort();
    }
    rest.remove_prefix(4 + *length);
  }
  if (!rest.empty()) (void)decode_reply(rest, limits);
  return 0;
}
