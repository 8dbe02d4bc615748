#include "filter/session/spam_report.h"

#include <cstdio>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"

namespace gatepost {

namespace {

constexpr std::size_t kLine = 76;  // RFC 5322 section 2.1.1 asks for at most 78

// Rule files are others' work: what they say is shown, never obeyed.
std::string meaning_of(const Reason& reason) {
  const FindingInfo* info = find_finding(reason.finding);
  const std::string_view meaning = !reason.description.empty()
                                       ? std::string_view(reason.description)
                                   : info != nullptr ? info->meaning
                                                     : std::string_view();
  return meaning.empty() ? std::string() : mail::encode_words(printable(meaning, 300));
}

// "*  2.0 NAME what it means", folded between words.
void append_report_line(const Reason& reason, std::string& report) {
  char score[32];
  std::snprintf(score, sizeof score, "* %5.1f ", reason.score);
  if (!report.empty()) report += "\n\t";
  const std::string head = score + reason.finding;
  report += head;
  std::size_t column = head.size() + (report.size() == head.size() ? 15 : 8);
  const std::string text = meaning_of(reason);
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column + 1 + word.size() > kLine) {
      report += "\n\t*      ";
      column = 14;
    }
    report += ' ';
    report += word;
    column += word.size() + 1;
  }
}

}  // namespace

std::string score_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string spam_status(const Verdict& verdict, const Policy& policy, bool spam) {
  std::string status = (spam ? "Yes, score=" : "No, score=") + score_text(verdict.score) +
                       " required=" + score_text(policy.tag_score) + " tests=";
  std::size_t column = status.size() + 15;
  std::size_t listed = 0;
  bool first = true;
  for (const Reason& reason : verdict.reasons) {
    if (!first) status += ',';
    if (listed++ == kMaxReasons) {
      status += "...";
      break;
    }
    if (column + reason.finding.size() > kLine) status += "\n\t", column = 8;
    status += reason.finding;
    column += reason.finding.size() + 1;
    first = false;
  }
  return first ? status + "none" : status;
}

std::string spam_report(const Verdict& verdict) {
  std::string report;
  for (std::size_t i = 0; i < verdict.reasons.size(); ++i) {
    if (i == kMaxReasons) {
      report += "\n\t* and " + std::to_string(verdict.reasons.size() - i) + " more";
      break;
    }
    append_report_line(verdict.reasons[i], report);
  }
  return report;
}

std::string spam_summary(const Verdict& verdict) {
  std::string summary;
  for (std::size_t i = 0; i < verdict.reasons.size(); ++i) {
    if (i == kMaxReasons) {
      summary += "and " + std::to_string(verdict.reasons.size() - i) + " more\n";
      break;
    }
    const Reason& reason = verdict.reasons[i];
    char head[32];
    std::snprintf(head, sizeof head, "%4.1f ", reason.score);
    summary += head + reason.finding;
    const std::string meaning = meaning_of(reason);
    if (!meaning.empty())
      summary += std::string(reason.finding.size() < 22 ? 23 - reason.finding.size() : 1, ' ');
    summary += meaning + "\n";
  }
  return summary;
}

}  // namespace gatepost
