#pragma once
// The configuration before anything is started: what refuses a start, and what --check says.

#include "filter/apps/gatepostd/flags.h"

namespace gatepost {

/// Reads the configuration and its rule files. All faults are told at once on the terminal, with
/// those that only compiling the rules finds when there are others anyway.
/// @return 0 with `configuration` filled, or the exit code.
int load_first(const Flags& flags, config::Configuration& configuration);

/// What only compiling the rules and their own tests find out; then the socket lines for the MTA.
/// @return the exit code.
int check_and_print(const config::Configuration& configuration);

}  // namespace gatepost
