#include "rules/stage_fields.h"

#include <algorithm>
#include <vector>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

struct FieldRow {
  std::string_view name;
  StageField field;
  RuleType from;  // the stage that tells it
};

constexpr FieldRow kFields[] = {
    {"ip", StageField::ip, RuleType::connect},
    {"host", StageField::host, RuleType::connect},
    {"daemon", StageField::daemon, RuleType::connect},
    {"name", StageField::name, RuleType::helo},
    {"sender", StageField::sender, RuleType::mail},
    {"login", StageField::login, RuleType::mail},
    {"recipient", StageField::recipient, RuleType::rcpt},
};

const FieldRow* find_row(std::string_view name) {
  const auto at = std::find_if(std::begin(kFields), std::end(kFields),
                               [&](const FieldRow& row) { return row.name == name; });
  return at == std::end(kFields) ? nullptr : at;
}

std::vector<std::string_view> fields_at(RuleType stage) {
  std::vector<std::string_view> names;
  for (const FieldRow& row : kFields) {
    if (row.from <= stage) names.push_back(row.name);
  }
  return names;
}

// "ip, host or daemon"
std::string listed(const std::vector<std::string_view>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out += i == 0 ? "" : i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

std::string not_a_field(RuleType stage, std::string_view word) {
  const auto names = fields_at(stage);
  const std::string expected = "expected " + listed(names) + " and =~ or !~";
  if (word.empty()) return expected;
  if (const FieldRow* later = find_row(word)) {
    return "'" + std::string(word) + "' is not known before " +
           std::string(to_string(later->from)) + ", " + expected;
  }
  const std::string_view meant = did_you_mean(word, names);
  return expected + ", found '" + printable(word, 100) + "'" +
         (meant.empty() ? "" : ", did you mean '" + std::string(meant) + "'?");
}

}  // namespace

std::optional<StageField> find_stage_field(std::string_view name) {
  const FieldRow* row = find_row(name);
  return row == nullptr ? std::nullopt : std::make_optional(row->field);
}

std::string_view stage_text(const SmtpTexts& smtp, StageField field) {
  switch (field) {
    case StageField::ip:
      return smtp.ip;
    case StageField::host:
      return smtp.host;
    case StageField::daemon:
      return smtp.daemon;
    case StageField::name:
      return smtp.helo;
    case StageField::sender:
      return smtp.sender;
    case StageField::login:
      return smtp.login;
    case StageField::recipient:
      break;
  }
  return {};
}

SmtpTexts smtp_example(StageField field, const std::string_view& text) {
  SmtpTexts out;
  (field == StageField::ip       ? out.ip
   : field == StageField::host   ? out.host
   : field == StageField::daemon ? out.daemon
   : field == StageField::name   ? out.helo
   : field == StageField::login  ? out.login
                                 : out.sender) = text;
  static constexpr std::string_view kNobody;
  out.recipients = {field == StageField::recipient ? &text : &kNobody, 1};
  if (field == StageField::recipient) out.sender = {};
  return out;
}

bool parse_stage_selector(RuleType stage, std::string_view line, std::size_t at,
                          HeaderSelector& out, std::size_t& begin, std::size_t& end,
                          SelectorFault& fault) {
  std::size_t stop = at;
  while (stop < line.size() && is_alpha(line[stop])) ++stop;
  const std::string_view word = line.substr(at, stop - at);
  const FieldRow* row = find_row(word);
  if (row == nullptr || row->from > stage) {
    fault = {not_a_field(stage, word), at};
    return false;
  }
  out.name = word;
  while (stop < line.size() && is_wsp(line[stop])) ++stop;
  const std::string_view op = line.substr(stop, 2);
  if (op != "=~" && op != "!~") {
    fault = {"expected =~ or !~ behind '" + std::string(word) + "'", stop};
    return false;
  }
  out.negated = op == "!~";
  for (stop += 2; stop < line.size() && is_wsp(line[stop]);) ++stop;
  begin = stop;
  end = line.size();
  return true;
}

}  // namespace gatepost::rules
