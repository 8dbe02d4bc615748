#include "rules/header_lines.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kMaxName = 60;

bool has_name(const std::vector<std::string>& names, std::string_view field) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return iequals(name, field); });
}

void drop(std::vector<AddedField>& fields, std::string_view name) {
  std::erase_if(fields, [&](const AddedField& field) { return iequals(field.name, name); });
}

class HeaderLine {
 public:
  HeaderLine(const LineContext& context, std::string_view key, Words words, HeaderChanges& changes)
      : context_(context), key_(key), words_(words), changes_(changes) {}

  void read() {
    if (key_ == "rewrite_header") return rewrite();
    if (key_ == "add_header") return add();
    if (key_ == "remove_header") return remove();
    if (!words_.rest().empty()) return error(words_.at(), "expected nothing behind it");
    changes_.spam.added.clear();
    changes_.ham.added.clear();
  }

 private:
  void rewrite() {
    const Words::Word field = words_.next();
    auto* const place = iequals(field.text, "subject") ? &changes_.subject
                        : iequals(field.text, "from")  ? &changes_.from
                        : iequals(field.text, "to")    ? &changes_.to
                                                       : nullptr;
    if (place == nullptr)
      return error(field.offset, "expected subject, from or to" + found(field.text));
    // Without a text it takes back what an earlier line said.
    if (words_.rest().empty()) return place->reset();
    if (auto text = template_of(words_.rest(), words_.at(), Backslashes::stay))
      *place = std::move(*text);
  }

  void add() {
    const auto kinds = kinds_of_mail();
    const auto name = kinds.empty() ? std::string() : field_name();
    if (name.empty()) return;
    std::string_view rest = words_.rest();
    std::size_t offset = words_.at();
    if (rest.empty()) return error(offset, "expected the text of the field behind its name");
    if (rest.size() >= 2 && rest.front() == '"' && rest.back() == '"') {
      rest = rest.substr(1, rest.size() - 2);
      ++offset;
    }
    auto text = template_of(rest, offset, Backslashes::escape);
    if (!text) return;
    for (HeaderChanges::Kind* kind : kinds) {
      drop(kind->added, name);
      if (kind->added.size() == HeaderChanges::kMaxFields)
        return error(0, "more than " + std::to_string(HeaderChanges::kMaxFields) + " fields");
      kind->added.push_back({name, *text});
    }
  }

  void remove() {
    const auto kinds = kinds_of_mail();
    const auto name = kinds.empty() ? std::string() : field_name();
    if (name.empty()) return;
    if (!words_.rest().empty())
      return error(words_.at(), "expected nothing behind the name of the field");
    for (HeaderChanges::Kind* kind : kinds) {
      drop(kind->added, name);
      if (has_name(kind->removed, name)) continue;
      if (kind->removed.size() == HeaderChanges::kMaxFields)
        return error(0, "more than " + std::to_string(HeaderChanges::kMaxFields) + " fields");
      kind->removed.push_back(name);
    }
  }

  // Empty: told.
  std::vector<HeaderChanges::Kind*> kinds_of_mail() {
    const Words::Word word = words_.next();
    if (word.text == "spam") return {&changes_.spam};
    if (word.text == "ham") return {&changes_.ham};
    if (word.text == "all") return {&changes_.spam, &changes_.ham};
    error(word.offset, "expected spam, ham or all" + found(word.text));
    return {};
  }

  // With its prefix. Empty: told.
  std::string field_name() {
    const Words::Word word = words_.next();
    const bool good = !word.text.empty() && word.text.size() <= kMaxName &&
                      std::all_of(word.text.begin(), word.text.end(),
                                  [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
    if (!good) {
      error(word.offset, "expected the name of a field behind X-Spam-, letters, digits, - and _" +
                             found(word.text));
      return {};
    }
    if (istarts_with(word.text, HeaderChanges::kPrefix)) {
      context_.reporter.warning(context_.place_at(word.offset),
                                key_ + ": the field is named X-Spam-" + std::string(word.text) +
                                    ", X-Spam- comes by itself");
    }
    return std::string(HeaderChanges::kPrefix) + std::string(word.text);
  }

  std::optional<HeaderTemplate> template_of(std::string_view text, std::size_t offset,
                                            Backslashes backslashes) {
    if (text.size() > kMaxTemplate) {
      error(offset, "expected a text of at most " + std::to_string(kMaxTemplate) + " octets");
      return std::nullopt;
    }
    std::vector<TagRemark> remarks;
    HeaderTemplate out = parse_header_template(text, backslashes, remarks);
    bool good = true;
    for (const TagRemark& remark : remarks) good &= tell(remark, offset + remark.offset);
    return good ? std::optional(std::move(out)) : std::nullopt;
  }

  bool tell(const TagRemark& remark, std::size_t offset) {
    const std::string shown = printable(remark.name, 60);
    switch (remark.kind) {
      case TagRemark::Kind::unsupported:
        context_.builder.unsupported_tag(remark.name, context_.place_at(offset));
        return true;
      case TagRemark::Kind::long_argument:
        error(offset, "expected at most " + std::to_string(kMaxTagArgument) +
                          " octets in the parentheses of " + shown);
        return false;
      case TagRemark::Kind::unknown:
        break;
    }
    std::string what = key_ + ": " + shown + " is no tag and stays as text";
    if (!remark.meant.empty()) what += ", did you mean " + std::string(remark.meant) + "?";
    context_.reporter.warning(context_.place_at(offset), std::move(what));
    return true;
  }

  static std::string found(std::string_view text) {
    return text.empty() ? "" : ", found '" + printable(text, 120) + "'";
  }

  void error(std::size_t offset, const std::string& what) {
    context_.reporter.error(context_.place_at(offset), key_ + ": " + what);
  }

  const LineContext& context_;
  const std::string key_;
  Words words_;
  HeaderChanges& changes_;
};

}  // namespace

void read_header_line(const LineContext& context, std::string_view key, Words words,
                      HeaderChanges& changes) {
  HeaderLine(context, key, words, changes).read();
}

}  // namespace gatepost::rules
