// Configuration files: every fault is told on one line with its place, and what loads can be used.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/text.h"
#include "filter/config/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // A path in the input would be opened.
  for (const char* path : {"public_suffix_list", "key_table", "signing_table"}) {
    if (input.find(path) != std::string_view::npos) return 0;
  }
  const config::LoadResult loaded = config::load_text(input, "f");
  for (const Error& error : loaded.errors) {
    if (error.kind != ErrorKind::config || error.what.empty()) std::abort();
    if (error.what.find('\n') != std::string::npos || error.what.size() > 2000) std::abort();
    if (!error.where.starts_with("f:") || !is_valid_utf8(error.what)) std::abort();
  }
  if (loaded.configuration.policy == nullptr) std::abort();
  if (!loaded.ok()) return 0;
  if (loaded.configuration.daemon.listen.size() != 1) std::abort();
  const Policy& policy = *loaded.configuration.policy;
  if (policy.query_timeout > policy.flow_timeout) std::abort();
  for (const DnsList& list : policy.dns_lists) {
    if (list.zone.empty() || list.weight < 0) std::abort();
  }
  // Unchanged, nothing needs a restart.
  if (!config::restart_needed(loaded.configuration, loaded.configuration).empty()) std::abort();
  return 0;
}
