#pragma once
// Where things stand in rule files, and patterns as they are written there.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gatepost::rules {

/// Where something stands in a rule file; line and column from 1.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  /// "file:line:column"
  std::string text() const;
  bool operator==(const Place&) const = default;
};

/// A Perl regular expression without its delimiters. Modifiers are those of Perl.
struct Pattern {
  /// Octets from `offset` on stand at `place`: where a line was continued or lost a backslash.
  struct Jump {
    std::uint32_t offset = 0;
    int line = 0;
    int column = 0;
    bool operator==(const Jump&) const = default;
  };

  std::string expression;
  bool caseless = false;    ///< i
  bool multiline = false;   ///< m
  bool dotall = false;      ///< s
  bool extended = false;    ///< x
  Place place;              ///< of its first character
  std::vector<Jump> jumps;  ///< by offset; most patterns have none

  /// Where the octet `offset` of the expression stands in the file.
  Place place_at(std::size_t offset) const;
};

}  // namespace gatepost::rules
