#include "core/dns/name.h"

#include <idn2.h>

#include "core/base/text.h"

namespace gatepost::dns {

bool is_wire_name(std::string_view name) {
  if (name.empty()) return true;
  if (name.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c != '.') {
      if (++label > 63) return false;
    } else if (label == 0) {
      return false;
    } else {
      label = 0;
    }
  }
  return label != 0;
}

std::string_view last_labels(std::string_view name, int labels) {
  std::size_t start = name.size();
  for (int i = 0; i < labels && start != 0; ++i) {
    const auto dot = name.rfind('.', start - 1);
    if (dot == std::string_view::npos) return name;
    start = dot;
  }
  return start == name.size() ? std::string_view() : name.substr(start + (start != 0 ? 1 : 0));
}

bool is_at_or_below(std::string_view name, std::string_view parent) {
  if (parent.empty() || name == parent) return true;
  return name.size() > parent.size() && name.substr(name.size() - parent.size()) == parent &&
         name[name.size() - parent.size() - 1] == '.';
}

Result<std::string> to_ascii_name(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::string ascii;
  if (is_ascii(name)) {
    ascii = to_lower(name);
  } else {
    // The conversion is not linear in its input: a name that cannot fit is refused before.
    if (name.size() > 1024) return permanent_error("a domain name is too long");
    if (!is_valid_utf8(name) || name.find('\0') != std::string_view::npos) {
      return permanent_error("a domain name is not valid UTF-8", printable(name));
    }
    std::uint8_t* converted = nullptr;
    const std::string input(name);
    const int rc = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(input.c_str()), &converted,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK) {
      return permanent_error(std::string("a domain name has no ASCII form: ") + idn2_strerror(rc),
                             printable(name));
    }
    ascii = to_lower(reinterpret_cast<const char*>(converted));
    idn2_free(converted);
    if (!ascii.empty() && ascii.back() == '.') ascii.pop_back();  // of an ideographic full stop
  }
  if (!is_wire_name(ascii)) {
    return permanent_error("a domain name does not fit DNS (labels of 1 to 63, 253 in all)",
                           printable(name));
  }
  return ascii;
}

}  // namespace gatepost::dns
