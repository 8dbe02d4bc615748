#pragma once
// What the operator chose for signatures, as the room dkim takes it.

#include "dkim/police.h"
#include "filter/policy/policy.h"

namespace gatepost {

/// The same for mail on its way and for `gatepost dkim verify`.
dkim::VerifyOptions verify_options(const Policy& policy);

}  // namespace gatepost
