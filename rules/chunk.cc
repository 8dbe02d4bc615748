#include "rules/chunk.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <hs/hs.h>
#include <unistd.h>

#include "rules/codec.h"

namespace gatepost::rules {
namespace {

constexpr std::uint8_t kCaseless = 1, kMultiline = 2, kDotall = 4, kExtended = 8, kInPieces = 16,
                       kEveryMatch = 32, kPlain = 64, kCanWait = 128;
// A job or an outcome beyond this is none of ours.
constexpr std::size_t kMaxTransfer = std::size_t{1} << 30;
// Databases of a chunk for patterns without a word: one for each, or more in one.
constexpr std::size_t kMostAlone = 64;

struct DatabaseDeleter {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
using DatabasePtr = std::unique_ptr<hs_database_t, DatabaseDeleter>;

struct Attempt {
  DatabasePtr database;
  int failed = -1;  // the pattern that is at fault, as a position in the ids given
};

// In the database ids count from the first of them.
Attempt compile_set(const std::vector<PatternPlan>& plans, const std::vector<unsigned>& ids) {
  std::vector<const char*> expressions;
  std::vector<unsigned> flags;
  std::vector<unsigned> numbers;
  for (const unsigned id : ids) {
    numbers.push_back(id - ids.front());
    expressions.push_back(plans[id].hs_expression.c_str());
    flags.push_back(plans[id].hs_flags);
  }
  Attempt out;
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), numbers.data(),
                       static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &database,
                       &error) == HS_SUCCESS) {
    out.database.reset(database);
    return out;
  }
  if (error != nullptr) out.failed = error->expression;
  hs_free_compile_error(error);
  return out;
}

// What Hyperscan refuses it may take by its words, or else as an approximation; what it refuses so,
// PCRE2 takes.
void weaken(PatternPlan& plan) {
  if (!plan.words.empty()) {
    use_words(plan);
    return;
  }
  if ((plan.hs_flags & HS_FLAG_PREFILTER) != 0) {
    plan.route = Route::pcre_only;
    return;
  }
  use_approximation(plan);
}

bool is_in_hyperscan(const PatternPlan& plan) {
  return plan.route == Route::exact || plan.route == Route::confirm;
}

// One database where it can be: a set that is refused as a whole is halved. Patterns that Hyperscan
// does not hold are weakened on the way.
void compile_ids(std::vector<PatternPlan>& plans, std::vector<unsigned> ids,
                 std::vector<ChunkPart>& parts) {
  DatabasePtr database;
  while (!ids.empty()) {
    Attempt attempt = compile_set(plans, ids);
    database = std::move(attempt.database);
    if (database) break;
    const bool one = attempt.failed >= 0 && static_cast<std::size_t>(attempt.failed) < ids.size();
    if (!one && ids.size() > 1) {
      const auto half = ids.begin() + static_cast<std::ptrdiff_t>(ids.size() / 2);
      compile_ids(plans, {ids.begin(), half}, parts);
      compile_ids(plans, {half, ids.end()}, parts);
      return;
    }
    const auto at = ids.begin() + (one ? attempt.failed : 0);
    weaken(plans[*at]);
    if (!is_in_hyperscan(plans[*at])) ids.erase(at);
  }
  if (!database) return;
  ChunkPart& part = parts.emplace_back();
  part.first = ids.front();
  part.count = ids.back() - ids.front() + 1;
  char* octets = nullptr;
  std::size_t size = 0;
  if (hs_serialize_database(database.get(), &octets, &size) == HS_SUCCESS) {
    part.database.assign(octets, size);
    free(octets);
    return;
  }
  for (const unsigned id : ids) plans[id].route = Route::pcre_only;
  part.note = "its database could not be serialised";
}

// Hyperscan would follow it far, and often nobody asks whether it matches: then PCRE2 behind its
// words costs less, when these are rare.
bool is_better_by_words(const PatternInput& input, const PatternPlan& plan) {
  constexpr std::size_t kRare = 6;  // octets of a word; measured with SpamAssassin's rules
  return input.can_wait && !input.plain && plan.has_wide_repeat && !plan.words.empty() &&
         plan.shortest_word >= kRare;
}

bool read_all(int fd, std::string& out) {
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) return true;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || out.size() + static_cast<std::size_t>(got) > kMaxTransfer) return false;
    out.append(buffer, static_cast<std::size_t>(got));
  }
}

bool write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

ChunkOutcome compile_chunk(const Chunk& chunk) {
  std::vector<PatternPlan> plans;
  plans.reserve(chunk.patterns.size());
  for (const PatternInput& pattern : chunk.patterns) plans.push_back(plan_pattern(pattern));

  // What has no word is tried at every octet, and several of that kind in one database take more
  // than the sum of what each takes alone.
  std::vector<unsigned> together;
  std::vector<unsigned> alone;
  for (unsigned i = 0; i < plans.size(); ++i) {
    if (!is_in_hyperscan(plans[i])) continue;
    if (chunk.long_text && is_better_by_words(chunk.patterns[i], plans[i])) use_words(plans[i]);
    const bool apart = chunk.long_text && !plans[i].has_words && !chunk.patterns[i].plain;
    (apart ? alone : together).push_back(i);
  }
  ChunkOutcome out;
  compile_ids(plans, std::move(together), out.parts);
  const std::size_t share = (alone.size() + kMostAlone - 1) / kMostAlone;
  for (std::size_t i = 0; i < alone.size(); i += share) {
    const auto begin = alone.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = alone.begin() + static_cast<std::ptrdiff_t>(std::min(i + share, alone.size()));
    compile_ids(plans, {begin, end}, out.parts);
  }
  for (PatternPlan& plan : plans)
    out.patterns.push_back({plan.route, std::move(plan.problem), plan.offset,
                            static_cast<std::uint8_t>(plan.least_reports)});
  return out;
}

ChunkOutcome chunk_without_hyperscan(const Chunk& chunk, std::string note) {
  ChunkOutcome out;
  out.parts.push_back({0, static_cast<std::uint32_t>(chunk.patterns.size()), {}, std::move(note)});
  for (const PatternInput& pattern : chunk.patterns) {
    PatternOutcome one;
    if (const auto fault = check_regex(pattern.expression)) {
      one = {fault->unsupported ? Route::unsupported : Route::invalid, fault->what, fault->offset};
    }
    out.patterns.push_back(std::move(one));
  }
  return out;
}

std::string encode_job(const Job& job) {
  Writer out;
  out.u32(static_cast<std::uint32_t>(job.size()));
  for (const Chunk& chunk : job) {
    out.u8(chunk.long_text ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(chunk.patterns.size()));
    for (const PatternInput& p : chunk.patterns) {
      const Expression& e = p.expression;
      out.u8((e.caseless ? kCaseless : 0) | (e.multiline ? kMultiline : 0) |
             (e.dotall ? kDotall : 0) | (e.extended ? kExtended : 0) |
             (p.in_pieces ? kInPieces : 0) | (p.every_match ? kEveryMatch : 0) |
             (p.plain ? kPlain : 0) | (p.can_wait ? kCanWait : 0));
      out.text(e.text);
    }
  }
  return out.take();
}

std::optional<Job> decode_job(std::string_view data) {
  Reader in(data);
  Job job;
  const std::uint32_t chunks = in.u32();
  for (std::uint32_t c = 0; c < chunks && in.ok(); ++c) {
    Chunk& chunk = job.emplace_back();
    chunk.long_text = in.u8() != 0;
    const std::uint32_t patterns = in.u32();
    for (std::uint32_t i = 0; i < patterns && in.ok(); ++i) {
      const std::uint8_t bits = in.u8();
      PatternInput& p = chunk.patterns.emplace_back();
      p.expression = {std::string(in.text()), (bits & kCaseless) != 0, (bits & kMultiline) != 0,
                      (bits & kDotall) != 0, (bits & kExtended) != 0};
      p.in_pieces = (bits & kInPieces) != 0;
      p.every_match = (bits & kEveryMatch) != 0;
      p.plain = (bits & kPlain) != 0;
      p.can_wait = (bits & kCanWait) != 0;
    }
  }
  if (!in.at_end()) return std::nullopt;
  return job;
}

std::string encode_outcome(const JobOutcome& outcome) {
  Writer out;
  out.u32(static_cast<std::uint32_t>(outcome.size()));
  for (const ChunkOutcome& chunk : outcome) {
    out.u32(static_cast<std::uint32_t>(chunk.parts.size()));
    for (const ChunkPart& part : chunk.parts) {
      out.u32(part.first);
      out.u32(part.count);
      out.text(part.database);
      out.text(part.note);
    }
    out.u32(static_cast<std::uint32_t>(chunk.patterns.size()));
    for (const PatternOutcome& p : chunk.patterns) {
      out.u8(static_cast<std::uint8_t>(p.route));
      out.u8(p.least_reports);
      out.u64(p.offset);
      out.text(p.problem);
    }
  }
  return out.take();
}

std::optional<JobOutcome> decode_outcome(std::string_view data, const Job& job) {
  Reader in(data);
  if (in.u32() != job.size()) return std::nullopt;
  JobOutcome outcome;
  for (const Chunk& chunk : job) {
    ChunkOutcome& out = outcome.emplace_back();
    const std::uint32_t parts = in.u32();
    for (std::uint32_t i = 0; i < parts && in.ok(); ++i) {
      ChunkPart& part = out.parts.emplace_back();
      part.first = in.u32();
      part.count = in.u32();
      part.database = in.text();
      part.note = in.text();
      if (std::uint64_t{part.first} + part.count > chunk.patterns.size()) return std::nullopt;
    }
    if (in.u32() != chunk.patterns.size()) return std::nullopt;
    for (std::size_t i = 0; i < chunk.patterns.size() && in.ok(); ++i) {
      PatternOutcome& p = out.patterns.emplace_back();
      const std::uint8_t route = in.u8();
      if (route > static_cast<std::uint8_t>(Route::unsupported)) return std::nullopt;
      p.route = static_cast<Route>(route);
      p.least_reports = in.u8();
      p.offset = in.u64();
      p.problem = in.text();
    }
  }
  if (!in.at_end()) return std::nullopt;
  return outcome;
}

std::string engine_identity() {
  hs_platform_info_t platform{};
  std::string out = std::string("hyperscan ") + hs_version();
  if (hs_populate_platform(&platform) == HS_SUCCESS) {
    out += " tune " + std::to_string(platform.tune) + " features " +
           std::to_string(platform.cpu_features);
  }
  return out;
}

int compile_process_main() {
  std::string input;
  if (!read_all(STDIN_FILENO, input)) return 65;
  const auto job = decode_job(input);
  if (!job) return 65;
  JobOutcome outcome;
  for (const Chunk& chunk : *job) outcome.push_back(compile_chunk(chunk));
  return write_all(STDOUT_FILENO, encode_outcome(outcome)) ? 0 : 74;
}

}  // namespace gatepost::rules
