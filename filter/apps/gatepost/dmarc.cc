// gatepost dmarc: the policy of a domain, and the result for a message or for given identifiers.

#include <cstdio>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/readers.h"
#include "dmarc/disposition.h"
#include "dmarc/evaluate.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/gatepost/dmarc_trace.h"
#include "filter/checks/dmarc_request.h"
#include "filter/checks/mailing_list.h"
#include "filter/policy/dmarc_policy.h"
#include "spf/evaluate.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string file;
  std::string ip;
  std::string helo;
  std::string mail_from;
  std::string from_domain;
  std::string spf_domain;
  std::vector<std::string> dkim_domains;
  bool trace = false;
};

/// What is known of the message and its client, in the words of the filter.
struct Subject {
  dmarc::Request request;
  Facts facts;
  MailingList list;
  mail::Readings readings;
  Connection connection;
};

struct Checked {
  dmarc::Outcome outcome;
  dmarc::Disposition disposition;
  std::vector<TraceLine> trace;
};

Result<void> add_message(Tools& tools, const Options& options, Subject& subject) {
  const auto input = read_input(options.file);
  if (!input.ok()) return input.error();
  const mail::ParsedMessage message = mail::parse_message(*input);
  if (options.from_domain.empty()) {
    auto [author, readings] = mail::read_author(message.fields);
    set_author(author, tools.configuration.policy->dmarc_strict_author, subject.request);
    subject.facts.author = std::move(author);
    subject.readings = std::move(readings);
  }
  for (const mail::HeaderField& field : message.fields) subject.list.read(field);
  auto signatures = verify_signatures(tools, message);
  if (!signatures.ok()) return signatures.error();
  add_signatures(*signatures, subject.request);
  subject.facts.dkim = std::move(*signatures);
  return {};
}

Result<void> add_client(Tools& tools, const Options& options, Subject& subject) {
  const auto ip = IpAddress::parse(options.ip);
  if (!ip) return permanent_error("--ip: '" + options.ip + "' is no IP address");
  subject.connection.client = *ip;
  spf::Request request;
  request.client = *ip;
  request.helo = options.helo;
  request.mail_from = options.mail_from;
  spf::CheckHost check(std::move(request));
  Answers answers(tools.clock.unix_time());
  auto outcome = tools.run(check, answers);
  if (!outcome.ok()) return outcome.error();
  set_spf(*outcome, subject.request);
  subject.facts.spf_mail_from = std::move(*outcome);
  return {};
}

/// Adds what the message and the client prove.
Result<void> add_identities(Tools& tools, const Options& options, Subject& subject) {
  if (!options.file.empty()) {
    if (auto added = add_message(tools, options, subject); !added.ok()) return added;
  }
  if (!options.ip.empty()) {
    if (auto added = add_client(tools, options, subject); !added.ok()) return added;
  }
  if (!options.spf_domain.empty()) {
    subject.request.spf =
        dmarc::SpfIdentity{to_lower(options.spf_domain), dmarc::Authentication::pass};
  }
  for (const std::string& domain : options.dkim_domains)
    subject.request.dkim.push_back({to_lower(domain), "", dmarc::Authentication::pass});
  return {};
}

/// As the filter would, as far as DMARC alone can tell: other findings are not looked for.
dmarc::Disposition disposition_of(const Subject& subject, const dmarc::Outcome& outcome,
                                  const Policy& policy) {
  std::vector<Finding> findings;
  const std::string list = subject.list.authenticated_by(subject.facts);
  if (outcome.result == dmarc::ResultCode::fail && !list.empty()) {
    findings.push_back({"LIST_COPY", Stage::end_of_message, list, -1, 1});
    findings.back().domain = list;
  }
  return dmarc::decide_disposition(
      outcome, dmarc_circumstances(outcome.author_domain, findings, policy, subject.connection));
}

Json alignment_json(const dmarc::Alignment& a) {
  return {{"aligned", a.aligned},
          {"mode", a.mode == dmarc::AlignmentMode::strict ? "strict" : "relaxed"},
          {"domain", text(a.domain)},
          {"reason", text(a.reason)}};
}

Json trace_json(const Checked& checked) {
  Json lines = Json::array();
  for (const TraceLine& line : checked.trace)
    lines.push_back({{"step", line.step}, {"text", text(line.text)}});
  return lines;
}

Json overrides_json(const dmarc::Disposition& disposition) {
  Json list = Json::array();
  for (const dmarc::OverrideReason& reason : disposition.overrides)
    list.push_back({{"type", dmarc::to_string(reason.type)}, {"comment", text(reason.comment)}});
  return list;
}

void print_json(const Options& options, const Subject& subject, const Checked& checked) {
  const dmarc::Outcome& outcome = checked.outcome;
  Json json = {
      {"result", dmarc::to_string(outcome.result)},
      {"policy", dmarc::to_string(outcome.policy)},
      {"disposition", dmarc::to_string(checked.disposition.action)},
      {"record_domain", text(outcome.record_domain)},
      {"org_domain", text(outcome.org_domain)},
      {"alignment", {{"spf", alignment_json(outcome.spf)}, {"dkim", alignment_json(outcome.dkim)}}},
      {"applied_policy", dmarc::to_string(outcome.applied_policy)},
      {"testing", outcome.testing},
      {"queries", outcome.queries},
      {"reason", text(outcome.reason)},
      {"author_domain", text(outcome.author_domain)},
      {"policy_tag", dmarc::to_string(outcome.policy_tag)},
      {"record", outcome.record ? text(outcome.record->text) : Json("")},
      {"overrides", overrides_json(checked.disposition)},
      {"disposition_reason", text(checked.disposition.reason)}};
  if (subject.readings.differ) json["readers"] = text(subject.readings.text());
  if (options.trace) json["trace"] = trace_json(checked);
  std::printf("%s\n", json.dump().c_str());
}

void print(const Options& options, const Subject& subject, const Checked& checked) {
  if (options.common.json) return print_json(options, subject, checked);
  const dmarc::Outcome& outcome = checked.outcome;
  if (options.trace) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const TraceLine& line : checked.trace) rows.emplace_back(line.step, line.text);
    print_rows(rows);
    std::printf("\n");
  }
  std::vector<std::pair<std::string, std::string>> rows = {
      {"result", dmarc::to_string(outcome.result)},
      {"reason", outcome.reason},
      {"author domain", outcome.author_domain},
      {"record at", outcome.record_domain.empty() ? "none" : "_dmarc." + outcome.record_domain},
      {"record", outcome.record ? outcome.record->text : ""},
      {"organizational domain", outcome.org_domain},
      {"policy", std::string(dmarc::to_string(outcome.policy)) + " (" +
                     dmarc::to_string(outcome.policy_tag) + "=)" +
                     (outcome.testing ? ", testing" : "")},
      {"SPF", outcome.spf.aligned ? "aligned: " + outcome.spf.domain : outcome.spf.reason},
      {"DKIM", outcome.dkim.aligned ? "aligned: " + outcome.dkim.domain : outcome.dkim.reason},
      {"disposition", std::string(dmarc::to_string(checked.disposition.action)) + ", " +
                          checked.disposition.reason}};
  for (const dmarc::OverrideReason& reason : checked.disposition.overrides)
    rows.emplace_back("override",
                      std::string(dmarc::to_string(reason.type)) + ": " + reason.comment);
  if (subject.readings.differ) rows.emplace_back("readers see", subject.readings.text());
  print_rows(rows);
}

int run(const Options& options) {
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const Policy& policy = *tools->configuration.policy;
  Subject subject;
  subject.request.mode = policy.dmarc_discovery;
  subject.request.public_suffixes = policy.public_suffixes;
  if (!options.from_domain.empty()) {
    const auto domain = mail::normalize_domain(options.from_domain);
    if (!domain.ok()) return fail(permanent_error("--from-domain: " + domain.error().what)), kUsage;
    subject.request.author_domain = *domain;
  } else if (options.file.empty()) {
    return fail(permanent_error("expected a message or --from-domain")), kUsage;
  }
  if (const auto added = add_identities(*tools, options, subject); !added.ok())
    return fail(added.error());
  dmarc::Evaluate evaluate(subject.request);
  Answers answers(tools->clock.unix_time());
  auto outcome = tools->run(evaluate, answers);
  if (!outcome.ok()) return fail(outcome.error());
  Checked checked;
  checked.outcome = std::move(*outcome);
  checked.disposition = disposition_of(subject, checked.outcome, policy);
  if (options.trace)
    checked.trace = dmarc_trace(subject.request, checked.outcome, checked.disposition, answers);
  print(options, subject, checked);
  return kOk;
}

}  // namespace

void add_dmarc(CLI::App& program, int& exit_code) {
  CLI::App* dmarc = program.add_subcommand("dmarc", "DMARC policies and results (RFC 9989)");
  dmarc->require_subcommand(1);
  auto options = std::make_shared<Options>();
  CLI::App* check =
      dmarc->add_subcommand("check", "the result for a message, or for identifiers that passed");
  options->common.add_to(*check);
  check->add_option("--from-domain", options->from_domain,
                    "the author domain instead of that of the message");
  check->add_option("--ip", options->ip, "the client's address: SPF is checked with it");
  check->add_option("--helo", options->helo, "the client's HELO name");
  check->add_option("--mail-from", options->mail_from, "the envelope sender");
  check->add_option("--spf-pass", options->spf_domain, "take SPF as passed for this domain");
  check->add_option("--dkim-pass", options->dkim_domains,
                    "take a signature of this domain as passed (repeatable)");
  check->add_flag("--trace", options->trace,
                  "tell how the result came about: every question, every identifier");
  check->add_option("file", options->file, "the message, or - for standard input");
  check->callback([options, &exit_code] { exit_code = run(*options); });

  auto of_domain = std::make_shared<Options>();
  CLI::App* record = dmarc->add_subcommand("record", "the policy that applies to a domain");
  of_domain->common.add_to(*record);
  record->add_flag("--trace", of_domain->trace, "tell how the record was found");
  record->add_option("domain", of_domain->from_domain, "the author domain")->required();
  record->callback([of_domain, &exit_code] { exit_code = run(*of_domain); });
  add_dmarc_records(*dmarc, exit_code);
}

}  // namespace gatepost::command
