#include "rules/test_lines.h"

#include <algorithm>
#include <unordered_set>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "rules/codec.h"
#include "rules/compile.h"
#include "rules/stage_fields.h"
#include "rules/test_message.h"

namespace gatepost::rules {
namespace {

using Severity = Diagnostic::Severity;

// As the reader of mail makes paragraphs: runs of white space are one blank.
std::string paragraph(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_wsp(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

void add_piece(mail::PieceText& to, std::string_view text) {
  const auto begin = static_cast<std::uint32_t>(to.text.size());
  to.text += text;
  to.pieces.push_back({begin, static_cast<std::uint32_t>(to.text.size())});
  to.text += '\n';
}

mail::HeaderField field(std::string name, std::string_view value) {
  mail::HeaderField out;
  out.name = std::move(name);
  out.value = " " + std::string(value);
  return out;
}

// A message that holds the text where the rule looks.
struct Example {
  std::vector<mail::HeaderField> fields;
  mail::Content content;
  std::string mail_from;
  std::vector<mail::Url> urls;

  Example(const Rule& rule, std::string_view text) {
    const bool all = rule.type == RuleType::meta;
    if (rule.type == RuleType::header || rule.type == RuleType::mimeheader)
      add_header(rule.header, text);
    if (rule.type == RuleType::uri || rule.type == RuleType::uri_detail) {
      mail::Url& url = urls.emplace_back();
      url.raw = text;
      url.cleaned = {std::string(text)};
      url.types = {"parsed"};
    }
    if (all) fields.push_back(field("Subject", text));
    add_piece(content.body, all ? paragraph(text) : std::string());  // the Subject
    if (all || rule.type == RuleType::body) add_piece(content.body, paragraph(text));
    if (all || rule.type == RuleType::rawbody) add_piece(content.rawbody, text);
    if (all || rule.type == RuleType::full) content.full = std::string(text) + "\n";
  }

 private:
  void add_header(const HeaderSelector& header, std::string_view text) {
    if (header.name == "EnvelopeFrom") {
      mail_from = text;
    } else if (header.name == "ALL") {
      const std::size_t colon = text.find(':');
      const bool named = colon != std::string_view::npos && colon > 0 &&
                         text.substr(0, colon).find_first_of(" \t") == std::string_view::npos;
      if (named)
        fields.push_back(field(std::string(text.substr(0, colon)), trim(text.substr(colon + 1))));
      else
        fields.push_back(field("Subject", text));
    } else if (header.name == "ToCc") {
      fields.push_back(field("To", text));
    } else if (header.name == "MESSAGEID") {
      fields.push_back(field("Message-Id", text));
    } else {
      fields.push_back(field(header.name, text));
    }
  }
};

MatchOutcome match(const RuleFile& file, const Rule& rule, std::string_view text,
                   const RuleSet& set) {
  if (const auto raw = test_message(text))
    return set.match(TestMessage(*raw, file.settings, set).subject());
  const Example example(rule, text);
  Subject subject{example.fields, example.content, example.mail_from, false};
  subject.urls = example.urls;
  SmtpTexts smtp;
  const auto stage_field = find_stage_field(rule.header.name);
  if (is_stage(rule.type) && stage_field) {
    smtp = smtp_example(*stage_field, text);
    subject.smtp = &smtp;
  }
  return set.match(subject);
}

}  // namespace

std::string test_lines_key(const RuleFile& file, int score_set) {
  Writer out;
  out.text("test lines");
  out.text(content_hash(file));
  out.u32(static_cast<std::uint32_t>(score_set));
  for (const RuleTest& test : file.tests) {
    out.text(test.rule);
    out.u8(test.must_hit ? 1 : 0);
    out.text(test.text);
  }
  return hex_encode(sha256(out.data()));
}

TestReport run_tests(const RuleFile& file, const RuleSet& set, int score_set) {
  const auto index = index_by_name(file);
  std::unordered_set<std::string_view> unsupported;
  for (const UnsupportedRule& rule : file.unsupported) unsupported.insert(rule.name);
  TestReport report;
  const auto not_run = [&](const RuleTest& test, const std::string& why) {
    ++report.not_run;
    report.diagnostics.push_back(
        {Severity::warning, "test of " + test.rule + " is not run: " + why, test.place, test.rule});
  };
  for (const RuleTest& test : file.tests) {
    const auto known = index.find(test.rule);
    if (known == index.end()) {
      not_run(test, unsupported.contains(test.rule) ? "the rule is not supported"
                                                    : "no rule of these files defines it");
      continue;
    }
    const Rule& rule = file.rules[known->second];
    if (!rule.runs(score_set)) {
      not_run(test, "its score is 0");
      continue;
    }
    const MatchOutcome outcome = match(file, rule, test.text, set);
    const bool hit = std::any_of(outcome.hits.begin(), outcome.hits.end(),
                                 [&](const Hit& h) { return h.rule->name == rule.name; });
    if (hit == test.must_hit) {
      ++report.passed;
      continue;
    }
    ++report.failed;
    if (outcome.budget_exceeded) ++report.limited;
    report.diagnostics.push_back({Severity::error,
                                  rule.name + (test.must_hit ? " does not hit '" : " hits '") +
                                      printable(test.text, 120) + "', expected a " +
                                      (test.must_hit ? "hit" : "miss"),
                                  test.place, rule.name});
  }
  return report;
}

}  // namespace gatepost::rules
