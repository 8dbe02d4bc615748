// Authentication-Results: what is read and written is read as the same, on lines that end nothing,
// and an id that parse() finds is always seen by claims_authserv_id().

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/authres/authentication_results.h"
#include "core/authres/forged.h"
#include "core/authres/trusted.h"
#include "core/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::authres;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> ids = {"mail.example.com"};
  const bool claims = claims_authserv_id(input, ids);
  const auto results = parse(input);
  const std::vector<gatepost::mail::HeaderField> field = {
      {"Authentication-Results", std::string(input)}};
  if (!trusted_results(field, ids).empty() && !claims) std::abort();
  if (!results) return 0;
  if (gatepost::iequals(gatepost::trim(results->authserv_id), ids[0]) && !claims) std::abort();

  const std::string value = format(*results);
  for (std::size_t at = value.find('\n'); at != std::string::npos; at = value.find('\n', at + 1)) {
    if (value.substr(at, 2) != "\n\t") std::abort();
  }
  if (value.find('\r') != std::string::npos || !gatepost::is_valid_utf8(value)) std::abort();
  const auto again = parse(value);
  if (value.size() <= kMaxFieldOctets && (!again || format(*again) != value)) std::abort();
  return 0;
}
