#pragma once
// How the scores of ham and spam lie, drawn.

#include <span>
#include <string>
#include <vector>

namespace gatepost::rule_tools {

struct ScoreSeries {
  std::vector<double> now;
  std::vector<double> before;  ///< empty: not drawn
};

/// A line across both halves.
struct ScoreMark {
  double score = 0;
  std::string label;  ///< plain text
};

/// An inline SVG: spam upwards, ham downwards, each with a scale of its own, in bins of one point;
/// what lies far out is in the bins at the ends. Colours come from the page's classes (spam, ham,
/// before, mark, axis).
std::string score_plot(const ScoreSeries& ham, const ScoreSeries& spam,
                       std::span<const ScoreMark> marks);

}  // namespace gatepost::rule_tools
