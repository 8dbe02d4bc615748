// gatepost dkim verify: the signatures of one message.

#include <cstdio>

#include "core/mail/header_block.h"
#include "dkim/domainkeys.h"
#include "dkim/trace.h"
#include "dkim/verify.h"
#include "filter/apps/gatepost/command.h"
#include "filter/checks/dkim_options.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string file;
  bool trace = false;
};

/// What a message came to.
struct Verified {
  std::unique_ptr<dkim::Library> library;
  Answers keys;
  std::vector<dkim::SignatureResult> results;
};

/// Asks for all keys of a message at once.
class KeysFlow final : public Flow<bool> {
 public:
  explicit KeysFlow(std::vector<dns::Query> queries) : queries_(std::move(queries)) {}
  Step<bool> step(const Answers& answers) override {
    Asker asker(answers);
    for (const dns::Query& query : queries_) asker.ask(query);
    if (!asker.complete()) return asker.take_missing();
    return true;
  }

 private:
  std::vector<dns::Query> queries_;
};

Result<Verified> verify(Tools& tools, const mail::ParsedMessage& message) {
  auto library = dkim::Library::open();
  if (!library.ok()) return library.error();
  dkim::Verifier verifier(**library, verify_options(*tools.configuration.policy),
                          tools.clock.unix_time());
  for (const mail::HeaderField& field : message.fields) verifier.header(field);
  if (const auto ended = verifier.end_of_headers(); !ended.ok()) return ended.error();
  verifier.body(message.body);
  Answers answers(tools.clock.unix_time());
  KeysFlow keys(verifier.key_queries());
  if (const auto asked = tools.run(keys, answers); !asked.ok()) return asked.error();
  auto results = verifier.finish(answers);
  if (!results.ok()) return results.error();
  return Verified{*std::move(library), std::move(answers), *std::move(results)};
}

Json json_of(const dkim::SignatureResult& s) {
  return {{"domain", text(s.domain)},     {"selector", text(s.selector)},
          {"identity", text(s.identity)}, {"algorithm", text(s.algorithm)},
          {"key_bits", s.key_bits},       {"result", dkim::to_string(s.outcome)},
          {"reason", text(s.reason)}};
}

Json json_of(const std::vector<dkim::TraceStep>& steps) {
  Json list = Json::array();
  for (const dkim::TraceStep& step : steps) {
    list.push_back(
        {{"mark", dkim::to_string(step.mark)}, {"step", step.about}, {"text", text(step.text)}});
  }
  return list;
}

void print(const dkim::SignatureResult& s) {
  print_rows({{"result", dkim::to_string(s.outcome)},
              {"domain", s.domain},
              {"selector", s.selector},
              {"identity", s.identity},
              {"algorithm",
               s.algorithm + (s.key_bits > 0 ? ", " + std::to_string(s.key_bits) + " bits" : "")},
              {"reason", s.reason}});
}

void print(const std::vector<dkim::TraceStep>& steps) {
  for (const dkim::TraceStep& step : steps) {
    std::printf("%-3s %-10s %s.\n", dkim::to_string(step.mark), step.about.c_str(),
                step.text.c_str());
  }
}

/// Signatures of the protocol before DKIM, which prove nothing.
Json historic(const mail::ParsedMessage& message) {
  Json list = Json::array();
  for (const mail::HeaderField& field : message.fields) {
    if (!dkim::is_domainkeys(field.name)) continue;
    const dkim::DomainKeys claim = dkim::parse_domainkeys(field.value);
    list.push_back({{"domain", text(claim.domain)}, {"selector", text(claim.selector)}});
  }
  return list;
}

int run(const Options& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const mail::ParsedMessage message = mail::parse_message(*input);
  const auto verified = verify(*tools, message);
  if (!verified.ok()) return fail(verified.error());
  std::vector<std::vector<dkim::TraceStep>> traces(verified->results.size());
  if (options.trace) {
    traces = dkim::trace(*verified->library, message.fields, message.body, verified->keys,
                         verified->results);
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < verified->results.size(); ++i) {
    const dkim::SignatureResult& result = verified->results[i];
    Json row = json_of(result);
    if (options.trace) row["trace"] = json_of(traces[i]);
    list.push_back(std::move(row));
    if (options.common.json) continue;
    if (options.trace)
      print(traces[i]);
    else
      print(result);
    std::printf("\n");
  }
  const Json old = historic(message);
  if (options.common.json) {
    Json json = {{"signatures", list}};
    if (!old.empty()) json["domainkeys"] = old;
    std::printf("%s\n", json.dump().c_str());
    return kOk;
  }
  if (verified->results.empty()) std::printf("no signature\n");
  for (const Json& claim : old) {
    const std::string domain = claim["domain"];
    std::printf("DomainKey-Signature%s: historic (RFC 4870), not verified, proves nothing\n",
                domain.empty() ? "" : (" of " + domain).c_str());
  }
  return kOk;
}

}  // namespace

Result<std::vector<dkim::SignatureResult>> verify_signatures(Tools& tools,
                                                             const mail::ParsedMessage& message) {
  auto verified = verify(tools, message);
  if (!verified.ok()) return verified.error();
  return std::move(verified->results);
}

void add_dkim(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* dkim = program.add_subcommand("dkim", "DKIM signatures (RFC 6376)");
  dkim->require_subcommand(1);
  CLI::App* app = dkim->add_subcommand("verify", "verify the signatures of a message");
  options->common.add_to(*app);
  app->add_option("file", options->file, "the message, or - for standard input")->required();
  app->add_flag("--trace", options->trace,
                "tell of each signature what was checked, what failed and what was changed");
  app->callback([options, &exit_code] { exit_code = run(*options); });
  add_dkim_keys(*dkim, exit_code);
}

}  // namespace gatepost::command
