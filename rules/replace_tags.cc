#include "rules/replace_tags.h"

#include <cctype>
#include <vector>

namespace gatepost::rules {
namespace {

constexpr int kMaxPasses = 6;

// A pattern while it is taken apart: each octet with its place.
class Output {
 public:
  explicit Output(const Pattern& from) : from_(from) { out_.place = from.place; }

  // Octets [begin, end) of the pattern as they are.
  void keep(std::size_t begin, std::size_t end) {
    if (begin >= end) return;
    jump(begin);
    for (const Pattern::Jump& inner : from_.jumps) {
      if (inner.offset > begin && inner.offset < end) {
        add({static_cast<std::uint32_t>(out_.expression.size() + inner.offset - begin), inner.line,
             inner.column});
      }
    }
    out_.expression.append(from_.expression, begin, end - begin);
  }
  // A text in the place of what stands at `at`.
  void put(std::size_t at, std::string_view text) {
    if (text.empty()) return;
    jump(at);
    out_.expression += text;
  }
  std::size_t size() const { return out_.expression.size(); }

  Pattern take() {
    out_.caseless = from_.caseless;
    out_.multiline = from_.multiline;
    out_.dotall = from_.dotall;
    out_.extended = from_.extended;
    if (!out_.jumps.empty())
      out_.place = {from_.place.file, out_.jumps[0].line, out_.jumps[0].column};
    return std::move(out_);
  }

 private:
  void jump(std::size_t at) {
    const Place place = from_.place_at(at);
    add({static_cast<std::uint32_t>(out_.expression.size()), place.line, place.column});
  }
  void add(Pattern::Jump jump) { out_.jumps.push_back(jump); }

  const Pattern& from_;
  Pattern out_;
};

struct Tag {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// "<…>" with neither bracket inside, from `at` on.
bool next_tag(std::string_view text, std::size_t at, Tag& out) {
  for (std::size_t open = text.find('<', at); open != text.npos; open = text.find('<', open + 1)) {
    const std::size_t stop = text.find_first_of("<>", open + 1);
    if (stop == text.npos) return false;
    if (text[stop] != '>' || stop == open + 1) continue;
    out = {open, stop + 1};
    return true;
  }
  return false;
}

}  // namespace

void ReplaceTags::set(std::string_view kind, std::string name, std::string text) {
  Texts& texts = kind == "replace_tag"     ? tags_
                 : kind == "replace_pre"   ? pre_
                 : kind == "replace_inter" ? inter_
                                           : post_;
  texts[std::move(name)] = std::move(text);
}

bool ReplaceTags::replace(Pattern& pattern, std::size_t max_size) const {
  const auto text_of = [](const Texts& texts, std::string_view name) {
    const auto known = texts.find(name);
    return known == texts.end() ? std::string_view() : std::string_view(known->second);
  };
  Pattern now = pattern;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const std::string_view text = now.expression;
    // The first one of each kind counts, and all that is left of them goes in later passes.
    std::string_view pre, inter, post;
    std::vector<Tag> dropped;
    for (const auto& [word, texts, out] :
         {std::tuple{"<pre ", &pre_, &pre}, std::tuple{"<post ", &post_, &post},
          std::tuple{"<inter ", &inter_, &inter}}) {
      const std::string_view mark = word;
      const std::size_t begin = text.find(mark);
      const std::size_t end = begin == text.npos ? begin : text.find('>', begin);
      if (end == text.npos || end == begin + mark.size()) continue;
      *out = text_of(*texts, text.substr(begin + mark.size(), end - begin - mark.size()));
      dropped.push_back({begin, end + 1});
    }
    const auto is_dropped = [&](const Tag& tag) {
      for (const Tag& one : dropped) {
        if (one.begin == tag.begin) return true;
      }
      return false;
    };

    Output out(now);
    bool again = false;
    std::size_t at = 0;
    // SpamAssassin takes the beginning for a tag's end when the pattern has no modifiers.
    bool behind_tag = !now.caseless && !now.multiline && !now.dotall && !now.extended;
    Tag tag;
    for (std::size_t from = 0; next_tag(text, from, tag); from = tag.end) {
      out.keep(at, tag.begin);
      if (tag.begin > at) behind_tag = false;
      at = tag.end;
      if (is_dropped(tag)) continue;
      if (behind_tag) out.put(tag.begin, inter);
      out.put(tag.begin, pre);
      const std::string_view with =
          text_of(tags_, text.substr(tag.begin + 1, tag.end - tag.begin - 2));
      if (with.empty()) {
        out.keep(tag.begin, tag.end);
      } else {
        out.put(tag.begin, with);
        Tag inner;
        again = again || next_tag(with, 0, inner);
      }
      out.put(tag.begin, post);
      behind_tag = true;
      if (out.size() > max_size) return false;
    }
    out.keep(at, text.size());
    if (out.size() > max_size) return false;
    now = out.take();
    if (!again) break;
  }
  pattern = std::move(now);
  return true;
}

}  // namespace gatepost::rules
