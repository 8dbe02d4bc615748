#pragma once
// How text in HTML looks, as far as it decides whether anybody can see it.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/html_tokens.h"

namespace gatepost::mail {

/// A colour as SpamAssassin reads it. `none` is "#" without digits.
struct HtmlColor {
  enum class Kind : unsigned char { rgb, none, invalid };
  Kind kind = Kind::rgb;
  unsigned char red = 0;
  unsigned char green = 0;
  unsigned char blue = 0;
  bool operator==(const HtmlColor&) const = default;
};

/// A name of CSS, "#rgb", "#rrggbb", rgb(…) in numbers or per cent; letter case does not matter.
HtmlColor read_color(std::string_view text);

/// The elements that change how text looks.
enum class StyleTag : unsigned char {
  none,
  a,
  basefont,
  big,
  body,
  div,
  font,
  marquee,
  p,
  small,
  span,
  table,
  td,
  tr
};
/// th is td; `none` for all other elements.
StyleTag style_tag(std::string_view name);

/// The styles of the open elements, innermost last.
class HtmlStyles {
 public:
  HtmlStyles();

  void open(StyleTag tag, const HtmlAttributes& attributes);
  void close(StyleTag tag);

  enum class Sight { visible, hidden, low_contrast, invalid_color };
  /// What is to be seen of text that stands here.
  Sight sight() const;
  /// Smallest and largest font size (1 to 7; 3 is normal) that a start tag's attributes gave.
  long min_size() const { return min_size_; }
  long max_size() const { return max_size_; }
  /// Elements deeper than kMaxOpen do not change how text looks.
  bool too_deep() const { return too_deep_; }

 private:
  struct Style {
    StyleTag tag = StyleTag::none;
    HtmlColor foreground{};
    HtmlColor background{HtmlColor::Kind::rgb, 0xff, 0xff, 0xff};
    long size = 3;
    bool display_none = false;
    bool visibility_hidden = false;
  };
  void read_style(std::string_view text, Style& style) const;
  void push(const Style& style);
  void pop();

  static constexpr std::size_t kMaxOpen = 2000;
  std::vector<Style> open_;
  std::size_t beyond_ = 0;  // open ones that are not in open_
  bool too_deep_ = false;
  std::array<std::size_t, 16> count_{};  // of open_, by tag
  long base_size_ = 3;
  long min_size_ = 3;
  long max_size_ = 3;
};

}  // namespace gatepost::mail
