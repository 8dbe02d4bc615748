#include "filter/rule_tools/html.h"

#include <charconv>
#include <cmath>

#include "core/base/text.h"

namespace gatepost::rule_tools {

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += printable(std::string_view(&c, 1));
        else
          out += c;
    }
  }
  return is_valid_utf8(out) ? out : printable(out, out.size() * 4);
}

std::string number_text(double value, int digits) {
  const double scale = std::pow(10, digits);
  double rounded = std::round(value * scale) / scale;
  if (rounded == 0 || !std::isfinite(rounded)) rounded = 0;  // no "-0"
  char buffer[64];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, rounded, std::chars_format::fixed, digits);
  if (error != std::errc()) return "0";
  std::string_view out(buffer, static_cast<std::size_t>(end - buffer));
  if (out.find('.') != out.npos) {
    while (out.back() == '0') out.remove_suffix(1);
    if (out.back() == '.') out.remove_suffix(1);
  }
  return std::string(out);
}

std::string percent_text(double share) {
  const double percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  if (percent < 100 && percent > 99.9) return ">99.9 %";
  return number_text(percent, 1) + " %";
}

std::string count_text(std::size_t count) {
  std::string out = std::to_string(count);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

}  // namespace gatepost::rule_tools
