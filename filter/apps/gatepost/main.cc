// gatepost: the command line.

#include <csignal>
#include <cstdio>

#include "filter/apps/gatepost/command.h"
#include "filter/apps/rules_loader.h"

int main(int argc, char** argv) {
  using namespace gatepost::command;
  gatepost::compile_rules_if_asked(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  int exit_code = kOk;
  CLI::App program("gatepost - check mail, records and the running filter");
  program.set_version_flag("-V,--version", "gatepost " GATEPOST_VERSION);
  program.require_subcommand(1);
  add_scan(program, exit_code);
  add_spf(program, exit_code);
  add_dns(program, exit_code);
  add_dkim(program, exit_code);
  add_arc(program, exit_code);
  add_dmarc(program, exit_code);
  add_quarantine(program, exit_code);
  add_greylist(program, exit_code);
  add_rules(program, exit_code);
  add_config(program, exit_code);
  add_daemon_commands(program, exit_code);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kOk : kUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gatepost: internal error: %s\n", error.what());
    return kInternal;
  }
  return exit_code;
}
