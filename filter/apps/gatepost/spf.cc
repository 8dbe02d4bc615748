// gatepost spf: one SPF check.

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/gatepost/waiting.h"
#include "spf/evaluate.h"
#include "spf/libspf2.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  spf::Request request;
  std::string ip;
  std::string engine = "native";
  bool helo_identity = false;
};

Json json_of(const std::vector<spf::TraceEntry>& trace) {
  Json out = Json::array();
  for (const spf::TraceEntry& entry : trace) {
    Json asked = Json::array();
    for (const spf::TraceLookup& lookup : entry.asked) {
      asked.push_back({{"name", text(lookup.query.name)},
                       {"type", dns::to_string(lookup.query.type)},
                       {"status", dns::to_string(lookup.status)},
                       {"records", lookup.records}});
    }
    out.push_back({{"depth", entry.depth},
                   {"domain", text(entry.domain)},
                   {"term", text(entry.term)},
                   {"target", text(entry.target)},
                   {"result", entry.result},
                   {"lookups", entry.lookups},
                   {"void_lookups", entry.void_lookups},
                   {"dns", std::move(asked)}});
  }
  return out;
}

std::string in_words(const spf::TraceLookup& lookup) {
  std::string out =
      dns::to_string(lookup.query.type) + " " + printable(lookup.query.name, 100) + ": ";
  if (lookup.status == dns::Status::ok)
    return out + std::to_string(lookup.records) + (lookup.records == 1 ? " record" : " records");
  if (lookup.status == dns::Status::no_data) return out + "no such record";
  if (lookup.status == dns::Status::nxdomain) return out + "no such name";
  return out + dns::to_string(lookup.status);
}

/// A line a term, below it what was asked; what an include led to is set in.
void print_trace(const std::vector<spf::TraceEntry>& trace) {
  std::size_t term_width = 4, domain_width = 9;
  const auto shown = [](const spf::TraceEntry& entry) {
    return std::string(static_cast<std::size_t>(std::max(entry.depth, 0)) * 2, ' ') +
           printable(entry.term, 60);
  };
  for (const spf::TraceEntry& entry : trace) {
    term_width = std::max(term_width, shown(entry).size());
    domain_width = std::max(domain_width, printable(entry.domain, 60).size());
  }
  std::printf("\n%-*s  %-*s  lookups  void  result\n", static_cast<int>(domain_width), "record of",
              static_cast<int>(term_width), "term");
  for (const spf::TraceEntry& entry : trace) {
    std::printf("%-*s  %-*s  %2d/10    %d/2   %s\n", static_cast<int>(domain_width),
                printable(entry.domain, 60).c_str(), static_cast<int>(term_width),
                shown(entry).c_str(), entry.lookups, entry.void_lookups, entry.result.c_str());
    for (const spf::TraceLookup& lookup : entry.asked)
      std::printf("%*s  %*s%s\n", static_cast<int>(domain_width), "", 2 * entry.depth + 4, "",
                  in_words(lookup).c_str());
  }
}

void print(const spf::Outcome& outcome, const Options& options) {
  if (options.common.json) {
    Json json = {
        {"result", spf::to_string(outcome.code)}, {"explanation", text(outcome.explanation)},
        {"mechanism", text(outcome.mechanism)},   {"lookups", outcome.lookups},
        {"void_lookups", outcome.void_lookups},   {"domain", text(outcome.domain)},
        {"reason", text(outcome.reason)}};
    if (options.request.trace) json["trace"] = json_of(outcome.trace);
    std::printf("%s\n", json.dump().c_str());
    return;
  }
  std::vector<std::pair<std::string, std::string>> rows = {{"result", spf::to_string(outcome.code)},
                                                           {"domain", outcome.domain},
                                                           {"mechanism", outcome.mechanism},
                                                           {"reason", outcome.reason},
                                                           {"explanation", outcome.explanation}};
  if (options.engine == "native") {
    rows.emplace_back("lookups", std::to_string(outcome.lookups) + " of 10, " +
                                     std::to_string(outcome.void_lookups) + " void of 2");
  } else {
    rows.emplace_back("engine", options.engine);
  }
  print_rows(rows);
  if (options.request.trace) print_trace(outcome.trace);
}

int run(Options& options) {
  if (options.ip.empty())
    return fail(permanent_error("spf: --ip is missing, or one of the commands lint and flatten")),
           kUsage;
  const auto ip = IpAddress::parse(options.ip);
  if (!ip) return fail(permanent_error("--ip: '" + options.ip + "' is no IP address")), kUsage;
  const bool native = options.engine == "native";
  if (options.request.trace && !native)
    return fail(permanent_error("--trace: libspf2 does not tell its steps, expected --engine "
                                "native")),
           kUsage;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  options.request.client = *ip;
  if (options.helo_identity) options.request.identity = spf::Identity::helo;
  Answers answers(tools->clock.unix_time());
  const auto check =
      spf::make_check(native ? spf::Engine::native : spf::Engine::libspf2, options.request);
  const auto outcome = [&] {
    const Waiting waiting("asking DNS");
    return tools->run(*check, answers);
  }();
  if (!outcome.ok()) return fail(outcome.error());
  print(*outcome, options);
  return kOk;
}

}  // namespace

void add_spf(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      program.add_subcommand("spf", "check a client against a sender's SPF record (RFC 7208)");
  options->common.add_to(*app);
  app->add_option("--ip", options->ip, "the client's address");
  app->add_option("--helo", options->request.helo, "the client's HELO name");
  app->add_option("--mail-from", options->request.mail_from,
                  "the envelope sender; empty for the null path");
  app->add_option("--receiver", options->request.receiver,
                  "the name of the receiving host (macro r)");
  app->add_flag("--helo-identity", options->helo_identity,
                "check the HELO name instead of the sender");
  app->add_flag("--trace", options->request.trace,
                "show each term with what was asked and the limits used");
  app->add_option("--engine", options->engine, "native (default) or libspf2")
      ->check(CLI::IsMember({"native", "libspf2"}));
  app->require_subcommand(0, 1);
  add_spf_publishing(*app, exit_code);
  app->callback([app, options, &exit_code] {
    if (app->get_subcommands().empty()) exit_code = run(*options);
  });
}

}  // namespace gatepost::command
