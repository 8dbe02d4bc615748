#pragma once
// toml++ as we use it, and what readers of TOML share. For sources of this room only.

#include <algorithm>
#include <sstream>
#include <string>

// toml++ 3.3 states as a fact that a key begins where "[[[" or "[[=" stands: an abort with asserts,
// undefined behaviour with clang's __builtin_assume without them. Its code behind that copes and
// says what is wrong, so neither is wanted (fixed upstream in tomlplusplus#301).
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "core/base/result.h"
#include "core/base/text.h"

namespace gatepost::config {

inline std::string to_text(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

/// What was found instead, on one line whatever it is: a hostile or huge value must not fill the
/// terminal.
inline std::string shown(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array_of_tables()) return "a list of tables";
  return printable(to_text(node), 100);
}

/// Where a fault is; faults are told in this order.
struct Place {
  std::size_t file = 0;  ///< the how many-th that was read; 0: embedded defaults
  toml::source_position at;

  bool operator<(const Place& other) const {
    return file != other.file         ? file < other.file
           : at.line != other.at.line ? at.line < other.at.line
                                      : at.column < other.at.column;
  }
};

/// Takes what a reader has to say.
class Teller {
 public:
  virtual ~Teller() = default;
  virtual Place place(const toml::source_region& at) const = 0;
  virtual void fault(const Place& place, std::string what) = 0;
  virtual void warn(const Place& place, std::string what) = 0;
  /// A fault or warning of another file, which `place` names.
  virtual void other_file(const Place& place, bool warning, Error error) = 0;
};

}  // namespace gatepost::config
