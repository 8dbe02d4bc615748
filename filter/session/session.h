#pragma once
// One MTA connection, with its transactions one after another.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/executor.h"
#include "core/base/snapshot.h"
#include "core/dns/resolver.h"
#include "core/mail/message.h"
#include "core/store/store.h"
#include "filter/metrics/metrics.h"
#include "filter/session/check.h"
#include "filter/session/quarantine.h"
#include "filter/session/record.h"
#include "filter/session/reference.h"
#include "filter/session/waiting_places.h"

namespace gatepost {

/// What all sessions share. Everything outlives every session.
struct SessionServices {
  const Clock& clock;
  dns::Resolver& resolver;
  Snapshot<Policy>& policy;
  const std::vector<CheckInfo>& checks;  ///< ordered by order_checks()
  dkim::Library& dkim_library;
  std::shared_ptr<mail::ByteBudget> byte_budget;
  std::string spool_folder;
  mail::MessageLimits message_limits;
  ReferenceMaker& references;
  WaitingPlaces& waiting;
  Metrics& metrics;
  RecordSink& records;
  store::Store* store = nullptr;       ///< without one, store questions are answered `unavailable`
  Quarantine* quarantine = nullptr;    ///< null: what is to be stored is deferred
  AnswerObserver* observer = nullptr;  ///< of what DNS answers
};

/// What the MTA says at MAIL.
struct MailInfo {
  std::string path;  ///< "<user@domain>" or "<>"
  std::string auth_authen;
  std::string auth_type;
  std::string queue_id;
};

/// Drives checks through the stages, joins what a stage needs, asks decide() and answers.
///
/// Each function with a Done ends by calling it exactly once, on the Executor given here (possibly
/// before the function returns), and the next one may be called only then. abort() and close() need
/// no waiting: an unfinished stage is dropped and its Done is not called. Thread rule: one thread
/// at a time.
class Session {
 public:
  using Done = std::function<void(const Verdict&)>;

  Session(SessionServices& services, Executor& executor);
  ~Session();
  Session(const Session&) = delete;

  void connect(Connection connection, Done done);
  void helo(std::string name, Done done);
  void mail(const MailInfo& info, Done done);
  void rcpt(std::string_view path, Done done);
  void data(Done done);
  /// `name` and `value` as the milter protocol gives them (leading blank kept, folds as LF).
  void header(std::string_view name, std::string_view value);
  void end_of_headers(Done done);
  /// @return false when the rest is not wanted any more (the message cannot be kept).
  bool body(std::string_view chunk);
  void end_of_message(Done done);
  /// The MTA dropped the transaction (RSET, broken DATA, refused by another filter).
  void abort();
  void set_queue_id(std::string_view queue_id);
  void set_tls_version(std::string version);
  bool in_transaction() const;

  const std::string& id() const;
  const Connection& connection() const;
  const Envelope& envelope() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gatepost
