#pragma once
// One run of check_host() over the answers known so far. Private to the room.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/flow/flow.h"
#include "spf/evaluate.h"
#include "spf/macro.h"
#include "spf/record.h"

namespace gatepost::spf {

/// Lives for one step: counters start at zero and every run repeats the last one's path.
class Evaluator {
 public:
  Evaluator(const Request& request, const Subject& subject, const Answers& answers)
      : request_(request), subject_(subject), asker_(answers) {}

  Step<Outcome> run();

 private:
  /// What a term or a record came to. `missing`: an answer must come first.
  enum class State { no, match, temperror, permerror, missing };

  /// Of check_host() for one domain; code is meaningless while an answer is missing.
  struct Verdict {
    bool missing = false;
    ResultCode code = ResultCode::none;
  };

  /// The domain that is being checked, and how it was reached.
  struct Frame {
    std::string domain;
    int depth = 0;
    std::optional<std::string> validated = {};  ///< %{p} for this domain, once found out
  };

  static constexpr std::size_t kNoTrace = static_cast<std::size_t>(-1);

  Verdict check_domain(Frame& frame);
  Verdict check_record(Frame& frame, const Record& record);
  Verdict redirect(Frame& frame, const Modifier& modifier);
  /// Fetches and expands the explanation; false while an answer is missing.
  bool explain(Frame& frame, const Modifier& modifier);
  State evaluate(Frame& frame, const Mechanism& mechanism, std::string& target);
  State evaluate_lookup(Frame& frame, const Mechanism& mechanism, const std::string& target);
  State evaluate_include(const Frame& frame, const Mechanism& mechanism, const std::string& target);
  State evaluate_addresses(const Mechanism& mechanism, const std::string& target);
  State evaluate_mx(const Mechanism& mechanism, const std::string& target);
  State evaluate_ptr(const Mechanism& mechanism, const std::string& target);

  /// Counts a lookup term (section 4.6.4); false: over the limit.
  bool count_lookup(std::string_view term);
  /// Counts a term with a void answer; `no`, or permerror when over the limit.
  State count_void(std::string_view term);
  void prefetch(const Frame& frame, const Record& record);
  void prefetch_term(const Frame& frame, const DomainSpec& spec, dns::RrType type);

  /// RFC 8616 section 4: such a term matches nothing.
  bool is_unmatchable(const DomainSpec& spec) const {
    return spec.uses_local_part && !subject_.ascii_local;
  }
  /// The name a term speaks of; nothing while %{p} is missing.
  std::optional<std::string> target_name(Frame& frame, const DomainSpec& spec);
  /// Finds out %{p} for the frame's domain (section 7.3); false while answers are missing.
  bool find_validated(Frame& frame);
  /// Whether one of the client's PTR names is `domain` or below it and has the client's address.
  State is_validated_below(std::string_view domain);
  MacroValues macro_values(const Frame& frame) const;

  dns::RrType address_type() const {
    return request_.client.is_v4() ? dns::RrType::a : dns::RrType::aaaa;
  }
  bool holds_client(const dns::Answer& answer, int prefix4, int prefix6) const;
  State dns_trouble(const dns::Query& query, const dns::Answer& answer);
  /// Sets the reason.
  State permerror(std::string reason);
  /// The answer, or null: then the question is noted. Also notes it in the trace.
  const dns::Answer* ask(const dns::Query& query) {
    const dns::Answer* answer = asker_.ask(query);
    if (request_.trace && answer != nullptr) trace_answer(query, *answer);
    return answer;
  }
  void trace_answer(const dns::Query& query, const dns::Answer& answer);
  /// @return the entry's place, to set its result later.
  std::size_t begin_trace(const Frame& frame, std::string_view term);
  void end_trace(std::size_t place, const std::string& target, const char* result);

  const Request& request_;
  const Subject& subject_;
  Asker asker_;
  Outcome outcome_;
  int prefetched_ = 0;
  std::size_t open_trace_ = kNoTrace;  ///< the entry that answers belong to
};

}  // namespace gatepost::spf
