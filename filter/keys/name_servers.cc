#include "filter/keys/name_servers.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/dns/wire.h"

namespace gatepost::keys {

namespace {

constexpr int kMaxChain = 8;
constexpr std::size_t kMaxWalk = 8;  // the record's name and those above it
constexpr std::size_t kMaxServers = 20;
constexpr std::size_t kMaxUdp = 1232;  // what is not fragmented anywhere

using SteadyClock = std::chrono::steady_clock;

std::string pair_of(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

/// RFC 1035 section 4.1, with EDNS (RFC 6891). Empty for a name that cannot be on the wire.
std::string encode(const dns::Query& query) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) return {};
  std::string packet =
      pair_of(id) + pair_of(0x0100) + pair_of(1) + pair_of(0) + pair_of(0) + pair_of(1);
  for (const std::string_view label : split(query.name, '.')) {
    if (label.empty() || label.size() > 63) return {};
    packet += static_cast<char>(label.size());
    packet += label;
  }
  packet += '\0';
  packet += pair_of(static_cast<std::size_t>(query.type)) + pair_of(1);
  packet +=
      std::string(1, '\0') + pair_of(41) + pair_of(kMaxUdp) + std::string(4, '\0') + pair_of(0);
  return packet.size() < 300 ? packet : std::string();
}

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

std::optional<Endpoint> endpoint(const std::string& server) {
  const auto at = server.find('@');
  const std::string host = server.substr(0, at);
  std::uint16_t port = 53;
  if (at != std::string::npos)
    std::from_chars(server.data() + at + 1, server.data() + server.size(), port);
  Endpoint end;
  auto* four = reinterpret_cast<sockaddr_in*>(&end.address);
  auto* six = reinterpret_cast<sockaddr_in6*>(&end.address);
  if (::inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    end.size = sizeof *four;
  } else if (::inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    end.size = sizeof *six;
  } else {
    return std::nullopt;
  }
  return end;
}

/// One connected socket with a deadline.
class Talk {
 public:
  Talk(const Endpoint& end, int type, SteadyClock::time_point deadline)
      : socket_(::socket(end.address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        deadline_(deadline) {
    if (socket_ < 0) return;
    const int done = ::connect(socket_, reinterpret_cast<const sockaddr*>(&end.address), end.size);
    good_ = done == 0 || (errno == EINPROGRESS && wait(POLLOUT));
  }
  ~Talk() {
    if (socket_ >= 0) ::close(socket_);
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  bool send(std::string_view data) {
    while (good_ && !data.empty()) {
      const ssize_t size = ::send(socket_, data.data(), data.size(), MSG_NOSIGNAL);
      if (size > 0)
        data.remove_prefix(static_cast<std::size_t>(size));
      else if (errno != EAGAIN || !wait(POLLOUT))
        good_ = false;
    }
    return good_;
  }
  /// What comes next, at most `limit` octets; empty at the end, on failure and at the deadline.
  std::string receive(std::size_t limit) {
    std::string data(limit, '\0');
    while (good_ && wait(POLLIN)) {
      const ssize_t size = ::recv(socket_, data.data(), data.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      data.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
      return data;
    }
    return {};
  }

 private:
  bool wait(short what) const {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - SteadyClock::now());
      pollfd entry{socket_, what, 0};
      const int ready = ::poll(&entry, 1, std::max(0, static_cast<int>(left.count())));
      if (ready < 0 && errno == EINTR) continue;
      return ready > 0;
    }
  }

  int socket_;
  SteadyClock::time_point deadline_;
  bool good_ = false;
};

bool answers(std::string_view packet, std::string_view question) {
  return packet.size() >= 12 && packet.substr(0, 2) == question.substr(0, 2);
}

std::string ask_udp(const Endpoint& end, std::string_view question,
                    SteadyClock::time_point deadline) {
  Talk talk(end, SOCK_DGRAM, deadline);
  if (!talk.send(question)) return {};
  for (;;) {
    std::string packet = talk.receive(65535);
    if (packet.empty() || answers(packet, question)) return packet;
  }
}

std::string ask_tcp(const Endpoint& end, std::string_view question,
                    SteadyClock::time_point deadline) {
  Talk talk(end, SOCK_STREAM, deadline);
  if (!talk.send(pair_of(question.size()) + std::string(question))) return {};
  std::string data;
  for (;;) {
    if (data.size() >= 2) {
      const auto size = static_cast<std::size_t>(static_cast<unsigned char>(data[0])) << 8 |
                        static_cast<unsigned char>(data[1]);
      if (data.size() >= size + 2) return data.substr(2, size);
    }
    const std::string more = talk.receive(65535);
    if (more.empty()) return {};
    data += more;
  }
}

dns::Answer failure(dns::Status status, std::string reason) {
  dns::Answer answer;
  answer.status = status;
  answer.reason = std::move(reason);
  return answer;
}

Error dns_failed(const dns::Query& query, const dns::Answer& answer) {
  return temporary_error(dns::to_string(query.type) + " of " + query.name + ": " +
                         dns::to_string(answer.status));
}

}  // namespace

Step<Result<Servers>> ServersFlow::step(const Answers& answers) {
  Asker asker(answers);
  Servers found;
  found.name = name_;
  for (int hops = 0;; ++hops) {
    const auto query = dns::make_query(found.name, dns::RrType::cname);
    const auto* alias = asker.ask(query);
    if (alias == nullptr) return asker.take_missing();
    if (dns::is_temporary(alias->status)) return Result<Servers>(dns_failed(query, *alias));
    if (alias->names.empty()) break;
    if (hops == kMaxChain)
      return Result<Servers>(permanent_error(name_ + " leads through too many CNAMEs"));
    found.name = alias->names.front();
  }
  std::vector<std::pair<dns::Query, const dns::Answer*>> walk;  // asked at once
  for (std::string_view zone = found.name; walk.size() < kMaxWalk;) {
    const auto query = dns::make_query(zone, dns::RrType::ns);
    walk.emplace_back(query, asker.ask(query));
    const auto dot = zone.find('.');
    if (dot == std::string_view::npos) break;
    zone.remove_prefix(dot + 1);
  }
  if (!asker.complete()) return asker.take_missing();
  const dns::Answer* ns = nullptr;
  for (const auto& [query, answer] : walk) {
    if (dns::is_temporary(answer->status)) return Result<Servers>(dns_failed(query, *answer));
    if (answer->names.empty()) continue;
    ns = answer;
    found.zone = query.name;
    break;
  }
  if (ns == nullptr)
    return Result<Servers>(permanent_error("no name servers are known for " + found.name));
  for (const std::string& name : ns->names) {
    const auto* four = asker.ask(dns::make_query(name, dns::RrType::a));
    const auto* six = asker.ask(dns::make_query(name, dns::RrType::aaaa));
    const std::size_t before = found.servers.size();
    for (const auto* answer : {four, six}) {
      for (std::size_t i = 0; answer != nullptr && i < answer->addresses.size(); ++i)
        found.servers.push_back({name, answer->addresses[i].text() + "@53"});
    }
    // One that cannot be asked is not taken for one that serves the key.
    if (found.servers.size() == before) found.servers.push_back({name, ""});
    if (found.servers.size() >= kMaxServers) break;
  }
  if (!asker.complete()) return asker.take_missing();
  return Result<Servers>(std::move(found));
}

dns::Answer ask_server(const std::string& server, const dns::Query& query,
                       std::chrono::milliseconds timeout) {
  const auto end = endpoint(server);
  if (!end)
    return failure(dns::Status::malformed,
                   server.empty() ? "it has no address" : server + " is no address");
  const std::string question = encode(query);
  if (question.empty()) return failure(dns::Status::malformed, "the name cannot be asked for");
  const auto deadline = SteadyClock::now() + timeout;
  std::string packet = ask_udp(*end, question, deadline);
  const bool cut = packet.size() >= 12 && (static_cast<unsigned char>(packet[2]) & 0x02) != 0;
  if (cut) packet = ask_tcp(*end, question, deadline);
  if (packet.empty()) return failure(dns::Status::timeout, "no answer");
  return dns::decode_response(packet, query);
}

}  // namespace gatepost::keys
