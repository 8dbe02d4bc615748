#include "core/mail/html_style.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

// ------------------------------------------------------------------------------------- colours

struct NamedColor {
  std::string_view name;
  std::uint32_t rgb;
};

// CSS Color Module Level 3, section 4.3.
constexpr NamedColor kColors[] = {
    {"aliceblue", 0xf0f8ff},
    {"antiquewhite", 0xfaebd7},
    {"aqua", 0x00ffff},
    {"aquamarine", 0x7fffd4},
    {"azure", 0xf0ffff},
    {"beige", 0xf5f5dc},
    {"bisque", 0xffe4c4},
    {"black", 0x000000},
    {"blanchedalmond", 0xffebcd},
    {"blue", 0x0000ff},
    {"blueviolet", 0x8a2be2},
    {"brown", 0xa52a2a},
    {"burlywood", 0xdeb887},
    {"cadetblue", 0x5f9ea0},
    {"chartreuse", 0x7fff00},
    {"chocolate", 0xd2691e},
    {"coral", 0xff7f50},
    {"cornflowerblue", 0x6495ed},
    {"cornsilk", 0xfff8dc},
    {"crimson", 0xdc143c},
    {"cyan", 0x00ffff},
    {"darkblue", 0x00008b},
    {"darkcyan", 0x008b8b},
    {"darkgoldenrod", 0xb8860b},
    {"darkgray", 0xa9a9a9},
    {"darkgreen", 0x006400},
    {"darkgrey", 0xa9a9a9},
    {"darkkhaki", 0xbdb76b},
    {"darkmagenta", 0x8b008b},
    {"darkolivegreen", 0x556b2f},
    {"darkorange", 0xff8c00},
    {"darkorchid", 0x9932cc},
    {"darkred", 0x8b0000},
    {"darksalmon", 0xe9967a},
    {"darkseagreen", 0x8fbc8f},
    {"darkslateblue", 0x483d8b},
    {"darkslategray", 0x2f4f4f},
    {"darkslategrey", 0x2f4f4f},
    {"darkturquoise", 0x00ced1},
    {"darkviolet", 0x9400d3},
    {"deeppink", 0xff1493},
    {"deepskyblue", 0x00bfff},
    {"dimgray", 0x696969},
    {"dimgrey", 0x696969},
    {"dodgerblue", 0x1e90ff},
    {"firebrick", 0xb22222},
    {"floralwhite", 0xfffaf0},
    {"forestgreen", 0x228b22},
    {"fuchsia", 0xff00ff},
    {"gainsboro", 0xdcdcdc},
    {"ghostwhite", 0xf8f8ff},
    {"gold", 0xffd700},
    {"goldenrod", 0xdaa520},
    {"gray", 0x808080},
    {"green", 0x008000},
    {"greenyellow", 0xadff2f},
    {"grey", 0x808080},
    {"honeydew", 0xf0fff0},
    {"hotpink", 0xff69b4},
    {"indianred", 0xcd5c5c},
    {"indigo", 0x4b0082},
    {"ivory", 0xfffff0},
    {"khaki", 0xf0e68c},
    {"lavender", 0xe6e6fa},
    {"lavenderblush", 0xfff0f5},
    {"lawngreen", 0x7cfc00},
    {"lemonchiffon", 0xfffacd},
    {"lightblue", 0xadd8e6},
    {"lightcoral", 0xf08080},
    {"lightcyan", 0xe0ffff},
    {"lightgoldenrodyellow", 0xfafad2},
    {"lightgray", 0xd3d3d3},
    {"lightgreen", 0x90ee90},
    {"lightgrey", 0xd3d3d3},
    {"lightpink", 0xffb6c1},
    {"lightsalmon", 0xffa07a},
    {"lightseagreen", 0x20b2aa},
    {"lightskyblue", 0x87cefa},
    {"lightslategray", 0x778899},
    {"lightslategrey", 0x778899},
    {"lightsteelblue", 0xb0c4de},
    {"lightyellow", 0xffffe0},
    {"lime", 0x00ff00},
    {"limegreen", 0x32cd32},
    {"linen", 0xfaf0e6},
    {"magenta", 0xff00ff},
    {"maroon", 0x800000},
    {"mediumaquamarine", 0x66cdaa},
    {"mediumblue", 0x0000cd},
    {"mediumorchid", 0xba55d3},
    {"mediumpurple", 0x9370db},
    {"mediumseagreen", 0x3cb371},
    {"mediumslateblue", 0x7b68ee},
    {"mediumspringgreen", 0x00fa9a},
    {"mediumturquoise", 0x48d1cc},
    {"mediumvioletred", 0xc71585},
    {"midnightblue", 0x191970},
    {"mintcream", 0xf5fffa},
    {"mistyrose", 0xffe4e1},
    {"moccasin", 0xffe4b5},
    {"navajowhite", 0xffdead},
    {"navy", 0x000080},
    {"oldlace", 0xfdf5e6},
    {"olive", 0x808000},
    {"olivedrab", 0x6b8e23},
    {"orange", 0xffa500},
    {"orangered", 0xff4500},
    {"orchid", 0xda70d6},
    {"palegoldenrod", 0xeee8aa},
    {"palegreen", 0x98fb98},
    {"paleturquoise", 0xafeeee},
    {"palevioletred", 0xdb7093},
    {"papayawhip", 0xffefd5},
    {"peachpuff", 0xffdab9},
    {"peru", 0xcd853f},
    {"pink", 0xffc0cb},
    {"plum", 0xdda0dd},
    {"powderblue", 0xb0e0e6},
    {"purple", 0x800080},
    {"red", 0xff0000},
    {"rosybrown", 0xbc8f8f},
    {"royalblue", 0x4169e1},
    {"saddlebrown", 0x8b4513},
    {"salmon", 0xfa8072},
    {"sandybrown", 0xf4a460},
    {"seagreen", 0x2e8b57},
    {"seashell", 0xfff5ee},
    {"sienna", 0xa0522d},
    {"silver", 0xc0c0c0},
    {"skyblue", 0x87ceeb},
    {"slateblue", 0x6a5acd},
    {"slategray", 0x708090},
    {"slategrey", 0x708090},
    {"snow", 0xfffafa},
    {"springgreen", 0x00ff7f},
    {"steelblue", 0x4682b4},
    {"tan", 0xd2b48c},
    {"teal", 0x008080},
    {"thistle", 0xd8bfd8},
    {"tomato", 0xff6347},
    {"turquoise", 0x40e0d0},
    {"violet", 0xee82ee},
    {"wheat", 0xf5deb3},
    {"white", 0xffffff},
    {"whitesmoke", 0xf5f5f5},
    {"yellow", 0xffff00},
    {"yellowgreen", 0x9acd32},
};
static_assert(std::is_sorted(std::begin(kColors), std::end(kColors),
                             [](const NamedColor& a, const NamedColor& b) {
                               return a.name < b.name;
                             }));

constexpr HtmlColor kInvalid{HtmlColor::Kind::invalid};

HtmlColor of_rgb(std::uint32_t rgb) {
  return {HtmlColor::Kind::rgb, static_cast<unsigned char>(rgb >> 16),
          static_cast<unsigned char>(rgb >> 8), static_cast<unsigned char>(rgb)};
}

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
std::string_view strip(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// A number at the begin of `text`; large ones are all alike.
std::optional<long> take_number(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  if (length == 0) return std::nullopt;
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  text.remove_prefix(length);
  return error == std::errc() ? std::min(value, 1000000000L) : 1000000000L;
}

// "#…": hexadecimal digits, three or six of them when there are enough.
HtmlColor of_digits(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (is_hex(c)) digits += c;
  }
  if (digits.empty()) return {HtmlColor::Kind::none};
  if (digits.size() >= 6) {
    digits.resize(6);
  } else {
    digits.resize(3, '0');
    digits = {digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]};
  }
  std::uint32_t rgb = 0;
  std::from_chars(digits.data(), digits.data() + 6, rgb, 16);
  return of_rgb(rgb);
}

// What "rgb(" begins in an attribute (not in a style), as digits.
std::optional<std::string> digits_of_function(std::string_view text) {
  const std::size_t begin = text.find("rgb(");
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + 4);
  std::string digits = "#";
  for (int i = 0; i < 3; ++i) {
    auto value = take_number(text);
    if (!value) return "";
    if (text.starts_with('%')) {
      text.remove_prefix(1);
      value = *value * 255 / 100;
    }
    char hex[24];
    const auto end = std::to_chars(hex, hex + sizeof hex, *value, 16).ptr;
    if (*value < 16) digits += '0';
    digits.append(hex, end);
    if (i == 2) break;
    if (!text.starts_with(',')) return "";
    text.remove_prefix(1);
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  }
  return digits;
}

// ------------------------------------------------------------------------------ style properties

// The value of a property in a style; not more than one line.
std::optional<std::string_view> value_behind(std::string_view part, std::string_view name,
                                             bool any_case) {
  part = strip(part);
  if (any_case ? !istarts_with(part, name) : !part.starts_with(name)) return std::nullopt;
  part.remove_prefix(name.size());
  if (!part.starts_with(':')) return std::nullopt;
  part = strip(part.substr(1));
  if (part.empty() || part.find('\n') != std::string_view::npos) return std::nullopt;
  return part;
}

// rgb(1, 2, 3) in a style: its first three numbers, whatever stands around them.
HtmlColor of_style_function(std::string_view value) {
  unsigned char parts[3] = {0, 0, 0};
  std::string digits;
  std::size_t part = 0;
  const auto finish = [&] {
    std::string_view rest = digits;
    const long number = rest.empty() ? 0 : take_number(rest).value_or(0);
    if (part < 3) parts[part++] = static_cast<unsigned char>(std::min(number, 255L));
    digits.clear();
  };
  for (const char c : value) {
    if (is_digit(c))
      digits += c;
    else if (c == ',')
      finish();
  }
  finish();
  return {HtmlColor::Kind::rgb, parts[0], parts[1], parts[2]};
}

// The words of the last layer of a CSS background; functions and quoted texts are one word.
std::vector<std::string_view> bottom_layer(std::string_view value) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  std::string closers;
  bool fresh = false;  // a comma ended a layer; the next word begins another
  const auto add = [&](std::size_t end) {
    if (end > begin) {
      if (fresh) words.clear();
      fresh = false;
      words.push_back(value.substr(begin, end - begin));
    }
  };
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (!closers.empty() && c == closers.back()) {
      closers.pop_back();
      if (c == ')' && closers.empty()) {
        add(i + 1);
        begin = i + 1;
      }
    } else if (closers.empty() && (c == ' ' || c == ',')) {
      add(i);
      begin = i + 1;
      if (c == ',') fresh = true;
    } else if ((c == '"' || c == '\'') && (closers.empty() || closers.back() == ')')) {
      closers += c;
    } else if (c == '(' && closers.empty()) {
      closers += ')';
    }
  }
  add(value.size());
  return words;
}

constexpr double kLeastDistance = 12;  // below, text can hardly be read

double distance(const HtmlColor& a, const HtmlColor& b) {
  const double red = 0.2126 * (a.red - b.red);
  const double green = 0.7152 * (a.green - b.green);
  const double blue = 0.0722 * (a.blue - b.blue);
  return std::sqrt(red * red + green * green + blue * blue);
}

// A size attribute: an absolute number, or relative to the base.
std::optional<long> size_of(std::string_view text, long base) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  const char sign = text.empty() ? ' ' : text.front();
  if (sign != '+' && sign != '-') return take_number(text);
  text.remove_prefix(1);
  const auto value = take_number(text);
  if (!value) return std::nullopt;
  return sign == '+' ? base + *value : base - *value;
}

}  // namespace

HtmlColor read_color(std::string_view text) {
  const std::string lower = to_lower(strip(text));
  const auto* named =
      std::lower_bound(std::begin(kColors), std::end(kColors), lower,
                       [](const NamedColor& color, std::string_view n) { return color.name < n; });
  if (named != std::end(kColors) && named->name == lower) return of_rgb(named->rgb);
  if (auto digits = digits_of_function(lower)) {
    const std::size_t open = lower.find("rgb(") + 4;
    const std::size_t end = lower.find_first_not_of("0123456789%, ", open);
    if (end == std::string::npos || lower[end] != ')') return kInvalid;
    return digits->empty() ? (lower[0] == '#' ? of_digits(lower) : kInvalid) : of_digits(*digits);
  }
  const bool plain =
      std::all_of(lower.begin(), lower.end(), [](char c) { return c == '#' || is_hex(c); });
  return plain && lower.starts_with('#') ? of_digits(lower) : kInvalid;
}

StyleTag style_tag(std::string_view name) {
  struct Row {
    std::string_view name;
    StyleTag tag;
  };
  static constexpr Row kRows[] = {{"a", StyleTag::a},         {"basefont", StyleTag::basefont},
                                  {"big", StyleTag::big},     {"body", StyleTag::body},
                                  {"div", StyleTag::div},     {"font", StyleTag::font},
                                  {"p", StyleTag::p},         {"marquee", StyleTag::marquee},
                                  {"small", StyleTag::small}, {"span", StyleTag::span},
                                  {"table", StyleTag::table}, {"td", StyleTag::td},
                                  {"th", StyleTag::td},       {"tr", StyleTag::tr}};
  for (const Row& row : kRows) {
    if (row.name == name) return row.tag;
  }
  return StyleTag::none;
}

HtmlStyles::HtmlStyles() {
  open_.emplace_back();
}

void HtmlStyles::push(const Style& style) {
  if (open_.size() >= kMaxOpen) {
    // Ends of these may be left out: many that stand open are no depth.
    const bool is_open_often =
        style.tag == StyleTag::p || style.tag == StyleTag::td || style.tag == StyleTag::tr;
    too_deep_ = too_deep_ || !is_open_often;
    ++beyond_;
    return;
  }
  open_.push_back(style);
  ++count_[static_cast<std::size_t>(style.tag)];
}

void HtmlStyles::pop() {
  --count_[static_cast<std::size_t>(open_.back().tag)];
  open_.pop_back();
}

void HtmlStyles::open(StyleTag tag, const HtmlAttributes& attributes) {
  if (tag == StyleTag::basefont) {
    const std::string* size = find_attribute(attributes, "size");
    if (size != nullptr && !size->starts_with('+') && !size->starts_with('-')) {
      if (const auto number = size_of(*size, 0); number && *number >= 0) {
        base_size_ = *number;
        return;
      }
    }
  }
  // Cells and rows end without their end tags.
  while (tag == StyleTag::td || tag == StyleTag::tr) {
    const StyleTag top = open_.back().tag;
    const bool ends = top == StyleTag::font || top == StyleTag::td ||
                      (tag == StyleTag::tr && top == StyleTag::tr);
    if (!ends) break;
    pop();
  }
  Style style = open_.back();
  style.tag = tag;
  if (tag == StyleTag::big || tag == StyleTag::small) {
    style.size += tag == StyleTag::big ? 1 : -1;
    return push(style);
  }
  const bool font = tag == StyleTag::font || tag == StyleTag::basefont;
  const bool styled = !font && tag != StyleTag::body && tag != StyleTag::marquee;
  bool looked = false;
  for (const HtmlAttribute& attribute : attributes) {
    const std::string& name = attribute.name;
    if (name == (tag == StyleTag::body ? "text" : "color") && (font || tag == StyleTag::body)) {
      style.foreground = read_color(attribute.value);
    } else if (font && name == "size") {
      if (const auto size = size_of(attribute.value, base_size_)) style.size = *size;
    } else if (styled && name == "style") {
      read_style(attribute.value, style);
    } else {
      continue;
    }
    looked = true;
  }
  if (looked && style.size > max_size_)
    max_size_ = style.size;
  else if (looked && style.size < min_size_)
    min_size_ = style.size;
  push(style);
}

void HtmlStyles::close(StyleTag tag) {
  // Text behind </body> is shown like that before it.
  if (tag == StyleTag::body || count_[static_cast<std::size_t>(tag)] == 0) return;
  if (beyond_ > 0) {
    --beyond_;
    return;
  }
  while (open_.back().tag != tag) pop();
  pop();
}

void HtmlStyles::read_style(std::string_view text, Style& style) const {
  bool clear_background = false;
  bool clear_foreground = false;
  for (const std::string_view part : split(text, ';')) {
    const auto background = value_behind(part, "background-color", true);
    const auto color = background ? background : value_behind(part, "color", true);
    if (color) {
      std::string value = to_lower(*color);
      if (const std::size_t mark = value.rfind('!'); mark != std::string::npos) {
        if (strip(std::string_view(value).substr(mark + 1)) == "important")
          value = strip(std::string_view(value).substr(0, mark));
      }
      HtmlColor& target = background ? style.background : style.foreground;
      bool& clear = background ? clear_background : clear_foreground;
      if (value == "inherit") continue;
      clear = value == "transparent";
      if (clear) continue;
      target =
          value.find("rgb") != std::string::npos ? of_style_function(value) : read_color(value);
    } else if (const auto layers = value_behind(part, "background", false)) {
      const std::string value = to_lower(*layers);
      for (const std::string_view word : bottom_layer(value)) {
        const HtmlColor found = read_color(word);
        if (found.kind == HtmlColor::Kind::invalid) continue;
        style.background = found;
        clear_background = false;
        break;
      }
    } else if (const auto display = value_behind(part, "display", false)) {
      style.display_none = iequals(*display, "none");
    } else if (const auto visibility = value_behind(part, "visibility", false)) {
      style.visibility_hidden = iequals(*visibility, "hidden");
    }
  }
  if (clear_background) style.background = open_.back().background;
  if (clear_foreground) style.foreground = style.background;
}

HtmlStyles::Sight HtmlStyles::sight() const {
  const Style& style = open_.back();
  const HtmlColor& front = style.foreground;
  const HtmlColor& back = style.background;
  if (front == back) return Sight::low_contrast;
  const bool both = front.kind == HtmlColor::Kind::rgb && back.kind == HtmlColor::Kind::rgb;
  if (both && distance(front, back) < kLeastDistance) return Sight::low_contrast;
  if (front.kind == HtmlColor::Kind::invalid || back.kind == HtmlColor::Kind::invalid)
    return Sight::invalid_color;
  if (style.size <= 1 || style.display_none || style.visibility_hidden) return Sight::hidden;
  return Sight::visible;
}

}  // namespace gatepost::mail
