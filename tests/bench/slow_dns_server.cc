// A DNS server for tests/bench/slow_dns: answers from master files, some names late or never.
//
//   bench_slow_dns_server [--late NAME]... [--dead NAME]... [--delay MILLISECONDS] FILE...
//
// NAME stands for everything below it too. Prints its address and serves until its standard input
// ends.

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/dns_server.h"

namespace gatepost::testing {
namespace {

struct Options {
  std::vector<std::string> late;
  std::vector<std::string> dead;
  std::chrono::milliseconds delay{1000};
  std::string master_files;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--")) {
      options.master_files += read_file(argument) + "\n";
      continue;
    }
    if (++i == arguments.size()) throw std::runtime_error(argument + " needs a value");
    if (argument == "--late")
      options.late.push_back(arguments[i]);
    else if (argument == "--dead")
      options.dead.push_back(arguments[i]);
    else if (argument == "--delay")
      options.delay = std::chrono::milliseconds(std::stoi(arguments[i]));
    else
      throw std::runtime_error("unknown option " + argument);
  }
  return options;
}

void serve(const Options& options) {
  DnsServer server(options.master_files);
  for (const auto& name : options.late) server.script(name, Misbehaviour::none, options.delay);
  for (const auto& name : options.dead) server.script(name, Misbehaviour::drop);
  std::printf("%s\n", server.address().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

}  // namespace
}  // namespace gatepost::testing

int main(int argc, char** argv) {
  try {
    gatepost::testing::serve(gatepost::testing::parse({argv + 1, argv + argc}));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_slow_dns_server: %s\n", error.what());
    return 1;
  }
}
