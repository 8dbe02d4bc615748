#pragma once
// A check looks at one thing and states facts. It never waits and never decides.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/flow_driver.h"
#include "core/mail/header_field.h"
#include "filter/policy/envelope.h"
#include "filter/policy/finding.h"
#include "filter/policy/policy.h"
#include "filter/session/effect.h"
#include "filter/session/facts.h"

namespace gatepost {

namespace dkim {
class Library;
}
namespace mail {
class Message;
class MessageView;
}  // namespace mail

/// What a hook may use. Valid during the hook only.
class CheckContext {
 public:
  virtual ~CheckContext() = default;

  virtual const Policy& policy() const = 0;
  /// The one that the connection has pinned: another one than policy() when a reload came between.
  virtual const Policy& connected_policy() const = 0;
  virtual const Connection& connection() const = 0;
  virtual const Envelope& envelope() const = 0;
  virtual dkim::Library& dkim_library() const = 0;
  virtual std::int64_t unix_time() const = 0;
  /// The message so far; frozen from end_of_message() on. Null outside of a transaction.
  virtual const mail::Message* message() const = 0;
  /// The message as rules see it, with the Received field of this hop above all others: read for
  /// the first check that asks, shared by all of them. In end_of_message() only; when that hook is
  /// over the texts go, so that they take no memory while DNS is waited for.
  /// @return a temporary Error when the spool file cannot be read.
  virtual Result<mail::MessageView*> view() = 0;
  /// Of the check's own scope: what connection checks find stays until the connection closes.
  virtual Facts& facts() = 0;
  /// What the checks of the connection found out.
  virtual const Facts& connected_facts() const = 0;
  virtual FlowDriver& flows() = 0;
  /// Of one flow from now on (policy.flow_timeout).
  virtual Deadline flow_deadline() const = 0;
  /// States a fact. `name` is a row of finding_table(); anything else is a CHECK_ERROR.
  virtual void add(std::string_view name, std::string detail = {}, double factor = 1) = 0;
  /// States a fact with all it has: a content rule (Finding::rule), a text for the client
  /// (Finding::reply). The stage is filled in, in rcpt() the recipient too.
  virtual void add(Finding finding) = 0;
  /// Whether this was stated so far, of the connection or the transaction; of a recipient only when
  /// it is that one.
  virtual bool found(std::string_view name, int recipient = -1) const = 0;
  /// Of the check that is bound: under it the answers to its questions are counted.
  virtual std::string_view check_name() const = 0;
  /// The stage that is being answered.
  virtual Stage stage() const = 0;
  /// A write that follows the verdict of its stage; dropped when the transaction ends before.
  virtual void after_verdict(Effect effect) = 0;
  /// Makes the session call conclude() of this check again, at the next stage that needs it: for
  /// what only a later hook brings (another recipient).
  virtual void conclude_again() = 0;
  /// Makes the session wait for `flow` before it calls conclude() of this check.
  virtual void wait_for(PendingHandle flow) = 0;

  /// Starts a flow and waits for it before conclude().
  template <class R>
  Pending<R> start(std::unique_ptr<Flow<R>> flow) {
    Pending<R> pending = flows().start(std::move(flow), flow_deadline(), check_name());
    wait_for(pending.handle());
    return pending;
  }
};

/// Hooks in the order of SMTP, all optional. One object for one scope (CheckInfo::scope): it is
/// made when the scope begins and destroyed when it ends, which is its reset. Called by one thread
/// at a time.
class Check {
 public:
  virtual ~Check() = default;
  virtual void connect(CheckContext&) {}
  virtual void helo(CheckContext&) {}  ///< again for each HELO or EHLO
  virtual void mail(CheckContext&) {}
  virtual void rcpt(CheckContext&, const Recipient&) {}  ///< not yet in the envelope
  virtual void data(CheckContext&) {}
  virtual void header(CheckContext&, const mail::HeaderField&) {}
  virtual void end_of_headers(CheckContext&) {}
  virtual void body(CheckContext&, std::string_view) {}  ///< a chunk, CRLF line ends as received
  virtual void end_of_message(CheckContext&) {}
  /// Called at a stage that needs this check, when all flows it waits for are ready and the checks
  /// it `needs` have concluded. @return false when it started another flow: it is called again
  /// then. Once, unless conclude_again() was called.
  virtual bool conclude(CheckContext&) { return true; }
  /// The message is going to be delivered or held, in enforce mode: what belongs into its header
  /// can be made now. What is found here still counts.
  virtual void accepted(CheckContext&) {}
};

inline constexpr std::size_t kMaxChecks = 64;

struct CheckInfo {
  enum class Scope { connection, transaction };
  std::string_view name;
  Scope scope = Scope::transaction;
  std::vector<std::string_view> needs;
  std::function<std::unique_ptr<Check>()> make;
  /// Set by order_checks(): the check's own bit, and those of `needs`.
  std::uint64_t bit = 0;
  std::uint64_t needs_bits = 0;
};

/// Sorts so that each check stands behind those it needs (a connection check cannot need a
/// transaction check). A config Error names a cycle, an unknown name or a doubled name, or says
/// that there are more than kMaxChecks.
Result<std::vector<CheckInfo>> order_checks(std::vector<CheckInfo> checks);

}  // namespace gatepost
