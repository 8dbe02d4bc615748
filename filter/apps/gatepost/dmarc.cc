// gatepost dmarc: the policy of a domain, and the result for a message or for given identifiers.

#include <cstdio>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/from_field.h"
#include "dmarc/disposition.h"
#include "dmarc/evaluate.h"
#include "filter/apps/gatepost/command.h"
#include "filter/checks/dmarc_request.h"
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
};

/// Adds what the message and the client prove.
Result<void> add_message(Tools& tools, const Options& options, dmarc::Request& request) {
  if (!options.file.empty()) {
    const auto input = read_input(options.file);
    if (!input.ok()) return input.error();
    const mail::ParsedMessage message = mail::parse_message(*input);
    if (options.from_domain.empty()) set_author(mail::author_identity(message.fields), request);
    const auto signatures = verify_signatures(tools, message);
    if (!signatures.ok()) return signatures.error();
    add_signatures(*signatures, request);
  }
  if (options.ip.empty()) return {};
  const auto ip = IpAddress::parse(options.ip);
  if (!ip) return permanent_error("--ip: '" + options.ip + "' is no IP address");
  spf::Request spf_request;
  spf_request.client = *ip;
  spf_request.helo = options.helo;
  spf_request.mail_from = options.mail_from;
  spf::CheckHost check(std::move(spf_request));
  Answers answers(tools.clock.unix_time());
  const auto outcome = tools.run(check, answers);
  if (!outcome.ok()) return outcome.error();
  set_spf(*outcome, request);
  return {};
}

Json alignment_json(const dmarc::Alignment& a) {
  return {{"aligned", a.aligned},
          {"mode", a.mode == dmarc::AlignmentMode::strict ? "strict" : "relaxed"},
          {"domain", text(a.domain)},
          {"reason", text(a.reason)}};
}

void print(const Options& options, const dmarc::Outcome& outcome,
           const dmarc::Disposition& disposition) {
  if (options.common.json) {
    const Json json = {
        {"result", dmarc::to_string(outcome.result)},
        {"policy", dmarc::to_string(outcome.policy)},
        {"disposition", dmarc::to_string(disposition.action)},
        {"record_domain", text(outcome.record_domain)},
        {"org_domain", text(outcome.org_domain)},
        {"alignment",
         {{"spf", alignment_json(outcome.spf)}, {"dkim", alignment_json(outcome.dkim)}}},
        {"applied_policy", dmarc::to_string(outcome.applied_policy)},
        {"testing", outcome.testing},
        {"queries", outcome.queries},
        {"reason", text(outcome.reason)}};
    std::printf("%s\n", json.dump().c_str());
    return;
  }
  print_rows(
      {{"result", dmarc::to_string(outcome.result)},
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
       {"disposition",
        std::string(dmarc::to_string(disposition.action)) + ", " + disposition.reason}});
}

int run(const Options& options) {
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const Policy& policy = *tools->configuration.policy;
  dmarc::Request request;
  request.mode = policy.dmarc_discovery;
  if (!options.from_domain.empty()) {
    const auto domain = mail::normalize_domain(options.from_domain);
    if (!domain.ok()) return fail(permanent_error("--from-domain: " + domain.error().what)), kUsage;
    request.author_domain = *domain;
  } else if (options.file.empty()) {
    return fail(permanent_error("expected a message or --from-domain")), kUsage;
  }
  if (const auto added = add_message(*tools, options, request); !added.ok())
    return fail(added.error());
  if (!options.spf_domain.empty())
    request.spf = dmarc::SpfIdentity{to_lower(options.spf_domain), dmarc::Authentication::pass};
  for (const std::string& domain : options.dkim_domains) {
    request.dkim.push_back({to_lower(domain), "", dmarc::Authentication::pass});
  }
  dmarc::Evaluate evaluate(std::move(request));
  Answers answers(tools->clock.unix_time());
  const auto outcome = tools->run(evaluate, answers);
  if (!outcome.ok()) return fail(outcome.error());
  print(options, *outcome, dmarc::decide_disposition(*outcome, policy.dmarc_enforce, false));
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
  check->add_option("file", options->file, "the message, or - for standard input");
  check->callback([options, &exit_code] { exit_code = run(*options); });

  auto of_domain = std::make_shared<Options>();
  CLI::App* record = dmarc->add_subcommand("record", "the policy that applies to a domain");
  of_domain->common.add_to(*record);
  record->add_option("domain", of_domain->from_domain, "the author domain")->required();
  record->callback([of_domain, &exit_code] { exit_code = run(*of_domain); });
}

}  // namespace gatepost::command
