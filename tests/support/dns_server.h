#pragma once
// A DNS server on the loopback for tests: UDP and TCP on a private port, answers from a master
// file, and misbehaves as told.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/dns/zone.h"
#include "tests/support/dns_packet.h"

namespace gatepost::testing {

enum class Misbehaviour {
  none,
  drop,  ///< says nothing
  servfail,
  refused,
  truncate,  ///< TC and nothing else over UDP, the answer over TCP
  wrong_id,
  wrong_question,   ///< answers another name
  other_name,       ///< the right question with records of another name
  cname_circle,     ///< the name is an alias of another, and that of the name
  truncate_always,  ///< TC over TCP too
  garbage,          ///< octets that are no packet
};

/// Thread rule: any thread.
class DnsServer {
 public:
  /// Starts; throws when the text is faulty or no port can be had.
  explicit DnsServer(std::string_view master_file);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// "127.0.0.1@PORT"
  std::string address() const;

  /// For the name and everything below it; the longest name counts. "" is for all. The delay counts
  /// from the first packet with this question: repeated ones are answered together with it, as a
  /// resolver does that looks something up.
  void script(std::string_view name, Misbehaviour how, Duration delay = {});

  /// Packets that asked for this name (all types), and all packets.
  std::size_t times_asked(std::string_view name) const;
  std::size_t questions() const;
  std::size_t tcp_questions() const { return tcp_questions_; }

 private:
  struct Script {
    Misbehaviour how = Misbehaviour::none;
    Duration delay{};
  };
  struct Reply {
    int fd = -1;
    bool tcp = false;
    std::string peer;  ///< a sockaddr, for UDP
    std::string packet;
  };
  struct Connection {
    int fd = -1;
    std::string input;
  };

  void run();
  void read_udp();
  void read_tcp(Connection& connection);
  void take(std::string_view packet, Reply reply);
  void send_due();
  static void send(const Reply& reply);
  Script script_for(std::string_view name) const;
  std::string respond(const WireQuestion& question, Misbehaviour how, bool tcp) const;
  int poll_timeout() const;

  dns::Zone zone_;
  int udp_ = -1;
  int tcp_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> tcp_questions_{0};

  mutable std::mutex mutex_;
  std::map<std::string, Script> scripts_;
  std::map<std::string, std::size_t> asked_;

  std::vector<Connection> connections_;
  std::multimap<SteadyTime, Reply> due_;
  std::map<dns::Query, SteadyTime> first_asked_;
  std::thread thread_;
};

}  // namespace gatepost::testing
