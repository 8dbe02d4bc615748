#include "core/mail/view.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/characters.h"
#include "core/mail/charset.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"
#include "core/mail/pieces.h"

namespace gatepost::mail {
namespace {

// Opening a converter costs up to 0.1 ms; no honest message needs as many.
constexpr int kMaxConversions = 100;

// @return where the body begins in content.full.
Result<std::size_t> add_full(const Message& message, std::span<const HeaderField> fields,
                             const ContentLimits& limits, Content& content) {
  std::string& full = content.full;
  const auto body_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(message.body_size(), limits.max_size));
  content.defects.truncated = message.body_size() > limits.max_size;
  full.reserve(message.header_bytes() + 3 * fields.size() + body_size + 512);
  LineEnds ends(full);
  for (const HeaderField& field : fields) {
    full += field.name;
    full += ':';
    ends.read(field.value);
    ends.finish();
    full += '\n';
  }
  full += '\n';
  const std::size_t begin = full.size();
  std::size_t room = body_size;
  auto read = message.for_each_body_chunk([&](std::string_view chunk) {
    chunk = chunk.substr(0, room);
    ends.read(chunk);
    room -= chunk.size();
    return room > 0;
  });
  if (!read.ok()) return read.error();
  ends.finish();
  return begin;
}

// A text that parts are joined to. `wide`: it is Unicode for SpamAssassin.
struct JoinedText {
  std::string text;
  bool wide = false;

  void add(std::string_view part, bool part_is_wide) {
    text += part;
    wide = wide || part_is_wide;
  }
};

std::string_view effective_type(const ContentType& type) {
  const std::string name = to_lower(type.name);
  for (const std::string_view ending : {".html", ".htm", ".shtml", ".shtm"}) {
    if (name.ends_with(ending)) return "text/html";
  }
  return type.type;
}

// Renders the parts one behind the other.
class PartReader {
 public:
  PartReader(const ContentLimits& limits, Content& content, std::vector<HtmlFacts>& html,
             std::vector<PartFacts>& parts)
      : limits_(limits), content_(content), html_(html), parts_(parts) {}

  void leaf(const MimeLeaf& leaf) {
    // SpamAssassin joins the parts so; what is no text leaves its line end, too.
    for (JoinedText* joined : {&all, &visible, &invisible}) {
      if (!joined->text.empty()) joined->text += '\n';
    }
    const std::string_view type = effective_type(leaf.type);
    parts_.push_back({std::string(type), leaf.type.name, leaf.type.charset});
    const bool shown = type == "text/plain" || type == "text/html";
    const bool text = type.starts_with("text/") || type.starts_with("message/");
    const bool raw = text && leaf.type.type != "text/calendar";
    if (!raw && !shown) return;
    std::string_view octets = leaf.body;
    if (leaf.encoding != TransferEncoding::identity) {
      decoded_.clear();
      if (!decode_transfer(octets, leaf.encoding, limits_.max_size, decoded_))
        content_.defects.bad_encoding = true;
      drop_line_end_cr(decoded_);
      octets = decoded_;
    }
    if (raw) {
      add_raw(
          bounded(within(octets, limits_.max_rawbody_part, "\n> "), content_.rawbody.text.size()),
          content_.rawbody);
    }
    if (shown) render(bounded(octets, all.text.size()), leaf.type.charset, type == "text/html");
  }

  JoinedText all;
  JoinedText visible;
  JoinedText invisible;
  bool any_invisible = false;

 private:
  std::string_view bounded(std::string_view text, std::size_t used) {
    const std::size_t room = limits_.max_size - std::min(limits_.max_size, used);
    if (text.size() <= room) return text;
    content_.defects.truncated = true;
    return text.substr(0, room);
  }

  // The begin of a part's text, up to the first of `stops` that is close behind `limit`.
  std::string_view within(std::string_view text, std::size_t limit, std::string_view stops) {
    constexpr std::size_t kClose = 1024;
    if (limit == 0 || text.size() <= limit) return text;
    content_.defects.part_cut = true;
    for (const char stop : stops) {
      const std::size_t at = text.substr(0, limit + kClose + 1).find(stop, limit);
      if (at != std::string_view::npos) return text.substr(0, at + 1);
    }
    return text.substr(0, limit);
  }
  // max_body_part counts characters.
  std::string_view shown(std::string_view text) {
    if (limits_.max_body_part == 0 || text.size() <= limits_.max_body_part) return text;
    std::size_t at = 0;
    for (std::size_t left = limits_.max_body_part; left > 0 && at < text.size(); --left)
      next_character(text, at);
    return within(text, at, "\n ");
  }

  // The octets as UTF-8, in text_ or as they are.
  std::string_view decode(std::string_view octets, std::string_view charset) {
    if (is_utf8_text(octets, charset)) return octets;
    if (++conversions_ > kMaxConversions) {
      content_.defects.too_many_conversions = true;
      charset = "windows-1252";
    }
    text_.clear();
    if (!append_text(octets, charset, text_)) content_.defects.unknown_charset = true;
    return bounded(text_, all.text.size());
  }

  void render(std::string_view octets, std::string_view charset, bool is_html) {
    const std::string_view text = decode(octets, charset);
    if (!is_html || text.empty()) {
      const std::string_view part = shown(text);
      const bool wide = !is_ascii(text);
      all.add(part, wide);
      visible.add(part, wide);
      return;
    }
    HtmlText rendered = render_html(text, octets.size());
    all.add(bounded(shown(rendered.all), all.text.size()), rendered.wide);
    visible.add(shown(rendered.visible), rendered.wide);
    invisible.add(shown(rendered.invisible), rendered.wide);
    if (!rendered.invisible.empty()) any_invisible = true;
    if (rendered.facts.too_much) content_.defects.too_much_html = true;
    html_.push_back(std::move(rendered.facts));
  }

  const ContentLimits& limits_;
  Content& content_;
  std::vector<HtmlFacts>& html_;
  std::vector<PartFacts>& parts_;
  std::string decoded_;
  std::string text_;
  int conversions_ = 0;
};

// A fold and all blanks behind it are one blank.
std::string on_one_line(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t fold = value.find('\n', at);
    const std::size_t next = fold == std::string_view::npos ? fold : fold + 1;
    if (fold == std::string_view::npos || next >= value.size() ||
        (value[next] != ' ' && value[next] != '\t')) {
      const std::size_t end = std::min(next, value.size());
      out += value.substr(at, end - at);
      at = end;
      continue;
    }
    std::string_view line = value.substr(at, fold - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.append(line) += ' ';
    at = std::min(value.find_first_not_of(" \t", next), value.size());
  }
  return out;
}

// The last Subject is the one that readers of mail agree on least; it is SpamAssassin's.
void add_subject(const Message& message, Content& content) {
  const auto fields = find_fields(message.fields(), "Subject");
  if (!fields.empty()) {
    const std::string words = decode_encoded_words(on_one_line(trim(fields.back()->value)));
    std::string subject;
    append_text(words, "", subject);
    // A line break in an encoded word ends no piece.
    std::replace(subject.begin(), subject.end(), '\n', ' ');
    content.body.add(subject, Content::kPiece);
  }
  if (content.body.pieces.empty()) content.body.add("", Content::kPiece);
  content.subject_pieces = content.body.pieces.size();
}

}  // namespace

Result<MessageView> MessageView::open(const Message& message, const ContentLimits& limits,
                                      std::optional<HeaderField> newest) {
  MessageView view(message, limits);
  if (newest) {
    view.fields_.reserve(message.fields().size() + 1);
    view.fields_.push_back(std::move(*newest));
    view.fields_.insert(view.fields_.end(), message.fields().begin(), message.fields().end());
  }
  const auto begin = add_full(message, view.fields(), limits, view.content_);
  if (!begin.ok()) return begin.error();
  view.body_begin_ = *begin;
  return view;
}

void MessageView::read_texts() {
  if (read_) return;
  read_ = true;
  add_subject(*message_, content_);
  PartReader reader(limits_, content_, html_, parts_);
  std::string shorter;
  const std::string_view body = without_long_gaps(raw_body(), shorter);
  const MimeDefects defects =
      walk_mime(message_->fields(), body, {limits_.max_depth, limits_.max_parts, limits_.max_size},
                [&](const MimeLeaf& leaf) { reader.leaf(leaf); });
  content_.defects.too_deep = defects.too_deep;
  content_.defects.too_many_parts = defects.too_many_parts;
  visible_is_body_ = !reader.any_invisible;
  if (!visible_is_body_) {
    visible_ = content_.body;  // the Subject
    add_paragraphs(reader.visible.text, reader.visible.wide, visible_);
    add_paragraphs(reader.invisible.text, reader.invisible.wide, invisible_);
  }
  add_paragraphs(reader.all.text, reader.all.wide, content_.body);
}

const Content& MessageView::content() {
  read_texts();
  return content_;
}

const PieceText& MessageView::visible_body() {
  read_texts();
  return visible_is_body_ ? content_.body : visible_;
}

const PieceText& MessageView::invisible_body() {
  read_texts();
  return invisible_;
}

const std::vector<HtmlFacts>& MessageView::html() {
  read_texts();
  return html_;
}

const std::vector<PartFacts>& MessageView::parts() {
  read_texts();
  return parts_;
}

const std::vector<Url>& MessageView::urls(const UrlSettings& settings) {
  read_texts();
  if (!urls_) {
    UrlList list = find_urls(content_.body, html_, settings);
    if (list.too_many) content_.defects.too_many_urls = true;
    urls_ = std::move(list.urls);
  }
  return *urls_;
}

Content MessageView::take_content() && {
  read_texts();
  return std::move(content_);
}

}  // namespace gatepost::mail
