#pragma once
// Lines of a rule file: without comments, continued ones joined, and each octet with its place.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"

namespace gatepost::rules {

struct Line {
  std::string text;                  ///< without white space at its ends, `\#` as `#`
  std::vector<Pattern::Jump> jumps;  ///< the first has offset 0
  bool too_long = false;             ///< text is cut: do not read it

  Place place_at(const std::string& file, std::size_t offset) const;
  /// As a Pattern's expression, place and jumps; begin <= end.
  Pattern slice(const std::string& file, std::size_t begin, std::size_t end) const;
};

/// `#` begins a comment unless a backslash stands before it. A line that ends in a backslash goes
/// on in the next one, whose white space in front does not count.
class LineReader {
 public:
  LineReader(std::string_view text, std::size_t max_line);
  /// The next line that is not empty. @return false at the end.
  bool next(Line& line);

 private:
  bool append_physical(Line& line);

  std::string_view rest_;
  std::size_t max_line_;
  int number_ = 0;
};

/// Words of a line, from an offset on.
class Words {
 public:
  struct Word {
    std::string_view text;  ///< empty at the end
    std::size_t offset = 0;
  };
  Words(const Line& line, std::size_t offset) : text_(line.text), at_(offset) { skip(); }
  Word next();
  /// Offset of what comes, behind white space.
  std::size_t at() const { return at_; }
  std::string_view rest() const { return text_.substr(at_); }

 private:
  void skip();
  std::string_view text_;
  std::size_t at_;
};

}  // namespace gatepost::rules
