#pragma once
// What read_received() does with the text of a Received field. Private to it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gatepost::rules::received {

/// As std::string_view's, and faster where `piece` begins with blanks, of which there are many.
std::size_t find(std::string_view text, std::string_view piece, std::size_t from = 0);
bool holds(std::string_view text, std::string_view piece);

/// The pairs of neighbours in a text, roughly: most pieces that are asked for are not there, and
/// this says so without a search.
class Pairs {
 public:
  void add(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      const unsigned bit = bit_of(text[i - 1], text[i]);
      bits_[bit / 64] |= std::uint64_t{1} << bit % 64;
    }
  }
  bool may_hold(std::string_view piece) const {
    for (std::size_t i = 1; i < piece.size(); ++i) {
      const unsigned bit = bit_of(piece[i - 1], piece[i]);
      if ((bits_[bit / 64] >> bit % 64 & 1) == 0) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned kBits = 2048;
  static unsigned bit_of(char a, char b) {
    return (static_cast<unsigned char>(a) * 37U + static_cast<unsigned char>(b)) % kBits;
  }

  std::array<std::uint64_t, kBits / 64> bits_{};
};

/// Runs of white space as one blank, none at the ends, no semicolon at the end.
std::string squeezed(std::string_view text);

/// "; Tue, 23 May 2006 13:06:35 -0400" at the end goes; with a comment behind it stays.
void drop_date(std::string& line);

/// The address that `text` is: bare, in square brackets, with "IPv6:", a scope or a port.
std::string address_in(std::string_view text);

/// What stands behind `mark`, up to one of `ends`; empty when the mark is not there.
std::string word_behind(std::string_view text, std::string_view mark, std::string_view ends);

/// How the client has authenticated, as SpamAssassin's `auth=` names it; empty: it has not.
std::string authentication(std::string_view line, const Pairs& pairs);

}  // namespace gatepost::rules::received
