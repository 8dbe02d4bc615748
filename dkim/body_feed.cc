#include "dkim/body_feed.h"

namespace gatepost::dkim {

void BodyFeed::emit(std::string_view octets, const Sink& sink) {
  if (octets.empty()) return;
  last_ = octets.back();
  sink(octets);
}

void BodyFeed::chunk(std::string_view octets, const Sink& sink) {
  if (octets.empty()) return;
  if (carriage_return_) {
    carriage_return_ = false;
    const bool line_end = octets.front() == '\n';
    emit(line_end ? "\r\n" : "\r", sink);
    if (line_end) octets.remove_prefix(1);
  }
  std::size_t begin = 0;
  for (std::size_t at = octets.find('\n'); at != std::string_view::npos;
       at = octets.find('\n', at + 1)) {
    if (at > 0 && octets[at - 1] == '\r') continue;
    emit(octets.substr(begin, at - begin), sink);
    emit("\r\n", sink);
    begin = at + 1;
  }
  octets.remove_prefix(begin);
  if (!octets.empty() && octets.back() == '\r') {
    carriage_return_ = true;
    octets.remove_suffix(1);
  }
  emit(octets, sink);
}

void BodyFeed::finish(const Sink& sink) {
  if (carriage_return_) emit("\r", sink);
  carriage_return_ = false;
  if (last_ != '\n') emit("\r\n", sink);
}

}  // namespace gatepost::dkim
