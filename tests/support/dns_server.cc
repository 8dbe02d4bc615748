#include "tests/support/dns_server.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/dns/name.h"

namespace gatepost::testing {

using dns::RrType;
using dns::Status;

namespace {

/// What an answer over UDP may be without truncation.
constexpr std::size_t kMaxUdp = 1232;

int bound_socket(int type, std::uint16_t& port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof(address);
  auto* general = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, general, size) != 0 || getsockname(fd, general, &size) != 0) {
    close(fd);
    return -1;
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

DnsServer::DnsServer(std::string_view master_file) {
  if (auto added = zone_.add_text(master_file); !added) {
    throw std::invalid_argument(added.error().text());
  }
  for (int tries = 0; tries < 20 && tcp_ < 0; ++tries) {
    if (udp_ >= 0) close(udp_);
    port_ = 0;
    udp_ = bound_socket(SOCK_DGRAM, port_);
    tcp_ = bound_socket(SOCK_STREAM, port_);
  }
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (udp_ < 0 || tcp_ < 0 || wake_ < 0 || listen(tcp_, 16) != 0) {
    throw std::runtime_error("no loopback port for the DNS server");
  }
  thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
  stop_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
  for (const auto& connection : connections_) close(connection.fd);
  for (const int fd : {udp_, tcp_, wake_}) close(fd);
}

std::string DnsServer::address() const {
  return "127.0.0.1@" + std::to_string(port_);
}

void DnsServer::script(std::string_view name, Misbehaviour how, Duration delay) {
  std::lock_guard lock(mutex_);
  scripts_[std::string(name)] = {how, delay};
}

std::size_t DnsServer::times_asked(std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto found = asked_.find(std::string(name));
  return found == asked_.end() ? 0 : found->second;
}

std::size_t DnsServer::questions() const {
  std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [name, count] : asked_) sum += count;
  return sum;
}

DnsServer::Script DnsServer::script_for(std::string_view name) const {
  const Script* best = nullptr;
  std::size_t size = 0;
  for (const auto& [scripted, script] : scripts_) {
    if (dns::is_at_or_below(name, scripted) && (best == nullptr || scripted.size() >= size)) {
      best = &script;
      size = scripted.size();
    }
  }
  return best == nullptr ? Script() : *best;
}

std::string DnsServer::respond(const WireQuestion& question, Misbehaviour how, bool tcp) const {
  if (how == Misbehaviour::garbage) return std::string(40, '\xA5');
  WireResponse response;
  response.id = question.id;
  response.question = question.query;
  if (how == Misbehaviour::wrong_id) response.id ^= 0x5555U;
  if (how == Misbehaviour::wrong_question) response.question.name = "wrong.invalid";
  if (how == Misbehaviour::servfail || how == Misbehaviour::refused) {
    response.flags |= how == Misbehaviour::servfail ? 2U : 5U;
    return encode(response);
  }
  const auto alias_of = [](const std::string& owner, const std::string& target) {
    return WireRecord{owner, static_cast<std::uint16_t>(RrType::cname), 300, wire_name(target)};
  };
  if (how == Misbehaviour::cname_circle) {
    const std::string& asked = response.question.name;
    response.answers = {alias_of(asked, "circle." + asked), alias_of("circle." + asked, asked)};
    return encode(response);
  }
  std::string name = response.question.name;
  for (int i = 0; i < 16 && question.query.type != RrType::cname; ++i) {
    const auto alias = zone_.lookup({name, RrType::cname}).answer;
    if (alias.status != Status::ok) break;
    for (auto& record : wire_records(name, RrType::cname, alias)) {
      response.answers.push_back(std::move(record));
    }
    name = alias.names.front();
  }
  const auto found = zone_.lookup({name, question.query.type}).answer;
  for (auto& record : wire_records(name, question.query.type, found)) {
    response.answers.push_back(std::move(record));
  }
  if (how == Misbehaviour::other_name) {
    for (auto& record : response.answers) record.name = "other.invalid";
  }
  if (found.status == Status::nxdomain) response.flags |= 3U;
  if (found.status != Status::ok) {
    response.authority.push_back(wire_soa(dns::last_labels(name, 2), found.ttl, found.ttl));
  }
  auto packet = encode(response);
  const bool cut = how == Misbehaviour::truncate_always ||
                   (!tcp && (how == Misbehaviour::truncate || packet.size() > kMaxUdp));
  if (cut) {
    response.flags |= 0x0200U;
    response.answers.clear();
    response.authority.clear();
    packet = encode(response);
  }
  return packet;
}

void DnsServer::take(std::string_view packet, Reply reply) {
  const auto question = decode_question(packet);
  if (!question) return;
  Script script;
  {
    std::lock_guard lock(mutex_);
    ++asked_[question->query.name];
    script = script_for(question->query.name);
  }
  if (reply.tcp) ++tcp_questions_;
  if (script.how == Misbehaviour::drop) return;
  reply.packet = respond(*question, script.how, reply.tcp);
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime first = first_asked_.try_emplace(question->query, now).first->second;
  due_.emplace(std::max(now, first + script.delay), std::move(reply));
}

void DnsServer::read_udp() {
  std::array<char, 4096> buffer{};
  for (;;) {
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof(peer);
    const auto size = recvfrom(udp_, buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&peer), &peer_size);
    if (size < 0) return;
    Reply reply;
    reply.fd = udp_;
    reply.peer.assign(reinterpret_cast<const char*>(&peer), peer_size);
    take({buffer.data(), static_cast<std::size_t>(size)}, std::move(reply));
  }
}

void DnsServer::read_tcp(Connection& connection) {
  std::array<char, 4096> buffer{};
  const auto size = recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    std::erase_if(due_, [&](const auto& due) { return due.second.fd == connection.fd; });
    close(connection.fd);
    connection.fd = -1;
    return;
  }
  auto& input = connection.input;
  input.append(buffer.data(), static_cast<std::size_t>(size));
  while (input.size() >= 2) {
    const std::size_t length =
        static_cast<unsigned char>(input[0]) * 256U + static_cast<unsigned char>(input[1]);
    if (input.size() < 2 + length) return;
    Reply reply;
    reply.fd = connection.fd;
    reply.tcp = true;
    take(std::string_view(input).substr(2, length), std::move(reply));
    input.erase(0, 2 + length);
  }
}

void DnsServer::send(const Reply& reply) {
  if (reply.tcp) {
    const std::string framed =
        wire_u16(static_cast<std::uint32_t>(reply.packet.size())) + reply.packet;
    (void)::send(reply.fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    return;
  }
  sendto(reply.fd, reply.packet.data(), reply.packet.size(), 0,
         reinterpret_cast<const sockaddr*>(reply.peer.data()),
         static_cast<socklen_t>(reply.peer.size()));
}

void DnsServer::send_due() {
  const auto now = std::chrono::steady_clock::now();
  while (!due_.empty() && due_.begin()->first <= now) {
    send(due_.begin()->second);
    due_.erase(due_.begin());
  }
}

int DnsServer::poll_timeout() const {
  if (due_.empty()) return -1;
  const auto wait = due_.begin()->first - std::chrono::steady_clock::now();
  return static_cast<int>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count(),
                             0) +
      1);
}

void DnsServer::run() {
  while (!stop_) {
    std::vector<pollfd> fds{{wake_, POLLIN, 0}, {udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
    for (const auto& connection : connections_) fds.push_back({connection.fd, POLLIN, 0});
    poll(fds.data(), fds.size(), poll_timeout());
    if (fds[1].revents != 0) read_udp();
    for (std::size_t i = 3; i < fds.size(); ++i) {
      if (fds[i].revents != 0) read_tcp(connections_[i - 3]);
    }
    std::erase_if(connections_, [](const Connection& connection) { return connection.fd < 0; });
    if (fds[2].revents != 0) {
      const int fd = accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) connections_.push_back({fd, {}});
    }
    send_due();
  }
}

}  // namespace gatepost::testing
