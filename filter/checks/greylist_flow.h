#pragma once
// One triplet: known, waiting or new. Asks the store, decides nothing.

#include "core/flow/flow.h"
#include "filter/checks/greylist_entry.h"

namespace gatepost::greylist {

struct Request {
  IpAddress client;
  Triplet triplet;
  std::string sender;        ///< as in the envelope
  std::string domain;        ///< of the sender; empty for the null sender
  std::int64_t delay = 300;  ///< seconds
  std::int64_t auto_allow_after = 1;
};

struct Outcome {
  enum class State {
    first,         ///< never seen, or longer ago than the store remembers
    early,         ///< seen, but not yet long enough ago
    passed,        ///< long enough ago, or released
    known,         ///< passed before
    auto_allowed,  ///< the client network has passed for this sender domain
    allowed,       ///< by the operator
    store_down,
  };
  State state = State::store_down;
  std::int64_t seconds = 0;      ///< first, early: left to wait; passed: since the first try
  bool from_the_future = false;  ///< early, and its first try lies ahead: the clock was set back
  store::Value entry;            ///< of known and auto_allowed
  std::string detail;            ///< allowed: the entry; store_down: why
};

/// Most mail comes from known triplets: that is one question. The rest is asked only for the
/// others.
class TripletFlow final : public Flow<Outcome> {
 public:
  explicit TripletFlow(Request request) : request_(std::move(request)) {}
  Step<Outcome> step(const Answers& answers) override;

 private:
  Step<Outcome> first_try(Asker& asker, const store::Answer& pending);

  Request request_;
};

}  // namespace gatepost::greylist
