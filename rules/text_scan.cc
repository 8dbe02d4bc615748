#include "rules/text_scan.h"

#include <algorithm>
#include <utility>

#include <hs/hs.h>

namespace gatepost::rules {

void TextScan::run(const Group& group) {
  if (state_.profile == nullptr) {
    scan(group);
  } else {
    measure(group);
  }
  for (const std::uint32_t rule : group.pcre_only) {
    if (!put_off(Waiting::Look::pieces, rule, text_)) pcre_only(rule);
  }
}

void TextScan::look(const RuleSetParts& parts, MatchState& state, const Waiting& waiting) {
  TextScan scan(parts, state, waiting.text, waiting.pieces, waiting.line_end);
  switch (waiting.look) {
    case Waiting::Look::piece:
      return scan.confirm(waiting.rule, waiting.text);
    case Waiting::Look::pieces:
      return scan.pcre_only(waiting.rule);
    case Waiting::Look::database:
      return scan.scan(*waiting.database);
    default:
      return;
  }
}

bool TextScan::put_off(Waiting::Look look, std::uint32_t rule, std::string_view text,
                       const Database* database) {
  if (!state_.puts_off || !parts_.slots[rule].can_wait || state_.waiting.size() >= kMostWaiting)
    return false;
  state_.waiting.push_back({.rule = rule,
                            .look = look,
                            .line_end = static_cast<LineEnd>(line_end_),
                            .text = text,
                            .pieces = pieces_,
                            .database = database});
  return true;
}

template <class Work>
void TextScan::measured(std::uint32_t rule, const Work& work) {
  if (state_.profile == nullptr) return work();
  MatchProfile::Nanoseconds& own = state_.profile->own[rule].time;
  const auto before = own;
  {
    const OwnTime time(state_.profile, rule);
    work();
  }
  own_time_ += own - before;
}

void TextScan::scan(const Group& group) {
  for (const Database& database : group.databases) {
    const bool one = database.rules.size() == 1;
    if (!one || !put_off(Waiting::Look::database, database.rules[0], text_, &database))
      scan(database);
  }
  for (const CountedRule& counted : group.counted) measured(counted.rule, [&] { count(counted); });
  if (!group.letters.empty()) scan_letters(group.letters);
}

void TextScan::count(const CountedRule& counted) {
  const Slot& slot = parts_.slots[counted.rule];
  std::string_view text = text_;
  if (slot.skip_subject)
    text.remove_prefix(pieces_->size() < 2 ? text.size() : (*pieces_)[1].begin);
  const auto room = static_cast<std::size_t>(
      std::max(0, slot.most - static_cast<int>(state_.value[counted.rule])));
  const std::size_t count = std::min(room, counted.sequences.count(text));
  if (count == 0) return;
  const std::size_t begin = counted.sequences.find(text);
  const std::size_t end = begin + counted.sequences.size_at(text, begin);
  hit(counted.rule, static_cast<int>(count),
      {counted.rule, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), text});
}

void TextScan::scan(const Database& database) {
  database_ = &database;
  piece_ = 0;
  const char* octets = text_.data() == nullptr ? "" : text_.data();
  hs_scan(database.database, octets, static_cast<unsigned>(text_.size()), 0, state_.scratch,
          &TextScan::on_match, this);
}

void TextScan::scan_letters(const LetterScan& letters) {
  const std::size_t count = pieces_ == nullptr ? 1 : pieces_->size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view piece = pieces_ == nullptr ? text_ : piece_text(i);
    state_.spelled.clear();
    letters.find(piece, state_.spelled);
    const std::uint64_t here = (std::uint64_t{state_.round} << 32) | i;
    for (const std::uint32_t rule : state_.spelled) {
      const Slot& slot = parts_.slots[rule];
      if (state_.value[rule] != 0 && !slot.multiple) continue;
      if (i == 0 && slot.skip_subject) continue;
      if (std::exchange(state_.tried[rule], here) != here) decide(rule, piece);
    }
  }
}

void TextScan::measure(const Group& group) {
  if (group.databases.empty() && group.letters.empty()) return scan(group);
  own_time_ = {};
  const auto start = MatchProfile::Clock::now();
  scan(group);
  MatchProfile::Scan& out =
      state_.profile
          ->scans[group.databases.empty() ? group.letters.rules()[0] : group.databases[0].rules[0]];
  out.time += MatchProfile::Clock::now() - start - own_time_;
  ++out.runs;
  out.octets += text_.size();
  if (out.rules != 0) return;
  for (const Database& database : group.databases)
    out.rules += static_cast<std::uint32_t>(database.rules.size());
  out.rules += static_cast<std::uint32_t>(group.letters.rules().size());
}

int TextScan::on_match(unsigned id, unsigned long long /*from*/, unsigned long long to,
                       unsigned /*flags*/, void* self) {
  auto& scan = *static_cast<TextScan*>(self);
  const std::vector<std::uint32_t>& rules = scan.database_->rules;
  if (id >= rules.size()) return 0;
  scan.found(rules[id], static_cast<std::uint32_t>(to));
  // Anything but 0 ends the scan: of a database of one rule nothing more is wanted then.
  return rules.size() == 1 && scan.is_settled(rules[id]) ? 1 : 0;
}

bool TextScan::is_settled(std::uint32_t rule) const {
  const Slot& slot = parts_.slots[rule];
  const auto value = static_cast<int>(state_.value[rule]);
  return slot.multiple ? value >= slot.most : value != 0;
}

void TextScan::found(std::uint32_t rule, std::uint32_t to) {
  const Slot& slot = parts_.slots[rule];
  if (state_.value[rule] != 0 && !slot.multiple) return;
  std::string_view piece = text_;
  std::uint32_t begin = 0;
  std::uint32_t number = 0;
  if (pieces_ != nullptr) {
    // A match that ends in no piece reaches out of one.
    if (!find_piece(to)) return;
    number = piece_;
    if (number == 0 && slot.skip_subject) return;
    begin = (*pieces_)[number].begin;
    piece = piece_text(number);
  }
  if (slot.route == Route::exact && !slot.multiple) {
    hit(rule, 1, {rule, kNowhere, to - begin, piece});
    return;
  }
  const std::uint64_t here = (std::uint64_t{state_.round} << 32) | number;
  if (slot.least_reports > 1 && !is_enough(rule, slot.least_reports, here)) return;
  if (slot.least_reports == 1 && std::exchange(state_.tried[rule], here) == here) return;
  decide(rule, piece);
}

// Whether this report is the one with which there are enough in its piece.
bool TextScan::is_enough(std::uint32_t rule, std::uint8_t least, std::uint64_t here) {
  std::uint64_t& counted = state_.tried[rule];
  if (here < counted) return true;  // out of order, which is rare: not counted, PCRE2 looks
  if (here != counted) state_.reports[rule] = 0;
  counted = here;
  std::uint8_t& reports = state_.reports[rule];
  if (reports >= least) return false;
  return ++reports == least;
}

bool TextScan::find_piece(std::uint32_t to) {
  const auto& pieces = *pieces_;
  if (pieces.empty()) return false;
  if (to <= pieces[piece_].begin) {
    const auto after = std::upper_bound(
        pieces.begin(), pieces.end(), to,
        [](std::uint32_t at, const mail::PieceText::Piece& p) { return at <= p.begin; });
    if (after == pieces.begin()) return false;
    piece_ = static_cast<std::uint32_t>(after - pieces.begin() - 1);
  }
  while (piece_ + 1 < pieces.size() && to > pieces[piece_ + 1].begin) ++piece_;
  return to > pieces[piece_].begin && to <= pieces[piece_].end + line_end_;
}

void TextScan::pcre_only(std::uint32_t rule) {
  if (pieces_ == nullptr) {
    decide(rule, text_);
    return;
  }
  const Slot& slot = parts_.slots[rule];
  for (std::size_t i = slot.skip_subject ? 1 : 0; i < pieces_->size(); ++i) {
    decide(rule, piece_text(i));
    if (state_.value[rule] >= slot.most) return;
  }
}

void TextScan::decide(std::uint32_t rule, std::string_view piece) {
  if (put_off(Waiting::Look::piece, rule, piece)) return;
  measured(rule, [&] { confirm(rule, piece); });
}

void TextScan::confirm(std::uint32_t rule, std::string_view piece) {
  const Slot& slot = parts_.slots[rule];
  const Regex* regex = slot.regex.get(parts_.rules[rule].pattern);
  if (regex == nullptr) return;
  const int room = slot.most - static_cast<int>(state_.value[rule]);
  if (room <= 0) return;
  int count = 1;
  RegexRunner& runner = state_.runner;
  const auto found =
      slot.multiple ? runner.count(*regex, piece, room, count) : runner.find(*regex, piece);
  if (found == RegexRunner::Found::limited) {
    limited_ = true;
    if (slot.negated) state_.value[rule] = 1;  // not known: it does not hit
    if (!slot.multiple) return;
  }
  if (found == RegexRunner::Found::no || count == 0) return;
  hit(rule, count,
      {rule, static_cast<std::uint32_t>(runner.begin()), static_cast<std::uint32_t>(runner.end()),
       piece});
}

void TextScan::hit(std::uint32_t rule, int count, const Touched& where) {
  // A negated rule hits when its value is still 0 in the end.
  if (state_.value[rule] == 0 && !parts_.slots[rule].negated) state_.touched.push_back(where);
  state_.value[rule] += count;
}

}  // namespace gatepost::rules
