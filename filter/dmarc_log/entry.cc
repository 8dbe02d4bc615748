#include "filter/dmarc_log/entry.h"

#include <set>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "filter/session/dmarc_record.h"

namespace gatepost::dmarc_log {

namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view value) {
  return is_valid_utf8(value) && value.size() <= 1024 ? std::string(value) : printable(value, 1024);
}

Json recipient_domains(const Envelope& envelope) {
  constexpr std::size_t kMost = 100;
  std::set<std::string> domains;
  for (const Recipient& recipient : envelope.recipients) {
    const auto at = recipient.address.rfind('@');
    if (at != std::string::npos && domains.size() < kMost)
      domains.insert(recipient.address.substr(at + 1));
  }
  Json list = Json::array();
  for (const std::string& domain : domains) list.push_back(text(domain));
  return list;
}

}  // namespace

bool is_kept(const Record& record) {
  return record.verdict.stage == Stage::end_of_message && record.facts.dmarc &&
         record.facts.dmarc->record.has_value();
}

std::string to_line(const Record& record) {
  const Verdict& verdict = record.verdict;
  Json json = Json::object();
  json.emplace("v", kVersion);
  json.emplace("time", record.unix_time);
  json.emplace("reference", record.reference);
  json.emplace("client", record.connection.client ? record.connection.client->text() : "");
  json.emplace("helo", text(record.connection.helo));
  json.emplace("envelope_from", text(record.envelope.mail_from_domain));
  json.emplace("envelope_to", recipient_domains(record.envelope));
  json.emplace("verdict", verdict.action == Action::none ? "accept" : to_string(verdict.action));
  json.emplace("observed", verdict.observed);
  add_dmarc(json, record);
  std::string line = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  return line.size() > kMaxLine ? std::string() : line;
}

}  // namespace gatepost::dmarc_log
