#include "dmarc/record.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "dmarc/domain.h"

namespace gatepost::dmarc {
namespace {

// 2^10, 2^20, 2^30, 2^40.
constexpr std::string_view kSizeUnits = "kmgt";
// RFC 3986 section 2, besides letters and digits.
constexpr std::string_view kUriMarks = "-._~:/?#[]@!$&'()*+,;=%";
// What would be a second address, a route or a header break in an envelope.
constexpr std::string_view kNotInLocalPart = "<>()[]:;@,\\\"";

// WSP of RFC 5234: other than in mail headers a line break is none.
std::string_view trim_wsp(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct Tag {
  std::string_view name;
  std::string_view value;
  bool well_formed = false;
};

// dmarc-tag = 1*ALPHA equals 1*dmarc-value (section 4.8).
Tag split_tag(std::string_view text) {
  Tag tag;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    tag.name = trim_wsp(text);
    return tag;
  }
  tag.name = trim_wsp(text.substr(0, equals));
  tag.value = trim_wsp(text.substr(equals + 1));
  const bool printable_value = std::all_of(tag.value.begin(), tag.value.end(), [](char c) {
    return c == '\t' || (c >= 0x20 && c <= 0x7e);
  });
  tag.well_formed = !tag.name.empty() && std::all_of(tag.name.begin(), tag.name.end(), is_alpha) &&
                    !tag.value.empty() && printable_value;
  return tag;
}

std::optional<Policy> parse_policy(std::string_view value) {
  if (iequals(value, "none")) return Policy::none;
  if (iequals(value, "quarantine")) return Policy::quarantine;
  if (iequals(value, "reject")) return Policy::reject;
  return std::nullopt;
}

std::optional<FailureOptions> parse_failure_options(std::string_view value) {
  FailureOptions options{false, false, false, false};
  for (const std::string_view piece : split(value, ':')) {
    const std::string_view option = trim_wsp(piece);
    if (option == "0") {
      options.all_fail = true;
    } else if (option == "1") {
      options.any_fail = true;
    } else if (iequals(option, "d")) {
      options.dkim = true;
    } else if (iequals(option, "s")) {
      options.spf = true;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Nothing when an escape is broken or stands for something that no mailbox may hold.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c <= ' ' || c > '~') return std::nullopt;
    decoded.push_back(c);
  }
  return decoded;
}

// RFC 7489 section 6.2: "!" 1*DIGIT [ "k" / "m" / "g" / "t" ]. RFC 9989 has no such suffix any
// more, but wants "!" encoded: an owner who writes one means the old thing.
bool take_size_suffix(std::string_view& text, std::uint64_t& octets) {
  const std::size_t mark = text.rfind('!');
  if (mark == std::string_view::npos) return true;
  std::string_view size = text.substr(mark + 1);
  int shift = 0;
  if (!size.empty() && !is_digit(size.back())) {
    const std::size_t unit = kSizeUnits.find(ascii_lower(size.back()));
    if (unit == std::string_view::npos) return false;
    shift = static_cast<int>(unit + 1) * 10;
    size.remove_suffix(1);
  }
  if (size.empty() || size.size() > 6 || !std::all_of(size.begin(), size.end(), is_digit)) {
    return false;
  }
  octets = std::stoull(std::string(size)) << shift;
  text = text.substr(0, mark);
  return text.find('!') == std::string_view::npos;
}

bool is_uri_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || kUriMarks.find(c) != std::string_view::npos;
  });
}

bool take_mailbox(std::string_view rest, ReportUri& uri) {
  const auto mailbox = percent_decode(rest.substr(0, rest.find('?')));
  if (!mailbox) return false;
  const std::size_t at = mailbox->rfind('@');
  if (at == std::string::npos || at == 0) return false;
  const auto host = canonical_domain(std::string_view(*mailbox).substr(at + 1));
  if (!host) return false;
  if (mailbox->find_first_of(kNotInLocalPart) < at) return false;
  uri.mailbox = *mailbox;
  uri.host = *host;
  return true;
}

std::string authority_host(std::string_view rest) {
  if (rest.substr(0, 2) != "//") return {};
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    rest.remove_prefix(at + 1);
  }
  return to_lower(rest.substr(0, rest.find(':')));
}

std::optional<ReportUri> parse_report_uri(std::string_view text) {
  ReportUri uri;
  if (!take_size_suffix(text, uri.max_octets) || !is_uri_text(text)) return std::nullopt;
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size()) {
    return std::nullopt;
  }
  // RFC 3986 section 3.1.
  const std::string_view scheme = text.substr(0, colon);
  const bool scheme_ok =
      is_alpha(scheme[0]) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return is_alnum(c) || c == '+' || c == '-' || c == '.';
      });
  if (!scheme_ok) return std::nullopt;
  uri.uri = text;
  uri.scheme = to_lower(scheme);
  const std::string_view rest = text.substr(colon + 1);
  if (uri.scheme == "mailto") {
    if (!take_mailbox(rest, uri)) return std::nullopt;
  } else {
    uri.host = authority_host(rest);
  }
  return uri;
}

// Reads the tags behind the version into a Record.
class Reader {
 public:
  explicit Reader(std::string_view txt) { record_.text = txt; }

  void tag(std::string_view piece) {
    const Tag tag = split_tag(piece);
    if (!tag.well_formed) {
      const std::string shown = printable(trim_wsp(piece), 60);
      if (!shown.empty()) warn("\"" + shown + "\" is not name=value");
      return;
    }
    const std::string name = to_lower(tag.name);
    const auto* const known = std::find(kKnown.begin(), kKnown.end(), name);
    if (known == kKnown.end()) {
      warn("unknown tag " + printable(name, 30) + "=");
      return;
    }
    bool& seen = seen_[static_cast<std::size_t>(known - kKnown.begin())];
    if (seen) {
      warn(name + "= comes again, the first one counts");
      return;
    }
    seen = true;
    if (!take(name, tag.value)) warn(name + "=" + printable(tag.value, 60) + " is not valid");
  }

  Record finish() && {
    // Section 4.10.1: without a valid p=, or with an invalid sp= or np=, a reporting address makes
    // it p=none; without one DMARC does not apply.
    if (!has_policy_ || bad_subdomain_policy_) {
      record_.policy = Policy::none;
      record_.subdomain_policy.reset();
      record_.nonexistent_policy.reset();
      record_.applies = !record_.rua.empty();
    }
    // Section 4.7: fo= without ruf= is ignored.
    if (record_.ruf.empty()) record_.failure_options = {};
    return std::move(record_);
  }

 private:
  static constexpr std::array<std::string_view, 11> kKnown = {
      "v", "p", "sp", "np", "adkim", "aspf", "psd", "t", "fo", "rua", "ruf"};

  void warn(std::string text) {
    if (record_.warnings.size() < kMaxRecordWarnings) record_.warnings.push_back(std::move(text));
  }

  // @return false when the value is invalid; then the tag keeps its default.
  bool take(std::string_view name, std::string_view value) {
    if (name == "p") {
      const auto policy = parse_policy(value);
      if (policy) record_.policy = *policy;
      has_policy_ = policy.has_value();
      return has_policy_;
    }
    if (name == "sp" || name == "np") {
      auto& target = name == "sp" ? record_.subdomain_policy : record_.nonexistent_policy;
      target = parse_policy(value);
      if (!target) bad_subdomain_policy_ = true;
      return target.has_value();
    }
    if (name == "adkim") return take_alignment(value, record_.dkim_alignment);
    if (name == "aspf") return take_alignment(value, record_.spf_alignment);
    if (name == "psd") return take_psd(value);
    if (name == "t") {
      record_.testing = iequals(value, "y");
      return record_.testing || iequals(value, "n");
    }
    if (name == "fo") {
      const auto options = parse_failure_options(value);
      if (options) record_.failure_options = *options;
      return options.has_value();
    }
    if (name == "rua") return take_uris(value, record_.rua);
    if (name == "ruf") return take_uris(value, record_.ruf);
    return false;  // a second v=
  }

  static bool take_alignment(std::string_view value, AlignmentMode& mode) {
    if (iequals(value, "s")) mode = AlignmentMode::strict;
    return iequals(value, "s") || iequals(value, "r");
  }

  bool take_psd(std::string_view value) {
    if (iequals(value, "y")) record_.psd = Psd::yes;
    if (iequals(value, "n")) record_.psd = Psd::no;
    return record_.psd != Psd::unknown || iequals(value, "u");
  }

  static bool take_uris(std::string_view value, std::vector<ReportUri>& uris) {
    uris = parse_report_uris(value);
    const auto listed = static_cast<std::size_t>(std::count(value.begin(), value.end(), ',')) + 1;
    return uris.size() == listed;
  }

  Record record_;
  std::array<bool, kKnown.size()> seen_{};
  bool has_policy_ = false;
  bool bad_subdomain_policy_ = false;
};

}  // namespace

const char* to_string(Policy policy) {
  switch (policy) {
    case Policy::none:
      return "none";
    case Policy::quarantine:
      return "quarantine";
    case Policy::reject:
      return "reject";
  }
  return "none";
}

const char* to_string(AlignmentMode mode) {
  return mode == AlignmentMode::strict ? "strict" : "relaxed";
}

bool is_dmarc_record(std::string_view txt) {
  const std::string_view version = txt.substr(0, txt.find(';'));
  const std::size_t equals = version.find('=');
  // dmarc-version = "v" equals %s"DMARC1": nothing before the v (section 4.8).
  return equals != std::string_view::npos && !version.empty() && ascii_lower(version[0]) == 'v' &&
         trim_wsp(version.substr(1, equals - 1)).empty() &&
         trim_wsp(version.substr(equals + 1)) == "DMARC1";
}

Result<Record> parse_record(std::string_view txt) {
  if (!is_dmarc_record(txt)) {
    return permanent_error("record does not start with v=DMARC1", "v");
  }
  if (txt.size() > kMaxRecordOctets) {
    return permanent_error("record has " + std::to_string(txt.size()) + " octets, at most " +
                           std::to_string(kMaxRecordOctets) + " are read");
  }
  Reader reader(txt);
  const auto pieces = split(txt, ';');
  for (std::size_t i = 1; i < pieces.size(); ++i) reader.tag(pieces[i]);
  return std::move(reader).finish();
}

std::vector<ReportUri> parse_report_uris(std::string_view list) {
  std::vector<ReportUri> uris;
  for (const std::string_view piece : split(list, ',')) {
    if (uris.size() == kMaxReportUris) break;
    if (auto uri = parse_report_uri(trim_wsp(piece))) uris.push_back(std::move(*uri));
  }
  return uris;
}

SelectedRecord select_record(const std::vector<std::string>& texts) {
  SelectedRecord selected;
  const std::string* candidate = nullptr;
  for (const std::string& text : texts) {
    if (!is_dmarc_record(text)) continue;
    ++selected.found;
    candidate = &text;
  }
  if (selected.found != 1) return selected;
  auto parsed = parse_record(*candidate);
  if (parsed.ok()) {
    selected.record = std::move(parsed).value();
  } else {
    selected.too_long = true;
  }
  return selected;
}

}  // namespace gatepost::dmarc
