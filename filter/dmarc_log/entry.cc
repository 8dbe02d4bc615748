#include "filter/dmarc_log/entry.h"

#include <set>
#include <string_view>

#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "filter/session/dmarc_record.h"

namespace gatepost::dmarc_log {

namespace {

void add(JsonWriter& out, std::string_view value) {
  constexpr std::size_t kMost = 1024;
  if (value.size() <= kMost && is_valid_utf8(value))
    out.text(value);
  else
    out.text(printable(value, kMost));
}

void add(JsonWriter& out, std::string_view key, std::string_view value) {
  out.key(key);
  add(out, value);
}

void add_recipient_domains(JsonWriter& out, const Envelope& envelope) {
  constexpr std::size_t kMost = 100;
  std::set<std::string_view> domains;
  for (const Recipient& recipient : envelope.recipients) {
    const auto at = recipient.address.rfind('@');
    if (at != std::string::npos && domains.size() < kMost)
      domains.insert(std::string_view(recipient.address).substr(at + 1));
  }
  out.key("envelope_to");
  out.begin_array();
  for (const std::string_view domain : domains) add(out, domain);
  out.end_array();
}

}  // namespace

bool is_kept(const Record& record) {
  return record.verdict.stage == Stage::end_of_message && record.facts.dmarc &&
         record.facts.dmarc->record.has_value();
}

std::string to_line(const Record& record) {
  const Verdict& verdict = record.verdict;
  std::string line;
  line.reserve(1024);
  JsonWriter out(line);
  out.begin_object();
  out.key("v");
  out.number(kVersion);
  out.key("time");
  out.number(record.unix_time);
  add(out, "reference", record.reference);
  add(out, "client", record.connection.client ? record.connection.client->text() : "");
  add(out, "helo", record.connection.helo);
  add(out, "envelope_from", record.envelope.mail_from_domain);
  add_recipient_domains(out, record.envelope);
  add(out, "verdict", verdict.action == Action::none ? "accept" : to_string(verdict.action));
  out.key("observed");
  out.boolean(verdict.observed);
  write_dmarc(out, record);
  out.end_object();
  if (line.size() > kMaxLine) line.clear();
  return line;
}

}  // namespace gatepost::dmarc_log
