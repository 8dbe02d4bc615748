// gatepost spf: one SPF check.

#include <cstdio>

#include "filter/apps/gatepost/command.h"
#include "spf/evaluate.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  spf::Request request;
  std::string ip;
  bool helo_identity = false;
};

int run(Options& options) {
  const auto ip = IpAddress::parse(options.ip);
  if (!ip) return fail(permanent_error("--ip: '" + options.ip + "' is no IP address")), kUsage;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  options.request.client = *ip;
  if (options.helo_identity) options.request.identity = spf::Identity::helo;
  Answers answers(tools->clock.unix_time());
  spf::CheckHost check(options.request);
  const auto outcome = tools->run(check, answers);
  if (!outcome.ok()) return fail(outcome.error());
  if (options.common.json) {
    const Json json = {
        {"result", spf::to_string(outcome->code)}, {"explanation", text(outcome->explanation)},
        {"mechanism", text(outcome->mechanism)},   {"lookups", outcome->lookups},
        {"void_lookups", outcome->void_lookups},   {"domain", text(outcome->domain)},
        {"reason", text(outcome->reason)}};
    std::printf("%s\n", json.dump().c_str());
    return kOk;
  }
  print_rows({{"result", spf::to_string(outcome->code)},
              {"domain", outcome->domain},
              {"mechanism", outcome->mechanism},
              {"reason", outcome->reason},
              {"explanation", outcome->explanation},
              {"lookups", std::to_string(outcome->lookups) + " of 10, " +
                              std::to_string(outcome->void_lookups) + " void of 2"}});
  return kOk;
}

}  // namespace

void add_spf(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      program.add_subcommand("spf", "check a client against a sender's SPF record (RFC 7208)");
  options->common.add_to(*app);
  app->add_option("--ip", options->ip, "the client's address")->required();
  app->add_option("--helo", options->request.helo, "the client's HELO name");
  app->add_option("--mail-from", options->request.mail_from,
                  "the envelope sender; empty for the null path");
  app->add_option("--receiver", options->request.receiver,
                  "the name of the receiving host (macro r)");
  app->add_flag("--helo-identity", options->helo_identity,
                "check the HELO name instead of the sender");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
