#pragma once
// What content rules cost: `gatepost rules bench`.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/rule_tools/judge.h"
#include "filter/rule_tools/mail_files.h"
#include "rules/profile.h"

namespace gatepost::rule_tools {

struct CostInput {
  std::vector<MailPlace> mail;  ///< empty: sample_mail()
  const Judge* judge = nullptr;
  /// The same rules without some: what those cost, shared scans included. Null: not asked.
  const Judge* without = nullptr;
  std::int64_t time = 0;  ///< what the rules take for now
  int rounds = 3;         ///< of each message, behind one that warms up
};

/// Times are sums over messages * rounds.
struct CostResult {
  using Nanoseconds = std::chrono::nanoseconds;
  std::size_t messages = 0;
  std::size_t octets = 0;
  std::size_t skipped = 0;
  int rounds = 0;
  Nanoseconds texts{0};         ///< MIME, HTML, addresses: once a message, not times rounds
  Nanoseconds match{0};         ///< all rules, as the daemon matches them
  Nanoseconds without{0};       ///< CostInput::without on the same mail
  rules::MatchProfile profile;  ///< matched once more, measured rule by rule; dearer than `match`

  /// Microseconds of one match of one message.
  double per_message(Nanoseconds sum) const;
};

/// On this thread alone. `done` counts messages, `stop` ends it early.
CostResult measure_cost(const CostInput& input, std::atomic<std::size_t>& done,
                        const std::atomic<bool>& stop);

/// "body, 1203 rules" of a scan of the profile: what is scanned.
std::string scan_name(const rules::Rule& one_of_them);

/// A few made-up messages: a letter, a newsletter in HTML, one with an attachment.
const std::vector<std::string>& sample_mail();

}  // namespace gatepost::rule_tools
