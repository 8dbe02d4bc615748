#include "filter/rule_tools/mailbox.h"

#include "core/base/text.h"

namespace gatepost::rule_tools {
namespace {

constexpr std::string_view kFrom = "From ";

bool has_time_of_day(std::string_view line) {
  for (std::size_t colon = line.find(':'); colon != line.npos; colon = line.find(':', colon + 1)) {
    if (colon >= 2 && colon + 2 < line.size() && is_digit(line[colon - 2]) &&
        is_digit(line[colon - 1]) && is_digit(line[colon + 1]) && is_digit(line[colon + 2])) {
      return true;
    }
  }
  return false;
}

}  // namespace

void MailboxScanner::feed(std::string_view octets) {
  while (!octets.empty()) {
    const std::size_t lf = octets.find('\n');
    const std::string_view part = octets.substr(0, lf);
    const std::size_t room = kLine - line_.size();
    line_.append(part.substr(0, room));
    if (part.size() > room) line_is_longer_ = true;
    if (lf == octets.npos) {
      at_ += part.size();
      return;
    }
    at_ += lf + 1;
    octets.remove_prefix(lf + 1);
    end_line();
  }
}

void MailboxScanner::end_line() {
  const bool first = line_begin_ == 0;
  const bool from = line_.starts_with(kFrom);
  if (first) is_mailbox_ = from;
  if (from && (first || (after_empty_ && has_time_of_day(line_)))) {
    if (!messages_.empty()) messages_.back().end = line_begin_;
    if (is_mailbox_) messages_.push_back({line_begin_, line_begin_});
  }
  after_empty_ = !line_is_longer_ && (line_.empty() || line_ == "\r");
  line_.clear();
  line_is_longer_ = false;
  line_begin_ = at_;
}

std::vector<MailboxScanner::Message> MailboxScanner::finish() {
  if (!line_.empty()) end_line();
  if (!messages_.empty()) messages_.back().end = at_;
  return std::move(messages_);
}

std::string unquote_mailbox_message(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool first = true;
  while (!text.empty()) {
    const std::size_t lf = text.find('\n');
    std::string_view line = text.substr(0, lf == text.npos ? lf : lf + 1);
    text.remove_prefix(line.size());
    const bool separator = first && line.starts_with(kFrom);
    first = false;
    if (separator) continue;
    const std::size_t quotes = line.find_first_not_of('>');
    if (quotes != line.npos && quotes > 0 && line.substr(quotes).starts_with(kFrom))
      line.remove_prefix(1);
    out += line;
  }
  return out;
}

}  // namespace gatepost::rule_tools
