#pragma once
// One evaluation record a message (or refusal): log line, explain, replay and reports are made from
// it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/flow/flow.h"
#include "filter/policy/envelope.h"
#include "filter/policy/policy.h"
#include "filter/policy/verdict.h"
#include "filter/session/facts.h"

namespace gatepost {

/// Immutable once handed to the sink.
struct Record {
  static constexpr int kVersion = 1;

  std::string session_id;
  std::string reference;
  std::int64_t unix_time = 0;  ///< start of the transaction (of the connection for early refusals)
  std::int64_t duration_us = 0;  ///< from MAIL (or connect) to the verdict
  Connection connection;
  Envelope envelope;
  std::string refused_recipient;  ///< of a verdict at RCPT
  std::string message_id;
  std::uint64_t message_size = 0;
  std::vector<Finding> findings;
  Facts facts;
  Answers answers{0};  ///< what DNS and the store said
  Verdict verdict;
  std::shared_ptr<const Policy> policy;
};

/// The stable key=value line of the log; all foreign text is escaped.
std::string summary_line(const Record& record);
/// The whole record as one line of JSON.
std::string to_json(const Record& record);

/// Where records go. Must not block for long; from any thread.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual void record(const Record& record) = 0;
};

}  // namespace gatepost
