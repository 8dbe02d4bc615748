#include "dkim/trace_guess.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "dkim/tag_list.h"
#include "dkim/trace.h"

namespace gatepost::dkim {

namespace {

constexpr std::size_t kMaxCopied = 100;
constexpr std::size_t kMaxTopLines = 30;
constexpr std::size_t kMaxBottomLines = 100;

std::string quoted(std::string_view text) {
  return "\"" + printable(one_line(text), 60) + "\"";
}

/// Where lines begin, the end of the text included.
std::vector<std::size_t> line_starts(std::string_view body) {
  std::vector<std::size_t> starts = {0};
  for (std::size_t at = body.find("\r\n"); at != std::string_view::npos;
       at = body.find("\r\n", at + 2)) {
    starts.push_back(at + 2);
  }
  if (starts.back() != body.size()) starts.push_back(body.size());
  return starts;
}

std::string lines(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " line" : " lines");
}

/// The first of them with something in it.
std::string_view first_text(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) return line;
  }
  return {};
}

std::string replaced_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::optional<std::string> guess_rewritten_lines(std::string_view body, const BodyTest& same) {
  const std::string text = "\r\n" + std::string(body);
  struct Rewriting {
    const char* now;
    const char* before;
    const char* what;
  };
  for (const Rewriting& each : {
           Rewriting{"\r\n>From ", "\r\nFrom ", "\">\" was put before lines that begin with From"},
           Rewriting{"\r\n..", "\r\n.", "dots that begin a line were doubled"},
           Rewriting{"\r\n.", "\r\n..", "dots that begin a line were taken away"},
           Rewriting{"\r\n\r\n", "\r\n", "empty lines were put between the lines"},
       }) {
    if (text.find(each.now) == std::string::npos) continue;
    if (same(std::string_view(replaced_all(text, each.now, each.before)).substr(2)))
      return std::string(each.what);
  }
  return std::nullopt;
}

/// The fields with the value of one of them changed.
std::vector<KeptField> with_value(const std::vector<KeptField>& fields, std::size_t index,
                                  std::string_view value) {
  std::vector<KeptField> changed = fields;
  KeptField& field = changed[index];
  field.text = field.text.substr(0, field.colon + 1) + std::string(value);
  return changed;
}

std::string_view value_of(const KeptField& field) {
  return std::string_view(field.text).substr(field.colon + 1);
}

/// Subjects as they may have been before a list or a filter put something in front.
std::vector<std::string> shorter_subjects(std::string_view value) {
  std::vector<std::string> found;
  std::size_t open = value.find('[');
  for (int i = 0; i < 3 && open != std::string_view::npos; ++i) {
    const std::size_t close = value.find(']', open);
    if (close == std::string_view::npos) break;
    std::string rest(value.substr(0, open));
    std::string_view behind = value.substr(close + 1);
    found.push_back(rest + std::string(behind));
    if (!behind.empty() && is_wsp(behind.front())) behind.remove_prefix(1);
    found.push_back(rest + std::string(behind));
    open = value.find('[', close);
  }
  // The first words: "***SPAM*** x", "EXTERNAL: x", "Re: x".
  std::string_view rest = value;
  for (int i = 0; i < 3; ++i) {
    const std::size_t begin = rest.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) break;
    const std::size_t end = rest.find_first_of(" \t", begin);
    if (end == std::string_view::npos) break;
    rest = rest.substr(end);
    found.emplace_back(rest);
  }
  return found;
}

std::optional<std::string> guess_subject(const std::vector<KeptField>& fields,
                                         const HeaderTest& same) {
  std::size_t subjects = 0;
  // From the bottom up, as h= counts.
  for (std::size_t i = fields.size(); i-- > 0 && subjects < 3;) {
    if (fields[i].name != "subject") continue;
    ++subjects;
    for (const std::string& before : shorter_subjects(value_of(fields[i]))) {
      if (!same(with_value(fields, i, before))) continue;
      return "the signature matches the subject " + quoted(before) +
             ": something was put into it, as mailing lists do";
    }
  }
  return std::nullopt;
}

std::optional<std::string> guess_original_from(const std::vector<KeptField>& fields,
                                               const HeaderTest& same) {
  const auto named = [&](std::string_view name) {
    return static_cast<std::size_t>(
        std::find_if(fields.begin(), fields.end(),
                     [&](const KeptField& field) { return field.name == name; }) -
        fields.begin());
  };
  const std::size_t from = named("from");
  if (from == fields.size()) return std::nullopt;
  for (const char* kept : {"x-original-from", "original-from", "reply-to"}) {
    const std::size_t at = named(kept);
    if (at == fields.size() || !same(with_value(fields, from, value_of(fields[at])))) continue;
    return "the signature matches the author that stands in " + std::string(kept) +
           ": From was rewritten, as mailing lists do";
  }
  return std::nullopt;
}

std::optional<std::string> guess_added_field(const std::vector<KeptField>& fields, std::size_t own,
                                             const std::vector<std::string>& names,
                                             const HeaderTest& same) {
  const std::set<std::string_view> wanted(names.begin(), names.end());
  std::size_t tries = 0;
  for (std::size_t i = 0; i < fields.size() && tries < kMaxTries / 3; ++i) {
    if (i == own || !wanted.contains(fields[i].name)) continue;
    ++tries;
    std::vector<KeptField> without = fields;
    without[i].name.clear();  // no h= names it
    if (!same(without)) continue;
    return "the signature matches without the field " + quoted(fields[i].text) +
           ": it was added on the way";
  }
  return std::nullopt;
}

std::optional<std::string> guess_copied(const std::vector<KeptField>& fields, std::size_t own,
                                        const std::vector<CopiedField>& copied,
                                        const HeaderTest& same) {
  if (copied.empty()) return std::nullopt;
  std::vector<KeptField> before = fields;
  for (const CopiedField& copy : copied) {
    for (std::size_t i = before.size(); i-- > 0;) {
      if (i == own || before[i].name != to_lower(trim(copy.name))) continue;
      if (one_line(value_of(before[i])) != one_line(copy.value))
        before[i].text = before[i].text.substr(0, before[i].colon + 1) + " " + copy.value;
      break;
    }
  }
  if (!same(before)) return std::nullopt;
  return "the signature matches the values that it has kept in z=";
}

}  // namespace

std::vector<CopiedField> read_copied_fields(std::string_view z) {
  std::vector<CopiedField> found;
  for (const std::string_view piece : split(z, '|')) {
    const std::size_t colon = piece.find(':');
    if (colon == std::string_view::npos) return {};
    auto value = decode_quoted_printable(piece.substr(colon + 1));
    if (!value || found.size() == kMaxCopied) return {};
    found.push_back({std::string(trim(piece.substr(0, colon))), *std::move(value)});
  }
  return found;
}

std::string one_line(std::string_view value) {
  std::string out;
  for (const char c : trim(value)) {
    if (!is_wsp(c)) {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  return out;
}

std::optional<std::string> guess_body_change(std::string_view body, const BodyTest& same) {
  if (body.size() > kMaxTriedBody) return std::nullopt;
  const std::vector<std::size_t> starts = line_starts(body);
  for (std::size_t cut = 1; cut < starts.size() && cut <= kMaxBottomLines; ++cut) {
    const std::size_t end = starts[starts.size() - 1 - cut];
    if (!same(body.substr(0, end))) continue;
    return lines(cut) + " at the end were added behind the signer, beginning with " +
           quoted(first_text(body.substr(end))) +
           ": the footer of a mailing list, a disclaimer or a scanner's note";
  }
  for (std::size_t cut = 1; cut < starts.size() && cut <= kMaxTopLines; ++cut) {
    if (!same(body.substr(starts[cut]))) continue;
    return lines(cut) + " at the beginning were added behind the signer, beginning with " +
           quoted(first_text(body.substr(0, starts[cut]))) + ": a banner";
  }
  return guess_rewritten_lines(body, same);
}

std::optional<std::string> guess_header_change(const std::vector<KeptField>& fields,
                                               std::size_t own,
                                               const std::vector<std::string>& names,
                                               const std::vector<CopiedField>& copied,
                                               const HeaderTest& same) {
  if (auto guess = guess_copied(fields, own, copied, same)) return guess;
  if (auto guess = guess_subject(fields, same)) return guess;
  if (auto guess = guess_original_from(fields, same)) return guess;
  return guess_added_field(fields, own, names, same);
}

}  // namespace gatepost::dkim
