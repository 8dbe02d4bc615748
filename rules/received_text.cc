#include "rules/received_text.h"

#include <algorithm>

#include "core/base/ip.h"
#include "core/base/text.h"

namespace gatepost::rules::received {

// Blanks are everywhere: the first octet of `piece` that is none is looked for.
std::size_t find(std::string_view text, std::string_view piece, std::size_t from) {
  const std::size_t skipped = piece.find_first_not_of(' ');
  if (skipped == 0 || skipped == piece.npos) return text.find(piece, from);
  const std::string_view rest = piece.substr(skipped);
  for (std::size_t at = text.find(rest, from + skipped); at != text.npos;
       at = text.find(rest, at + 1)) {
    if (text.substr(at - skipped, skipped) == piece.substr(0, skipped)) return at - skipped;
  }
  return text.npos;
}

bool holds(std::string_view text, std::string_view piece) {
  return find(text, piece) != std::string_view::npos;
}

std::string squeezed(std::string_view text) {
  const auto is_blank = [](char c) { return is_wsp(c) || c == '\v' || c == '\f'; };
  std::string out(text.size(), ' ');
  char* to = out.data();
  bool blank = true;  // before
  for (const char c : text) {
    const bool here = is_blank(c);
    *to = here ? ' ' : c;
    to += static_cast<std::ptrdiff_t>(!(here && blank));
    blank = here;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  while (!out.empty() && (out.back() == ';' || out.back() == ' ')) out.pop_back();
  return out;
}

namespace {

bool is_month(std::string_view word) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return std::find(kMonths.begin(), kMonths.end(), word) != kMonths.end();
}

}  // namespace

void drop_date(std::string& line) {
  constexpr int kWords = 6;  // the last ones: "Tue," "23" "May" "2006" "13:06:35" "-0400"
  std::string_view words[kWords];
  std::string_view rest = line;
  for (int i = kWords - 1; i >= 0; --i) {
    const std::size_t blank = rest.rfind(' ');
    if (blank == rest.npos && i > 0) return;
    words[i] = rest.substr(blank + 1);  // npos + 1 is 0
    rest = rest.substr(0, blank == rest.npos ? 0 : blank);
  }
  if (!is_month(words[2])) return;
  std::string_view first = words[1];
  if (first.empty() || !is_digit(first[0])) return;
  if (words[0].size() == 4 && words[0].ends_with(',')) first = words[0];
  line.resize(static_cast<std::size_t>(first.data() - line.data()));
  while (!line.empty() && (line.back() == ' ' || line.back() == ';')) line.pop_back();
}

std::string address_in(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {};
    text = text.substr(1, end - 1);
  }
  if (istarts_with(text, "IPv6:")) text.remove_prefix(5);
  text = text.substr(0, text.find('%'));
  if (text.find(':') == text.rfind(':')) text = text.substr(0, text.find(':'));  // 192.0.2.1:25
  if (std::count(text.begin(), text.end(), '.') == 4) text = text.substr(0, text.rfind('.'));
  const auto address = IpAddress::parse(text);
  if (!address) return {};
  // As written, but for mapped addresses: rules compare texts.
  const bool mapped = address->is_v4() && text.find(':') != std::string_view::npos;
  return mapped ? address->text() : std::string(text);
}

std::string word_behind(std::string_view text, std::string_view mark, std::string_view ends) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + mark.size());
  return std::string(rest.substr(0, rest.find_first_of(ends)));
}

namespace {

// The word behind "with" when it is a protocol that only authenticated clients speak (RFC 3848,
// and what webmail writes).
std::string authenticated_protocol(std::string_view line) {
  constexpr std::array<std::string_view, 12> kProtocols = {
      "ESMTPA",    "ESMTPSA",    "LMTPA", "LMTPSA", "UTF8SMTPA", "UTF8SMTPSA",
      "UTF8LMTPA", "UTF8LMTPSA", "ASMTP", "HTTP",   "HTTPS",     "HTTPU"};
  for (std::size_t at = find(line, " with "); at != std::string_view::npos;
       at = find(line, " with ", at + 1)) {
    const std::string_view rest = line.substr(at + 6);
    const std::string_view word = rest.substr(0, rest.find_first_of(" ;"));
    for (const std::string_view protocol : kProtocols) {
      if (iequals(word, protocol)) return std::string(word);
    }
  }
  return {};
}

}  // namespace

std::string authentication(std::string_view line, const Pairs& pairs) {
  const auto has = [&](std::string_view text, std::string_view piece) {
    return pairs.may_hold(piece) && holds(text, piece);
  };
  if (has(line, " by ")) {
    std::string protocol = authenticated_protocol(line);
    if (!protocol.empty()) return protocol;
  }
  const std::size_t by = find(line, " by ");
  const std::string_view before = line.substr(0, by);
  if (has(before, "(AUTH: ")) return word_behind(before, "(AUTH: ", " ");
  constexpr std::string_view kSaid = "authenticated";
  const std::size_t said = pairs.may_hold(kSaid) ? before.find(kSaid) : before.npos;
  if (said != std::string_view::npos && has(before.substr(0, said), "]")) return "Sendmail";
  if (has(line, " (Authenticated sender: ") && by != std::string_view::npos) {
    const std::string mta = word_behind(line.substr(by), "(", ")");
    if (!mta.empty()) return mta == "Postfix" ? mta : "Postfix (" + mta + ")";
  }
  if (has(line, "CommuniGate Pro") && has(line, " (account ")) return "Communigate";
  if (has(line, " with Microsoft Exchange Server HTTP-DAV")) return "HTTP-DAV";
  if (by != std::string_view::npos && has(line, " (via HTTP")) return "HTTP";
  return {};
}

}  // namespace gatepost::rules::received
