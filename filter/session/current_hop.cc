#include "filter/session/current_hop.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

namespace gatepost {

namespace {

constexpr std::size_t kMaxWord = 255;

std::string word(std::string_view text) {
  std::string out(text.substr(0, kMaxWord));
  for (char& c : out) {
    const bool plain = c > ' ' && c < 0x7f;
    if (!plain || std::string_view("<>()\\\";@").find(c) != std::string_view::npos) c = '?';
  }
  return out;
}

}  // namespace

std::string mail_date(std::int64_t unix_time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = static_cast<std::time_t>(unix_time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[128];
  std::snprintf(text, sizeof text, "%s, %d %s %d %02d:%02d:%02d +0000", kDays[utc.tm_wday],
                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text;
}

std::optional<mail::HeaderField> received_of(const Connection& connection, const Envelope& envelope,
                                             std::int64_t unix_time) {
  if (!connection.client || connection.local) return std::nullopt;
  const std::string address =
      (connection.client->is_v4() ? "[" : "[IPv6:") + connection.client->text() + "]";
  // A client without a name is "[192.0.2.1]" for Postfix's milters, "unknown" in its own field.
  const bool named = !connection.client_name.empty() && connection.client_name[0] != '[';
  const std::string name = named ? word(connection.client_name) : "unknown";
  mail::HeaderField field;
  field.name = "Received";
  std::string& value = field.value;
  value = " from " + (connection.helo.empty() ? name : word(connection.helo)) + " (" + name + " " +
          address + ")\r\n";
  if (!connection.tls_version.empty())
    value += "\t(using " + word(connection.tls_version) + ")\r\n";
  value += "\tby " + (connection.mta_name.empty() ? "localhost" : word(connection.mta_name)) +
           " (Gatepost) with ESMTP";
  if (!connection.tls_version.empty()) value += 'S';
  if (envelope.authenticated()) value += 'A';
  if (!envelope.queue_id.empty()) value += " id " + word(envelope.queue_id);
  if (envelope.recipients.size() == 1)
    value += "\r\n\tfor <" + envelope.recipients.front().address + ">";
  value += "; " + mail_date(unix_time) + " (UTC)";
  return field;
}

}  // namespace gatepost
