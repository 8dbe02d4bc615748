#pragma once
// The checks of one connection or one transaction with what they said. Part of Session.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "core/mail/view.h"
#include "filter/session/session.h"

namespace gatepost {

/// A check that runs, with what it waits for.
struct RunningCheck {
  const CheckInfo* info = nullptr;
  std::unique_ptr<Check> check;
  StageSet stages;  ///< that wait for it
  std::vector<PendingHandle> waiting;
  bool concluded = false;
};

/// What begins and ends together: made at connect or MAIL, destroyed at close or the transaction's
/// end.
struct Scope {
  Scope(SessionServices& services, Executor& executor, std::shared_ptr<const Policy> pinned,
        CheckInfo::Scope kind);

  std::shared_ptr<const Policy> policy;
  FlowDriver flows;
  std::vector<RunningCheck> checks;
  std::vector<Finding> findings;
  std::vector<Effect> effects;
  Facts facts;
};

/// The context given to hooks: binds a check to its scope.
class BoundContext final : public CheckContext {
 public:
  /// @param connected  the scope of the connection, also when `scope` is that one
  BoundContext(SessionServices& services, Scope& scope, const Scope& connected,
               const Connection& connection, const Envelope& envelope, Stage stage,
               const mail::Message* message = nullptr)
      : services_(services),
        scope_(scope),
        connected_(connected),
        connection_(connection),
        envelope_(envelope),
        stage_(stage),
        message_(message) {}

  void bind(RunningCheck& check) { check_ = &check; }
  void bind_recipient(int index) { recipient_ = index; }
  /// Where the view of the message is kept, for hooks that may have it.
  void lend_view(std::optional<mail::MessageView>& place) { view_ = &place; }

  const Policy& policy() const override { return *scope_.policy; }
  const Policy& connected_policy() const override { return *connected_.policy; }
  const Connection& connection() const override { return connection_; }
  const Envelope& envelope() const override { return envelope_; }
  dkim::Library& dkim_library() const override { return services_.dkim_library; }
  std::int64_t unix_time() const override { return services_.clock.unix_time(); }
  const mail::Message* message() const override { return message_; }
  Result<mail::MessageView*> view() override;
  Facts& facts() override { return scope_.facts; }
  const Facts& connected_facts() const override { return connected_.facts; }
  FlowDriver& flows() override { return scope_.flows; }
  Deadline flow_deadline() const override {
    return Deadline::after(services_.clock, scope_.policy->flow_timeout);
  }
  void add(std::string_view name, std::string detail, double factor) override;
  void add(Finding finding) override;
  bool found(std::string_view name, int recipient) const override;
  std::string_view check_name() const override { return check_->info->name; }
  Stage stage() const override { return stage_; }
  void after_verdict(Effect effect) override { scope_.effects.push_back(std::move(effect)); }
  void conclude_again() override { check_->concluded = false; }
  void wait_for(PendingHandle flow) override { check_->waiting.push_back(std::move(flow)); }

 private:
  SessionServices& services_;
  Scope& scope_;
  const Scope& connected_;
  const Connection& connection_;
  const Envelope& envelope_;
  Stage stage_;
  const mail::Message* message_;
  std::optional<mail::MessageView>* view_ = nullptr;
  RunningCheck* check_ = nullptr;
  int recipient_ = -1;
};

}  // namespace gatepost
