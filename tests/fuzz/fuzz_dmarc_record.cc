// One TXT record as published by anybody.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dmarc/record.h"
#include "dmarc/report/external_destination.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatepost;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = dmarc::parse_record(text);
  if (!record.ok()) {
    require(record.error().kind == ErrorKind::permanent);
    return 0;
  }
  require(dmarc::is_dmarc_record(text));
  require(record->text == text);
  require(record->rua.size() <= dmarc::kMaxReportUris);
  require(record->ruf.size() <= dmarc::kMaxReportUris);
  require(record->warnings.size() <= dmarc::kMaxRecordWarnings);
  require(*dmarc::parse_record(record->text) == *record);
  dns::Answer answer;
  answer.status = dns::Status::ok;
  answer.texts.emplace_back(text);
  for (const auto& uri : record->rua) {
    require(uri.scheme != "mailto" || !uri.host.empty());
    require(uri.mailbox.find_first_of(" \r\n<>,") == std::string::npos);
    const auto destinations = dmarc::report::permitted_destinations(uri, answer);
    require(destinations.ok());
    for (const auto& destination : *destinations) require(destination.host == uri.host);
  }
  return 0;
}
