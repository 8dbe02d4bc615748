// "values NEWLINE macro string": expansion keeps to its limits and to the check's word.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "spf/macro.h"

using namespace gatepost::spf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view value = input.substr(0, line);
  const std::string_view text =
      line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  MacroValues values;
  values.sender = values.local_part = values.helo = value;
  values.domain = values.sender_domain = "a.example";
  values.client = gatepost::IpAddress::parse(size % 2 == 0 ? "192.0.2.1" : "2001:db8::1").value();
  constexpr std::size_t kLimit = 200;
  const bool good = check_macro_string(text, MacroContext::explanation).fault == nullptr;
  const auto explanation = expand_explanation(text, values, kLimit);
  if (explanation && (!good || explanation->size() > kLimit)) std::abort();
  if (check_macro_string(text, MacroContext::domain_spec).fault != nullptr) return 0;
  const std::string name = expand_domain(text, values);
  if (is_queryable(name) && name.size() > 253) std::abort();
  return 0;
}
