#pragma once
// Where the time of matches went: `gatepost rules bench`.

#include <chrono>
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

  std::vector<Own> own;  ///< by rule of the set
  /// By one of the rules that share it: its type and header say what is scanned.
  std::map<std::uint32_t, Scan> scans;
  Nanoseconds metas{0};  ///< all of them
  Nanoseconds total{0};  ///< of match(), with all that is above
  std::uint64_t matches = 0;
};

}  // namespace gatepost::rules
