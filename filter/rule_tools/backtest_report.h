#pragma once
// A backtest as a page.

#include <string>
#include <vector>

#include "filter/rule_tools/backtest.h"

namespace gatepost::rule_tools {

/// What stands above the numbers.
struct ReportTitle {
  std::vector<std::string> rules;    ///< files and folders
  std::vector<std::string> against;  ///< the same of the rules before; empty: none
  std::vector<std::string> ham, spam;
  std::string made;  ///< "2026-11-26 12:00 UTC"
};

/// One HTML file that loads nothing: style, script and drawings are in it, and its own
/// Content-Security-Policy allows that script alone. Light and dark as the reader's system is.
/// Tables can be sorted and the one of the rules filtered; without scripts it reads as well. All
/// text of mail and rules is escaped. Lists of messages end at kReportMessages.
std::string backtest_page(const BacktestInput& input, const BacktestResult& result,
                          const ReportTitle& title);

constexpr std::size_t kReportMessages = 200;

}  // namespace gatepost::rule_tools
