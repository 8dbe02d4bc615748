#pragma once
// A write that follows a verdict.

#include "core/store/value.h"
#include "filter/policy/stage.h"
#include "filter/policy/verdict.h"

namespace gatepost {

/// Stated by a check, done by the session when its stage has been decided, also in observe mode:
/// what a verdict would have been is learned from too.
struct Effect {
  enum class When {
    not_rejected,  ///< the stage let it go on or asked to try again
    accepted,  ///< the message is delivered, perhaps tagged: not held, stored, deferred or refused
  };
  store::Write write;
  When when = When::accepted;
  Stage stage = Stage::end_of_message;  ///< whose verdict is waited for
  /// Of one recipient: dropped without being done when that one is refused. -1: of all.
  int recipient = -1;
};

/// Whether it is done after this verdict, which is one of its stage.
inline bool happens(const Effect& effect, const Verdict& verdict) {
  return effect.when == Effect::When::accepted ? verdict.action <= Action::tag
                                               : verdict.action != Action::reject;
}

}  // namespace gatepost
