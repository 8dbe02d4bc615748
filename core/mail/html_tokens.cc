#include "core/mail/html_tokens.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "core/base/text.h"
#include "core/mail/html_entities.h"

namespace gatepost::mail {
namespace {

struct Literal {
  std::string_view name;
  bool has_entities;
  bool rest_is_text;  // when its end tag never comes
  bool empties;       // when its end tag never comes: its content is nothing special
};
constexpr Literal kLiterals[] = {{"script", false, false, true},    {"style", false, false, true},
                                 {"xmp", false, true, false},       {"iframe", false, true, false},
                                 {"plaintext", false, true, false}, {"title", true, false, false},
                                 {"textarea", true, true, false}};
constexpr std::size_t kLiteralCount = std::size(kLiterals);

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_name_first(char c) {
  return is_alpha(c) || c == '_' || c == ':';
}
bool is_name_char(char c) {
  return is_alnum(c) || c == '_' || c == ':' || c == '-' || c == '.';
}

// What a piece of markup turned out to be.
enum class Read { no, done, open };  // no markup; whole, at_ is behind it; its end is missing

enum class Section { none, include, rcdata, cdata, ignore };

class Cutter {
 public:
  Cutter(std::string_view html, HtmlSink& sink, const HtmlTokenLimits& limits)
      : html_(html), sink_(sink), limits_(limits), wide_(!is_ascii(html)) {
    no_end_from_.fill(std::string_view::npos);
  }

  void run() {
    cut();
    // An open style or script takes the rest, whatever stands there.
    if (literal_ != nullptr && literal_->empties && !ignoring()) {
      if (begin_ < html_.size()) report_text(begin_, html_.size(), true);
      begin_ = at_ = html_.size();
      close_literal(literal_->name);
    }
    finish();
  }

 private:
  char peek(std::size_t i) const { return i < html_.size() ? html_[i] : '\0'; }
  bool ignoring() const { return section_ == Section::ignore; }

  // ------------------------------------------------------------------------------- reporting

  void before_event() {
    if (pending_end_ == nullptr) return;
    const Literal* pending = pending_end_;
    pending_end_ = nullptr;
    if (!ignoring()) sink_.end_tag(pending->name);
  }
  void report_text(std::size_t begin, std::size_t end, bool literal) {
    if (ignoring()) return;
    const std::string_view text = html_.substr(begin, end - begin);
    if (literal || std::memchr(text.data(), '&', text.size()) == nullptr)
      return sink_.text(text, wide_);
    text_.clear();
    const bool wide = decode_entities(text, true, text_);
    sink_.text(text_, wide_ || wide);
  }
  void report_text(std::size_t begin, std::size_t end) {
    report_text(begin, end,
                section_ == Section::cdata || (literal_ != nullptr && !literal_->has_entities));
  }
  void report_comment(std::size_t begin, std::size_t end) {
    if (!ignoring()) sink_.comment(html_.substr(begin, end - begin));
  }
  void report_end_tag(std::string_view name) {
    before_event();
    if (!ignoring()) sink_.end_tag(to_lower(name));
  }
  void close_literal(std::string_view name) {
    report_end_tag(name);
    literal_ = nullptr;
  }

  // ----------------------------------------------------------------------------- the main loop

  // begin_ is where what is not reported begins; at_ where reading goes on. Ends when the rest
  // needs more text than there is.
  void cut() {
    for (;;) {
      if (literal_ != nullptr && !cut_literal()) return;
      if (literal_ != nullptr) continue;
      if ((section_ == Section::cdata || section_ == Section::rcdata) && !cut_section()) return;
      if (section_ == Section::cdata || section_ == Section::rcdata) continue;
      read_text();
      if (at_ >= html_.size()) {
        hold_last_word();
        return;
      }
      if (at_ != begin_) report_text(begin_, at_);
      begin_ = at_;
      if (html_.size() - at_ < 3) return;
      switch (markup()) {
        case Read::no:
          ++at_;  // '<' is text
          break;
        case Read::done:
          begin_ = at_;
          break;
        case Read::open:
          at_ = begin_;
          return;
      }
    }
  }

  // To the next '<', or the end.
  void read_text() {
    if (section_ == Section::none) {
      at_ = std::min(html_.find('<', at_), html_.size());
      return;
    }
    while (at_ < html_.size() && html_[at_] != '<') {
      if (html_.compare(at_, 3, "]]>") == 0) {
        report_text(begin_, at_);
        end_section();
      } else {
        ++at_;
      }
    }
  }

  // Text at the end may be a piece of something: its last word waits.
  void hold_last_word() {
    if (at_ == begin_) return;
    std::size_t end = at_;
    if (!is_blank(html_[end - 1]))
      while (end > begin_ && !is_blank(html_[end - 1])) --end;
    while (end > begin_ && is_blank(html_[end - 1])) --end;
    if (end != begin_) report_text(begin_, end);
    begin_ = at_ = end;
  }

  bool cut_literal() {
    const auto kind = static_cast<std::size_t>(literal_ - kLiterals);
    std::size_t from = begin_;
    while (from < no_end_from_[kind] && literal_->name != "plaintext") {
      const std::size_t tag = html_.find('<', from);
      if (tag == std::string_view::npos) break;
      from = tag + 1;
      if (peek(from) != '/') continue;
      std::size_t end = ++from;
      if (!istarts_with(html_.substr(end, literal_->name.size()), literal_->name)) continue;
      end += literal_->name.size();
      const std::string_view name = html_.substr(from, literal_->name.size());
      while (end < html_.size() && is_blank(html_[end])) ++end;
      from = end;
      if (peek(end) != '>') continue;
      if (begin_ != tag) report_text(begin_, tag);
      begin_ = at_ = end + 1;
      close_literal(name);
      return true;
    }
    no_end_from_[kind] = std::min(no_end_from_[kind], begin_);
    at_ = begin_;
    return false;
  }

  bool cut_section() {
    const std::size_t end = html_.find("]]>", begin_);
    if (end == std::string_view::npos) {
      at_ = begin_;
      return false;
    }
    if (begin_ != end) report_text(begin_, end);
    at_ = end;
    end_section();
    return true;
  }
  // at_ is at "]]>".
  void end_section() {
    begin_ = at_ = at_ + 3;
    sections_.pop_back();
    section_ = Section::none;
    for (const Section section : sections_) section_ = std::max(section_, section);
  }

  Read markup() {
    const char c = html_[at_ + 1];
    if (is_name_first(c)) return start_tag();
    if (c == '/') return end_tag();
    if (c == '!') return declaration();
    if (c == '?') return instruction();
    return Read::no;
  }

  // ---------------------------------------------------------------------------------- markup

  void skip_blanks(std::size_t& at) const {
    while (at < html_.size() && is_blank(html_[at])) ++at;
  }
  std::size_t word_end(std::size_t at, bool ends_at_equals) const {
    while (at < html_.size() && html_[at] != '>' && !is_blank(html_[at]) &&
           !(ends_at_equals && html_[at] == '='))
      ++at;
    return at;
  }

  Read start_tag() {
    std::size_t at = word_end(at_ + 2, false);
    const std::string_view name = html_.substr(at_ + 1, at - at_ - 1);
    attributes_.clear();
    skip_blanks(at);
    while (at < html_.size() && html_[at] != '>') {
      const std::size_t begin = at;
      at = word_end(at + 1, true);
      const std::string_view attribute = html_.substr(begin, at - begin);
      skip_blanks(at);
      if (peek(at) != '=' || at >= html_.size()) {
        add_attribute(attribute, attribute, false);
        continue;
      }
      skip_blanks(++at);
      const auto value = attribute_value(at);
      if (!value) return Read::open;
      add_attribute(attribute, *value, true);
      skip_blanks(at);
    }
    if (at >= html_.size()) return Read::open;
    at_ = at + 1;
    before_event();
    if (!ignoring()) sink_.start_tag(to_lower(name), attributes_);
    for (const Literal& literal : kLiterals) {
      if (iequals(literal.name, name)) literal_ = &literal;
    }
    return Read::done;
  }

  std::optional<std::string_view> attribute_value(std::size_t& at) const {
    if (at >= html_.size()) return std::nullopt;
    std::size_t begin = at;
    std::size_t end;
    if (html_[at] == '"' || html_[at] == '\'') {
      end = html_.find(html_[at], ++begin);
      if (end == std::string_view::npos) return std::nullopt;
      at = end + 1;
    } else {
      end = at = word_end(at, false);
    }
    return html_.substr(begin, end - begin);
  }

  void add_attribute(std::string_view name, std::string_view value, bool decode) {
    if (attributes_.size() >= limits_.max_attributes) return;
    HtmlAttribute attribute{to_lower(name), {}};
    if (find_attribute(attributes_, attribute.name) != nullptr) return;
    if (decode)
      decode_entities(value, false, attribute.value);
    else
      attribute.value = value;
    attributes_.push_back(std::move(attribute));
  }

  // Behind an end tag's name browsers skip quoted '>'.
  std::size_t skip_to_gt(std::size_t at) const {
    char quote = '\0';
    char before = ' ';
    for (; at < html_.size(); ++at) {
      const char c = html_[at];
      if (quote == '\0' && c == '>') return at;
      if (c == '"' || c == '\'') {
        if (c == quote)
          quote = '\0';
        else if (quote == '\0' && (before == ' ' || before == '='))
          quote = c;
      }
      before = c;
    }
    return html_.size();
  }

  Read end_tag() {
    const std::size_t name_begin = at_ + 2;
    const std::size_t name_end = word_end(name_begin, false);
    const std::size_t end = skip_to_gt(name_end);
    if (end >= html_.size()) return Read::open;
    const std::size_t begin = at_;
    at_ = end + 1;
    if (name_end == name_begin)
      report_comment(begin, at_);
    else
      report_end_tag(html_.substr(name_begin, name_end - name_begin));
    return Read::done;
  }

  Read instruction() {
    const std::size_t end = html_.find('>', at_ + 2);
    if (end == std::string_view::npos) return Read::open;
    at_ = end + 1;
    before_event();
    return Read::done;
  }

  Read declaration() {
    const char c = html_[at_ + 2];
    if (c == '-') {
      if (at_ + 3 >= html_.size()) return Read::open;
      if (html_[at_ + 3] == '-') return comment();
    } else if (c == '[') {
      const Read read = marked_section();
      if (read != Read::no) return read;
    } else if (is_alpha(c)) {
      const Read read = known_declaration();
      if (read != Read::no) return read;
    }
    return bogus_comment();
  }

  // Up to the first '>'.
  Read bogus_comment() {
    const std::size_t end = html_.find('>', at_ + 2);
    if (end == std::string_view::npos) return Read::open;
    report_comment(at_, end + 1);
    at_ = end + 1;
    return Read::done;
  }

  Read comment() {
    std::size_t at = at_ + 4;
    if (lone_gt_ends_comment_) {
      const std::size_t end = html_.find('>', at);
      if (end == std::string_view::npos) return Read::open;
      report_comment(at_, end + 1);
      at_ = end + 1;
      return Read::done;
    }
    for (;;) {
      at = html_.find("--", at);
      if (at == std::string_view::npos) return Read::open;
      std::size_t end = at + 2;
      skip_blanks(end);
      if (peek(end) == '>' && end < html_.size()) {
        report_comment(at_, end + 1);
        at_ = end + 1;
        return Read::done;
      }
      // Blanks are not read twice: a run of them holds no dash.
      at = end > at + 2 ? end : at + 1;
    }
  }

  // <!DOCTYPE …> and <!ENTITY …>.
  Read known_declaration() {
    std::size_t at = at_ + 2;
    while (at < html_.size() && is_name_char(html_[at])) ++at;
    if (at == html_.size()) return Read::open;
    const std::string_view name = html_.substr(at_ + 2, at - at_ - 2);
    if (!iequals(name, "doctype") && !iequals(name, "entity")) return Read::no;
    for (;;) {
      skip_blanks(at);
      if (at >= html_.size()) return Read::open;
      const char c = html_[at];
      if (c == '>') break;
      std::size_t end;
      if (c == '"' || c == '\'') {
        end = html_.find(c, at + 1);
      } else if (c == '-') {
        if (at + 1 < html_.size() && html_[at + 1] != '-') return Read::no;
        end = html_.find("--", at + 2);
        if (end != std::string_view::npos) ++end;
      } else {
        end = word_end(at, false) - 1;
      }
      if (end == std::string_view::npos || end + 1 >= html_.size()) return Read::open;
      at = end + 1;
    }
    before_event();
    if (!ignoring()) sink_.declaration(html_.substr(at_, at + 1 - at_));
    at_ = at + 1;
    return Read::done;
  }

  static Section section_of(std::string_view name) {
    if (iequals(name, "include")) return Section::include;
    if (iequals(name, "rcdata")) return Section::rcdata;
    if (iequals(name, "cdata")) return Section::cdata;
    if (iequals(name, "ignore")) return Section::ignore;
    return Section::none;
  }

  // <![ NAME… [
  Read marked_section() {
    std::size_t at = at_ + 3;
    bool named = false;
    Section section = Section::none;
    for (;;) {
      skip_blanks(at);
      while (is_name_first(peek(at))) {
        const std::size_t begin = at;
        while (at < html_.size() && is_name_char(html_[at])) ++at;
        section = std::max(section, section_of(html_.substr(begin, at - begin)));
        named = true;
        skip_blanks(at);
        if (at >= html_.size()) return Read::open;
      }
      if (peek(at) != '-') break;
      if (peek(at + 1) != '-') return Read::no;
      at = html_.find("--", at + 2);
      if (at == std::string_view::npos) return Read::open;
      at += 2;
    }
    if (peek(at) != '[') return Read::no;
    sections_.push_back(named ? section : Section::include);
    section_ = std::max(section_, sections_.back());
    at_ = at + 1;
    return Read::done;
  }

  // ------------------------------------------------------------------------------ the end

  void finish() {
    while (begin_ < html_.size()) {
      if (literal_ != nullptr) {
        if (literal_->rest_is_text) break;
        if (literal_->empties)
          report_end_tag(literal_->name);
        else
          pending_end_ = literal_;
        literal_ = nullptr;
        cut();
      } else if (!lone_gt_ends_comment_ && html_[begin_] == '<') {
        lone_gt_ends_comment_ = true;
        cut();
      } else {
        const char next = peek(begin_ + 1);
        const bool markup =
            html_[begin_] == '<' && (begin_ + 1 == html_.size() || is_name_first(next) ||
                                     next == '/' || next == '!' || next == '?');
        if (markup) {
          report_comment(begin_, html_.size());
          begin_ = html_.size();
        }
        break;
      }
    }
    if (begin_ < html_.size()) report_text(begin_, html_.size());
    before_event();
  }

  std::string_view html_;
  HtmlSink& sink_;
  const HtmlTokenLimits& limits_;
  bool wide_;
  std::size_t begin_ = 0;
  std::size_t at_ = 0;
  const Literal* literal_ = nullptr;
  const Literal* pending_end_ = nullptr;
  bool lone_gt_ends_comment_ = false;
  Section section_ = Section::none;
  std::vector<Section> sections_;
  HtmlAttributes attributes_;
  std::string text_;
  // From here on there is no end tag of that literal: looked for once.
  std::array<std::size_t, kLiteralCount> no_end_from_;
};

}  // namespace

const std::string* find_attribute(const HtmlAttributes& attributes, std::string_view name) {
  for (const HtmlAttribute& attribute : attributes) {
    if (attribute.name == name) return &attribute.value;
  }
  return nullptr;
}

void read_html(std::string_view html, HtmlSink& sink, const HtmlTokenLimits& limits) {
  Cutter(html, sink, limits).run();
}

}  // namespace gatepost::mail
