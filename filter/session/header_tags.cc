#include "filter/session/header_tags.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/base/text.h"
#include "core/mail/from_field.h"
#include "filter/session/current_hop.h"
#include "filter/session/field_text.h"
#include "filter/session/header_edits.h"
#include "filter/session/spam_report.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

using rules::HeaderTag;

// What others say their name is.
std::string domain_text(std::string_view domain) {
  std::string out = printable(domain, 255);
  for (char& c : out) {
    const bool plain = is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
                       std::string_view(".-_:[]").find(c) != std::string_view::npos;
    c = plain ? ascii_lower(c) : '?';
  }
  return out;
}

// "SPAM,HAM" in parentheses; what is not said is Yes and No.
std::string yes_no(std::string_view words, bool spam) {
  if (words.empty()) return spam ? "Yes" : "No";
  const std::size_t comma = words.find(',');
  if (spam) return std::string(words.substr(0, comma));
  return comma == words.npos ? "No" : std::string(words.substr(comma + 1));
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

std::string padded_score(const HeaderSources& sources, std::string_view pad) {
  const double required = sources.policy.tag_score;
  std::string text = score_text(sources.verdict.score);
  // 4.96 of 5.0 is not 5.0.
  if (sources.verdict.score < required && text == score_text(required))
    text = score_text(required - 0.1);
  const bool pads =
      pad.find_first_not_of('0') == pad.npos || pad.find_first_not_of(' ') == pad.npos;
  if (!pads || pad.size() + 3 <= text.size()) return text;
  return std::string(pad.substr(0, pad.size() + 3 - text.size())) + text;
}

// "2.0", "0.001": as many decimals as it needs, three at most.
std::string rule_score(double score) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", score);
  std::string out = text;
  while (out.ends_with('0') && out[out.size() - 2] != '.') out.pop_back();
  return out;
}

// In the order of the alphabet; the separator is a comma when none is given.
std::string joined(std::vector<std::string> names, std::string_view separator, bool more) {
  std::sort(names.begin(), names.end());
  if (more) names.emplace_back("...");
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += separator.empty() ? "," : separator;
    out += name;
  }
  return out.empty() ? "none" : out;
}

std::string tests(const Verdict& verdict, std::string_view separator, bool scores) {
  std::vector<std::string> names;
  for (const Reason& reason : verdict.reasons) {
    if (names.size() == kMaxReasons) break;
    names.push_back(scores ? reason.finding + "=" + rule_score(reason.score) : reason.finding);
  }
  return joined(std::move(names), separator, verdict.reasons.size() > kMaxReasons);
}

std::string stars(const HeaderSources& sources, std::string_view star) {
  std::string out;
  for (int i = 0; i < sources.stars(); ++i) out += star.empty() ? "*" : star;
  return out;
}

std::string host_name(const HeaderSources& sources) {
  const std::string& own = sources.connection.mta_name;
  return domain_text(own.empty() ? authserv_id(sources.policy, sources.connection) : own);
}

// Which rules these were: the beginning of their hash.
std::string rules_version(const Policy& policy) {
  return policy.rules ? policy.rules->hash().substr(0, 12) : std::string();
}

std::string author_domain(const HeaderSources& sources) {
  return domain_text(sources.facts.author ? sources.facts.author->domain
                                          : mail::author_identity(sources.fields).domain);
}

std::string value_of(HeaderTag tag, std::string_view argument, const HeaderSources& sources) {
  switch (tag) {
    case HeaderTag::yes_no:
      return yes_no(argument, sources.is_spam());
    case HeaderTag::yes_no_caps:
      return upper(yes_no(argument, sources.is_spam()));
    case HeaderTag::score:
      return padded_score(sources, argument);
    case HeaderTag::required:
      return score_text(sources.policy.tag_score);
    case HeaderTag::tests:
      return tests(sources.verdict, argument, false);
    case HeaderTag::tests_scores:
      return tests(sources.verdict, argument, true);
    case HeaderTag::subtests:
      return joined(sources.facts.subrules, argument, false);
    case HeaderTag::stars:
      return stars(sources, argument);
    case HeaderTag::report:
      return "\n" + spam_report(sources.verdict);
    case HeaderTag::summary:
      return spam_summary(sources.verdict);
    case HeaderTag::host_name:
      return host_name(sources);
    case HeaderTag::version:
      return GATEPOST_VERSION;
    case HeaderTag::subversion:
      return rules_version(sources.policy);
    case HeaderTag::date:
      return mail_date(sources.unix_time);
    case HeaderTag::sender_domain:
      return domain_text(sources.envelope.mail_from_domain);
    case HeaderTag::author_domain:
      return author_domain(sources);
  }
  return {};
}

}  // namespace

std::string expand(const rules::HeaderTemplate& text, const HeaderSources& sources) {
  std::string out;
  for (const rules::HeaderTemplate::Piece& piece : text.pieces) {
    out += piece.tag ? value_of(*piece.tag, piece.text, sources) : piece.text;
    if (out.size() > kMaxFieldText) break;
  }
  return out;
}

}  // namespace gatepost
