#include "filter/session/session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/text.h"
#include "core/mail/address.h"
#include "core/mail/fields.h"
#include "core/mail/header_block.h"
#include "filter/policy/decide.h"
#include "filter/policy/dmarc_policy.h"
#include "filter/session/header_edits.h"
#include "filter/session/rule_headers.h"
#include "filter/session/scope.h"

namespace gatepost {

namespace {

// postmaster@ and abuse@ must stay reachable (RFC 5321 section 4.5.1, RFC 2142 section 4).
bool is_exempt(std::string_view address) {
  const std::string local = to_lower(address.substr(0, address.find('@')));
  return local == "postmaster" || local == "abuse";
}

mail::MessageLimits message_limits(const SessionServices& services, const Policy& policy) {
  mail::MessageLimits limits = services.message_limits;
  limits.max_header_fields = policy.max_header_fields;
  limits.max_header_bytes = policy.max_header_bytes;
  return limits;
}

bool is_final(const Verdict& verdict) {
  return verdict.action == Action::reject || verdict.action == Action::tempfail;
}

}  // namespace

// Kept alive by its own continuations, so that an answer that comes after close() finds something.
struct Session::Impl : std::enable_shared_from_this<Impl> {
  Impl(SessionServices& s, Executor& e) : services(s), executor(e), id(s.references.next()) {}

  struct Transaction {
    Transaction(SessionServices& services, Executor& executor, std::shared_ptr<const Policy> policy)
        : scope(services, executor, std::move(policy), CheckInfo::Scope::transaction),
          message(message_limits(services, *scope.policy), services.byte_budget,
                  services.spool_folder) {}
    Scope scope;
    mail::Message message;
    std::optional<mail::MessageView> view;  // of the complete message, while checks look at it
    Envelope envelope;
    std::string reference;
    std::int64_t unix_time = 0;
    SteadyTime started;
    bool body_failed = false;
  };

  // --- hooks
  // --------------------------------------------------------------------------------------

  const Envelope& envelope() const { return transaction ? transaction->envelope : no_envelope; }
  const mail::Message* message() const { return transaction ? &transaction->message : nullptr; }

  template <class Hook>
  void run_hooks(Scope& scope, Stage stage, Hook&& hook, int recipient = -1) {
    BoundContext context(services, scope, *connection_scope, connection, envelope(), stage,
                         message());
    context.bind_recipient(recipient);
    if (transaction && stage == Stage::end_of_message) context.lend_view(transaction->view);
    for (RunningCheck& running : scope.checks)
      guarded(context, running, [&] { hook(*running.check, context); });
    scope.flows.flush();
  }

  // A check that throws is an internal error of ours; policy says what that means.
  template <class Body>
  void guarded(BoundContext& context, RunningCheck& running, Body&& body) {
    context.bind(running);
    try {
      body();
    } catch (const std::exception& error) {
      context.add("CHECK_ERROR", std::string(running.info->name) + ": " + error.what(), 1);
    }
  }

  template <class Hook>
  void run_all(Stage stage, Hook&& hook, int recipient = -1) {
    run_hooks(*connection_scope, stage, hook, recipient);
    if (transaction) run_hooks(transaction->scope, stage, hook, recipient);
  }

  // --- joining and answering
  // ----------------------------------------------------------------------

  const Policy& policy() const {
    return transaction ? *transaction->scope.policy : *connection_scope->policy;
  }

  /// Concludes the checks that `stage` needs, in order, then answers. Returns when it must wait;
  /// goes on on the executor when the flows are ready.
  void join(Stage stage, const Recipient* recipient, Done done) {
    const std::uint64_t turn = ++turns;
    pending_recipient = recipient != nullptr ? std::make_optional(*recipient) : std::nullopt;
    step(stage, turn, std::move(done));
  }

  void step(Stage stage, std::uint64_t turn, Done done) {
    if (turn != turns) return;  // aborted meanwhile
    for (;;) {
      std::vector<PendingHandle> waiting = conclude_ready(stage);
      if (waiting.empty()) break;
      if (!place) place = services.waiting.take(connection.client);
      if (!place) {
        services.metrics.counter("session.no_waiting_place").add();
        current_scope().findings.push_back({"TOO_MANY_WAITING", stage, "", -1, 1});
        break;
      }
      services.metrics.counter("session.waits").add();
      current_scope().flows.when_ready(std::move(waiting), [weak = weak_from_this(), stage, turn,
                                                            done = std::move(done)]() mutable {
        if (const auto self = weak.lock()) self->step(stage, turn, std::move(done));
      });
      return;
    }
    place.reset();
    answer(stage, done);
  }

  /// Runs conclude() of every needed check whose flows are ready and whose needs have concluded.
  /// @return the flows that are still awaited; empty when all needed checks have concluded.
  std::vector<PendingHandle> conclude_ready(Stage stage) {
    std::vector<PendingHandle> waiting;
    for (bool progress = true; progress;) {
      progress = false;
      waiting.clear();
      for (Scope* scope : {connection_scope.get(), transaction ? &transaction->scope : nullptr}) {
        if (scope == nullptr) continue;
        for (RunningCheck& running : scope->checks) {
          if (running.concluded || !is_needed(running, *scope, stage)) continue;
          if (conclude(*scope, running, stage, waiting)) progress = true;
        }
      }
    }
    return waiting;
  }

  bool is_needed(const RunningCheck& running, const Scope& scope, Stage stage) const {
    if (stage == Stage::end_of_message) return true;
    // Another one than the connection's when a reload came between.
    if (scope.policy.get() != &policy()) return policy().needs(stage, running.info->name);
    return running.stages.contains(stage);
  }

  bool conclude(Scope& scope, RunningCheck& running, Stage stage,
                std::vector<PendingHandle>& waiting) {
    bool ready = (running.info->needs_bits & unconcluded()) == 0;
    for (const PendingHandle& flow : running.waiting) {
      if (flow->ready()) continue;
      waiting.push_back(flow);
      ready = false;
    }
    if (!ready) return false;
    running.waiting.clear();
    running.concluded = true;
    BoundContext context(services, scope, *connection_scope, connection, envelope(), stage,
                         message());
    guarded(context, running, [&] { running.concluded = running.check->conclude(context); });
    scope.flows.flush();
    return true;
  }

  /// The bits of the checks that run and have not concluded.
  std::uint64_t unconcluded() const {
    std::uint64_t bits = 0;
    for (const Scope* scope :
         {connection_scope.get(), transaction ? &transaction->scope : nullptr}) {
      if (scope == nullptr) continue;
      for (const RunningCheck& running : scope->checks)
        if (!running.concluded) bits |= running.info->bit;
    }
    return bits;
  }

  Scope& current_scope() { return transaction ? transaction->scope : *connection_scope; }

  std::vector<Finding> all_findings() const {
    std::vector<Finding> all = connection_scope->findings;
    if (!transaction) return all;
    // All content rules of a message are of the set that it has pinned: after a reload it says
    // itself what the client hits (filter/checks/stage_rules.cc).
    if (transaction->scope.policy->rules != connection_scope->policy->rules)
      std::erase_if(all, [](const Finding& f) { return f.rule.has_value(); });
    all.insert(all.end(), transaction->scope.findings.begin(), transaction->scope.findings.end());
    return all;
  }

  /// Both scopes together, the connection's results first. At the end of the message the
  /// transaction's are taken, not copied: it ends with the answer.
  Facts all_facts(Stage stage) {
    if (!transaction) return connection_scope->facts;
    Facts all = stage == Stage::end_of_message ? std::move(transaction->scope.facts)
                                               : transaction->scope.facts;
    const Facts& connected = connection_scope->facts;
    all.dns_lists = connected.dns_lists;
    // Where a login connects from is nobody's business who reads its mail.
    if (envelope().authenticated()) return all;
    all.results.insert(all.results.begin(), connected.results.begin(), connected.results.end());
    return all;
  }

  void answer(Stage stage, const Done& done) {
    std::vector<Finding> findings = all_findings();
    const Recipient* recipient = pending_recipient ? &*pending_recipient : nullptr;
    Verdict verdict = decide(findings, policy(), stage, connection, envelope(), recipient);
    std::string stored;
    // Once, and before it is signed: what signing says counts for the verdict, not for the Subject.
    if (stage == Stage::end_of_message)
      transaction->scope.facts.rewrites =
          field_rewrites(header_sources(verdict, transaction->scope.facts));
    if (stage == Stage::end_of_message && complete_header(verdict)) {
      findings = all_findings();
      verdict = decide(findings, policy(), stage, connection, envelope());
    }
    if (stage == Stage::end_of_message || is_final(verdict)) {
      Record record = make_record(std::move(findings), all_facts(stage), recipient);
      if (stage == Stage::end_of_message) {
        state_disposition(record, verdict);
        if (verdict.effective() == Action::store && store(record, verdict))
          stored = record.reference;
        verdict.edits = header_edits(header_sources(verdict, record.facts));
      }
      publish(record, verdict);
    }
    apply_effects(verdict);
    if (recipient != nullptr) take_recipient(*recipient, is_final(verdict) && !verdict.observed);
    if (policy().mode == Mode::observe) {
      // Nothing is changed in this mode, but a release token is a word between us and us.
      std::erase_if(verdict.edits, [](const HeaderEdit& e) {
        return e.kind != HeaderEdit::Kind::remove || !iequals(e.name, kReleaseField);
      });
      verdict.reply = {};
    }
    pending_recipient.reset();
    if (stage == Stage::end_of_message) end_transaction();
    unconfirmed = std::move(stored);
    done(verdict);
  }

  HeaderSources header_sources(const Verdict& verdict, const Facts& facts) const {
    return {transaction->message.fields(), policy(), connection,
            transaction->envelope,         verdict,  facts,
            transaction->unix_time};
  }

  /// Keeps the message, or makes the verdict that holds when it cannot be kept.
  bool store(Record& record, Verdict& verdict) {
    record.verdict = verdict;
    add_reference(record.verdict, record.reference);
    const Result<void> kept = services.quarantine == nullptr
                                  ? temporary_error("there is no quarantine")
                                  : services.quarantine->keep(transaction->message, record);
    if (kept.ok()) return true;
    record.findings.push_back(
        {"QUARANTINE_UNAVAILABLE", Stage::end_of_message, kept.error().text(), -1, 1});
    verdict = decide(record.findings, policy(), Stage::end_of_message, connection, envelope());
    state_disposition(record, verdict);
    return false;
  }

  /// What came of DMARC, for the record and our Authentication-Results field.
  void state_disposition(Record& record, const Verdict& verdict) const {
    if (!record.facts.dmarc) return;
    record.facts.dmarc_disposition =
        dmarc_disposition(*record.facts.dmarc, record.findings, policy(), connection, verdict);
  }

  /// The front end goes on with this connection, so it has handed over the last answer.
  void confirm_stored() {
    if (!unconfirmed.empty()) services.quarantine->confirm(std::exchange(unconfirmed, {}));
  }

  /// Before the checks: a message that we let out is not judged, and not signed, again.
  void look_for_release() {
    if (services.quarantine == nullptr) return;
    const auto release =
        services.quarantine->check_release(transaction->message, transaction->envelope);
    if (!release) return;
    transaction->envelope.released = release->good;
    transaction->scope.findings.push_back({release->good ? "RELEASED" : "RELEASE_TOKEN_BAD",
                                           Stage::end_of_message, release->detail, -1, 1});
  }

  /// Lets checks make what belongs into the header of a message that goes on: a signature costs
  /// more than all else, so a message that is refused gets none. @return whether something was
  /// found.
  bool complete_header(const Verdict& verdict) {
    if (policy().mode == Mode::observe || is_final(verdict) || verdict.action == Action::store)
      return false;
    const std::size_t before = transaction->scope.findings.size();
    run_hooks(transaction->scope, Stage::end_of_message,
              [](Check& check, CheckContext& context) { check.accepted(context); });
    return transaction->scope.findings.size() > before;
  }

  /// An accepted recipient joins the envelope; a refused one leaves its place, so what was found of
  /// it goes too: the next one asked for has the same index.
  void take_recipient(const Recipient& recipient, bool refused) {
    if (!refused) return transaction->envelope.recipients.push_back(recipient);
    const int index = static_cast<int>(transaction->envelope.recipients.size());
    for (Scope* scope : {connection_scope.get(), &transaction->scope})
      std::erase_if(scope->findings, [&](const Finding& f) { return f.recipient == index; });
    std::erase_if(transaction->scope.effects,
                  [&](const Effect& e) { return e.recipient == index; });
  }

  /// Does what was to follow the verdict of this stage. That a store cannot take it is no fault of
  /// the message: it is counted.
  void apply_effects(const Verdict& verdict) {
    Scope& scope = current_scope();
    if (scope.effects.empty()) return;
    std::vector<store::Write> writes;
    std::erase_if(scope.effects, [&](Effect& effect) {
      if (effect.stage != verdict.stage) return false;
      if (happens(effect, verdict)) writes.push_back(std::move(effect.write));
      return true;
    });
    if (writes.empty()) return;
    const bool kept = services.store != nullptr && services.store->apply(writes).ok();
    if (!kept) services.metrics.counter("session.effects_lost").add();
  }

  void add_reference(Verdict& verdict, const std::string& reference) const {
    if (verdict.reply.code != 0) {
      verdict.reply.text += " (ref " + reference +
                            (policy().help_url.empty() ? ")" : "; see " + policy().help_url + ")");
    }
    if (verdict.action == Action::hold) verdict.hold_reason += " (ref " + reference + ")";
  }

  Record make_record(std::vector<Finding> findings, Facts facts, const Recipient* recipient) const {
    Record record;
    record.session_id = id;
    record.reference = transaction ? transaction->reference : id;
    record.unix_time = transaction ? transaction->unix_time : connected_at;
    const SteadyTime from = transaction ? transaction->started : connected_steady;
    record.duration_us =
        std::chrono::duration_cast<std::chrono::microseconds>(services.clock.steady() - from)
            .count();
    record.connection = connection;
    record.envelope = envelope();
    record.findings = std::move(findings);
    record.answers = connection_scope->flows.answers();
    record.policy = transaction ? transaction->scope.policy : connection_scope->policy;
    record.facts = std::move(facts);
    if (recipient != nullptr) record.refused_recipient = recipient->address;
    if (transaction) {
      record.answers.merge(transaction->scope.flows.answers());
      record.message_size = transaction->message.header_bytes() + transaction->message.body_size();
      if (const auto* field = mail::first_field(transaction->message.fields(), "Message-ID")) {
        record.message_id = trim(field->value);
      }
    }
    return record;
  }

  /// Completes the reply with the reference and hands the record over.
  void publish(Record& record, Verdict& verdict) {
    add_reference(verdict, record.reference);
    record.verdict = verdict;
    std::vector<std::string> counted = {"verdict." + std::string(to_string(verdict.action)) + "." +
                                        std::string(to_string(verdict.stage))};
    counted.reserve(record.findings.size() + 1);
    for (const Finding& finding : record.findings)
      counted.push_back((finding.shadow ? "shadow." : "finding.") + finding.name);
    services.metrics.count(counted);
    services.records.record(record);
  }

  void end_transaction() {
    ++turns;
    place.reset();
    pending_recipient.reset();
    // What a connection check said while this transaction ran concerns the connection: it stays,
    // unless it was said of a recipient.
    if (connection_scope)
      std::erase_if(connection_scope->findings, [](const Finding& f) { return f.recipient >= 0; });
    transaction.reset();
  }

  SessionServices& services;
  Executor& executor;
  const std::string id;
  Connection connection;
  std::int64_t connected_at = 0;
  SteadyTime connected_steady;
  std::unique_ptr<Scope> connection_scope;
  Envelope no_envelope;
  std::unique_ptr<Transaction> transaction;
  std::optional<Recipient> pending_recipient;
  std::optional<WaitingPlaces::Place> place;
  std::string unconfirmed;  // reference of what was stored, until its answer is handed over
  std::uint64_t turns = 0;
};

Session::Session(SessionServices& services, Executor& executor)
    : impl_(std::make_shared<Impl>(services, executor)) {}

Session::~Session() {
  abort();
}

void Session::connect(Connection connection, Done done) {
  Impl& s = *impl_;
  s.connection = std::move(connection);
  s.connected_at = s.services.clock.unix_time();
  s.connected_steady = s.services.clock.steady();
  auto policy = s.services.policy.get();
  if (s.connection.client) {
    s.connection.trusted_relay = policy->trusted_relays.match(*s.connection.client).has_value();
    s.connection.submit_network = policy->submit_networks.match(*s.connection.client).has_value();
  }
  s.connection_scope = std::make_unique<Scope>(s.services, s.executor, std::move(policy),
                                               CheckInfo::Scope::connection);
  s.services.metrics.counter("session.connections").add();
  s.run_all(Stage::connect, [](Check& check, CheckContext& context) { check.connect(context); });
  s.join(Stage::connect, nullptr, std::move(done));
}

void Session::helo(std::string name, Done done) {
  Impl& s = *impl_;
  s.confirm_stored();
  s.connection.helo = std::move(name);
  // A second EHLO (after STARTTLS) replaces the first with what was found out from it.
  std::erase_if(s.connection_scope->findings,
                [](const Finding& f) { return f.stage == Stage::helo; });
  s.run_all(Stage::helo, [](Check& check, CheckContext& context) { check.helo(context); });
  s.join(Stage::helo, nullptr, std::move(done));
}

void Session::mail(const MailInfo& info, Done done) {
  Impl& s = *impl_;
  s.confirm_stored();
  s.end_transaction();
  s.transaction =
      std::make_unique<Impl::Transaction>(s.services, s.executor, s.services.policy.get());
  Impl::Transaction& t = *s.transaction;
  t.reference = s.services.references.next();
  t.unix_time = s.services.clock.unix_time();
  t.started = s.services.clock.steady();
  t.envelope.mail_from_text = info.path;
  t.envelope.queue_id = info.queue_id;
  if (!info.auth_authen.empty() && !info.auth_type.empty()) {
    t.envelope.auth_authen = info.auth_authen;
    t.envelope.auth_type = info.auth_type;
  }
  if (const auto path = mail::parse_reverse_path(info.path); path.ok() && *path) {
    t.envelope.mail_from = (*path)->text();
    t.envelope.mail_from_domain = (*path)->domain;
  } else if (!path.ok()) {
    // The MTA accepted it, so it is its form of an address; nothing can be looked up for it.
    t.envelope.mail_from = printable(info.path);
  }
  s.run_all(Stage::mail, [](Check& check, CheckContext& context) { check.mail(context); });
  s.join(Stage::mail, nullptr, std::move(done));
}

void Session::rcpt(std::string_view path, Done done) {
  Impl& s = *impl_;
  Recipient recipient;
  const auto parsed = mail::parse_forward_path(path);
  recipient.address = parsed.ok() ? parsed->text() : printable(path);
  recipient.exempt = is_exempt(recipient.address);
  const int index = static_cast<int>(s.transaction->envelope.recipients.size());
  s.run_all(
      Stage::rcpt, [&](Check& check, CheckContext& context) { check.rcpt(context, recipient); },
      index);
  s.join(Stage::rcpt, &recipient, std::move(done));
}

void Session::data(Done done) {
  impl_->run_all(Stage::data, [](Check& check, CheckContext& context) { check.data(context); });
  impl_->join(Stage::data, nullptr, std::move(done));
}

void Session::header(std::string_view name, std::string_view value) {
  Impl& s = *impl_;
  const mail::HeaderField field = mail::from_milter(name, value);
  Scope& scope = s.transaction->scope;
  BoundContext context(s.services, scope, *s.connection_scope, s.connection,
                       s.transaction->envelope, Stage::end_of_headers, s.message());
  for (RunningCheck& running : scope.checks) {
    s.guarded(context, running, [&] { running.check->header(context, field); });
  }
  s.transaction->message.add_field(field);
}

void Session::end_of_headers(Done done) {
  Impl& s = *impl_;
  s.run_all(Stage::end_of_headers,
            [](Check& check, CheckContext& context) { check.end_of_headers(context); });
  s.join(Stage::end_of_headers, nullptr, std::move(done));
}

bool Session::body(std::string_view chunk) {
  Impl& s = *impl_;
  Impl::Transaction& t = *s.transaction;
  if (t.body_failed) return false;
  if (const auto kept = t.message.append_body(chunk); !kept.ok()) {
    t.body_failed = true;
    t.scope.findings.push_back({"NO_SPACE", Stage::end_of_message, kept.error().text(), -1, 1});
    return false;
  }
  BoundContext context(s.services, t.scope, *s.connection_scope, s.connection, t.envelope,
                       Stage::end_of_message, s.message());
  for (RunningCheck& running : t.scope.checks) {
    s.guarded(context, running, [&] { running.check->body(context, chunk); });
  }
  return true;
}

void Session::end_of_message(Done done) {
  Impl& s = *impl_;
  s.transaction->message.freeze();
  if (s.transaction->message.defects().header_limit) {
    s.transaction->scope.findings.push_back({"HEADER_LIMIT", Stage::end_of_message, "", -1, 1});
  }
  if (s.transaction->message.defects().header_nul || s.transaction->message.defects().body_nul) {
    s.transaction->scope.findings.push_back({"NUL_IN_MESSAGE", Stage::end_of_message, "", -1, 1});
  }
  s.look_for_release();
  s.run_all(Stage::end_of_message,
            [](Check& check, CheckContext& context) { check.end_of_message(context); });
  s.transaction->view.reset();
  s.join(Stage::end_of_message, nullptr, std::move(done));
}

void Session::abort() {
  impl_->confirm_stored();
  if (impl_->transaction) impl_->services.metrics.counter("session.aborted").add();
  impl_->end_transaction();
}

void Session::set_queue_id(std::string_view queue_id) {
  if (impl_->transaction && !queue_id.empty()) impl_->transaction->envelope.queue_id = queue_id;
}

void Session::set_tls_version(std::string version) {
  impl_->connection.tls_version = std::move(version);
}
bool Session::in_transaction() const {
  return impl_->transaction != nullptr;
}

const std::string& Session::id() const {
  return impl_->id;
}
const Connection& Session::connection() const {
  return impl_->connection;
}
const Envelope& Session::envelope() const {
  return impl_->envelope();
}

}  // namespace gatepost
