#include "spf/received_spf.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::spf {
namespace {

constexpr std::size_t kMaxValue = 320;  // keeps each folded line below 998 octets (RFC 5322 2.1.1)

/// What cannot stand in a field without harm becomes '?', the rest stays, cut to kMaxValue.
std::string ascii_text(std::string_view text) {
  std::string out(text.substr(0, kMaxValue));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

std::string backslashed(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : ascii_text(text)) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string comment_text(std::string_view text) {
  return backslashed(text, "()\\");
}

// key-value-pair = key "=" ( dot-atom / quoted-string )
std::string pair(std::string_view key, std::string_view value) {
  const bool dot_atom = !value.empty() && value.front() != '.' && value.back() != '.' &&
                        value.find("..") == std::string_view::npos &&
                        std::all_of(value.begin(), value.end(), [](char c) {
                          return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) !=
                                                    std::string_view::npos;
                        });
  const std::string shown = dot_atom ? ascii_text(value) : '"' + backslashed(value, "\"\\") + '"';
  return "\n\t" + std::string(key) + "=" + shown + ";";
}

std::string comment(const Request& request, const Outcome& outcome) {
  std::string domain = "domain of " + comment_text(outcome.domain);
  const std::string client = comment_text(request.client.text());
  switch (outcome.code) {
    case ResultCode::pass:
      return domain + " designates " + client + " as permitted sender";
    case ResultCode::fail:
      return domain + " does not designate " + client + " as permitted sender";
    case ResultCode::softfail:
      return "transitioning " + domain + " does not designate " + client + " as permitted sender";
    case ResultCode::neutral:
      return client + " is neither permitted nor denied by " + domain;
    case ResultCode::none:
      return domain + " does not provide an SPF record";
    case ResultCode::temperror:
      return "temporary error in processing " + domain;
    case ResultCode::permerror:
      return "permanent error in processing " + domain;
  }
  return domain;
}

}  // namespace

std::string received_spf_value(const Request& request, const Outcome& outcome) {
  const std::string receiver = request.receiver.empty() ? "unknown" : request.receiver;
  std::string value = to_string(outcome.code);
  value += " (" + comment_text(receiver) + ": " + comment(request, outcome) + ")";
  value += pair("receiver", receiver);
  value += pair("client-ip", request.client.text());
  if (request.identity == Identity::mail_from) value += pair("envelope-from", request.mail_from);
  value += pair("helo", request.helo);
  value += pair("identity", to_string(request.identity));
  if (!outcome.mechanism.empty()) value += pair("mechanism", outcome.mechanism);
  const bool error = outcome.code == ResultCode::temperror || outcome.code == ResultCode::permerror;
  if (error && !outcome.reason.empty()) value += pair("problem", outcome.reason);
  value.pop_back();  // the last ';'
  return value;
}

}  // namespace gatepost::spf
