#include "rules/matcher.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>

#include <hs/hs.h>

#include "rules/eval_context.h"
#include "rules/metas.h"
#include "rules/profile.h"
#include "rules/text_scan.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kShown = 100;  // octets of a match that are kept
constexpr std::size_t kLookBack = 200;

std::atomic<std::size_t> sets_alive{0};

hs_scratch* scratch_for(const RuleSetParts& parts, bool& failed) {
  hs_scratch* scratch = nullptr;
  const auto add = [&](const Group& group) {
    for (const Database& one : group.databases) {
      if (hs_alloc_scratch(one.database, &scratch) != HS_SUCCESS) failed = true;
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

class CompiledRules final : public RuleSet {
 public:
  CompiledRules(RuleSetParts parts, hs_scratch* scratch)
      : parts_(std::move(parts)),
        pool_(scratch, parts_.rules.size(), parts_.selectors.size(),
              1 + parts_.mime_headers.size()) {
    budget_ = {parts_.limits.pcre_match_limit, parts_.limits.pcre_heap_kib,
               parts_.limits.max_confirmations, parts_.limits.pcre_time};
    metas_.build(parts_.metas, parts_.rules);
    for (const Rule& rule : parts_.rules) is_subrule_.push_back(rule.is_subrule());
    for (const StageGroup& group : parts_.stages) stages_ |= bit(group.stage);
    const MatchStatePool::Lease lease(pool_);
    find_when_unset(*lease);
    sets_alive.fetch_add(1, std::memory_order_relaxed);
  }
  ~CompiledRules() override { sets_alive.fetch_sub(1, std::memory_order_relaxed); }
  CompiledRules(const CompiledRules&) = delete;

  MatchOutcome match(const Subject& subject) const override {
    Run run(*this, subject);
    scan_message(run);
    run_evals(run, false);
    run_evals(run, true);
    const bool subrules = !run.state.puts_off;
    if (!subrules) {
      (void)catch_up(run);
    } else {
      metas_.compute(run.state);
    }
    return finish(run, subrules);
  }

  PartialMatch scan(const Subject& subject) const override {
    Run run(*this, subject);
    scan_message(run);
    run_evals(run, false);
    MatchState& state = run.state;
    PartialMatch out;
    bool subrules = true;
    if (state.puts_off) {
      for (const EvalRule& one : parts_.evals) {
        if (one.answered) state.open.open(one.rule, {0, 1}).later = true;
      }
      const auto later = catch_up(run);
      out.metas.emplace(later.begin(), later.end());
      subrules = !later.empty();  // these metas ask for them
    }
    if (!subrules) leave_out_subrules(state);
    sort_touched(state);
    out.values.reserve(state.touched.size());
    for (const Touched& touched : state.touched) {
      PartialMatch::Value& value = out.values.emplace_back();
      value.rule = touched.rule;
      value.value = state.value[touched.rule];
      // What subrules matched is nobody's business.
      if (subject.want_matched && touched.end != kNowhere && !is_subrule_[touched.rule])
        value.matched = shown(state, touched);
    }
    clear(state);
    out.confirmations = state.runner.runs();
    out.limited = state.runner.limited();
    return out;
  }

  MatchOutcome conclude(const Subject& subject, PartialMatch scanned) const override {
    Run run(*this, subject);
    for (const PartialMatch::Value& value : scanned.values)
      touch(run.state, value.rule, value.value);
    run.state.puts_off = false;
    run_evals(run, true);
    if (scanned.metas) {
      metas_.compute(run.state, *scanned.metas);
    } else {
      metas_.compute(run.state);
    }
    MatchOutcome out = finish(run, subject.want_subrules);
    out.confirmations += scanned.confirmations;
    out.limited += scanned.limited;
    out.budget_exceeded = out.limited != 0;
    auto next = scanned.values.begin();  // all but subrules are among the hits
    for (Hit& hit : out.hits) {
      const auto rule = static_cast<std::uint32_t>(hit.rule - parts_.rules.data());
      while (next != scanned.values.end() && next->rule < rule) ++next;
      if (next != scanned.values.end() && next->rule == rule)
        hit.matched = std::move(next->matched);
    }
    return out;
  }

  bool has_stage_rules(RuleType stage) const override { return (stages_ & bit(stage)) != 0; }

  MatchOutcome match_stage(RuleType stage, const SmtpTexts& smtp) const override {
    if (!has_stage_rules(stage)) return {};
    const MatchStatePool::Lease lease(pool_);
    MatchState& state = *lease;
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
  const RuleSettings& settings() const override { return parts_.settings->settings(); }

 private:
  // One message under way.
  struct Run {
    Run(const CompiledRules& set, const Subject& message)
        : subject(message),
          lease(set.pool_),
          state(started(*lease, set.budget_, message)),
          facts(state.index, message.mail_from, set.parts_.settings->settings(),
                set.parts_.settings->registries()),
          context(message, *set.parts_.settings, facts, state.eval_headers, state.runner) {}

    const Subject& subject;
    MatchStatePool::Lease lease;
    MatchState& state;
    MessageFacts facts;
    EvalContext context;

   private:
    static MatchState& started(MatchState& state, const RegexBudget& budget,
                               const Subject& message) {
      state.profile = message.profile;
      state.runner.start(budget);
      state.index.read(message.fields);
      state.eval_headers.start();
      state.puts_off = !message.want_subrules && message.profile == nullptr;
      state.waiting.clear();
      state.open.clear();
      state.open_metas.clear();
      return state;
    }
  };

  void scan_message(Run& run) const {
    if (run.subject.smtp != nullptr) scan_stages(run.state, *run.subject.smtp, std::nullopt);
    scan_headers(run.state, run.facts);
    const mail::Content& content = run.subject.content;
    TextScan(parts_, run.state, content.body.text, &content.body.pieces, LineEnd::inside)
        .run(parts_.body);
    TextScan(parts_, run.state, content.rawbody.text, &content.rawbody.pieces, LineEnd::inside)
        .run(parts_.rawbody);
    TextScan(parts_, run.state, content.full, nullptr).run(parts_.full);
    scan_urls(run.state, run.subject.urls);
    scan_mime_headers(run.state, run.context);
  }

  // Of what was put off, looks for what can change whether another rule hits.
  std::span<const std::uint32_t> catch_up(Run& run) const {
    MatchState& state = run.state;
    state.puts_off = false;
    for (std::size_t i = state.waiting.size(); i-- > 0;) {
      Waiting& one = state.waiting[i];
      const CountRange range{state.value[one.rule],
                             static_cast<double>(parts_.slots[one.rule].most)};
      OpenCount& count = state.open.open(one.rule, range);
      one.next = std::exchange(count.waiting, static_cast<std::uint32_t>(i));
      count.cost += cost_of(one);
    }
    return metas_.settle(state, [this, &run](const OpenCount& count) {
      for (std::uint32_t at = count.waiting; at != OpenCount::kNone;) {
        const Waiting& one = run.state.waiting[at];
        look(run, one);
        at = one.next;
      }
    });
  }

  // In octets that are read, of which PCRE2 reads a tenth of what Hyperscan does.
  static std::uint64_t cost_of(const Waiting& one) {
    constexpr std::uint64_t kEval = 300;
    constexpr std::uint64_t kStart = 100;
    switch (one.look) {
      case Waiting::Look::eval:
      case Waiting::Look::address:
        return kEval;
      case Waiting::Look::database:
        return kStart + one.text.size();
      default:
        return kStart + 10 * one.text.size();
    }
  }

  void look(Run& run, const Waiting& one) const {
    switch (one.look) {
      case Waiting::Look::eval:
        return run_eval(run, parts_.evals[one.index]);
      case Waiting::Look::address:
        return look_at_urls(run.state, parts_.uri_details[one.index], run.subject.urls);
      default:
        TextScan::look(parts_, run.state, one);
    }
  }

  // Whether it waits until a meta needs it.
  bool put_off(MatchState& state, std::uint32_t rule, Waiting::Look look, std::size_t index) const {
    if (!state.puts_off || !parts_.slots[rule].can_wait) return false;
    state.waiting.push_back(
        {.rule = rule, .look = look, .index = static_cast<std::uint32_t>(index)});
    return true;
  }

  MatchOutcome finish(Run& run, bool subrules) const {
    if (!subrules) leave_out_subrules(run.state);
    MatchOutcome out = outcome_of(run.state);
    collect(run.state, run.subject.want_matched, out.hits);
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
      if ((smtp.unknown & unknown_field(group.field)) != 0) continue;
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
    for (std::size_t i = 0; i < parts_.uri_details.size(); ++i) {
      const UriDetailRule& one = parts_.uri_details[i];
      if (!put_off(state, one.rule, Waiting::Look::address, i)) look_at_urls(state, one, urls);
    }
  }

  void look_at_urls(MatchState& state, const UriDetailRule& one,
                    std::span<const mail::Url> urls) const {
    const OwnTime time(state.profile, one.rule);
    if (std::any_of(urls.begin(), urls.end(),
                    [&](const mail::Url& url) { return meets_all(state, one, url); })) {
      touch(state, one.rule);
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

  // Those that other checks answer, or the others.
  void run_evals(Run& run, bool answered) const {
    for (std::size_t i = 0; i < parts_.evals.size(); ++i) {
      const EvalRule& one = parts_.evals[i];
      if (one.answered != answered) continue;
      if (!put_off(run.state, one.rule, Waiting::Look::eval, i)) run_eval(run, one);
    }
  }

  static void run_eval(Run& run, const EvalRule& one) {
    const OwnTime time(run.state.profile, one.rule);
    if (one.function->run(run.context, *one.arguments)) touch(run.state, one.rule);
  }

  // What they came to is not needed any more.
  void leave_out_subrules(MatchState& state) const {
    std::erase_if(state.touched, [&](const Touched& touched) {
      if (!is_subrule_[touched.rule]) return false;
      state.value[touched.rule] = 0;
      return true;
    });
  }

  static void sort_touched(MatchState& state) {
    std::sort(state.touched.begin(), state.touched.end(),
              [](const Touched& a, const Touched& b) { return a.rule < b.rule; });
  }

  void collect(MatchState& state, bool want_matched, std::vector<Hit>& hits) const {
    sort_touched(state);
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
    std::string_view text = touched.text.substr(begin, std::min(touched.end - begin, kShown));
    if (text.ends_with('\n')) text.remove_suffix(1);
    return std::string(text);
  }

  RuleSetParts parts_;
  RegexBudget budget_;
  mutable MatchStatePool pool_;
  Metas metas_;
  std::vector<bool> is_subrule_;  // by rule; what a rule holds itself lies far apart
  unsigned stages_ = 0;           // bits of the stages that have rules
};

}  // namespace

const RuleSettings& RuleSet::settings() const {
  static const RuleSettings kNone;
  return kNone;
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
