#pragma once
// A Session with fakes around it, driven stage by stage.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dkim/library.h"
#include "filter/session/session.h"
#include "tests/support/fake_resolver.h"

namespace gatepost::test {

/// What a stage answered, and how often.
struct StageAnswer {
  int calls = 0;
  Verdict verdict;
};

struct Letter {
  std::string helo = "mail.sender.example";
  std::string mail_from = "<ann@sender.example>";
  std::vector<std::string> recipients = {"<bob@here.example>"};
  std::string text = "From: ann@sender.example\nSubject: hello\n\nhello\n";  ///< LF or CR LF
};

/// Its policy enforces; nothing waits for real time. One thread.
class SessionRig : public RecordSink {
 public:
  explicit SessionRig(std::vector<CheckInfo> checks, std::string_view zone = "");

  /// A policy that differs from Policy{} in enforcing and in what `change` does.
  void set_policy(const std::function<void(Policy&)>& change);
  static Connection client(std::string_view address = "192.0.2.1");

  /// Each starts the stage, runs what is ready and asserts that it was answered.
  Verdict connect(Connection connection = client());
  Verdict helo(const std::string& name);
  Verdict mail(const std::string& path = "<ann@sender.example>", const std::string& login = "");
  Verdict rcpt(std::string_view path = "<bob@here.example>");
  Verdict data();
  Verdict end_of_headers();
  Verdict end_of_message();
  /// DATA, the fields and the body up to the end of the message.
  Verdict content(std::string_view text);
  /// connect to end of message; stops at a refusal, for RCPT when no recipient is left.
  Verdict send(const Letter& letter, Connection connection = client());

  /// For stages that are to wait: the answer counts in the StageAnswer.
  static Session::Done into(StageAnswer& answer);
  /// Runs what the executor has.
  void run() { executor.run_ready(); }

  void record(const Record& record) override { records.push_back(record); }
  /// "IPREV_FAIL SPF_PASS": of the last record, in order.
  std::string findings() const;
  /// A new connection; the old one is closed.
  void reopen();
  void close() { session.reset(); }

  FakeClock clock;
  testing::FakeResolver resolver;
  std::vector<CheckInfo> checks;
  Snapshot<Policy> policy;
  std::shared_ptr<mail::ByteBudget> budget;
  ReferenceMaker references;
  WaitingPlaces places;
  Metrics metrics;
  std::vector<Record> records;
  SessionServices services;
  WaitingExecutor executor;
  std::optional<Session> session;
};

/// A check whose hooks are written in the test. The name must be one of the finding table's where
/// the policy is to wait for it.
struct TestCheck {
  using Hook = std::function<void(CheckContext&)>;
  std::string_view name;
  CheckInfo::Scope scope = CheckInfo::Scope::transaction;
  std::vector<std::string_view> needs = {};
  Hook connect = {}, helo = {}, mail = {}, rcpt = {}, data = {}, header = {}, end_of_headers = {},
       body = {}, end_of_message = {}, accepted = {};
  std::function<bool(CheckContext&)> conclude = {};
  /// Its use count tells how many checks live.
  std::shared_ptr<int> live = std::make_shared<int>(0);

  CheckInfo info() const;
  long count() const { return live.use_count() - 1; }
};

/// Ends when the TXT record of its name is known.
class TxtFlow final : public Flow<std::string> {
 public:
  explicit TxtFlow(std::string_view name) : query_(dns::make_query(name, dns::RrType::txt)) {}
  Step<std::string> step(const Answers& answers) override;

 private:
  dns::Query query_;
};

}  // namespace gatepost::test
