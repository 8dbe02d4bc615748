// gatepostd: flags, then the daemon.

#include <cstdio>
#include <exception>
#include <filesystem>

#include <CLI/CLI.hpp>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "filter/apps/gatepostd/daemon.h"
#include "filter/apps/rules_loader.h"

namespace gatepost {
namespace {

constexpr const char* kDefaultConfig = "/etc/gatepost/gatepost.toml";

int run(int argc, char** argv) {
  CLI::App app("gatepostd - anti-spam and sender authentication filter for Postfix and Sendmail");
  Flags flags;
  bool no_config = false;
  app.add_option("-c,-x,--config", flags.config_file,
                 "configuration file (default: /etc/gatepost/gatepost.toml if it exists)");
  app.add_flag("--defaults", no_config, "use the embedded defaults, read no file");
  app.add_flag("-f,--foreground", flags.foreground, "stay in the foreground");
  app.add_flag("-n,--check", flags.check,
               "check the configuration, print the socket lines for the MTA and end");
  app.add_option("-p,--socket", flags.socket, "listen here instead of milter.listen");
  app.add_option("-P,--pid-file", flags.pid_file, "write the process id here");
  app.add_option("-u,--user", flags.user, "user or user:group to become");
  app.add_option("--nameserver", flags.nameservers,
                 "ask this resolver, ADDRESS or ADDRESS:PORT (repeatable)");
  app.add_option("--zone", flags.zones,
                 "answer the names in this master file from it (repeatable)");
  app.add_flag("-l,--syslog", flags.syslog, "log to syslog");
  app.set_version_flag("-V,--version", "gatepostd " GATEPOST_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (flags.config_file.empty() && !no_config && std::filesystem::exists(kDefaultConfig))
    flags.config_file = kDefaultConfig;
  return Daemon(std::move(flags)).run();
}

}  // namespace
}  // namespace gatepost

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Rule databases are megabytes each: blocks of their own, which go back to the system with their
  // rule set. glibc would raise the threshold with the first one that is freed. What messages free
  // stays for the next one.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
#endif
  gatepost::compile_rules_if_asked(argc, argv);
  try {
    return gatepost::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gatepostd: internal error: %s\n", error.what());
    return gatepost::kExitInternal;
  }
}
