#pragma once
// DNS answers in memory, and a loop that drives a check with them as a driver would.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/answer.h"
#include "spf/evaluate.h"

namespace gatepost::spf::test {

class Zone {
 public:
  void txt(std::string_view name, std::string text);
  void address(std::string_view name, std::string_view address);
  void mx(std::string_view name, std::string exchange);
  void ptr(std::string_view name, std::string_view target);
  void cname(std::string_view name, std::string_view target);
  /// Types that have no records at `name` time out.
  void timeout(std::string_view name);
  void status(std::string_view name, dns::RrType type, dns::Status status);
  /// The name exists, with nothing.
  void exists(std::string_view name);

  /// Follows CNAMEs; a loop is servfail.
  dns::Answer answer(const dns::Query& query) const;

 private:
  struct Node {
    std::map<dns::RrType, dns::Answer> answers;
    std::string cname;
    bool times_out = false;
  };
  Node& node(std::string_view name);
  dns::Answer& records(std::string_view name, dns::RrType type);

  std::map<std::string, Node> nodes_;
};

struct CheckRun {
  Outcome outcome;
  int steps = 0;                  ///< the last one included
  std::vector<dns::Query> asked;  ///< in order
  bool finished = false;          ///< false: no result after 100 steps
  bool contract_kept = true;      ///< questions distinct and unanswered, never an empty batch
};

constexpr std::int64_t kNow = 1767225600;

CheckRun check(const Zone& zone, const Request& request);
/// The same for a flow of any engine.
CheckRun drive(const Zone& zone, Flow<Outcome>& flow);
/// The usual request: alice@`domain` from `client`, HELO mail.example.com.
Request request_for(std::string_view client, std::string_view domain);

}  // namespace gatepost::spf::test
