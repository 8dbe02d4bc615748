// gatepost scan: the whole filter on one message, through the session code of the daemon.

#include <cstdio>

#include "core/base/text.h"
#include "core/mail/header_block.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/rules_loader.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string ip = "127.0.0.1";
  std::string client_name = "unknown";
  std::string helo = "localhost";
  std::string mta_name;
  std::string mail_from;
  std::vector<std::string> recipients;
  std::string file;
};

/// Keeps the record of the message for printing.
class LastRecord final : public RecordSink {
 public:
  void record(const Record& record) override { record_ = record; }
  const std::optional<Record>& get() const { return record_; }

 private:
  std::optional<Record> record_;
};

/// Runs one stage to its verdict on this thread.
template <class Start>
Verdict wait_for(WaitingExecutor& executor, Start&& start) {
  std::optional<Verdict> verdict;
  start([&](const Verdict& v) { verdict = v; });
  executor.run_until([&] { return verdict.has_value(); }, SteadyTime::max());
  return *verdict;
}

bool refused(const Verdict& verdict) {
  return verdict.effective() == Action::reject || verdict.effective() == Action::tempfail;
}

/// The verdict of the stage that ended the transaction.
Verdict drive(Session& session, WaitingExecutor& executor, const Options& options,
              const mail::ParsedMessage& message) {
  Connection connection;
  connection.client = IpAddress::parse(options.ip);
  connection.client_name = options.client_name;
  connection.mta_name = options.mta_name;
  Verdict v = wait_for(executor, [&](auto done) { session.connect(connection, done); });
  if (!refused(v)) v = wait_for(executor, [&](auto done) { session.helo(options.helo, done); });
  if (!refused(v))
    v = wait_for(executor, [&](auto done) {
      session.mail({"<" + options.mail_from + ">", "", "", ""}, done);
    });
  if (refused(v)) return v;
  bool accepted = options.recipients.empty();
  for (const std::string& recipient : options.recipients) {
    v = wait_for(executor, [&](auto done) { session.rcpt("<" + recipient + ">", done); });
    accepted = accepted || !refused(v);
  }
  if (!accepted) return v;
  v = wait_for(executor, [&](auto done) { session.data(done); });
  if (refused(v)) return v;
  for (const mail::HeaderField& field : message.fields) session.header(field.name, field.value);
  v = wait_for(executor, [&](auto done) { session.end_of_headers(done); });
  if (refused(v)) return v;
  constexpr std::size_t kChunk = 65535;  // what an MTA sends
  for (std::size_t at = 0; at < message.body.size(); at += kChunk) {
    session.body(std::string_view(message.body).substr(at, kChunk));
  }
  return wait_for(executor, [&](auto done) { session.end_of_message(done); });
}

std::string verdict_word(const Verdict& verdict) {
  return std::string(verdict.action == Action::none ? "accept" : to_string(verdict.action));
}

Json dkim_json(const Facts& facts) {
  Json list = Json::array();
  for (const auto& s : facts.dkim) {
    list.push_back({{"domain", text(s.domain)},
                    {"selector", text(s.selector)},
                    {"result", dkim::to_string(s.outcome)},
                    {"reason", text(s.reason)}});
  }
  return list;
}

Json to_json(const Verdict& verdict, const std::optional<Record>& record) {
  Json rules = Json::array();
  for (const Reason& reason : verdict.reasons)
    rules.push_back({{"name", reason.finding}, {"score", reason.score}});
  Json headers = Json::array();
  for (const HeaderEdit& edit : verdict.edits) {
    if (edit.kind == HeaderEdit::Kind::insert)
      headers.push_back({{"name", edit.name}, {"value", text(edit.value)}});
    else if (edit.kind == HeaderEdit::Kind::change)
      headers.push_back({{"name", edit.name}, {"change", edit.index}, {"value", text(edit.value)}});
    else
      headers.push_back({{"name", edit.name}, {"remove", edit.index}});
  }
  const Facts facts = record ? record->facts : Facts();
  Json findings = Json::array();
  if (record) {
    for (const Finding& finding : record->findings) {
      findings.push_back({{"name", finding.name}, {"detail", text(finding.detail)}});
      if (finding.shadow) findings.back()["shadow"] = true;
    }
  }
  return {{"verdict", verdict_word(verdict)},
          {"observed", verdict.observed},
          {"stage", to_string(verdict.stage)},
          {"reply", verdict.reply.line()},
          {"score", verdict.score},
          {"rules", std::move(rules)},
          {"findings", std::move(findings)},
          {"spf", facts.spf_mail_from ? spf::to_string(facts.spf_mail_from->code) : "none"},
          {"dkim", dkim_json(facts)},
          {"dmarc", facts.dmarc ? dmarc::to_string(facts.dmarc->result) : "none"},
          {"arc", facts.arc ? arc::to_string(facts.arc->status) : "none"},
          {"reference", record ? record->reference : ""},
          {"headers", std::move(headers)}};
}

void print(const Verdict& verdict, const std::optional<Record>& record) {
  std::vector<std::pair<std::string, std::string>> rows = {
      {"verdict", verdict_word(verdict) + (verdict.observed ? " (observe mode: not done)" : "")},
      {"stage", std::string(to_string(verdict.stage))}};
  if (verdict.reply.code != 0) rows.emplace_back("reply", verdict.reply.line());
  char score[32];
  std::snprintf(score, sizeof score, "%.1f", verdict.score);
  rows.emplace_back("score", score);
  if (record) {
    for (const Finding& finding : record->findings)
      rows.emplace_back(finding.name,
                        finding.shadow ? "(shadow)" + (" " + finding.detail) : finding.detail);
  }
  for (const HeaderEdit& edit : verdict.edits) {
    if (edit.kind == HeaderEdit::Kind::remove)
      rows.emplace_back("remove", edit.name + " number " + std::to_string(edit.index));
    else
      rows.emplace_back(edit.kind == HeaderEdit::Kind::insert ? "add" : "change",
                        edit.name + ": " + edit.value);
  }
  print_rows(rows);
}

// It is about when a message comes, not about the message: a first try would hide all the rest.
void leave_out_greylisting(config::Configuration& configuration) {
  auto policy = std::make_shared<Policy>(*configuration.policy);
  policy->greylist.mode = GreylistPolicy::Mode::off;
  policy->finish();
  configuration.policy = std::move(policy);
}

int run(const Options& options) {
  if (!IpAddress::parse(options.ip))
    return fail(permanent_error("--ip: '" + options.ip + "' is no IP address")), kUsage;
  const auto input = read_input(options.file);
  if (!input.ok()) return fail(input.error()), kNoInput;
  auto configuration = options.common.load();
  if (!configuration) return kConfig;
  leave_out_greylisting(*configuration);
  const LoadedRules rules =
      compile_rules(*configuration, read_rules(*configuration, options.common.rules),
                    {.cache = RulesCache::if_ours});
  for (const Error& error : rules.errors) fail(error);
  if (!rules.policy) return kConfig;
  configuration->policy = rules.policy;
  LastRecord last;
  auto engine = Engine::open(*configuration, last, options.common.engine_options());
  if (!engine.ok()) return fail(engine.error());
  WaitingExecutor executor;
  Session session((*engine)->services(), executor);
  const Verdict verdict = drive(session, executor, options, mail::parse_message(*input));
  // In observe mode the reply and the edits that would have been made are those of the record.
  const Verdict shown = last.get() ? last.get()->verdict : verdict;
  if (options.common.json)
    std::printf("%s\n", to_json(shown, last.get()).dump(2, ' ', true).c_str());
  else
    print(shown, last.get());
  return kOk;
}

}  // namespace

void add_scan(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app =
      program.add_subcommand("scan", "run the whole filter on one message, no MTA needed");
  options->common.add_to(*app);
  app->add_option("--ip", options->ip, "the client's address");
  app->add_option("--client-name", options->client_name, "the client's confirmed name");
  app->add_option("--helo", options->helo, "the client's HELO name");
  app->add_option("--mta-name", options->mta_name,
                  "our MTA's own name, as it stands in its Received fields");
  app->add_option("--mail-from", options->mail_from,
                  "the envelope sender; empty for the null path");
  app->add_option("--rcpt", options->recipients, "a recipient (repeatable)");
  app->add_option("file", options->file, "the message, or - for standard input")->required();
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
