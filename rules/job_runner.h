#pragma once
// Gets jobs done: from the cache, else in child processes, a few at a time.

#include <optional>
#include <vector>

#include "core/base/result.h"
#include "rules/cache.h"
#include "rules/chunk.h"
#include "rules/compile.h"

namespace gatepost::rules {

struct JobRun {
  std::vector<JobOutcome> outcomes;     ///< as many as jobs, in their order
  std::vector<std::string> complaints;  ///< of the cache, for people
  std::size_t from_cache = 0;
  std::size_t children = 0;
  std::size_t left = 0;  ///< patterns of jobs that were not to be compiled
};

/// A chunk whose child fails is cut in eight and tried once more; what fails again has the route
/// pcre_only and a note. @return an internal error when a child cannot be started.
Result<JobRun> run_jobs(const std::vector<Job>& jobs, const std::optional<Cache>& cache,
                        const CompileOptions& options);

}  // namespace gatepost::rules
