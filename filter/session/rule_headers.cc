#include "filter/session/rule_headers.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "filter/session/field_text.h"
#include "filter/session/header_tags.h"
#include "rules/header_changes.h"

namespace gatepost {

namespace {

using rules::HeaderChanges;

const HeaderChanges::Kind& kind_of(const HeaderSources& sources) {
  const HeaderChanges& changes = *sources.policy.header_changes;
  return sources.is_spam() ? changes.spam : changes.ham;
}

void rewrite(const HeaderSources& sources, std::string_view name, MarkKind kind,
             const std::optional<rules::HeaderTemplate>& text, std::vector<HeaderEdit>& edits) {
  if (!text) return;
  const std::string mark = mark_text(expand(*text, sources));
  if (mark.empty()) return;
  const std::size_t column = name.size() + 2;
  const auto named = [&](const mail::HeaderField& field) { return mail::is_named(field, name); };
  const auto count =
      static_cast<int>(std::count_if(sources.fields.begin(), sources.fields.end(), named));
  int index = 0;
  for (const mail::HeaderField& field : sources.fields) {
    if (!named(field)) continue;
    ++index;
    if (index > kMaxRewritten / 2 && index <= count - kMaxRewritten / 2) continue;
    // A comment makes no address.
    if (kind != MarkKind::text && trim(field.value).empty()) continue;
    if (auto value = with_mark(mark, kind, field.value, column))
      edits.push_back({HeaderEdit::Kind::change, std::string(mail::trimmed_name(field)),
                       std::move(*value), index});
  }
  if (count == 0 && kind == MarkKind::text)
    edits.push_back({HeaderEdit::Kind::insert, std::string(name),
                     with_mark(mark, kind, "", column).value_or(mark), 0});
}

}  // namespace

std::vector<HeaderEdit> field_rewrites(const HeaderSources& sources) {
  std::vector<HeaderEdit> edits;
  const HeaderChanges* changes = sources.policy.header_changes.get();
  if (changes == nullptr || !changes->rewrites() || !sources.is_spam()) return edits;
  rewrite(sources, "Subject", MarkKind::text, changes->subject, edits);
  rewrite(sources, "From", MarkKind::comment, changes->from, edits);
  rewrite(sources, "To", MarkKind::comment_in_list, changes->to, edits);
  return edits;
}

void add_rule_fields(const HeaderSources& sources, std::vector<HeaderEdit>& edits) {
  if (sources.policy.header_changes == nullptr) return;
  const auto& fields = kind_of(sources).added;
  // Each goes on top of those before.
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    std::string value = folded_text(expand(field->text, sources), field->name.size() + 2);
    if (!value.empty())
      edits.push_back({HeaderEdit::Kind::insert, field->name, std::move(value), 0});
  }
}

bool is_of_rule_files(const HeaderSources& sources, std::string_view field) {
  return sources.policy.header_changes != nullptr && HeaderChanges::names(kind_of(sources), field);
}

}  // namespace gatepost
