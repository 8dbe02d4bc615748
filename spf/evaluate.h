#pragma once
// check_host() of RFC 7208 as a flow: DNS answers in, a result or the next questions out.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/ip.h"
#include "core/flow/flow.h"
#include "spf/identity.h"

namespace gatepost::spf {

/// RFC 7208 section 2.6.
enum class ResultCode : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };

/// @return "none", "neutral", … as Authentication-Results and Received-SPF write it.
const char* to_string(ResultCode code);

/// RFC 7208 section 4.6.4, for one whole check: includes and redirects share them.
struct Limits {
  int lookup_terms = 10;           ///< include, a, mx, ptr, exists, redirect; beyond: permerror
  int void_lookups = 2;            ///< terms whose DNS answer was empty; beyond: permerror
  std::size_t mx_names = 10;       ///< of one mx term; beyond: permerror
  std::size_t ptr_names = 10;      ///< the rest is ignored
  std::size_t explanation = 2048;  ///< octets; a longer explanation is none
};

struct Request {
  IpAddress client;
  std::string helo;       ///< as the client said it
  std::string mail_from;  ///< without angle brackets; empty: null reverse-path, postmaster@helo
  Identity identity = Identity::mail_from;
  std::string receiver;  ///< %{r}: our host name
  Limits limits = {};
  bool trace = false;    ///< fill Outcome::trace
  bool prefetch = true;  ///< ask for later terms in the same batch; never changes the outcome
};

/// One DNS answer that was used.
struct TraceLookup {
  dns::Query query;
  dns::Status status = dns::Status::ok;
  std::size_t records = 0;

  bool operator==(const TraceLookup&) const = default;
};

/// One term as it was evaluated.
struct TraceEntry {
  int depth = 0;         ///< 0 the first record, 1 a record that it includes, …; redirect stays
  std::string domain;    ///< whose record
  std::string term;      ///< as published
  std::string target;    ///< the name it was expanded to; empty when it has none
  std::string result;    ///< "match", "no match", "pass" (redirect), "temperror", "permerror", …
  int lookups = 0;       ///< lookup terms used so far, this one and what it led to included
  int void_lookups = 0;  ///< of these, without an answer
  std::vector<TraceLookup> asked = {};  ///< in order; of the first record's TXT none

  bool operator==(const TraceEntry&) const = default;
};

struct Outcome {
  ResultCode code = ResultCode::none;
  std::string explanation;  ///< the domain's own text, printable US-ASCII; fail only, may be empty
  std::string mechanism;    ///< the first record's (or its redirect's) term that matched, as
                            ///< published; "default" when none did (section 4.7); else empty
  std::string domain;       ///< the identity that was checked: A-labels, lower case
  std::string reason;       ///< one sentence: why none, temperror or permerror
  int lookups = 0;          ///< lookup terms evaluated, at most Limits::lookup_terms
  int void_lookups = 0;     ///< of these, the ones whose answer was empty
  std::vector<TraceEntry> trace;  ///< when asked for, at most 1000 entries

  bool operator==(const Outcome&) const = default;
};

/// One check of one identity. Questions: at most about 150 in the worst record tree, at most 30
/// steps; CPU is linear in the answers' size for each step. A question that is answered with a
/// temporary status, a time-out included, makes a temperror where RFC 7208 wants one.
/// Thread rule: as Flow. Source: RFC 7208, RFC 8616 section 4.
class CheckHost final : public Flow<Outcome> {
 public:
  explicit CheckHost(Request request);
  Step<Outcome> step(const Answers& answers) override;

 private:
  Request request_;
  Subject subject_;
};

}  // namespace gatepost::spf
