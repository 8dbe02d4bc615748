// gatepost dkim check-key: what is wrong with a published key.

#include <cstdio>

#include "core/mail/address.h"
#include "dkim/key_report.h"
#include "filter/apps/gatepost/dkim_options.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string domain, selector, key_file;
};

/// The answer itself: a KeyFlow would judge it.
class TextFlow final : public Flow<dns::Answer> {
 public:
  explicit TextFlow(dns::Query query) : query_(std::move(query)) {}
  Step<dns::Answer> step(const Answers& answers) override {
    Asker asker(answers);
    const dns::Answer* answer = asker.ask(query_);
    if (answer == nullptr) return asker.take_missing();
    return *answer;
  }

 private:
  dns::Query query_;
};

void print(const std::string& name, const dkim::KeyReport& report, bool json) {
  using Weight = dkim::KeyRemark::Weight;
  if (json) {
    Json faults = Json::array(), notes = Json::array();
    for (const auto& remark : report.remarks)
      (remark.weight == Weight::fault ? faults : notes).push_back(text(remark.what));
    std::printf("%s\n", Json{{"name", name},
                             {"result", report.good()      ? "good"
                                        : report.temporary ? "unknown"
                                                           : "bad"},
                             {"record", text(report.record)},
                             {"type", report.type},
                             {"bits", report.bits},
                             {"faults", faults},
                             {"notes", notes}}
                            .dump()
                            .c_str());
    return;
  }
  std::vector<std::pair<std::string, std::string>> rows = {{"name", name}};
  if (!report.record.empty()) rows.emplace_back("record", report.record);
  if (report.bits > 0)
    rows.emplace_back("key", report.type + ", " + std::to_string(report.bits) + " bits");
  for (const auto& remark : report.remarks)
    rows.emplace_back(remark.weight == Weight::fault ? "fault" : "note", remark.what);
  rows.emplace_back("result", report.good() ? "good" : report.temporary ? "unknown" : "bad");
  print_rows(rows);
}

int run(const Options& options) {
  const auto place = key_place(options.domain, options.selector);
  if (!place) return kUsage;
  const auto& [domain, selector] = *place;
  std::shared_ptr<const dkim::PrivateKey> own;
  if (!options.key_file.empty()) {
    const auto text = read_input(options.key_file);
    if (!text.ok()) return fail(text.error()), kNoInput;
    const auto key = dkim::PrivateKey::decode(*text);
    if (!key) return fail(permanent_error(options.key_file + " " + key.error().what));
    own = *key;
  }
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  const std::string name = selector + "._domainkey." + domain;
  TextFlow flow(dns::make_query(name, dns::RrType::txt));
  Answers answers(tools->clock.unix_time());
  const auto answer = tools->run(flow, answers);
  if (!answer.ok()) return fail(answer.error());
  const dkim::KeyReport report = dkim::report_key(*answer, own.get());
  print(name, report, options.common.json);
  return report.good() ? kOk : report.temporary ? kTemporary : kDataError;
}

}  // namespace

void add_dkim_check_key(CLI::App& dkim, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = dkim.add_subcommand("check-key", "say all that is wrong with a published key");
  options->common.add_to(*app);
  app->add_option("domain,--domain", options->domain, "the domain that signs")->required();
  app->add_option("selector,--selector", options->selector, "the key's name")->required();
  app->add_option("--key", options->key_file, "the private key that should belong to it");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
