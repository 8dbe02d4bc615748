#pragma once
// HTML cut into tags, text and comments. No tree: nesting costs nothing.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::mail {

/// Of a start tag; values are decoded UTF-8. Of two equal names the first counts.
struct HtmlAttribute {
  std::string name;  ///< lower case
  std::string value;
};
using HtmlAttributes = std::vector<HtmlAttribute>;

/// The value, or null.
const std::string* find_attribute(const HtmlAttributes& attributes, std::string_view name);

/// Takes the tokens in their order. Views are valid during the call only.
class HtmlSink {
 public:
  virtual ~HtmlSink() = default;
  /// `name` in lower case, of a start tag or an end tag.
  virtual void start_tag(std::string_view name, HtmlAttributes& attributes) = 0;
  virtual void end_tag(std::string_view name) = 0;
  /// Decoded UTF-8. `wide`: the text, or the document, has characters above U+00FF, or the document
  /// has any above U+007F as they are.
  virtual void text(std::string_view text, bool wide) = 0;
  /// With its delimiters.
  virtual void comment(std::string_view text) = 0;
  virtual void declaration(std::string_view text) = 0;
};

struct HtmlTokenLimits {
  std::size_t max_attributes = 64;  ///< of a tag; those behind are left out
};

/// Cuts `html` (UTF-8) as HTML::Parser does for SpamAssassin: what it takes for a tag is a tag
/// here. The content of script, style, xmp, iframe, plaintext, title and textarea is text up to its
/// end tag; marked sections are known (`<![CDATA[`); at the end of the document an open comment
/// ends at its first '>', and other open markup is a comment. Linear time, no recursion.
void read_html(std::string_view html, HtmlSink& sink, const HtmlTokenLimits& limits = {});

}  // namespace gatepost::mail
