#pragma once
// HTML as people see it, and what rules want to know of it.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::mail {

struct HtmlLimits {
  std::size_t max_uris = 10000;      ///< different ones that are kept
  std::size_t max_comments = 10000;  ///< texts kept of comments, of scripts, of titles, of anchors
  std::size_t max_elements = 10000;  ///< different unknown elements that are told apart
  int max_depth =
      1000;  ///< elements of one name in each other, but those whose end may be left out
};

/// An address in HTML. `types` are the elements it stood in ("a", "img", …); empty for the href of
/// an anchor that resolves to another address by <base>.
struct HtmlUri {
  std::string uri;
  std::vector<std::string> types;
  std::vector<std::string> anchor_texts;  ///< what stood in its <a>, one each; "<img>\n" for images
};

/// What SpamAssassin's HTML tests look at (the keys of html_results); ratios are unset when there
/// is nothing to divide by. Counts of text are in characters.
struct HtmlFacts {
  std::size_t length = 0;         ///< of the HTML
  std::size_t html_length = 0;    ///< of the rendered text
  std::size_t non_space_len = 0;  ///< of it without white space
  std::optional<double> ratio;    ///< share of the part's octets that is no text
  double image_area = 0;          ///< pixels, of images with width and height
  long min_size = 3;              ///< font sizes
  long max_size = 3;
  std::size_t tags = 0;
  std::size_t elements = 0;  ///< tags of HTML 4 elements
  std::size_t obfuscation = 0;
  std::size_t backhair_count = 0;
  std::optional<double> bad_tag_ratio;
  std::optional<double> non_element_ratio;
  std::optional<double> closed_extra_ratio;
  std::optional<double> obfuscation_ratio;
  bool closed_html = false;
  bool closed_body = false;
  bool font_low_contrast = false;
  bool font_invalid_color = false;
  bool font_face_bad = false;
  bool form_action_mailto = false;
  bool embeds = false;
  bool uri_truncated = false;                      ///< an address was longer than 8192 characters
  std::map<std::string, int, std::less<>> inside;  ///< seen elements: how often open at the end
  std::vector<std::string> title;
  std::vector<std::string> comment;
  std::vector<std::string> script;
  std::vector<std::string> anchor;
  std::string charsets;       ///< of <meta http-equiv=Content-Type>, with blanks between
  std::vector<HtmlUri> uris;  ///< as written, but relative ones resolved by <base>
  bool too_much = false;      ///< a limit of HtmlLimits was reached
};

/// Rendered text is UTF-8. `wide` says that the document was Unicode for SpamAssassin: it was not
/// ASCII, or a reference gave a character above U+00FF. Where it is false the characters from
/// U+0080 to U+00FF are single octets (ISO-8859-1) in the texts of SpamAssassin.
struct HtmlText {
  std::string all;
  std::string visible;
  std::string invisible;
  bool wide = false;
  HtmlFacts facts;
};

/// Renders HTML (UTF-8) as SpamAssassin 4 does: block elements are line breaks (two around
/// paragraphs), cells and items blanks, runs of white space one blank; script and style are no
/// text. Invisible is text in the colour of its background or close to it, in invalid colours, of
/// size 1 or less, in display:none and visibility:hidden. Linear in the length of `html`; memory at
/// most some times its length. Pure, any thread.
/// @param octets  of the part before its charset was decoded, for `ratio`.
HtmlText render_html(std::string_view html, std::size_t octets, const HtmlLimits& limits = {});

}  // namespace gatepost::mail
