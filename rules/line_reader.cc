#include "rules/line_reader.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

bool is_blank(char c) {
  return is_wsp(c) || c == '\f' || c == '\v';
}

}  // namespace

Place Line::place_at(const std::string& file, std::size_t offset) const {
  const auto after =
      std::upper_bound(jumps.begin(), jumps.end(), offset,
                       [](std::size_t at, const Pattern::Jump& jump) { return at < jump.offset; });
  const Pattern::Jump& jump = *(after - 1);
  return {file, jump.line, jump.column + static_cast<int>(offset - jump.offset)};
}

Pattern Line::slice(const std::string& file, std::size_t begin, std::size_t end) const {
  Pattern out;
  out.expression = text.substr(begin, end - begin);
  out.place = place_at(file, begin);
  for (const Pattern::Jump& jump : jumps) {
    if (jump.offset > begin && jump.offset < end) {
      out.jumps.push_back(
          {static_cast<std::uint32_t>(jump.offset - begin), jump.line, jump.column});
    }
  }
  return out;
}

LineReader::LineReader(std::string_view text, std::size_t max_line)
    : rest_(text), max_line_(max_line) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

// @return true when the next physical line belongs to the same line.
bool LineReader::append_physical(Line& line) {
  ++number_;
  const std::size_t lf = rest_.find('\n');
  std::string_view text = rest_.substr(0, lf);
  rest_ = lf == std::string_view::npos ? std::string_view() : rest_.substr(lf + 1);
  while (!text.empty() && text.back() == '\r') text.remove_suffix(1);

  std::size_t begin = 0;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  const auto jump_to = [&](std::size_t column) {
    line.jumps.push_back(
        {static_cast<std::uint32_t>(line.text.size()), number_, static_cast<int>(column) + 1});
  };
  jump_to(begin);
  std::size_t end = text.size();
  bool comment = false;
  for (std::size_t hash = text.find('#', begin); hash != std::string_view::npos;
       hash = text.find('#', hash + 1)) {
    if (hash == begin || text[hash - 1] != '\\') {
      end = hash;
      comment = true;
      break;
    }
    if (line.text.size() + (hash - begin) > max_line_) break;
    line.text.append(text, begin, hash - 1 - begin);
    jump_to(hash);
    begin = hash;
  }
  bool goes_on = false;
  if (!comment) {
    std::size_t backslashes = 0;
    while (backslashes < end - begin && text[end - 1 - backslashes] == '\\') ++backslashes;
    goes_on = backslashes % 2 == 1 && !rest_.empty();
    if (goes_on) --end;
  }
  if (line.text.size() + (end - begin) > max_line_) line.too_long = true;
  if (!line.too_long) line.text.append(text, begin, end - begin);
  return goes_on;
}

bool LineReader::next(Line& line) {
  while (!rest_.empty()) {
    line.text.clear();
    line.jumps.clear();
    line.too_long = false;
    while (append_physical(line)) {
    }
    while (!line.text.empty() && is_blank(line.text.back())) line.text.pop_back();
    if (!line.text.empty() || line.too_long) return true;
  }
  return false;
}

void Words::skip() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
}

Words::Word Words::next() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && !is_blank(text_[at_])) ++at_;
  const Word word{text_.substr(begin, at_ - begin), begin};
  skip();
  return word;
}

}  // namespace gatepost::rules
