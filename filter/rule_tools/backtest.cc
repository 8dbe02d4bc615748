#include "filter/rule_tools/backtest.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <tuple>
#include <unordered_map>

#include "core/base/text.h"

namespace gatepost::rule_tools {
namespace {

// Rules of one message whose pairs are counted: what hits more says nothing about pairs.
constexpr std::size_t kMaxPaired = 200;
constexpr std::size_t kMaxOverlaps = 200;

struct Outcome {
  std::optional<JudgedMessage> judged;
  std::string problem;
};

class Runner {
 public:
  Runner(const BacktestInput& input, std::atomic<std::size_t>& done, const std::atomic<bool>& stop)
      : input_(input), done_(done), stop_(stop), outcomes_(input.ham.size() + input.spam.size()) {}

  unsigned run() {
    unsigned threads = input_.threads != 0 ? input_.threads : std::thread::hardware_concurrency();
    threads = std::clamp<unsigned>(
        threads, 1, static_cast<unsigned>(std::clamp<std::size_t>(outcomes_.size(), 1, 256)));
    std::vector<std::thread> workers;
    for (unsigned i = 1; i < threads; ++i) workers.emplace_back([this] { work(); });
    work();
    for (std::thread& worker : workers) worker.join();
    return threads;
  }
  std::vector<Outcome>& outcomes() { return outcomes_; }

 private:
  void work() {
    while (!stop_) {
      const std::size_t at = next_.fetch_add(1, std::memory_order_relaxed);
      if (at >= outcomes_.size()) return;
      judge(at);
      done_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  void judge(std::size_t at) {
    const bool spam = at >= input_.ham.size();
    const std::size_t number = spam ? at - input_.ham.size() : at;
    const MailPlace& place = spam ? input_.spam[number] : input_.ham[number];
    Outcome& out = outcomes_[at];
    try {
      const auto text = read_mail(place);
      if (!text.ok()) return fault(out, place, text.error().what);
      const auto message = FileMessage::read(*text);
      if (!message.ok()) return fault(out, place, message.error().what);
      JudgedMessage judged;
      judged.place = static_cast<std::uint32_t>(number);
      judged.spam = spam;
      judged.from = (*message)->shown("From", 120);
      judged.subject = (*message)->shown("Subject", 160);
      auto now = input_.now->judge(**message, input_.time);
      if (!now.ok()) return fault(out, place, now.error().what);
      judged.now = std::move(*now);
      if (input_.before != nullptr) {
        auto before = input_.before->judge(**message, input_.time);
        if (!before.ok()) return fault(out, place, before.error().what);
        judged.before = std::move(*before);
      }
      out.judged = std::move(judged);
    } catch (const std::exception& error) {
      fault(out, place, error.what());
    }
  }

  static void fault(Outcome& out, const MailPlace& place, const std::string& what) {
    out.problem = printable(place.name(), 400) + ": " + what;
  }

  const BacktestInput& input_;
  std::atomic<std::size_t>& done_;
  const std::atomic<bool>& stop_;
  std::vector<Outcome> outcomes_;
  std::atomic<std::size_t> next_{0};
};

VerdictCounts count(const std::vector<JudgedMessage>& messages, const Sides& judged,
                    const Judge::Judgement JudgedMessage::*which) {
  VerdictCounts out;
  double ham = 0;
  double spam = 0;
  for (const JudgedMessage& message : messages) {
    const Judge::Judgement& judgement = message.*which;
    (message.spam ? spam : ham) += judgement.score;
    if (judgement.limited) ++out.limited;
    Sides* side = &out.none;
    if (judgement.action == Action::tag) side = &out.tag;
    if (judgement.action == Action::hold || judgement.action == Action::store)
      side = &out.quarantine;
    if (judgement.action == Action::reject || judgement.action == Action::tempfail)
      side = &out.reject;
    ++side->of(message.spam);
  }
  if (judged.ham != 0) out.ham_mean = ham / static_cast<double>(judged.ham);
  if (judged.spam != 0) out.spam_mean = spam / static_cast<double>(judged.spam);
  return out;
}

/// The numbers of each rule, by name: two sets have different indices.
class Aggregator {
 public:
  Aggregator(const BacktestInput& input, BacktestResult& out) : input_(input), out_(out) {
    take_rules(*input.now, now_, &RuleOutcome::is_now, &RuleOutcome::score);
    if (input.before != nullptr)
      take_rules(*input.before, before_, &RuleOutcome::was_before, &RuleOutcome::score_before);
  }

  void run() {
    for (const JudgedMessage& message : out_.messages) {
      hits(message);
      pairs(message);
    }
    finish_rules();
    finish_overlaps();
  }

 private:
  using Index = std::vector<RuleOutcome*>;  // by rule of the set; null: a subrule

  void take_rules(const Judge& judge, Index& index, bool RuleOutcome::*there,
                  double RuleOutcome::*score) {
    for (const rules::Rule& rule : judge.rules()) {
      if (rule.is_subrule()) {
        index.push_back(nullptr);
        continue;
      }
      RuleOutcome& outcome = by_name_[rule.name];
      outcome.name = rule.name;
      if (outcome.description.empty()) outcome.description = printable(rule.description, 300);
      outcome.*there = true;
      if (&judge == input_.now) outcome.shadow = rule.shadow;
      outcome.*score = rule.scores[1];
      index.push_back(&outcome);
    }
  }

  bool is_marked(double score, const Policy& policy) const {
    const double least = policy.tag_score > 0          ? policy.tag_score
                         : policy.quarantine_score > 0 ? policy.quarantine_score
                                                       : policy.reject_score;
    return least > 0 && score >= least;
  }

  void hits(const JudgedMessage& message) {
    for (const Judge::Hit& hit : message.now.hits) {
      RuleOutcome& rule = *now_[hit.rule];
      rule.score = hit.score;
      ++rule.hits.of(message.spam);
      (message.spam ? rule.spam_points : rule.ham_points) += hit.score;
      const Policy& policy = input_.now->policy();
      const double other = message.now.score + (rule.shadow ? hit.score : -hit.score);
      if (is_marked(message.now.score, policy) != is_marked(other, policy))
        ++rule.decides.of(message.spam);
    }
    for (const Judge::Hit& hit : message.before.hits) {
      RuleOutcome& rule = *before_[hit.rule];
      rule.score_before = hit.score;
      ++rule.hits_before.of(message.spam);
      (message.spam ? rule.spam_points_before : rule.ham_points_before) += hit.score;
    }
  }

  void pairs(const JudgedMessage& message) {
    const auto& hits = message.now.hits;
    if (hits.size() > kMaxPaired) return;
    for (std::size_t i = 0; i < hits.size(); ++i) {
      for (std::size_t j = i + 1; j < hits.size(); ++j)
        ++pairs_[(std::uint64_t{hits[i].rule} << 32) | hits[j].rule];
    }
  }

  void finish_rules() {
    const auto share = [](double sum, std::size_t of) {
      return of == 0 ? 0 : sum / static_cast<double>(of);
    };
    for (auto& [name, rule] : by_name_) {
      rule.ham_points = share(rule.ham_points, out_.judged.ham);
      rule.spam_points = share(rule.spam_points, out_.judged.spam);
      rule.ham_points_before = share(rule.ham_points_before, out_.judged.ham);
      rule.spam_points_before = share(rule.spam_points_before, out_.judged.spam);
      if (rule.hits.all() != 0) {
        const std::size_t right = rule.score < 0 ? rule.hits.ham : rule.hits.spam;
        rule.precision = static_cast<double>(right) / static_cast<double>(rule.hits.all());
      }
    }
  }

  void finish_overlaps() {
    for (const auto& [key, both] : pairs_) {
      if (both < kOverlapMessages) continue;
      const RuleOutcome& a = *now_[key >> 32];
      const RuleOutcome& b = *now_[key & 0xffffffff];
      Overlap overlap{a.name, b.name, both, a.hits.all() - both, b.hits.all() - both};
      if (overlap.share() >= kOverlapShare) out_.overlaps.push_back(std::move(overlap));
    }
    std::sort(out_.overlaps.begin(), out_.overlaps.end(), [](const Overlap& a, const Overlap& b) {
      if (a.share() != b.share()) return a.share() > b.share();
      if (a.both != b.both) return a.both > b.both;
      return std::tie(a.first, a.second) < std::tie(b.first, b.second);
    });
    if (out_.overlaps.size() > kMaxOverlaps) out_.overlaps.resize(kMaxOverlaps);
    for (auto& [name, rule] : by_name_) out_.rules.push_back(std::move(rule));
  }

  const BacktestInput& input_;
  BacktestResult& out_;
  std::map<std::string, RuleOutcome> by_name_;
  Index now_, before_;
  std::unordered_map<std::uint64_t, std::size_t> pairs_;
};

bool has_stage_rules(const Judge* judge) {
  return judge != nullptr &&
         std::any_of(judge->rules().begin(), judge->rules().end(),
                     [](const rules::Rule& rule) { return rules::is_stage(rule.type); });
}

void count_known(BacktestResult& out) {
  for (const JudgedMessage& message : out.messages) {
    if (message.now.client_known) ++out.clients_known;
    if (message.now.sender_known) ++out.senders_known;
    if (message.now.recipients_known) ++out.recipients_known;
  }
}

}  // namespace

Sides VerdictCounts::marked() const {
  return {tag.ham + quarantine.ham + reject.ham, tag.spam + quarantine.spam + reject.spam};
}

std::size_t BacktestResult::hit_nothing() const {
  return static_cast<std::size_t>(
      std::count_if(rules.begin(), rules.end(),
                    [](const RuleOutcome& rule) { return rule.is_now && rule.hits.all() == 0; }));
}

std::vector<HitChange> hit_changes(const BacktestInput& input, const JudgedMessage& message) {
  std::map<std::string, HitChange> by_name;
  for (const Judge::Hit& hit : message.now.hits) {
    HitChange& change = by_name[input.now->rules()[hit.rule].name];
    change.is_now = true;
    change.score = hit.score;
  }
  for (const Judge::Hit& hit : message.before.hits) {
    HitChange& change = by_name[input.before->rules()[hit.rule].name];
    change.was_before = true;
    change.score_before = hit.score;
  }
  std::vector<HitChange> out;
  for (auto& [name, change] : by_name) {
    if (change.is_now == change.was_before && change.score == change.score_before) continue;
    change.rule = name;
    out.push_back(std::move(change));
  }
  return out;
}

BacktestResult run_backtest(const BacktestInput& input, std::atomic<std::size_t>& done,
                            const std::atomic<bool>& stop) {
  const auto start = std::chrono::steady_clock::now();
  BacktestResult out;
  Runner runner(input, done, stop);
  out.threads = runner.run();
  for (Outcome& outcome : runner.outcomes()) {
    if (outcome.judged) {
      ++out.judged.of(outcome.judged->spam);
      out.messages.push_back(std::move(*outcome.judged));
    } else if (!outcome.problem.empty()) {
      ++out.skipped_count;
      if (out.skipped.size() < MailList::kMaxTold)
        out.skipped.push_back(std::move(outcome.problem));
    }
  }
  out.has_stage_rules = has_stage_rules(input.now) || has_stage_rules(input.before);
  count_known(out);
  out.now = count(out.messages, out.judged, &JudgedMessage::now);
  if (input.before != nullptr) {
    out.before = count(out.messages, out.judged, &JudgedMessage::before);
    for (std::size_t i = 0; i < out.messages.size(); ++i) {
      if (out.messages[i].now.action != out.messages[i].before.action) out.changed.push_back(i);
    }
  }
  Aggregator(input, out).run();
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace gatepost::rule_tools
