#pragma once
// libspf2 as a second engine behind the same interface: for comparison, and for sites that want it.

#include <memory>

#include "core/flow/flow.h"
#include "spf/evaluate.h"

namespace gatepost::spf {

enum class Engine : int {
  native,   ///< CheckHost: RFC 7208 whole
  libspf2,  ///< Debian's libspf2 1.2.10 within our budgets; its deviations: docs/decisions/0009
};

/// One check of one identity by libspf2. Each step runs the library from the start with the answers
/// known so far; while one is missing its result is discarded, whatever it says.
///
/// What the library cannot hold never reaches it and makes a permerror with a reason that starts
/// with "engine limit": a record with more than 450 octets of terms (it drops the surplus without a
/// word), more than 60 terms, NUL or other than ASCII; a check that asks more than 150 questions
/// (its limit of ten terms starts anew in each include). Explanations and results else are the
/// library's. Outcome::mechanism, lookups and trace stay empty: it does not tell. Limits: only
/// void_lookups. Thread rule: as Flow. Third party: only libspf2.cc knows libspf2.
class Libspf2Check final : public Flow<Outcome> {
 public:
  explicit Libspf2Check(Request request);
  Step<Outcome> step(const Answers& answers) override;

 private:
  Request request_;
  Subject subject_;
};

/// A check by the engine that is wanted.
std::unique_ptr<Flow<Outcome>> make_check(Engine engine, Request request);

}  // namespace gatepost::spf
