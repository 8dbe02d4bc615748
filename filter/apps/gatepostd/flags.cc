#include "filter/apps/gatepostd/flags.h"

#include <cstdio>

namespace gatepost {

void Flags::apply_to(config::Configuration& configuration) const {
  if (!socket.empty()) configuration.daemon.listen = {socket};
  if (!pid_file.empty()) configuration.daemon.pid_file = pid_file;
  if (!user.empty()) configuration.daemon.user = user;
  if (syslog) configuration.daemon.log_target = "syslog";
}

void complain(const Error& error) {
  std::fprintf(stderr, "gatepostd: %s\n", error.text().c_str());
}

}  // namespace gatepost
