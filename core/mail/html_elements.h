#pragma once
// The elements of HTML that rendering knows.

#include <cstddef>
#include <string_view>

namespace gatepost::mail {

/// The white space that an element's tags put into text.
enum class HtmlBreak : unsigned char { none, blank, line, paragraph };
/// Which attribute of a start tag holds an address.
enum class HtmlAddress : unsigned char { none, background, href, src, action, base, refresh };

struct HtmlElement {
  std::string_view name;
  bool valid;  ///< of HTML 4.01 or XHTML 1.0, not just known
  HtmlBreak breaks;
  HtmlAddress address;
};

/// Null for a name (in lower case) that is not known.
const HtmlElement* find_html_element(std::string_view name);

/// More than there are.
constexpr std::size_t kMaxHtmlElements = 128;
/// The number of a known one, from 0, below kMaxHtmlElements.
std::size_t number_of(const HtmlElement& element);
/// The one with that number.
const HtmlElement& html_element(std::size_t number);

}  // namespace gatepost::mail
