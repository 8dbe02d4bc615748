#include "core/mail/fields.h"

#include "core/base/text.h"

namespace gatepost::mail {

std::string_view trimmed_name(const HeaderField& field) {
  return trim(field.name);
}

bool is_named(const HeaderField& field, std::string_view name) {
  return iequals(trimmed_name(field), name);
}

std::vector<const HeaderField*> find_fields(std::span<const HeaderField> fields,
                                            std::string_view name) {
  std::vector<const HeaderField*> found;
  for (const HeaderField& field : fields) {
    if (is_named(field, name)) found.push_back(&field);
  }
  return found;
}

const HeaderField* first_field(std::span<const HeaderField> fields, std::string_view name) {
  for (const HeaderField& field : fields) {
    if (is_named(field, name)) return &field;
  }
  return nullptr;
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::size_t line_break = value[i] == '\n' ? 1 : value.substr(i, 2) == "\r\n" ? 2 : 0;
    const std::string_view behind = value.substr(i + line_break, 1);
    if (line_break != 0 && (behind == " " || behind == "\t")) {
      i += line_break - 1;
    } else {
      out += value[i];
    }
  }
  return out;
}

}  // namespace gatepost::mail
