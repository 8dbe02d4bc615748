// Lines of the log of DMARC: what is taken for an entry has what readers of entries look at.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "filter/dmarc_log/day_files.h"
#include "filter/dmarc_log/read_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost::dmarc_log;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto json = parse_line(input);
  if (!json.is_null()) {
    if (!json["time"].is_number_integer() || !json["header_from"].is_string() ||
        !json["overrides"].is_array())
      std::abort();
    if (parse_line(json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace))
            .is_null())
      std::abort();
  }
  const std::int64_t day = parse_day(input);
  if (day >= 0 && day_text(day) != input) std::abort();
  return 0;
}
