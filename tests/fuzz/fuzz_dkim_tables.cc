// Tables of opendkim: every fault has a place, what is read can be used, and looking up never
// fails. Input: the form (one octet), a KeyTable, a NUL, a SigningTable.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/text.h"
#include "dkim/signing_keys.h"

namespace {

void check(const std::vector<gatepost::dkim::TableFault>& faults) {
  for (const auto& fault : faults) {
    if (fault.line == 0 || fault.column == 0 || fault.what.empty()) std::abort();
    if (!gatepost::is_valid_utf8(fault.what) || fault.what.find('\n') != std::string::npos)
      std::abort();
    if (fault.what.size() > 2000) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::dkim;
  if (size == 0) return 0;
  const auto form = static_cast<TableForm>(data[0] % 3);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto nul = std::min(input.find('\0'), input.size());
  std::vector<TableFault> faults;
  SigningTables tables;
  tables.keys = KeyTable::parse(input.substr(0, nul), form, faults);
  tables.senders = SigningTable::parse(input.substr(std::min(nul + 1, input.size())), form, faults);
  tables.multiple = size % 2 == 0;
  check(faults);
  for (const auto& entry : tables.keys.entries()) {
    if (entry.name.empty() || entry.selector.empty() || entry.key.empty()) std::abort();
    if (tables.keys.find(entry.name) == nullptr) std::abort();
  }
  for (const auto& row : tables.senders.entries()) {
    if (row.key.empty() || row.line == 0) std::abort();
    // A whole address finds its own row, unless one above it does.
    const auto at = row.sender.rfind('@');
    if (at == std::string::npos || row.sender.find('*') != std::string::npos) continue;
    const std::string domain = row.sender.substr(at + 1);
    if (domain.starts_with('.') || gatepost::to_lower(domain) != domain) continue;
    if (tables.senders.lookup(row.sender.substr(0, at), domain, true).empty()) std::abort();
  }
  const SigningKeys keys({}, {}, std::move(tables));
  for (const char* author : {"ann@our.example", "x@news.our.example", "", "@", "a@[192.0.2.1]"}) {
    if (!keys.keys_for(author).empty()) std::abort();  // nothing is decoded
  }
  (void)Dataset::parse(input);
  (void)parse_selectors(input);
  return 0;
}
