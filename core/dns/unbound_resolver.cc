#include "core/dns/unbound_resolver.h"

#include <charconv>

#include "core/base/text.h"
#include "core/dns/name.h"
#include "core/dns/unbound_worker.h"

namespace gatepost::dns {

Result<std::string> parse_server(std::string_view text) {
  std::string_view address = text;
  std::string_view port = "53";
  const auto cut = [&](std::size_t at, std::size_t length) {
    address = text.substr(0, at);
    port = text.substr(at + length);
  };
  if (text.substr(0, 1) == "[") {
    const auto close = text.find("]:");
    if (close != std::string_view::npos) cut(close + 1, 1);
  } else if (const auto at = text.find('@'); at != std::string_view::npos) {
    cut(at, 1);
  } else if (const auto colon = text.find(':');
             colon == text.rfind(':') && colon != std::string_view::npos) {
    cut(colon, 1);
  }
  unsigned number = 0;
  const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), number);
  const auto ip = IpAddress::parse(address);
  if (!ip || status != std::errc() || end != port.data() + port.size() || number == 0 ||
      number > 65535) {
    return config_error("\"" + printable(text) +
                        "\" is no DNS server, expected ADDRESS, ADDRESS@PORT, IPV4:PORT or "
                        "[IPV6]:PORT");
  }
  return ip->text() + "@" + std::to_string(number);
}

UnboundResolver::UnboundResolver(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}

UnboundResolver::~UnboundResolver() = default;

Result<std::unique_ptr<UnboundResolver>> UnboundResolver::create(UnboundOptions options) {
  auto worker = std::make_unique<Worker>(std::move(options));
  if (auto started = worker->start(); !started) return started.error();
  return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(worker)));
}

AnswerPtr UnboundResolver::cached(const Query& query) {
  return worker_->cached(query);
}

void UnboundResolver::ask(std::vector<Query> batch, Deadline deadline, Callback done) {
  worker_->ask(std::move(batch), deadline, done);
}

UnboundCounters UnboundResolver::counters() const {
  return worker_->counters();
}

}  // namespace gatepost::dns
