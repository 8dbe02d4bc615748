// A compiling process as the daemon's own, and some that fail.

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "rules/chunk.h"

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "good") return gatepost::rules::compile_process_main();
  if (mode == "hang") {
    for (;;) pause();
  }
  if (mode == "eat") {
    std::vector<std::string> kept;
    for (;;) kept.emplace_back(std::size_t{1} << 20, 'x');
  }
  if (mode == "crash") {
    raise(SIGKILL);
  }
  if (mode == "garbage") {
    return write(STDOUT_FILENO, "no outcome", 10) == 10 ? 0 : 1;
  }
  return 64;
}
