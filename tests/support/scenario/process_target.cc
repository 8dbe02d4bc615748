// The session code of the daemon in this process: no sockets, no second process.

#include <atomic>
#include <fstream>

#include <sys/socket.h>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/header_block.h"
#include "filter/apps/engine.h"
#include "filter/apps/rules_loader.h"
#include "tests/support/scenario/dead_server.h"
#include "tests/support/scenario/target.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test {

namespace {

class Records final : public RecordSink {
 public:
  void record(const Record& record) override { log_ += to_json(record) + "\n"; }
  const std::string& log() const { return log_; }

 private:
  std::string log_;
};

/// The machine's clocks, with a time of day that moves when told.
class MovedClock final : public Clock {
 public:
  std::int64_t unix_time() const override { return system_.unix_time() + moved_; }
  SteadyTime steady() const override { return system_.steady(); }
  void move(std::chrono::seconds by) { moved_ += by.count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> moved_{0};
};

TargetReply to_reply(const Verdict& verdict) {
  TargetReply reply;
  const Action action = verdict.effective();
  reply.held = action == Action::hold;
  reply.stored = action == Action::store && verdict.reply.code == 0;
  if (verdict.reply.code != 0 && action >= Action::store) {
    reply = {verdict.reply.code, verdict.reply.enhanced, verdict.reply.text, false};
  }
  return reply;
}

class ProcessTarget final : public Target {
 public:
  ProcessTarget(const config::Configuration& configuration, EngineOptions options, Error& error) {
    options.clock = &clock_;
    engine_ = open(configuration, options, error);
  }
  bool ready() const { return engine_ != nullptr; }
  DeadServer dead;

  Result<TargetReply> connect(const std::string& address, const std::string& name) override {
    session_ = std::make_unique<Session>(engine_->services(), executor_);
    Connection connection;
    connection.client = IpAddress::parse(address);
    connection.client_name = name;
    connection.mta_name = "mx.example.test";
    return run([&](auto done) { session_->connect(connection, done); });
  }
  Result<TargetReply> ehlo(const std::string& name) override {
    return run([&](auto done) { session_->helo(name, done); });
  }
  Result<TargetReply> auth(const std::string& login) override {
    login_ = login;
    return TargetReply();
  }
  Result<TargetReply> mail(const std::string& from, const std::string&) override {
    accepted_ = 0;
    return run([&](auto done) {
      session_->mail({from, login_, login_.empty() ? "" : "PLAIN", "4Zq1"}, done);
    });
  }
  Result<TargetReply> rcpt(const std::string& to) override {
    auto reply = run([&](auto done) { session_->rcpt(to, done); });
    accepted_ += reply->code == 250;
    return reply;
  }
  Result<TargetReply> message(const std::string& content) override {
    const mail::ParsedMessage message = mail::parse_message(
        content, {.max_header_fields = 1000000, .max_header_bytes = std::size_t{64} << 20});
    TargetReply reply = *run([&](auto done) { session_->data(done); });
    if (reply.code != 250) return reply;
    for (const auto& field : message.fields) session_->header(field.name, field.value);
    reply = *run([&](auto done) { session_->end_of_headers(done); });
    if (reply.code != 250) return reply;
    for (std::size_t at = 0; at < message.body.size(); at += 65535) {
      session_->body(std::string_view(message.body).substr(at, 65535));
    }
    reply = *run([&](auto done) { session_->end_of_message(done); });
    if (reply.code == 250 && !reply.held && !reply.stored) deliver(message);
    return reply;
  }
  Result<TargetReply> rset() override {
    session_->abort();
    return TargetReply();
  }
  Result<TargetReply> abort_data() override {
    session_->header("Subject", " cut");
    session_->abort();
    session_.reset();
    return TargetReply();
  }
  Result<TargetReply> wait(std::chrono::seconds time) override {
    clock_.move(time);
    return TargetReply();
  }
  Result<TargetReply> quit() override {
    session_.reset();
    return TargetReply();
  }
  std::optional<Result<TargetReply>> sendmail(const std::string&, const std::string&,
                                              const std::string&) override {
    return std::nullopt;
  }
  Result<std::vector<std::string>> delivered_header() override { return delivered_; }
  Result<std::string> delivered_message() override { return whole_; }
  std::size_t delivered_count() override { return count_; }
  std::string log() override { return records_.log(); }

 private:
  std::unique_ptr<Engine> open(const config::Configuration& configuration,
                               const EngineOptions& options, Error& error) {
    auto engine = Engine::open(configuration, records_, options);
    if (engine.ok()) return std::move(*engine);
    error = engine.error();
    return nullptr;
  }

  template <class Start>
  Result<TargetReply> run(Start&& start) {
    std::optional<Verdict> verdict;
    start([&](const Verdict& v) { verdict = v; });
    executor_.run_until([&] { return verdict.has_value(); }, SteadyTime::max());
    last_ = *verdict;
    return to_reply(last_);
  }

  void deliver(const mail::ParsedMessage& message) {
    std::vector<mail::HeaderField> fields = message.fields;
    for (const HeaderEdit& edit : last_.edits) {
      if (edit.kind == HeaderEdit::Kind::insert) {
        fields.insert(fields.begin() + edit.index, {edit.name, " " + edit.value});
        continue;
      }
      int seen = 0;
      if (edit.kind == HeaderEdit::Kind::change) {
        for (mail::HeaderField& f : fields) {
          if (iequals(trim(f.name), edit.name) && ++seen == edit.index) f.value = " " + edit.value;
        }
        continue;
      }
      std::erase_if(fields, [&](const mail::HeaderField& f) {
        return iequals(trim(f.name), edit.name) && ++seen == edit.index;
      });
    }
    delivered_.clear();
    whole_.clear();
    for (const auto& field : fields) {
      delivered_.push_back(field.name + ":" + mail::unfold(field.value));
      whole_ += field.name + ":" + field.value + "\r\n";
    }
    whole_ += "\r\n" + message.body;
    ++count_;
  }

  MovedClock clock_;
  Records records_;
  std::unique_ptr<Engine> engine_;
  WaitingExecutor executor_;
  std::unique_ptr<Session> session_;
  Verdict last_;
  std::string login_;
  int accepted_ = 0;
  std::vector<std::string> delivered_;
  std::string whole_;
  std::size_t count_ = 0;
};

}  // namespace

Result<std::unique_ptr<Target>> make_process_target(const Scenario& scenario) {
  const TempFolder folder("scenario");
  std::ofstream(folder / "rules.cf") << scenario.rules;
  config::LoadResult loaded =
      config::load_text(install_files(scenario, folder.path()) + "\n[rules]\nfiles = [\"" +
                            (folder / "rules.cf").string() + "\"]\n",
                        scenario.name);
  if (!loaded.ok()) return loaded.errors.front();
  const LoadedRules rules = compile_rules(loaded.configuration, read_rules(loaded.configuration),
                                          {.cache = RulesCache::none, .in_child = false});
  if (!rules.policy) return rules.errors.front();
  loaded.configuration.policy = rules.policy;
  const std::string zone = folder / "zone";
  std::ofstream(zone) << scenario.zone;
  DeadServer dead;
  EngineOptions options;
  options.zones = {zone};
  options.network = scenario.dead_dns;
  if (scenario.dead_dns) options.nameservers = {dead.address()};
  Error error;
  auto target = std::make_unique<ProcessTarget>(loaded.configuration, options, error);
  if (!target->ready()) return error;
  target->dead = std::move(dead);
  return std::unique_ptr<Target>(std::move(target));
}

}  // namespace gatepost::test
