#pragma once
// One text against the rules that look at it: Hyperscan finds, PCRE2 has the last word. Private to
// the matcher.

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "core/mail/content.h"
#include "rules/match_state.h"
#include "rules/matcher.h"
#include "rules/profile.h"

namespace gatepost::rules {

/// A text that one group of rules looks at. Without pieces it is one piece.
class TextScan {
 public:
  TextScan(const RuleSetParts& parts, MatchState& state, std::string_view text,
           const std::vector<mail::PieceText::Piece>* pieces, LineEnd line_end = LineEnd::outside)
      : parts_(parts),
        state_(state),
        text_(text),
        pieces_(pieces),
        line_end_(static_cast<std::uint32_t>(line_end)) {
    if (text_.size() > std::numeric_limits<std::uint32_t>::max())
      text_ = text_.substr(0, std::numeric_limits<std::uint32_t>::max());
    ++state_.round;
  }

  void run(const Group& group);
  /// A look that was put off; not one for evals or addresses.
  static void look(const RuleSetParts& parts, MatchState& state, const Waiting& waiting);

  bool limited() const { return limited_; }

 private:
  void scan(const Group& group);
  void scan(const Database& database);
  void count(const CountedRule& counted);
  void scan_letters(const LetterScan& letters);
  void measure(const Group& group);
  // Does the work, and adds its time to what the rule costs by itself.
  template <class Work>
  void measured(std::uint32_t rule, const Work& work);
  static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                      void* self);
  void found(std::uint32_t rule, std::uint32_t to);
  bool is_settled(std::uint32_t rule) const;
  bool is_enough(std::uint32_t rule, std::uint8_t least, std::uint64_t here);

  // Sets piece_ to the one that holds the octet before `to`. Ends of matches come in order, but for
  // rare ones.
  bool find_piece(std::uint32_t to);

  std::string_view piece_text(std::size_t number) const {
    const auto& piece = (*pieces_)[number];
    return text_.substr(piece.begin, piece.end + line_end_ - piece.begin);
  }

  void pcre_only(std::uint32_t rule);
  // Whether it was put off.
  bool put_off(Waiting::Look look, std::uint32_t rule, std::string_view text,
               const Database* database = nullptr);

  // PCRE2 has the last word on one piece.
  void decide(std::uint32_t rule, std::string_view piece);
  void confirm(std::uint32_t rule, std::string_view piece);
  void hit(std::uint32_t rule, int count, const Touched& where);

  const RuleSetParts& parts_;
  MatchState& state_;
  std::string_view text_;
  const std::vector<mail::PieceText::Piece>* pieces_;
  std::uint32_t line_end_;
  const Database* database_ = nullptr;
  std::uint32_t piece_ = 0;
  bool limited_ = false;
  MatchProfile::Nanoseconds own_time_{0};  // of rules, in the scan that is measured
};

}  // namespace gatepost::rules
