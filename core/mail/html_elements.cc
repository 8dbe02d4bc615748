#include "core/mail/html_elements.h"

#include <algorithm>
#include <iterator>

namespace gatepost::mail {
namespace {

// HTML 4.01, XHTML 1.0 and what browsers knew beside them.
constexpr HtmlElement kElements[] = {
    {"a", true, HtmlBreak::none, HtmlAddress::href},
    {"abbr", true, HtmlBreak::none, HtmlAddress::none},
    {"acronym", true, HtmlBreak::none, HtmlAddress::none},
    {"address", true, HtmlBreak::none, HtmlAddress::none},
    {"applet", true, HtmlBreak::none, HtmlAddress::none},
    {"area", true, HtmlBreak::none, HtmlAddress::href},
    {"b", true, HtmlBreak::none, HtmlAddress::none},
    {"base", true, HtmlBreak::none, HtmlAddress::base},
    {"basefont", true, HtmlBreak::none, HtmlAddress::none},
    {"bdo", true, HtmlBreak::none, HtmlAddress::none},
    {"bgsound", false, HtmlBreak::none, HtmlAddress::src},
    {"big", true, HtmlBreak::none, HtmlAddress::none},
    {"blockquote", true, HtmlBreak::paragraph, HtmlAddress::none},
    {"body", true, HtmlBreak::none, HtmlAddress::background},
    {"br", true, HtmlBreak::line, HtmlAddress::none},
    {"button", true, HtmlBreak::none, HtmlAddress::none},
    {"caption", true, HtmlBreak::none, HtmlAddress::none},
    {"center", true, HtmlBreak::none, HtmlAddress::none},
    {"cite", true, HtmlBreak::none, HtmlAddress::none},
    {"code", true, HtmlBreak::none, HtmlAddress::none},
    {"col", true, HtmlBreak::none, HtmlAddress::none},
    {"colgroup", true, HtmlBreak::none, HtmlAddress::none},
    {"dd", true, HtmlBreak::blank, HtmlAddress::none},
    {"del", true, HtmlBreak::none, HtmlAddress::none},
    {"dfn", true, HtmlBreak::none, HtmlAddress::none},
    {"dir", true, HtmlBreak::none, HtmlAddress::none},
    {"div", true, HtmlBreak::line, HtmlAddress::none},
    {"dl", true, HtmlBreak::none, HtmlAddress::none},
    {"dt", true, HtmlBreak::blank, HtmlAddress::none},
    {"em", true, HtmlBreak::none, HtmlAddress::none},
    {"embed", false, HtmlBreak::blank, HtmlAddress::src},
    {"fieldset", true, HtmlBreak::none, HtmlAddress::none},
    {"font", true, HtmlBreak::none, HtmlAddress::none},
    {"form", true, HtmlBreak::none, HtmlAddress::action},
    {"frame", true, HtmlBreak::none, HtmlAddress::src},
    {"frameset", true, HtmlBreak::none, HtmlAddress::none},
    {"h1", true, HtmlBreak::blank, HtmlAddress::none},
    {"h2", true, HtmlBreak::blank, HtmlAddress::none},
    {"h3", true, HtmlBreak::blank, HtmlAddress::none},
    {"h4", true, HtmlBreak::blank, HtmlAddress::none},
    {"h5", true, HtmlBreak::blank, HtmlAddress::none},
    {"h6", true, HtmlBreak::blank, HtmlAddress::none},
    {"head", true, HtmlBreak::none, HtmlAddress::none},
    {"hr", true, HtmlBreak::paragraph, HtmlAddress::none},
    {"html", true, HtmlBreak::none, HtmlAddress::none},
    {"i", true, HtmlBreak::none, HtmlAddress::none},
    {"iframe", true, HtmlBreak::none, HtmlAddress::src},
    {"img", true, HtmlBreak::none, HtmlAddress::src},
    {"input", true, HtmlBreak::none, HtmlAddress::none},
    {"ins", true, HtmlBreak::none, HtmlAddress::none},
    {"isindex", true, HtmlBreak::none, HtmlAddress::none},
    {"kbd", true, HtmlBreak::none, HtmlAddress::none},
    {"label", true, HtmlBreak::none, HtmlAddress::none},
    {"legend", true, HtmlBreak::none, HtmlAddress::none},
    {"li", true, HtmlBreak::blank, HtmlAddress::none},
    {"link", true, HtmlBreak::none, HtmlAddress::href},
    {"listing", false, HtmlBreak::paragraph, HtmlAddress::none},
    {"map", true, HtmlBreak::none, HtmlAddress::none},
    {"menu", true, HtmlBreak::none, HtmlAddress::none},
    {"meta", true, HtmlBreak::none, HtmlAddress::refresh},
    {"nobr", true, HtmlBreak::none, HtmlAddress::none},
    {"noframes", true, HtmlBreak::none, HtmlAddress::none},
    {"noscript", true, HtmlBreak::none, HtmlAddress::none},
    {"object", true, HtmlBreak::none, HtmlAddress::none},
    {"ol", true, HtmlBreak::none, HtmlAddress::none},
    {"optgroup", true, HtmlBreak::none, HtmlAddress::none},
    {"option", true, HtmlBreak::none, HtmlAddress::none},
    {"p", true, HtmlBreak::paragraph, HtmlAddress::none},
    {"param", true, HtmlBreak::none, HtmlAddress::none},
    {"plaintext", false, HtmlBreak::paragraph, HtmlAddress::none},
    {"pre", true, HtmlBreak::paragraph, HtmlAddress::none},
    {"q", true, HtmlBreak::none, HtmlAddress::none},
    {"s", true, HtmlBreak::none, HtmlAddress::none},
    {"samp", true, HtmlBreak::none, HtmlAddress::none},
    {"script", true, HtmlBreak::none, HtmlAddress::src},
    {"select", true, HtmlBreak::none, HtmlAddress::none},
    {"small", true, HtmlBreak::none, HtmlAddress::none},
    {"span", true, HtmlBreak::none, HtmlAddress::none},
    {"strike", true, HtmlBreak::none, HtmlAddress::none},
    {"strong", true, HtmlBreak::none, HtmlAddress::none},
    {"style", true, HtmlBreak::none, HtmlAddress::none},
    {"sub", true, HtmlBreak::none, HtmlAddress::none},
    {"sup", true, HtmlBreak::none, HtmlAddress::none},
    {"table", true, HtmlBreak::none, HtmlAddress::background},
    {"tbody", true, HtmlBreak::none, HtmlAddress::none},
    {"td", true, HtmlBreak::blank, HtmlAddress::background},
    {"textarea", true, HtmlBreak::none, HtmlAddress::none},
    {"tfoot", true, HtmlBreak::none, HtmlAddress::none},
    {"th", true, HtmlBreak::blank, HtmlAddress::none},
    {"thead", true, HtmlBreak::none, HtmlAddress::none},
    {"title", true, HtmlBreak::paragraph, HtmlAddress::none},
    {"tr", true, HtmlBreak::none, HtmlAddress::background},
    {"tt", true, HtmlBreak::none, HtmlAddress::none},
    {"u", true, HtmlBreak::none, HtmlAddress::none},
    {"ul", true, HtmlBreak::none, HtmlAddress::none},
    {"var", true, HtmlBreak::none, HtmlAddress::none},
    {"x-sigsep", true, HtmlBreak::none, HtmlAddress::none},
    {"x-tab", true, HtmlBreak::none, HtmlAddress::none},
    {"xmp", false, HtmlBreak::paragraph, HtmlAddress::none},
};

constexpr bool before(const HtmlElement& a, const HtmlElement& b) {
  return a.name < b.name;
}
static_assert(std::is_sorted(std::begin(kElements), std::end(kElements), before));
static_assert(std::size(kElements) <= kMaxHtmlElements);

// Where the elements with each first letter begin.
struct FirstLetters {
  unsigned char begin[27] = {};
  constexpr FirstLetters() {
    std::size_t at = 0;
    for (int letter = 0; letter < 27; ++letter) {
      while (at < std::size(kElements) && kElements[at].name[0] < 'a' + letter) ++at;
      begin[letter] = static_cast<unsigned char>(at);
    }
  }
};
constexpr FirstLetters kFirst;

}  // namespace

const HtmlElement* find_html_element(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return nullptr;
  const int letter = name[0] - 'a';
  for (std::size_t i = kFirst.begin[letter]; i < kFirst.begin[letter + 1]; ++i) {
    if (kElements[i].name == name) return &kElements[i];
  }
  return nullptr;
}

std::size_t number_of(const HtmlElement& element) {
  return static_cast<std::size_t>(&element - kElements);
}

const HtmlElement& html_element(std::size_t number) {
  return kElements[number];
}

}  // namespace gatepost::mail
