#pragma once
// Where the time of matches went: `gatepost rules bench`.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace gatepost::rules {

/// Sums over all matches that were given it (Subject::profile). One thread at a time. Hyperscan
/// looks for all patterns of a text at once: that time has no single rule and is a scan's.
struct MatchProfile {
  using Clock = std::chrono::steady_clock;
  using Nanoseconds = std::chrono::nanoseconds;

  /// What one rule cost by itself: its runs of PCRE2, its eval, its conditions on addresses.
  struct Own {
    Nanoseconds time{0};
    std::uint64_t runs = 0;
  };
  /// One text (or the texts of one kind) and the rules that Hyperscan looks for in it together.
  struct Scan {
    Nanoseconds time{0};  ///< without what its rules cost by themselves
    std::uint64_t runs = 0;
    std::uint64_t octets = 0;
    std::uint32_t rules = 0;
  };

  explicit MatchProfile(std::size_t rules) : own(rules) {}

  std::vector<Own> own;  ///< by rule of the set, all of them
  /// By one of the rules that share it: its type and header say what is scanned.
  std::map<std::uint32_t, Scan> scans;
  Nanoseconds metas{0};  ///< all of them
};

/// Adds the time until its end to what a rule costs by itself, when somebody measures.
class OwnTime {
 public:
  OwnTime(MatchProfile* profile, std::uint32_t rule) : profile_(profile), rule_(rule) {
    if (profile_ != nullptr) start_ = MatchProfile::Clock::now();
  }
  ~OwnTime() {
    if (profile_ == nullptr) return;
    MatchProfile::Own& own = profile_->own[rule_];
    own.time += MatchProfile::Clock::now() - start_;
    ++own.runs;
  }
  OwnTime(const OwnTime&) = delete;
  OwnTime& operator=(const OwnTime&) = delete;

 private:
  MatchProfile* profile_;
  std::uint32_t rule_;
  MatchProfile::Clock::time_point start_;
};

/// The same for the metas.
class MetaTime {
 public:
  explicit MetaTime(MatchProfile* profile) : profile_(profile) {
    if (profile_ != nullptr) start_ = MatchProfile::Clock::now();
  }
  ~MetaTime() {
    if (profile_ != nullptr) profile_->metas += MatchProfile::Clock::now() - start_;
  }
  MetaTime(const MetaTime&) = delete;
  MetaTime& operator=(const MetaTime&) = delete;

 private:
  MatchProfile* profile_;
  MatchProfile::Clock::time_point start_;
};

}  // namespace gatepost::rules
