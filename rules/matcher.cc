#include "rules/matcher.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>

#include <hs/hs.h>

#include "rules/eval_context.h"
#include "rules/profile.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kShown = 100;  // octets of a match that are kept
constexpr std::size_t kLookBack = 200;

std::atomic<std::size_t> sets_alive{0};

hs_scratch* scratch_for(const RuleSetParts& parts, bool& failed) {
  hs_scratch* scratch = nullptr;
  const auto add = [&](const Group& group) {
    for (const Database& one : group.databases) {
      if (hs_alloc_scratch(one.database.get(), &scratch) != HS_SUCCESS) failed = true;
    }
  };
  for (const HeaderGroup& group : parts.headers) add(group.rules);
  for (const MimeHeaderGroup& group : parts.mime_headers) add(group.rules);
  for (const StageGroup& group : parts.stages) add(group.rules);
  add(parts.body);
  add(parts.rawbody);
  add(parts.uri);
  add(parts.full);
  return scratch;
}

// Adds the time until its end to what a rule costs by itself, when somebody measures.
class OwnTime {
 public:
  OwnTime(MatchProfile* profile, std::uint32_t rule) : profile_(profile), rule_(rule) {
    if (profile_ != nullptr) start_ = MatchProfile::Clock::now();
  }
  ~OwnTime() {
    if (profile_ == nullptr) return;
    MatchProfile::Own& own = profile_->own[rule_];
    own.time += MatchProfile::Clock::now() - start_;
    ++own.runs;
  }
  OwnTime(const OwnTime&) = delete;
  OwnTime& operator=(const OwnTime&) = delete;

 private:
  MatchProfile* profile_;
  std::uint32_t rule_;
  MatchProfile::Clock::time_point start_;
};

// A text that one group of rules looks at. Without pieces it is one piece.
class TextScan {
 public:
  TextScan(const RuleSetParts& parts, MatchState& state, std::string_view text,
           const std::vector<mail::PieceText::Piece>* pieces)
      : parts_(parts), state_(state), text_(text), pieces_(pieces) {
    if (text_.size() > std::numeric_limits<std::uint32_t>::max())
      text_ = text_.substr(0, std::numeric_limits<std::uint32_t>::max());
    ++state_.round;
  }

  void run(const Group& group) {
    if (state_.profile == nullptr) {
      scan(group);
    } else {
      measure(group);
    }
    for (const std::uint32_t rule : group.pcre_only) pcre_only(rule);
  }

  bool limited() const { return limited_; }

 private:
  void scan(const Group& group) {
    for (const Database& database : group.databases) {
      database_ = &database;
      piece_ = 0;
      const char* octets = text_.data() == nullptr ? "" : text_.data();
      hs_scan(database.database.get(), octets, static_cast<unsigned>(text_.size()), 0,
              state_.scratch, &TextScan::on_match, this);
    }
  }

  void measure(const Group& group) {
    if (group.databases.empty()) return;
    own_time_ = {};
    const auto start = MatchProfile::Clock::now();
    scan(group);
    MatchProfile::Scan& out = state_.profile->scans[group.databases[0].rules[0]];
    out.time += MatchProfile::Clock::now() - start - own_time_;
    ++out.runs;
    out.octets += text_.size();
    if (out.rules != 0) return;
    for (const Database& database : group.databases)
      out.rules += static_cast<std::uint32_t>(database.rules.size());
  }

  static int on_match(unsigned id, unsigned long long /*from*/, unsigned long long to,
                      unsigned /*flags*/, void* self) {
    auto& scan = *static_cast<TextScan*>(self);
    if (id < scan.database_->rules.size())
      scan.found(scan.database_->rules[id], static_cast<std::uint32_t>(to));
    return 0;
  }

  void found(std::uint32_t rule, std::uint32_t to) {
    const Slot& slot = parts_.slots[rule];
    if (state_.value[rule] != 0 && !slot.multiple) return;
    std::string_view piece = text_;
    std::uint32_t begin = 0;
    std::uint32_t number = 0;
    if (pieces_ != nullptr) {
      // A match that ends behind the LF of a piece reaches out of it.
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
    if (state_.tried[rule] == here) return;
    state_.tried[rule] = here;
    decide(rule, piece);
  }

  // Sets piece_ to the one that holds the octet before `to`. Ends of matches come in order, but for
  // rare ones.
  bool find_piece(std::uint32_t to) {
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
    return to > pieces[piece_].begin && to <= pieces[piece_].end;
  }

  std::string_view piece_text(std::size_t number) const {
    const auto& piece = (*pieces_)[number];
    return text_.substr(piece.begin, piece.end - piece.begin);
  }

  void pcre_only(std::uint32_t rule) {
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

  // PCRE2 has the last word on one piece.
  void decide(std::uint32_t rule, std::string_view piece) {
    if (state_.profile == nullptr) return confirm(rule, piece);
    MatchProfile::Nanoseconds& own = state_.profile->own[rule].time;
    const auto before = own;
    {
      const OwnTime time(state_.profile, rule);
      confirm(rule, piece);
    }
    own_time_ += own - before;
  }

  void confirm(std::uint32_t rule, std::string_view piece) {
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

  void hit(std::uint32_t rule, int count, const Touched& where) {
    // A negated rule hits when its value is still 0 in the end.
    if (state_.value[rule] == 0 && !parts_.slots[rule].negated) state_.touched.push_back(where);
    state_.value[rule] += count;
  }

  const RuleSetParts& parts_;
  MatchState& state_;
  std::string_view text_;
  const std::vector<mail::PieceText::Piece>* pieces_;
  const Database* database_ = nullptr;
  std::uint32_t piece_ = 0;
  bool limited_ = false;
  MatchProfile::Nanoseconds own_time_{0};  // of rules, in the scan that is measured
};

class CompiledRules final : public RuleSet {
 public:
  CompiledRules(RuleSetParts parts, hs_scratch* scratch)
      : parts_(std::move(parts)),
        pool_(scratch, parts_.rules.size(), parts_.selectors.size(),
              1 + parts_.mime_headers.size()) {
    budget_ = {parts_.limits.pcre_match_limit, parts_.limits.pcre_heap_kib,
               parts_.limits.max_confirmations, parts_.limits.pcre_time};
    index_metas();
    for (const StageGroup& group : parts_.stages) stages_ |= bit(group.stage);
    const MatchStatePool::Lease lease(pool_);
    find_when_unset(*lease);
    sets_alive.fetch_add(1, std::memory_order_relaxed);
  }
  ~CompiledRules() override { sets_alive.fetch_sub(1, std::memory_order_relaxed); }
  CompiledRules(const CompiledRules&) = delete;

  MatchOutcome match(const Subject& subject) const override {
    const MatchStatePool::Lease lease(pool_);
    MatchState& state = *lease;
    state.profile = subject.profile;
    if (state.profile == nullptr) return match(subject, state);
    state.profile->own.resize(parts_.rules.size());
    const auto start = MatchProfile::Clock::now();
    MatchOutcome out = match(subject, state);
    state.profile->total += MatchProfile::Clock::now() - start;
    ++state.profile->matches;
    state.profile = nullptr;
    return out;
  }

  bool has_stage_rules(RuleType stage) const override { return (stages_ & bit(stage)) != 0; }

  MatchOutcome match_stage(RuleType stage, const SmtpTexts& smtp) const override {
    if (!has_stage_rules(stage)) return {};
    const MatchStatePool::Lease lease(pool_);
    MatchState& state = *lease;
    state.profile = nullptr;
    state.runner.start(budget_);
    scan_stages(state, smtp, stage);
    MatchOutcome out = outcome_of(state);
    collect(state, true, out.hits);
    return out;
  }

  std::span<const Rule> rules() const override { return parts_.rules; }
  const std::string& hash() const override { return parts_.hash; }
  bool needs_urls() const override {
    return !parts_.uri.databases.empty() || !parts_.uri.pcre_only.empty() ||
           !parts_.uri_details.empty() || !parts_.evals.empty();
  }
  const mail::UrlSettings& url_settings() const override { return parts_.settings->urls(); }

 private:
  MatchOutcome match(const Subject& subject, MatchState& state) const {
    state.runner.start(budget_);
    state.index.read(subject.fields);
    MessageFacts facts(state.index, subject.mail_from, parts_.settings->settings(),
                       parts_.settings->registries());
    EvalContext context(subject, *parts_.settings, facts, state.runner);
    if (subject.smtp != nullptr) scan_stages(state, *subject.smtp, std::nullopt);
    scan_headers(state, facts);
    const mail::Content& content = subject.content;
    TextScan(parts_, state, content.body.text, &content.body.pieces).run(parts_.body);
    TextScan(parts_, state, content.rawbody.text, &content.rawbody.pieces).run(parts_.rawbody);
    TextScan(parts_, state, content.full, nullptr).run(parts_.full);
    scan_urls(state, subject.urls);
    scan_mime_headers(state, context);
    run_evals(state, context);
    MatchOutcome out = outcome_of(state);
    if (state.profile == nullptr) {
      run_metas(state);
    } else {
      const auto start = MatchProfile::Clock::now();
      run_metas(state);
      state.profile->metas += MatchProfile::Clock::now() - start;
    }
    collect(state, subject.want_matched, out.hits);
    return out;
  }

  static constexpr unsigned bit(RuleType stage) { return 1U << static_cast<unsigned>(stage); }

  static MatchOutcome outcome_of(const MatchState& state) {
    MatchOutcome out;
    out.confirmations = state.runner.runs();
    out.limited = state.runner.limited();
    out.budget_exceeded = out.limited != 0;
    return out;
  }

  void index_metas() {
    const std::size_t rules = parts_.rules.size();
    users_begin_.assign(rules + 1, 0);
    for (const MetaPlan::Meta& meta : parts_.metas) {
      for (const std::uint32_t input : meta.program.uses()) {
        if (input < rules) ++users_begin_[input + 1];  // names that no file defines are behind
      }
    }
    for (std::size_t i = 1; i < users_begin_.size(); ++i) users_begin_[i] += users_begin_[i - 1];
    users_.resize(users_begin_.back());
    std::vector<std::uint32_t> next = users_begin_;
    const std::vector<double> nothing(rules);
    for (const MetaPlan::Meta& meta : parts_.metas) {
      for (const std::uint32_t input : meta.program.uses()) {
        if (input < rules) users_[next[input]++] = meta.rule;
      }
      if (meta.program.evaluate(nothing) != 0) always_.push_back(meta.rule);
    }
  }

  void find_when_unset(MatchState& state) {
    for (HeaderGroup& group : parts_.headers) {
      state.runner.start(budget_);
      scan_group(state, group, group.unset);
      for (const std::uint32_t rule : group.missing) touch(state, rule);
      for (const Touched& touched : state.touched)
        group.when_unset.emplace_back(touched.rule, state.value[touched.rule]);
      clear(state);
    }
  }

  static void touch(MatchState& state, std::uint32_t rule, double value = 1) {
    state.touched.push_back({rule, kNowhere, kNowhere, {}});
    state.value[rule] = value;
  }

  void scan_headers(MatchState& state, MessageFacts& facts) const {
    std::size_t read = parts_.selectors.size();  // none yet; groups of a selector stand together
    bool present = false;
    for (const HeaderGroup& group : parts_.headers) {
      std::string& text = state.headers[group.selector];
      if (read != group.selector) {
        present = parts_.selectors[group.selector].read(facts, text);
        read = group.selector;
      }
      if (!present) {
        for (const auto& [rule, value] : group.when_unset) touch(state, rule, value);
        continue;
      }
      scan_group(state, group, text);
      for (const std::uint32_t rule : group.exists) touch(state, rule);
    }
  }

  void scan_group(MatchState& state, const HeaderGroup& group, std::string_view text) const {
    TextScan(parts_, state, text, nullptr).run(group.rules);
    turn(state, group.negated);
  }

  // Rules with !~ hit when nothing was found.
  static void turn(MatchState& state, const std::vector<std::uint32_t>& negated) {
    for (const std::uint32_t rule : negated) {
      if (state.value[rule] == 0) {
        touch(state, rule);
      } else {
        state.value[rule] = 0;
      }
    }
  }

  // Before all else: nothing is touched yet. A rule hits once, however many recipients it hits.
  void scan_stages(MatchState& state, const SmtpTexts& smtp, std::optional<RuleType> only) const {
    std::vector<Touched> hits;
    for (const StageGroup& group : parts_.stages) {
      if (only && group.stage != *only) continue;
      if (group.field == StageField::recipient) {
        for (const std::string_view recipient : smtp.recipients)
          scan_stage(state, group, recipient, hits);
      } else {
        scan_stage(state, group, stage_text(smtp, group.field), hits);
      }
    }
    for (const Touched& hit : hits) {
      if (state.value[hit.rule] != 0) continue;
      state.touched.push_back(hit);
      state.value[hit.rule] = 1;
    }
  }

  void scan_stage(MatchState& state, const StageGroup& group, std::string_view text,
                  std::vector<Touched>& hits) const {
    TextScan(parts_, state, text, nullptr).run(group.rules);
    turn(state, group.negated);
    hits.insert(hits.end(), state.touched.begin(), state.touched.end());
    clear(state);
  }

  static void begin_pieces(mail::PieceText& text) {
    text.text.clear();
    text.pieces.clear();
  }
  static void add_piece(mail::PieceText& to, std::string_view text) {
    const auto begin = static_cast<std::uint32_t>(to.text.size());
    to.text += text;
    to.pieces.push_back({begin, static_cast<std::uint32_t>(to.text.size())});
    to.text += '\n';
  }

  void scan_urls(MatchState& state, std::span<const mail::Url> urls) const {
    if (urls.empty()) return;
    mail::PieceText& text = state.pieces[0];
    begin_pieces(text);
    for (const mail::Url& url : urls) {
      for (const std::string& form : url.cleaned) add_piece(text, form);
    }
    TextScan(parts_, state, text.text, &text.pieces).run(parts_.uri);
    for (const UriDetailRule& one : parts_.uri_details) {
      const OwnTime time(state.profile, one.rule);
      if (std::any_of(urls.begin(), urls.end(),
                      [&](const mail::Url& url) { return meets_all(state, one, url); })) {
        touch(state, one.rule);
      }
    }
  }

  bool meets_all(MatchState& state, const UriDetailRule& one, const mail::Url& url) const {
    const auto& conditions = parts_.rules[one.rule].conditions;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      const Regex* regex = one.regexes[i].get(conditions[i].pattern);
      if (regex == nullptr) return false;
      const auto meets = [&](std::string_view text) {
        const auto found = state.runner.find(*regex, text);
        return found == (conditions[i].negated ? RegexRunner::Found::no : RegexRunner::Found::yes);
      };
      if (!meets_one(conditions[i].target, url, meets)) return false;
    }
    return true;
  }

  template <class Meets>
  static bool meets_one(UriCondition::Target target, const mail::Url& url, Meets meets) {
    const auto any = [&](const std::vector<std::string>& texts) {
      return std::any_of(texts.begin(), texts.end(), meets);
    };
    switch (target) {
      case UriCondition::Target::raw:
        return meets(url.raw);
      case UriCondition::Target::type:
        return any(url.types);
      case UriCondition::Target::cleaned:
        return any(url.cleaned);
      case UriCondition::Target::text:
        return any(url.anchor_texts);
      case UriCondition::Target::domain:
        return any(url.domains);
      case UriCondition::Target::host:
        return std::any_of(url.hosts.begin(), url.hosts.end(),
                           [&](const auto& host) { return meets(host.first); });
    }
    return false;
  }

  void scan_mime_headers(MatchState& state, EvalContext& context) const {
    for (std::size_t g = 0; g < parts_.mime_headers.size(); ++g) {
      const MimeHeaderGroup& group = parts_.mime_headers[g];
      mail::PieceText& text = state.pieces[g + 1];
      begin_pieces(text);
      for (const MimePart& part : context.mime().parts)
        add_piece(text, mime_header_text(part, group.name, group.raw, group.unset));
      TextScan(parts_, state, text.text, &text.pieces).run(group.rules);
      turn(state, group.negated);
    }
  }

  void run_evals(MatchState& state, EvalContext& context) const {
    for (const EvalRule& one : parts_.evals) {
      const OwnTime time(state.profile, one.rule);
      if (one.function->run(context, *one.arguments)) touch(state, one.rule);
    }
  }

  void want_users(MatchState& state, std::uint32_t rule) const {
    for (std::uint32_t i = users_begin_[rule]; i < users_begin_[rule + 1]; ++i)
      state.wanted[users_[i]] = true;
  }

  // A meta is computed only when a rule that it names hit, or when it is true of nothing; else it
  // is 0.
  void run_metas(MatchState& state) const {
    if (parts_.metas.empty()) return;
    for (const std::uint32_t rule : always_) state.wanted[rule] = true;
    for (const Touched& touched : state.touched) want_users(state, touched.rule);
    for (const MetaPlan::Meta& meta : parts_.metas) {
      if (!state.wanted[meta.rule]) continue;
      state.wanted[meta.rule] = false;
      const double value = meta.program.evaluate(state.value);
      if (value == 0) continue;
      touch(state, meta.rule, value);
      want_users(state, meta.rule);
    }
  }

  void collect(MatchState& state, bool want_matched, std::vector<Hit>& hits) const {
    std::sort(state.touched.begin(), state.touched.end(),
              [](const Touched& a, const Touched& b) { return a.rule < b.rule; });
    hits.reserve(state.touched.size());
    for (const Touched& touched : state.touched) {
      Hit& hit = hits.emplace_back();
      hit.rule = &parts_.rules[touched.rule];
      if (parts_.slots[touched.rule].multiple)
        hit.count = static_cast<int>(state.value[touched.rule]);
      if (want_matched && touched.end != kNowhere) hit.matched = shown(state, touched);
    }
    clear(state);
  }

  static void clear(MatchState& state) {
    for (const Touched& touched : state.touched) state.value[touched.rule] = 0;
    state.touched.clear();
  }

  // The text of a hit. Hyperscan gives its end alone; PCRE2 finds the begin close before it.
  std::string shown(MatchState& state, const Touched& touched) const {
    std::size_t begin = touched.begin;
    if (touched.begin == kNowhere) {
      const Regex* regex = parts_.slots[touched.rule].regex.get(parts_.rules[touched.rule].pattern);
      const std::size_t from = touched.end > kLookBack ? touched.end - kLookBack : 0;
      const bool seen = regex != nullptr &&
                        state.runner.find(*regex, touched.text.substr(0, touched.end), from) ==
                            RegexRunner::Found::yes;
      begin =
          seen ? state.runner.begin() : touched.end - std::min<std::size_t>(touched.end, kShown);
    }
    return std::string(touched.text.substr(begin, std::min(touched.end - begin, kShown)));
  }

  RuleSetParts parts_;
  RegexBudget budget_;
  mutable MatchStatePool pool_;
  std::vector<std::uint32_t> users_begin_;  // by rule, into users_: the metas that name it
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> always_;  // metas that are true when nothing hits
  unsigned stages_ = 0;                // bits of the stages that have rules
};

}  // namespace

void DatabaseFree::operator()(hs_database* database) const {
  hs_free_database(database);
}

std::size_t RuleSet::alive() {
  return sets_alive.load(std::memory_order_relaxed);
}

const mail::UrlSettings& RuleSet::url_settings() const {
  static const mail::UrlSettings kNone;
  return kNone;
}

Result<std::shared_ptr<const RuleSet>> make_rule_set(RuleSetParts parts) {
  bool failed = false;
  hs_scratch* scratch = scratch_for(parts, failed);
  if (failed) {
    hs_free_scratch(scratch);
    return internal_error("no memory for the scratch of Hyperscan");
  }
  return std::shared_ptr<const RuleSet>(
      std::make_shared<const CompiledRules>(std::move(parts), scratch));
}

}  // namespace gatepost::rules
