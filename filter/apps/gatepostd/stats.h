#pragma once
// What `gatepost stats` shows, and Prometheus is given.

#include <nlohmann/json_fwd.hpp>

#include "filter/apps/engine.h"

namespace gatepost {

/// Any thread.
nlohmann::ordered_json stats_json(Engine& engine);

}  // namespace gatepost
