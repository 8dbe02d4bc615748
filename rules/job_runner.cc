#include "rules/job_runner.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

#include <hs/hs.h>
#include <poll.h>

#include "core/base/encoding.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kPieces = 8;  // of what is tried again, down to single patterns
// What failed is tried again for so many times the time limit of a child, from the start of all.
constexpr int kTimesLimit = 20;
constexpr std::size_t kMostChildren = 500;
constexpr int kLookEvery = 5;  // ms

// The part of a job that one child does.
struct Task {
  std::size_t job = 0;
  std::size_t chunk = 0;  // of the job, where this begins
  std::size_t first = 0;  // pattern of that chunk, when it is a part of one
  Job work;
};

struct Running {
  Task task;
  Child child;
};

std::string key_of(const std::string& encoded) {
  return hex_encode(sha256(engine_identity() + '\n' + encoded));
}

bool databases_load(const JobOutcome& outcome) {
  for (const ChunkOutcome& chunk : outcome) {
    for (const ChunkPart& part : chunk.parts) {
      std::size_t size = 0;
      if (!part.database.empty() &&
          hs_serialized_database_size(part.database.data(), part.database.size(), &size) !=
              HS_SUCCESS) {
        return false;
      }
    }
  }
  return true;
}

// The outcome of a task that failed for good.
JobOutcome without_hyperscan(const Task& task, const std::string& reason) {
  JobOutcome out;
  for (const Chunk& chunk : task.work) out.push_back(chunk_without_hyperscan(chunk, reason));
  return out;
}

class Runner {
 public:
  Runner(const std::vector<Job>& jobs, const std::optional<Cache>& cache,
         const CompileOptions& options)
      : jobs_(jobs), cache_(cache), options_(options), lasting_(jobs.size(), true) {
    run_.outcomes.resize(jobs.size());
    keys_.resize(jobs.size());
  }

  Result<JobRun> run() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const std::string encoded = encode_job(jobs_[i]);
      keys_[i] = key_of(encoded);
      if (!from_cache(i)) missing_.push_back(i);
    }
    if (options_.missing == Missing::leave) {
      leave_missing();
      return std::move(run_);
    }
    if (options_.helper.program.empty()) {
      for (const std::size_t i : missing_) {
        for (const Chunk& chunk : jobs_[i]) run_.outcomes[i].push_back(compile_chunk(chunk));
      }
    } else if (auto done = in_children(); !done.ok()) {
      return done.error();
    }
    if (cache_) keep();
    return std::move(run_);
  }

 private:
  bool from_cache(std::size_t i) {
    if (!cache_) return false;
    const auto data = cache_->load(keys_[i]);
    if (!data) return false;
    auto outcome = decode_outcome(*data, jobs_[i]);
    if (!outcome || !databases_load(*outcome)) return false;
    run_.outcomes[i] = std::move(*outcome);
    ++run_.from_cache;
    return true;
  }

  void leave_missing() {
    for (const std::size_t i : missing_) {
      for (const Chunk& chunk : jobs_[i]) {
        run_.outcomes[i].push_back(chunk_without_hyperscan(chunk, {}));
        run_.left += chunk.patterns.size();
      }
    }
  }

  Result<void> in_children() {
    for (const std::size_t i : missing_) {
      run_.outcomes[i].resize(jobs_[i].size());
      waiting_.push_back({i, 0, 0, jobs_[i]});
    }
    std::size_t most = options_.max_children > 0 ? static_cast<std::size_t>(options_.max_children)
                                                 : std::thread::hardware_concurrency();
    most = std::max<std::size_t>(most, 1);
    until_ = std::chrono::steady_clock::now() + kTimesLimit * options_.limits.time;
    std::vector<Running> running;
    while (!waiting_.empty() || !running.empty()) {
      while (!waiting_.empty() && running.size() < most) {
        Task task = std::move(waiting_.front());
        waiting_.pop_front();
        auto child = Child::start(options_.helper, encode_job(task.work), options_.limits);
        if (!child.ok()) return child.error();
        ++run_.children;
        running.push_back({std::move(task), std::move(*child)});
      }
      ::poll(nullptr, 0, kLookEvery);
      for (std::size_t i = 0; i < running.size();) {
        if (running[i].child.poll() == Child::State::running) {
          ++i;
          continue;
        }
        finish(running[i]);
        std::swap(running[i], running.back());
        running.pop_back();
      }
    }
    return {};
  }

  void finish(Running& running) {
    Task& task = running.task;
    std::string reason = running.child.reason();
    if (running.child.poll() == Child::State::succeeded) {
      auto output = running.child.output();
      std::optional<JobOutcome> outcome;
      if (output.ok()) outcome = decode_outcome(*output, task.work);
      if (outcome && databases_load(*outcome)) {
        accept(task, std::move(*outcome));
        return;
      }
      reason = "gave no result";
    }
    // A crash or an end by somebody's hand may not come again: it is not kept on disk.
    if (running.child.poll() != Child::State::out_of_time &&
        running.child.poll() != Child::State::out_of_memory) {
      lasting_[task.job] = false;
    }
    const bool is_single = task.work.size() == 1 && task.work[0].patterns.size() <= 1;
    const bool enough = std::chrono::steady_clock::now() > until_ ||
                        run_.children + waiting_.size() > missing_.size() + kMostChildren;
    if (is_single || enough) {
      accept(task, without_hyperscan(task, reason));
    } else {
      cut(task);
    }
  }

  // Smaller parts, so that one bad pattern does not slow down all that stood beside it.
  void cut(const Task& task) {
    for (std::size_t c = 0; c < task.work.size(); ++c) {
      const auto& patterns = task.work[c].patterns;
      const std::size_t step = std::max<std::size_t>((patterns.size() + kPieces - 1) / kPieces, 1);
      for (std::size_t first = 0; first < patterns.size(); first += step) {
        const std::size_t last = std::min(first + step, patterns.size());
        Task part{task.job, task.chunk + c, task.first + first, Job(1)};
        part.work[0].patterns.assign(patterns.begin() + static_cast<std::ptrdiff_t>(first),
                                     patterns.begin() + static_cast<std::ptrdiff_t>(last));
        waiting_.push_back(std::move(part));
      }
    }
  }

  void accept(const Task& task, JobOutcome outcome) {
    for (std::size_t c = 0; c < outcome.size(); ++c)
      accept_chunk(task, task.chunk + c, std::move(outcome[c]));
  }

  // All of a chunk, or a part of it.
  void accept_chunk(const Task& task, std::size_t chunk, ChunkOutcome part) {
    ChunkOutcome& whole = run_.outcomes[task.job][chunk];
    whole.patterns.resize(jobs_[task.job][chunk].patterns.size());
    std::move(part.patterns.begin(), part.patterns.end(),
              whole.patterns.begin() + static_cast<std::ptrdiff_t>(task.first));
    for (ChunkPart& one : part.parts) {
      one.first += static_cast<std::uint32_t>(task.first);
      whole.parts.push_back(std::move(one));
    }
  }

  void keep() {
    for (const std::size_t i : missing_) {
      if (!lasting_[i]) continue;
      const auto stored = cache_->store(keys_[i], encode_outcome(run_.outcomes[i]));
      if (stored.ok()) continue;
      run_.complaints.push_back("compiled rules are not kept: " + stored.error().text());
      break;
    }
    cache_->remove_stale(keys_);
  }

  const std::vector<Job>& jobs_;
  const std::optional<Cache>& cache_;
  const CompileOptions& options_;
  std::vector<bool> lasting_;  // by job: the outcome may be kept
  std::vector<std::string> keys_;
  std::vector<std::size_t> missing_;
  std::deque<Task> waiting_;
  std::chrono::steady_clock::time_point until_;  // when nothing is tried again any more
  JobRun run_;
};

}  // namespace

Result<JobRun> run_jobs(const std::vector<Job>& jobs, const std::optional<Cache>& cache,
                        const CompileOptions& options) {
  return Runner(jobs, cache, options).run();
}

}  // namespace gatepost::rules
