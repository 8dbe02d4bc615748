#pragma once
// The work of the compiling process: patterns in, Hyperscan databases and routes out.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/pattern.h"

namespace gatepost::rules {

/// Patterns that are matched against one subject in one scan.
struct Chunk {
  std::vector<PatternInput> patterns;
  bool long_text = false;  ///< the subject is more than one field of a header
};

struct PatternOutcome {
  Route route = Route::pcre_only;
  std::string problem;             ///< invalid, unsupported
  std::size_t offset = 0;          ///< of the problem, in octets of the expression
  std::uint8_t least_reports = 1;  ///< PatternPlan::least_reports
};

/// Patterns of a chunk that were compiled together: [first, first + count), or some of these.
struct ChunkPart {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::string database;  ///< serialised, ids count from `first`; empty when Hyperscan holds nothing
  std::string note;      ///< not empty: why its patterns went to PCRE2
};

struct ChunkOutcome {
  std::vector<PatternOutcome> patterns;  ///< as many as the chunk has, in its order
  std::vector<ChunkPart> parts;
};

/// Chunks that one process compiles.
using Job = std::vector<Chunk>;
using JobOutcome = std::vector<ChunkOutcome>;

/// In this process. Never fails; may take long, much memory, or the process.
ChunkOutcome compile_chunk(const Chunk& chunk);
/// What a chunk comes to without Hyperscan: every pattern is checked and left to PCRE2.
ChunkOutcome chunk_without_hyperscan(const Chunk& chunk, std::string note);

std::string encode_job(const Job& job);
/// Nothing when it is no job.
std::optional<Job> decode_job(std::string_view data);
std::string encode_outcome(const JobOutcome& outcome);
/// Nothing when it is no outcome of such a job.
std::optional<JobOutcome> decode_outcome(std::string_view data, const Job& job);

/// Version, build and processor features that a database is good for.
std::string engine_identity();

/// The main function of the compiling process: reads a job from descriptor 0 to its end, writes the
/// outcome to descriptor 1. @return the process's exit status: 0, or 65 when the job cannot be
/// read, 74 when the outcome cannot be written.
int compile_process_main();

}  // namespace gatepost::rules
