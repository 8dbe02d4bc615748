#include "tests/support/system/temp_folder.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/stat.h>

namespace gatepost::test {

TempFolder::TempFolder(std::string_view name) {
  std::string pattern = "/tmp/gp-" + std::string(name) + "-XXXXXX";
  if (!mkdtemp(pattern.data()) || chmod(pattern.c_str(), 0755) != 0) {
    std::perror(pattern.c_str());
    std::abort();
  }
  path_ = pattern;
}

TempFolder::~TempFolder() {
  if (std::getenv("GATEPOST_KEEP_TEMP")) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace gatepost::test
