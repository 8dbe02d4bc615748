// Whatever a text and a field hold, what comes of them is one field whose lines are short enough,
// and a mark stands in front once.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "filter/session/field_text.h"

using namespace gatepost;

namespace {

bool is_one_field(std::string_view value) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\r' || c == '\0') return false;
    if (c != '\n') {
      ++line;
      continue;
    }
    if (i + 1 == value.size() || (value[i + 1] != ' ' && value[i + 1] != '\t')) return false;
    line = 0;
  }
  return line <= value.size();
}

bool has_short_lines(std::string_view value) {
  std::size_t begin = 0;
  while (begin < value.size()) {
    const std::size_t end = std::min(value.find('\n', begin), value.size());
    if (end - begin > 998 - 70) return false;
    begin = end + 1;
  }
  return true;
}

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string folded = folded_text(input, 15);
  must(is_one_field(folded) && has_short_lines(folded) && folded.size() <= kMaxFieldText + 5);

  const std::size_t half = size / 2;
  const std::string mark = mark_text(input.substr(0, half));
  must(mark.size() <= kMaxMark + 3 && mark.find_first_of("\r\n") == mark.npos);
  if (mark.empty()) return 0;
  for (const MarkKind kind : {MarkKind::text, MarkKind::comment, MarkKind::comment_in_list}) {
    const auto value = with_mark(mark, kind, input.substr(half), 9);
    if (value) must(is_one_field(*value));
  }
  return 0;
}
