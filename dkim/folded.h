#pragma once
// Field values of ours, folded below 78 columns.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gatepost::dkim {

/// Writes a field value, with folds (LF and a TAB) where white space does no harm.
class Folded {
 public:
  static constexpr std::size_t kColumns = 77;
  static constexpr std::size_t kTab = 8;

  /// @param column  where the value begins: behind the name, the colon and a blank
  explicit Folded(std::size_t column) : column_(column) {}

  /// A piece that stays whole, behind `blank` where it fits on the line.
  void piece(std::string_view text, bool blank) {
    if (column_ + (blank ? 1 : 0) + text.size() > kColumns) {
      fold();
    } else if (blank) {
      text_ += ' ';
      ++column_;
    }
    text_ += text;
    column_ += text.size();
  }
  /// Base64, which may be cut anywhere.
  void octets(std::string_view base64) {
    while (!base64.empty()) {
      if (column_ >= kColumns) fold();
      const std::size_t size = std::min(kColumns - column_, base64.size());
      text_ += base64.substr(0, size);
      column_ += size;
      base64.remove_prefix(size);
    }
  }
  void fold() {
    text_ += "\n\t";
    column_ = kTab;
  }
  std::string take() { return std::move(text_); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t column_;
};

}  // namespace gatepost::dkim
