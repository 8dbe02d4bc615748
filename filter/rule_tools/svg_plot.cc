#include "filter/rule_tools/svg_plot.h"

#include <algorithm>
#include <cmath>

#include "filter/rule_tools/html.h"

namespace gatepost::rule_tools {
namespace {

// In units of the drawing.
constexpr double kWidth = 960, kLeft = 52, kRight = 16;
constexpr double kTop = 30, kHalf = 130, kAxis = 26, kBottom = 14;
constexpr double kHeight = kTop + 2 * kHalf + kAxis + kBottom;
// Points that are drawn at most; the rest is in the last bin.
constexpr int kLowest = -10, kHighest = 40;

std::string num(double value) {
  return number_text(value, 1);
}

struct Range {
  int low = 0;
  int high = 1;  // of the last bin's begin
  int bins() const { return high - low + 1; }
  std::size_t bin(double score) const {
    const double at =
        std::clamp(std::floor(score), static_cast<double>(low), static_cast<double>(high));
    return static_cast<std::size_t>(at - low);
  }
};

// From where all but a few lie; the marks are in it.
Range range_of(std::span<const std::vector<double>* const> all, std::span<const ScoreMark> marks) {
  std::vector<double> scores;
  for (const auto* one : all) scores.insert(scores.end(), one->begin(), one->end());
  Range out{-2, 8};
  if (!scores.empty()) {
    std::sort(scores.begin(), scores.end());
    const auto at = [&](double share) {
      return scores[static_cast<std::size_t>(share * static_cast<double>(scores.size() - 1))];
    };
    const auto bounded = [](double score) {
      return static_cast<int>(std::floor(std::clamp<double>(score, kLowest, kHighest)));
    };
    out.low = std::min(out.low, bounded(at(0.002)));
    out.high = std::max(out.high, bounded(at(0.998)));
  }
  for (const ScoreMark& mark : marks) {
    if (mark.score < kHighest) out.high = std::max(out.high, static_cast<int>(mark.score) + 2);
  }
  return out;
}

std::vector<double> shares(const std::vector<double>& scores, const Range& range) {
  std::vector<double> out(static_cast<std::size_t>(range.bins()));
  for (const double score : scores)
    out[range.bin(score)] += 1.0 / static_cast<double>(scores.size());
  return out;
}

// Round and not below `value`: what the scale ends with.
double nice_top(double value) {
  for (const double step : {0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8}) {
    if (value <= step) return step;
  }
  return 1;
}

class Plot {
 public:
  Plot(const Range& range) : range_(range) {}

  double x(double score) const {
    return kLeft + (score - range_.low) / range_.bins() * (kWidth - kLeft - kRight);
  }

  // One half: `up` is spam's. `base` is where the bars stand.
  void half(const ScoreSeries& series, const char* name, bool up, double base) {
    const std::vector<double> now = shares(series.now, range_);
    const std::vector<double> before = shares(series.before, range_);
    const double top = nice_top(std::max(*std::max_element(now.begin(), now.end()),
                                         *std::max_element(before.begin(), before.end())));
    const double sign = up ? -1 : 1;
    for (const double part : {0.5, 1.0}) {
      const double y = base + sign * part * kHalf;
      line("grid", kLeft, y, kWidth - kRight, y);
      text("tick end", kLeft - 8, y + 4, percent_text(top * part));
    }
    const double room = x(1) - x(0);
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i] == 0) continue;
      const double height = std::max(1.0, now[i] / top * kHalf);
      const int from = range_.low + static_cast<int>(i);
      out_ += "<rect class=\"" + std::string(name) + "\" x=\"" + num(x(from) + room * 0.1) +
              "\" y=\"" + num(up ? base - height : base) + "\" width=\"" + num(room * 0.8) +
              "\" height=\"" + num(height) + "\" rx=\"1.5\"><title>" + name + ", " +
              bin_text(from) + " points: " + percent_text(now[i]) + "</title></rect>";
    }
    if (!series.before.empty()) steps(before, top, sign, base);
    text("name " + std::string(name), kWidth - kRight, base + sign * (kHalf - 12) + 4, name, "end");
  }

  void axis(double top, double bottom) {
    line("axis", kLeft, top, kWidth - kRight, top);
    line("axis", kLeft, bottom, kWidth - kRight, bottom);
    const int step = range_.bins() > 30 ? 5 : range_.bins() > 14 ? 2 : 1;
    for (int score = range_.low; score <= range_.high + 1; ++score) {
      if (score % step != 0) continue;
      text("tick", x(score), (top + bottom) / 2 + 4, std::to_string(score), "middle");
    }
  }

  void mark(const ScoreMark& mark) {
    if (mark.score < range_.low || mark.score > range_.high + 1) return;
    line("mark", x(mark.score), kTop - 8, x(mark.score), kTop + kHalf);
    line("mark", x(mark.score), kTop + kHalf + kAxis, x(mark.score), kHeight - kBottom);
    text("marked", x(mark.score), kTop - 13, mark.label, "middle");
  }

  std::string take() {
    return "<svg class=\"plot\" viewBox=\"0 0 " + num(kWidth) + " " + num(kHeight) +
           "\" role=\"img\" aria-label=\"Scores of spam, upwards, and of ham, downwards\">" +
           std::move(out_) + "</svg>";
  }

 private:
  std::string bin_text(int from) const {
    if (from == range_.low) return "below " + std::to_string(from + 1);
    if (from == range_.high) return std::to_string(from) + " and more";
    return std::to_string(from) + " to " + std::to_string(from + 1);
  }

  void steps(const std::vector<double>& values, double top, double sign, double base) {
    out_ += "<path class=\"before\" d=\"M" + num(x(range_.low)) + " " + num(base);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double y = base + sign * values[i] / top * kHalf;
      out_ += "V" + num(y) + "H" + num(x(range_.low + static_cast<int>(i) + 1));
    }
    out_ += "V" + num(base) + "\"/>";
  }

  void line(const char* name, double x1, double y1, double x2, double y2) {
    out_ += std::string("<line class=\"") + name + "\" x1=\"" + num(x1) + "\" y1=\"" + num(y1) +
            "\" x2=\"" + num(x2) + "\" y2=\"" + num(y2) + "\"/>";
  }

  void text(const std::string& name, double at_x, double at_y, const std::string& what,
            const char* anchor = "") {
    out_ += "<text class=\"" + name + "\" x=\"" + num(at_x) + "\" y=\"" + num(at_y) + "\"";
    if (*anchor != '\0') out_ += std::string(" text-anchor=\"") + anchor + "\"";
    out_ += ">" + html_escape(what) + "</text>";
  }

  const Range range_;
  std::string out_;
};

}  // namespace

std::string score_plot(const ScoreSeries& ham, const ScoreSeries& spam,
                       std::span<const ScoreMark> marks) {
  const std::vector<double>* const all[] = {&ham.now, &ham.before, &spam.now, &spam.before};
  Plot plot(range_of(all, marks));
  plot.half(spam, "spam", true, kTop + kHalf);
  plot.half(ham, "ham", false, kTop + kHalf + kAxis);
  plot.axis(kTop + kHalf, kTop + kHalf + kAxis);
  for (const ScoreMark& mark : marks) plot.mark(mark);
  return plot.take();
}

}  // namespace gatepost::rule_tools
