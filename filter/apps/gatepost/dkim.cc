// gatepost dkim verify: the signatures of one message.

#include <cstdio>

#include "core/mail/header_block.h"
#include "dkim/verify.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string file;
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

int run(const Options& options) {
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const auto results = verify_signatures(*tools, mail::parse_message(*input));
  if (!results.ok()) return fail(results.error());
  Json list = Json::array();
  for (const auto& s : *results) {
    list.push_back({{"domain", text(s.domain)},
                    {"selector", text(s.selector)},
                    {"identity", text(s.identity)},
                    {"algorithm", text(s.algorithm)},
                    {"key_bits", s.key_bits},
                    {"result", dkim::to_string(s.outcome)},
                    {"reason", text(s.reason)}});
    if (options.common.json) continue;
    print_rows({{"result", dkim::to_string(s.outcome)},
                {"domain", s.domain},
                {"selector", s.selector},
                {"identity", s.identity},
                {"algorithm",
                 s.algorithm + (s.key_bits > 0 ? ", " + std::to_string(s.key_bits) + " bits" : "")},
                {"reason", s.reason}});
    std::printf("\n");
  }
  if (options.common.json)
    std::printf("%s\n", Json{{"signatures", list}}.dump().c_str());
  else if (results->empty())
    std::printf("no signature\n");
  return kOk;
}

}  // namespace

Result<std::vector<dkim::SignatureResult>> verify_signatures(Tools& tools,
                                                             const mail::ParsedMessage& message) {
  auto library = dkim::Library::open();
  if (!library.ok()) return library.error();
  dkim::VerifyOptions options;
  options.max_signatures =
      static_cast<std::size_t>(tools.configuration.policy->dkim_max_signatures);
  dkim::Verifier verifier(**library, options, tools.clock.unix_time());
  for (const mail::HeaderField& field : message.fields) verifier.header(field);
  if (const auto ended = verifier.end_of_headers(); !ended.ok()) return ended.error();
  verifier.body(message.body);
  Answers answers(tools.clock.unix_time());
  KeysFlow keys(verifier.key_queries());
  const auto asked = tools.run(keys, answers);
  if (!asked.ok()) return asked.error();
  return verifier.finish(answers);
}

void add_dkim(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* dkim = program.add_subcommand("dkim", "DKIM signatures (RFC 6376)");
  dkim->require_subcommand(1);
  CLI::App* app = dkim->add_subcommand("verify", "verify the signatures of a message");
  options->common.add_to(*app);
  app->add_option("file", options->file, "the message, or - for standard input")->required();
  app->callback([options, &exit_code] { exit_code = run(*options); });
  add_dkim_keys(*dkim, exit_code);
}

}  // namespace gatepost::command
