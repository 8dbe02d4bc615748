#pragma once
// DMARC policy records: one TXT record at `_dmarc.DOMAIN` (RFC 9989 sections 4.5 to 4.8).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace gatepost::dmarc {

/// What a domain owner asks for mail that fails (p=, sp=, np=).
enum class Policy { none, quarantine, reject };
/// adkim= and aspf=.
enum class AlignmentMode { relaxed, strict };
/// psd=: whether the name is a public suffix domain; unknown is the default ("u").
enum class Psd { unknown, yes, no };

/// "none", "quarantine", "reject".
const char* to_string(Policy policy);
/// "relaxed", "strict".
const char* to_string(AlignmentMode mode);

/// One destination of rua= or ruf=. Only "mailto" ones have a mailbox.
struct ReportUri {
  std::string uri;               ///< as published, without white space and size suffix
  std::string scheme;            ///< lower case
  std::string mailbox;           ///< mailto: local@domain, percent-decoded
  std::string host;              ///< lower case; of the mailbox or of the authority; may be empty
  std::uint64_t max_octets = 0;  ///< RFC 7489's "!10m" suffix, which owners still use; 0 = none
  bool operator==(const ReportUri&) const = default;
};

/// fo=: when the owner wants failure reports. Meaningless without ruf=.
struct FailureOptions {
  bool all_fail = true;   ///< 0: nothing aligned passed (the default)
  bool any_fail = false;  ///< 1: something did not pass aligned
  bool dkim = false;      ///< d: a signature failed
  bool spf = false;       ///< s: SPF failed
  bool operator==(const FailureOptions&) const = default;
};

struct Record {
  std::string text;  ///< as published
  /// False: neither a usable policy nor a valid rua=; DMARC is not applied to mail the record is
  /// found for (section 4.10.1). It still counts in tree walks, and it may authorise reports.
  bool applies = true;
  Policy policy = Policy::none;
  std::optional<Policy> subdomain_policy;    ///< sp=
  std::optional<Policy> nonexistent_policy;  ///< np=
  AlignmentMode dkim_alignment = AlignmentMode::relaxed;
  AlignmentMode spf_alignment = AlignmentMode::relaxed;
  Psd psd = Psd::unknown;
  bool testing = false;  ///< t=y
  FailureOptions failure_options;
  std::vector<ReportUri> rua;  ///< at most kMaxReportUris each, in the order published
  std::vector<ReportUri> ruf;
  /// What was ignored and why, for `check`: at most kMaxRecordWarnings sentences.
  std::vector<std::string> warnings;
  bool operator==(const Record&) const = default;
};

inline constexpr std::size_t kMaxRecordOctets = 4096;
inline constexpr std::size_t kMaxReportUris = 10;
inline constexpr std::size_t kMaxRecordWarnings = 20;

/// Whether the text starts with a version tag of this DMARC: `v=DMARC1`, value case-sensitive, then
/// ';' or the end. All else is no DMARC record (section 4.10 steps 2 and 6).
bool is_dmarc_record(std::string_view txt);

/// Parses one TXT record whose character-strings are already joined.
/// Only the version can be wrong: every other mistake is ignored or gives the tag's default
/// (section 4.7), noted in `warnings`. A tag that comes twice counts once: the first.
/// @return the record, or a permanent Error: v=DMARC1 is not first, or more than kMaxRecordOctets.
/// Pure: no I/O, no locale, safe from any thread.
Result<Record> parse_record(std::string_view txt);

/// A list of reporting URIs (dmarc-urilist); invalid ones are left out.
std::vector<ReportUri> parse_report_uris(std::string_view list);

/// The record among the TXT records of one name.
struct SelectedRecord {
  std::optional<Record> record;
  bool too_long = false;  ///< the only DMARC record is longer than kMaxRecordOctets
  int found = 0;          ///< DMARC records at the name; two or more are all discarded
};

/// Section 4.10 steps 2 and 6.
SelectedRecord select_record(const std::vector<std::string>& texts);

}  // namespace gatepost::dmarc
