#include "tests/support/session/session_rig.h"

#include <utility>

#include <gtest/gtest.h>

#include "core/mail/header_block.h"

namespace gatepost::test {

namespace {

dkim::Library& library() {
  static const auto opened = dkim::Library::open();
  return **opened;
}

std::shared_ptr<const Policy> make_policy(const std::function<void(Policy&)>& change) {
  Policy policy;
  policy.mode = Mode::enforce;
  policy.hash = "c0ffee";
  if (change) change(policy);
  policy.finish();
  return std::make_shared<const Policy>(std::move(policy));
}

std::vector<CheckInfo> ordered(std::vector<CheckInfo> checks) {
  auto result = order_checks(std::move(checks));
  if (!result) throw std::invalid_argument(result.error().text());
  return std::move(*result);
}

bool refused(const Verdict& verdict) {
  return verdict.effective() == Action::reject || verdict.effective() == Action::tempfail;
}

/// Hooks from the test's functions.
class HookedCheck final : public Check {
 public:
  explicit HookedCheck(TestCheck hooks) : hooks_(std::move(hooks)) {}
  void connect(CheckContext& c) override { run(hooks_.connect, c); }
  void helo(CheckContext& c) override { run(hooks_.helo, c); }
  void mail(CheckContext& c) override { run(hooks_.mail, c); }
  void rcpt(CheckContext& c, const Recipient&) override { run(hooks_.rcpt, c); }
  void data(CheckContext& c) override { run(hooks_.data, c); }
  void header(CheckContext& c, const mail::HeaderField&) override { run(hooks_.header, c); }
  void end_of_headers(CheckContext& c) override { run(hooks_.end_of_headers, c); }
  void body(CheckContext& c, std::string_view) override { run(hooks_.body, c); }
  void end_of_message(CheckContext& c) override { run(hooks_.end_of_message, c); }
  void accepted(CheckContext& c) override { run(hooks_.accepted, c); }
  bool conclude(CheckContext& c) override { return !hooks_.conclude || hooks_.conclude(c); }

 private:
  static void run(const TestCheck::Hook& hook, CheckContext& context) {
    if (hook) hook(context);
  }
  TestCheck hooks_;
};

}  // namespace

CheckInfo TestCheck::info() const {
  // The closure must not count as a living check: it holds the counter weakly.
  TestCheck hooks = *this;
  hooks.live.reset();
  return {name, scope, needs, [hooks, weak = std::weak_ptr<int>(live)]() -> std::unique_ptr<Check> {
            TestCheck mine = hooks;
            mine.live = weak.lock();
            return std::make_unique<HookedCheck>(std::move(mine));
          }};
}

Step<std::string> TxtFlow::step(const Answers& answers) {
  const dns::Answer* answer = answers.find(query_);
  if (answer == nullptr) return std::vector<Question>{query_};
  return answer->texts.empty() ? std::string(dns::to_string(answer->status)) : answer->texts[0];
}

SessionRig::SessionRig(std::vector<CheckInfo> given, std::string_view zone)
    : checks(ordered(std::move(given))),
      policy(make_policy({})),
      budget(std::make_shared<mail::ByteBudget>(std::size_t{1} << 20)),
      references(clock, "T1"),
      places(100),
      services{clock,  resolver, policy,     checks, library(), budget,
               "/tmp", {},       references, places, metrics,   *this} {
  if (!zone.empty()) resolver.add_zone(zone);
  session.emplace(services, executor);
}

void SessionRig::set_policy(const std::function<void(Policy&)>& change) {
  policy.swap(make_policy(change));
}

Connection SessionRig::client(std::string_view address) {
  Connection connection;
  connection.client = IpAddress::parse(address);
  connection.client_name = "unknown";
  connection.mta_name = "mx.here.example";
  return connection;
}

Session::Done SessionRig::into(StageAnswer& answer) {
  return [&answer](const Verdict& verdict) {
    ++answer.calls;
    answer.verdict = verdict;
  };
}

namespace {

template <class Start>
Verdict run_stage(SessionRig& rig, const char* stage, Start&& start) {
  StageAnswer answer;
  start(SessionRig::into(answer));
  rig.run();
  EXPECT_EQ(answer.calls, 1) << "the answers of " << stage;
  return answer.verdict;
}

}  // namespace

Verdict SessionRig::connect(Connection connection) {
  return run_stage(*this, "connect",
                   [&](auto done) { session->connect(std::move(connection), done); });
}
Verdict SessionRig::helo(const std::string& name) {
  return run_stage(*this, "helo", [&](auto done) { session->helo(name, done); });
}
Verdict SessionRig::mail(const std::string& path, const std::string& login) {
  const MailInfo info{path, login, login.empty() ? "" : "PLAIN", ""};
  return run_stage(*this, "mail", [&](auto done) { session->mail(info, done); });
}
Verdict SessionRig::rcpt(std::string_view path) {
  return run_stage(*this, "rcpt", [&](auto done) { session->rcpt(path, done); });
}
Verdict SessionRig::data() {
  return run_stage(*this, "data", [&](auto done) { session->data(done); });
}
Verdict SessionRig::end_of_headers() {
  return run_stage(*this, "eoh", [&](auto done) { session->end_of_headers(done); });
}
Verdict SessionRig::end_of_message() {
  return run_stage(*this, "eom", [&](auto done) { session->end_of_message(done); });
}

Verdict SessionRig::content(std::string_view text) {
  Verdict verdict = data();
  if (refused(verdict)) return verdict;
  const mail::ParsedMessage message = mail::parse_message(text);
  for (const mail::HeaderField& field : message.fields) session->header(field.name, field.value);
  verdict = end_of_headers();
  if (refused(verdict)) return verdict;
  if (!message.body.empty()) session->body(message.body);
  return end_of_message();
}

Verdict SessionRig::send(const Letter& letter, Connection connection) {
  Verdict verdict = connect(std::move(connection));
  if (!refused(verdict)) verdict = helo(letter.helo);
  if (!refused(verdict)) verdict = mail(letter.mail_from);
  if (refused(verdict)) return verdict;
  bool accepted = false;
  for (const std::string& recipient : letter.recipients) {
    verdict = rcpt(recipient);
    accepted = accepted || !refused(verdict);
  }
  return accepted ? content(letter.text) : verdict;
}

std::string SessionRig::findings() const {
  std::string names;
  if (records.empty()) return "no record";
  for (const Finding& finding : records.back().findings)
    names += (names.empty() ? "" : " ") + finding.name;
  return names;
}

void SessionRig::reopen() {
  session.reset();
  session.emplace(services, executor);
}

}  // namespace gatepost::test
