#pragma once
// The name servers of a zone, each asked by its address: what the world sees before caches do.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/flow/flow.h"

namespace gatepost::keys {

struct NameServer {
  std::string name;     ///< "ns1.our.example"; empty when it was given by address
  std::string address;  ///< "192.0.2.1@53"; empty when the name has none

  bool operator==(const NameServer&) const = default;
};

/// Who serves a name.
struct Servers {
  std::string name;                 ///< the name, CNAMEs followed
  std::string zone;                 ///< the name with NS records
  std::vector<NameServer> servers;  ///< every address of each; may be empty

  bool operator==(const Servers&) const = default;
};

/// Finds the closest NS records at or above a name, and the addresses of their names (RFC 1034
/// section 4.2.1). At most 8 CNAMEs are followed, 20 servers used. A temporary Error when DNS
/// fails.
class ServersFlow final : public Flow<Result<Servers>> {
 public:
  explicit ServersFlow(std::string name) : name_(std::move(name)) {}
  Step<Result<Servers>> step(const Answers& answers) override;

 private:
  std::string name_;
};

/// Asks one server one question, over UDP and, when the answer is cut, over TCP; waits for it.
/// @param server  "ADDRESS@PORT"
/// @return        Status::timeout when nothing comes in time.
dns::Answer ask_server(const std::string& server, const dns::Query& query,
                       std::chrono::milliseconds timeout);

}  // namespace gatepost::keys
