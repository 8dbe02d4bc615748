#include "core/mail/html.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <unordered_map>

#include "core/base/text.h"
#include "core/mail/characters.h"
#include "core/mail/html_elements.h"
#include "core/mail/html_style.h"
#include "core/mail/html_tokens.h"
#include "core/mail/html_words.h"
#include "core/mail/uri_reference.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMaxUri = 8192;  // characters

// Neither white space nor punctuation of ASCII.
bool is_solid(std::string_view text, std::size_t at, bool wide) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c < 0x80)
    return !(c == ' ' || (c >= '\t' && c <= '\r')) && (c < 0x21 || c > 0x7e || is_alnum(text[at]));
  return white_space_at(text, at, wide) == 0;
}

std::size_t count_spaces(std::string_view text, bool wide) {
  std::size_t count = 0;
  for (const char c : text)
    count += static_cast<std::size_t>((c == ' ') | ((c >= '\t') & (c <= '\r')));
  if (!wide) return count;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) >= 0xc2 && white_space_at(text, at, true) != 0)
      ++count;
  }
  return count;
}

class Renderer final : public HtmlSink {
 public:
  Renderer(const HtmlLimits& limits, HtmlText& out)
      : limits_(limits), out_(out), facts_(out.facts) {
    known_.fill(kNeverSeen);
  }

  void start_tag(std::string_view name, HtmlAttributes& attributes) override {
    const HtmlElement* element = tag(name, 1);
    if (element == nullptr) return;
    const StyleTag style = style_tag(name);
    if (style != StyleTag::none) styles_.open(style, attributes);
    add_break(element->breaks);
    add_addresses(*element, attributes);
    note(*element, attributes);
  }

  void end_tag(std::string_view name) override {
    const HtmlElement* element = tag(name, -1);
    if (element == nullptr) return;
    const StyleTag style = style_tag(name);
    if (style != StyleTag::none) styles_.close(style);
    add_break(element->breaks);
    if (name == "html") facts_.closed_html = true;
    if (name == "body") facts_.closed_body = true;
  }

  void text(std::string_view text, bool wide) override {
    if (script_ > 0) return keep(facts_.script, text);
    if (style_ > 0) return;
    if (wide) out_.wide = true;
    if (anchor_ > 0 && !facts_.anchor.empty()) {
      facts_.anchor.back() += text;
      if (anchor_uri_ < facts_.uris.size()) facts_.uris[anchor_uri_].anchor_texts.back() += text;
    }
    if (title_ > 0 && !facts_.title.empty()) facts_.title.back() += text;
    bool invisible = false;
    if (!std::all_of(text.begin(), text.end(), is_blank)) {
      const HtmlStyles::Sight sight = styles_.sight();
      invisible = sight != HtmlStyles::Sight::visible;
      if (sight == HtmlStyles::Sight::low_contrast) facts_.font_low_contrast = true;
      if (sight == HtmlStyles::Sight::invalid_color) facts_.font_invalid_color = true;
    }
    if (has_chunk_) note_obfuscation(text, wide);
    add_text(text, invisible);
  }

  void comment(std::string_view text) override { keep(facts_.comment, text); }

  void declaration(std::string_view text) override {
    if (!istarts_with(text, "<!doctype")) return;
    ++facts_.elements;
    ++facts_.tags;
    facts_.inside["!doctype"] = 0;
  }

  void finish(std::size_t octets) {
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (known_[i] != kNeverSeen) facts_.inside[std::string(html_element(i).name)] = known_[i];
    }
    if (styles_.too_deep()) facts_.too_much = true;
    facts_.min_size = styles_.min_size();
    facts_.max_size = styles_.max_size();
    facts_.backhair_count = backhair_.count();
    const auto tags = static_cast<double>(facts_.tags);
    if (any_tag_) {
      facts_.closed_extra_ratio = static_cast<double>(closed_extra_) / tags;
      if (facts_.elements > 0)
        facts_.bad_tag_ratio = (tags - static_cast<double>(facts_.elements)) / tags;
      if (elements_seen_ > 0) {
        facts_.non_element_ratio =
            static_cast<double>(tags_seen_ - elements_seen_) / static_cast<double>(tags_seen_);
      }
    }
    if (facts_.tags > 0 && facts_.obfuscation > 0)
      facts_.obfuscation_ratio = static_cast<double>(facts_.obfuscation) / tags;
    const std::size_t spaces = count_spaces(out_.all, out_.wide);
    facts_.html_length = count_characters(out_.all);
    facts_.non_space_len = facts_.html_length - spaces;
    if (octets > 0) {
      facts_.ratio = (static_cast<double>(octets) - static_cast<double>(facts_.html_length)) /
                     static_cast<double>(octets);
    }
  }

 private:
  void keep(std::vector<std::string>& list, std::string_view text) {
    if (list.size() < limits_.max_comments)
      list.emplace_back(text);
    else
      facts_.too_much = true;
  }

  // Office's own elements: o:p, st1:place.
  static bool is_office(std::string_view name) {
    if (name.starts_with("o:")) {
      name.remove_prefix(2);
    } else if (name.size() > 4 && name.starts_with("st") && is_digit(name[2]) && name[3] == ':') {
      name.remove_prefix(4);
    } else {
      return false;
    }
    if (name.ends_with('/')) name.remove_suffix(1);
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
  }

  // No end tag, or one that most writers leave out.
  static bool may_stay_open(std::string_view name) {
    constexpr std::string_view kNames[] = {
        "area",  "base",  "br",    "col",  "dd",    "dt",     "embed", "frame", "hr",
        "img",   "input", "li",    "link", "meta",  "option", "p",     "param", "source",
        "tbody", "td",    "tfoot", "th",   "thead", "tr",     "wbr"};
    return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
  }

  // Counts it. @return the element when it is to be rendered.
  const HtmlElement* tag(std::string_view name, int change) {
    const HtmlElement* element = find_html_element(name);
    any_tag_ = true;
    ++facts_.tags;
    bool seen = true;
    int* inside = nullptr;
    int nothing = change > 0 ? 0 : 1;
    if (element != nullptr) {
      inside = &known_[number_of(*element)];
      seen = *inside != kNeverSeen;
      if (!seen) *inside = 0;
    } else if (const auto found = facts_.inside.find(name); found != facts_.inside.end()) {
      inside = &found->second;
    } else if (facts_.inside.size() < limits_.max_elements) {
      seen = false;
      inside = &facts_.inside[std::string(name)];
    } else {
      facts_.too_much = true;
      inside = &nothing;
    }
    const bool valid = element != nullptr ? element->valid : is_office(name);
    if (valid) ++facts_.elements;
    if (!seen) ++tags_seen_;
    if (!seen && valid) ++elements_seen_;
    *inside += change;
    if (change > 0 && *inside == limits_.max_depth + 1 && !may_stay_open(name))
      facts_.too_much = true;
    if (*inside < 0) {
      *inside = 0;
      ++closed_extra_;
    }
    if (name == "a") anchor_ = *inside;
    if (name == "script") script_ = *inside;
    if (name == "style") style_ = *inside;
    if (name == "title") title_ = *inside;
    return element;
  }

  // -------------------------------------------------------------------------------------- text

  void add_break(HtmlBreak kind) {
    if (kind == HtmlBreak::none) return;
    if (has_chunk_ && !last_is_break_ && !last_is_invisible_ && out_.all.size() > last_begin_ &&
        out_.all.back() == ' ') {
      out_.all.pop_back();
      out_.visible.pop_back();
    }
    const std::string_view text = kind == HtmlBreak::blank  ? " "
                                  : kind == HtmlBreak::line ? "\n"
                                                            : "\n\n";
    last_begin_ = out_.all.size();
    out_.all += text;
    out_.visible += text;
    has_chunk_ = last_is_break_ = true;
    last_is_invisible_ = false;
  }

  void add_text(std::string_view text, bool invisible) {
    std::string& other = invisible ? out_.invisible : out_.visible;
    const bool after_break = has_chunk_ && last_is_break_;
    last_begin_ = out_.all.size();
    std::size_t at = 0;
    bool first = true;
    while (at < text.size()) {
      std::size_t end = at;
      while (end < text.size() && !is_blank(text[end])) ++end;
      out_.all += text.substr(at, end - at);
      if (end == text.size()) break;
      at = end;
      while (at < text.size() && is_blank(text[at])) ++at;
      const bool leading = first && end == 0;
      first = false;
      if (!(leading && after_break && !invisible)) out_.all += ' ';
    }
    other += std::string_view(out_.all).substr(last_begin_);
    has_chunk_ = true;
    last_is_break_ = false;
    last_is_invisible_ = invisible;
  }

  // Text that goes on behind a tag in the middle of a word.
  void note_obfuscation(std::string_view text, bool wide) {
    const std::string_view last = std::string_view(out_.all).substr(last_begin_);
    if (text.empty() || last.empty() || !is_solid(text, 0, wide)) return;
    std::size_t at = last.size() - 1;
    while (at > 0 && is_continuation(last[at])) --at;
    if (!is_solid(last, at, wide)) return;
    ++facts_.obfuscation;
    // The shortest begin that is at the edge of a word, at most 7 characters before the end.
    std::size_t before = 0;
    for (std::size_t count = 1; count <= 7 && is_solid(last, at, wide); ++count) {
      std::size_t previous = at == 0 ? 0 : at - 1;
      while (previous > 0 && is_continuation(last[previous])) --previous;
      std::size_t here = at;
      const bool word = is_word(next_character(last, here), wide);
      std::size_t there = previous;
      if (word != (at != 0 && is_word(next_character(last, there), wide))) before = count;
      if (at == 0) break;
      at = previous;
    }
    std::size_t after = 0;
    at = 0;
    for (std::size_t count = 1; count <= 7 && at < text.size() && is_solid(text, at, wide);
         ++count) {
      const bool word = is_word(next_character(text, at), wide);
      std::size_t next = at;
      if (word != (at < text.size() && is_word(next_character(text, next), wide))) after = count;
    }
    if (before != 0 && after != 0) backhair_.set((before - 1) * 7 + after - 1);
  }

  // --------------------------------------------------------------------------------- addresses

  std::string canonical(std::string_view uri) {
    uri = without_outer_space(uri);
    if (uri.size() <= kMaxUri) return std::string(uri);
    std::size_t at = 0;
    std::size_t count = 0;
    while (at < uri.size() && count++ < kMaxUri) next_character(uri, at);
    if (at < uri.size()) facts_.uri_truncated = true;
    return std::string(uri.substr(0, at));
  }

  // Its index, or the count when there are too many.
  std::size_t uri_index(const std::string& uri) {
    const auto found = uri_index_.find(uri);
    if (found != uri_index_.end()) return found->second;
    if (facts_.uris.size() >= limits_.max_uris) {
      facts_.too_much = true;
      return limits_.max_uris;
    }
    facts_.uris.push_back({uri, {}, {}});
    uri_index_.emplace(uri, facts_.uris.size() - 1);
    return facts_.uris.size() - 1;
  }

  void add_address(std::string_view type, std::string_view text) {
    std::string uri = canonical(text);
    if (uri.empty()) return;
    const bool own = std::any_of(std::begin(kOwnSchemes), std::end(kOwnSchemes),
                                 [&](std::string_view s) { return istarts_with(uri, s); });
    if (!own) uri = resolve_reference(base_, uri);
    if (uri.empty()) return;
    const std::size_t index = uri_index(uri);
    if (index >= facts_.uris.size()) return;
    auto& types = facts_.uris[index].types;
    if (std::find(types.begin(), types.end(), type) == types.end()) types.emplace_back(type);
  }

  // Badly written tags: <a class/href=…>.
  static void repair(HtmlAttributes& attributes, std::string_view name) {
    const std::string ending = "/" + std::string(name);
    for (HtmlAttribute& attribute : attributes) {
      const std::size_t at = attribute.name.find(ending);
      if (at == std::string::npos || at == 0 ||
          !is_word(static_cast<unsigned char>(attribute.name[at - 1]), false))
        continue;
      std::string value = attribute.value;
      std::erase_if(attributes,
                    [&](const HtmlAttribute& a) { return a.name == name || &a == &attribute; });
      attributes.push_back({std::string(name), std::move(value)});
      return;
    }
  }

  void add_addresses(const HtmlElement& element, HtmlAttributes& attributes) {
    const auto add = [&](std::string_view name) {
      if (const std::string* value = find_attribute(attributes, name))
        add_address(element.name, *value);
    };
    switch (element.address) {
      case HtmlAddress::none:
        break;
      case HtmlAddress::background:
        add("background");
        break;
      case HtmlAddress::href:
        repair(attributes, "href");
        for (HtmlAttribute& attribute : attributes) {
          if (attribute.name == "href") remove_marks(attribute.value);
        }
        add("href");
        add("data-saferedirecturl");
        break;
      case HtmlAddress::src:
        repair(attributes, "src");
        add("src");
        break;
      case HtmlAddress::action:
        add("action");
        break;
      case HtmlAddress::base:
        if (const std::string* href = find_attribute(attributes, "href")) read_base(*href);
        break;
      case HtmlAddress::refresh:
        read_refresh(attributes);
        break;
    }
  }

  // U+FEFF, which nobody sees.
  static void remove_marks(std::string& text) {
    for (std::size_t at = 0; (at = text.find("\xef\xbb\xbf", at)) != std::string::npos;)
      text.erase(at, 3);
  }

  void read_base(std::string_view href) {
    if (href.empty() || href == "0") return;
    std::string uri = canonical(href);
    add_address("base", uri);
    std::size_t begin = 0;
    for (const std::string_view scheme : {"http:", "https:", "ftp:"}) {
      if (istarts_with(uri, scheme)) begin = scheme.size();
    }
    if (begin == 0) return;
    for (int i = 0; i < 2 && begin < uri.size() && uri[begin] == '/'; ++i) ++begin;
    // A file's name at the end goes: one dot and two to four characters behind it.
    const std::size_t slash = uri.rfind('/');
    const std::size_t dot = uri.rfind('.');
    if (slash != std::string::npos && slash > begin && dot != std::string::npos &&
        dot > slash + 1 && uri.size() - dot >= 3 && uri.size() - dot <= 5) {
      const std::size_t stem = uri.rfind('.', dot - 1);
      const std::size_t cut = stem != std::string::npos && stem > slash ? stem + 1 : slash + 1;
      if (cut < dot) uri.resize(cut);
    }
    if (!uri.ends_with('/')) uri += '/';
    base_ = std::move(uri);
  }

  void read_refresh(const HtmlAttributes& attributes) {
    const std::string* what = find_attribute(attributes, "http-equiv");
    const std::string* content = find_attribute(attributes, "content");
    if (what == nullptr || content == nullptr) return;
    if (to_lower(*what).find("refresh") == std::string::npos) return;
    auto uri = behind_equals(*content, "url", true);
    if (!uri) return;
    std::size_t end = std::min(uri->find(';'), uri->size());
    while (end > 0 && is_blank((*uri)[end - 1])) --end;
    add_address("meta", uri->substr(0, end));
  }

  // ------------------------------------------------------------------------------------- facts

  void note(const HtmlElement& element, const HtmlAttributes& attributes) {
    const std::string_view name = element.name;
    if (name == "font") {
      const std::string* face = find_attribute(attributes, "face");
      if (face != nullptr && !is_usual_face(*face)) facts_.font_face_bad = true;
    } else if (name == "img") {
      note_image(attributes);
    } else if (name == "form") {
      const std::string* action = find_attribute(attributes, "action");
      if (action != nullptr && to_lower(*action).find("mailto:") != std::string::npos)
        facts_.form_action_mailto = true;
    } else if (name == "object" || name == "embed") {
      facts_.embeds = true;
    } else if (name == "a") {
      note_anchor(attributes);
    } else if (name == "title") {
      keep(facts_.title, "");
    } else if (name == "meta") {
      note_charset(attributes);
    }
  }

  static double pixels(const std::string& text, int of_percent) {
    std::size_t digits = 0;
    double value = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits)
      value = value * 10 + (text[digits] - '0');
    const std::string_view rest = std::string_view(text).substr(digits);
    if (digits == 0 || !(rest.empty() || rest == "%" || rest == "\n" || rest == "%\n")) value = 0;
    if (rest.starts_with('%')) value *= of_percent;  // of a screen of 800 by 600
    return value <= 0 ? 200 : value;
  }

  void note_image(const HtmlAttributes& attributes) {
    if (anchor_ > 0 && !facts_.anchor.empty()) {
      facts_.anchor.back() += "<img>\n";
      if (anchor_uri_ < facts_.uris.size())
        facts_.uris[anchor_uri_].anchor_texts.back() += "<img>\n";
    }
    const std::string* width = find_attribute(attributes, "width");
    const std::string* height = find_attribute(attributes, "height");
    if (width != nullptr && height != nullptr)
      facts_.image_area += pixels(*width, 8) * pixels(*height, 6);
  }

  void note_anchor(const HtmlAttributes& attributes) {
    const std::string* href = find_attribute(attributes, "href");
    const std::size_t index = uri_index(href != nullptr ? canonical(*href) : "");
    const bool room = facts_.anchor.size() < limits_.max_comments;
    anchor_uri_ = room ? index : limits_.max_uris;
    if (room && index < facts_.uris.size()) facts_.uris[index].anchor_texts.emplace_back();
    keep(facts_.anchor, "");
  }

  void note_charset(const HtmlAttributes& attributes) {
    const std::string* what = find_attribute(attributes, "http-equiv");
    const std::string* content = find_attribute(attributes, "content");
    if (what == nullptr || content == nullptr) return;
    if (to_lower(*what).find("content-type") == std::string::npos) return;
    auto charset = behind_equals(*content, "charset", false);
    if (!charset) return;
    if (charset->starts_with('"') || charset->starts_with('\'')) charset->remove_prefix(1);
    charset = charset->substr(0, charset->find_first_of("\"'"));
    if (charset->empty() || facts_.charsets.size() > kMaxUri) return;
    if (!facts_.charsets.empty()) facts_.charsets += ' ';
    facts_.charsets += *charset;
  }

  static constexpr std::string_view kOwnSchemes[] = {"data:", "mailto:", "file:", "cid:", "tel:"};

  const HtmlLimits& limits_;
  HtmlText& out_;
  HtmlFacts& facts_;
  HtmlStyles styles_;
  static constexpr int kNeverSeen = -1;
  std::array<int, kMaxHtmlElements> known_;  // by number of the element: how often open
  int anchor_ = 0;
  int script_ = 0;
  int style_ = 0;
  int title_ = 0;
  bool any_tag_ = false;
  std::size_t tags_seen_ = 0;
  std::size_t elements_seen_ = 0;
  std::size_t closed_extra_ = 0;
  std::bitset<49> backhair_;
  bool has_chunk_ = false;
  bool last_is_break_ = false;
  bool last_is_invisible_ = false;
  std::size_t last_begin_ = 0;  // of the last chunk in out_.all
  std::string base_;
  std::unordered_map<std::string, std::size_t> uri_index_;
  std::size_t anchor_uri_ = 0;
};

}  // namespace

HtmlText render_html(std::string_view html, std::size_t octets, const HtmlLimits& limits) {
  HtmlText out;
  out.facts.length = count_characters(html);
  out.wide = false;
  Renderer renderer(limits, out);
  read_html(prepare_html(html), renderer);
  renderer.finish(octets);
  return out;
}

}  // namespace gatepost::mail
