#include "core/mail/html_words.h"

#include "core/base/text.h"
#include "core/mail/characters.h"

namespace gatepost::mail {
namespace {

// A list of font names as honest mail writes them.
class FaceReader {
 public:
  explicit FaceReader(std::string_view text) : text_(text) {}

  bool good() {
    const std::size_t begin = blanks();
    if (!take_one_of("\"'.") && at_ > begin && text_[at_ - 1] == ' ') --at_;
    if (!name(true)) return false;
    while (take_one_of(",")) {
      blanks();
      take_one_of("\"'");
      if (!name(false)) return false;
    }
    take_one_of(";");
    return at_ == text_.size() || text_.substr(at_) == "\n";
  }

 private:
  std::size_t blanks() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return begin;
  }
  bool take_one_of(std::string_view set) {
    if (at_ >= text_.size() || set.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  bool name(bool blank_first) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_alpha(text_[at_]) || text_[at_] == ' ' || text_[at_] == '-'))
      ++at_;
    if (at_ - begin < 2 || !is_alpha(text_[at_ - 1])) return false;
    if (!is_alpha(text_[begin]) && !(blank_first && text_[begin] == ' ')) return false;
    if (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    take_one_of("\"'");
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_word(char32_t c, bool wide) {
  if (c < 0x80) return is_alnum(static_cast<char>(c)) || c == '_';
  return wide && c != 0xa0;
}

std::string_view without_outer_space(std::string_view text) {
  const auto blank = [&](std::size_t at) { return white_space_at(text, at, true); };
  while (!text.empty()) {
    const std::size_t length = blank(0);
    if (length == 0) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && is_continuation(text[at])) --at;
    if (blank(at) != text.size() - at) break;
    text = text.substr(0, at);
  }
  return text;
}

std::optional<std::string_view> behind_equals(std::string_view text, std::string_view name,
                                              bool last) {
  std::optional<std::string_view> found;
  for (std::size_t at = 0; at + name.size() <= text.size(); ++at) {
    if (at != 0 && is_word(static_cast<unsigned char>(text[at - 1]), true)) continue;
    if (!istarts_with(text.substr(at), name)) continue;
    std::size_t end = at + name.size();
    while (end < text.size() && is_blank(text[end])) ++end;
    if (end >= text.size() || text[end] != '=') continue;
    ++end;
    while (end < text.size() && is_blank(text[end])) ++end;
    found = text.substr(end);
    if (!last) return found;
    at = end - 1;
  }
  return found;
}

bool is_usual_face(std::string_view names) {
  return FaceReader(names).good();
}

std::string prepare_html(std::string_view html) {
  std::string out;
  out.reserve(html.size());
  std::size_t from = 0;
  for (std::size_t at = 0; at < html.size(); ++at) {
    const char c = html[at];
    if (c != '&' && c != '<' && c != '\xe2') continue;
    std::size_t skip = 0;
    std::string_view instead;
    if (c == '&' && html.substr(at, 6) == "&nbsp;") {
      skip = 6;
      instead = " ";
    } else if (c == '\xe2' &&
               (html.substr(at, 3) == "\xe2\x80\x9c" || html.substr(at, 3) == "\xe2\x80\x9d")) {
      skip = 3;
      instead = "\"";
    } else if (c == '<') {
      std::size_t end = at + 1;
      while (end < html.size() && is_word(static_cast<unsigned char>(html[end]), true)) ++end;
      const std::size_t name_end = end;
      while (end < html.size() && is_blank(html[end])) ++end;
      if (name_end == at + 1 || html.substr(end, 2) != "/>") continue;
      out += html.substr(from, name_end - from);
      skip = end + 2 - at;
      from = at;
      instead = ">";
      out += instead;
      at += skip - 1;
      from = at + 1;
      continue;
    } else {
      continue;
    }
    out += html.substr(from, at - from);
    out += instead;
    at += skip - 1;
    from = at + 1;
  }
  return out += html.substr(from);
}

}  // namespace gatepost::mail
