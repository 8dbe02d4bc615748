// Metas of a file: names looked up, cycles found, order computed.

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "core/base/text.h"
#include "rules/meta.h"

namespace gatepost::rules {
namespace {

using Severity = Diagnostic::Severity;

// Looking for what was meant costs a pass over all names.
constexpr int kMaxSuggestions = 50;

class Planner {
 public:
  explicit Planner(const RuleFile& file) : file_(file), index_(index_by_name(file)) {
    for (const UnsupportedRule& rule : file.unsupported) unsupported_.insert(rule.name);
    refused_.insert(file.refused.begin(), file.refused.end());
    candidates_.reserve(file.rules.size());
    for (const Rule& rule : file.rules) candidates_.push_back(rule.name);
  }

  MetaPlan run() {
    for (std::uint32_t i = 0; i < file_.rules.size(); ++i) {
      if (file_.rules[i].type == RuleType::meta) compile(i);
    }
    order();
    return std::move(plan_);
  }

 private:
  void say(Severity severity, std::string what, const Rule& rule, std::size_t offset) {
    plan_.diagnostics.push_back(
        {severity, std::move(what), rule.pattern.place_at(offset), rule.name});
  }

  void compile(std::uint32_t at) {
    const Rule& rule = file_.rules[at];
    MetaExpression expression;
    MetaFault fault;
    if (!parse_meta(rule.meta, expression, fault)) {
      say(fault.unsupported ? Severity::unsupported : Severity::error,
          "meta " + rule.name + ": " + fault.what, rule, fault.offset);
      return;
    }
    std::vector<std::optional<std::uint32_t>> numbers;
    numbers.reserve(expression.names.size());
    for (const MetaName& name : expression.names) numbers.push_back(look_up(rule, name));
    const MetaProgram& parsed = expression.program;
    std::vector<MetaProgram::Op> ops(parsed.ops().begin(), parsed.ops().end());
    std::vector<double> constants(parsed.constants().begin(), parsed.constants().end());
    const auto zero = static_cast<std::uint32_t>(constants.size());
    constants.push_back(0);
    for (MetaProgram::Op& op : ops) {
      if (op.code != MetaProgram::Code::count) continue;
      const std::optional<std::uint32_t> number = numbers[op.index];
      op = number ? MetaProgram::Op{op.code, *number}
                  : MetaProgram::Op{MetaProgram::Code::constant, zero};
    }
    compiled_.push_back({at, MetaProgram(std::move(ops), std::move(constants))});
  }

  // Nothing for what is not there: it counts 0.
  std::optional<std::uint32_t> look_up(const Rule& rule, const MetaName& name) {
    const auto known = index_.find(name.name);
    if (known != index_.end()) {
      if (!file_.rules[known->second].shadow || rule.shadow) return known->second;
      // What a shadow rule finds changes nothing: not through a meta either.
      say(Severity::warning,
          "meta " + rule.name + " uses '" + std::string(name.name) +
              "', which is in shadow and counts 0 here",
          rule, name.offset);
      return std::nullopt;
    }
    if (refused_.contains(name.name)) return std::nullopt;  // its error is told already
    std::string what = "meta " + rule.name + " uses '" + printable(name.name, 120) + "', ";
    if (unsupported_.contains(name.name)) {
      what += "which is not supported and counts 0";
    } else {
      what += "which no rule of these files defines; it counts 0";
      if (suggestions_++ < kMaxSuggestions) {
        const std::string_view meant = did_you_mean(name.name, candidates_);
        if (!meant.empty()) what += ", did you mean '" + std::string(meant) + "'?";
      }
    }
    say(Severity::warning, std::move(what), rule, name.offset);
    return std::nullopt;
  }

  // Those first whose metas are all done (Kahn), in the order of the file where there is a choice.
  void order() {
    constexpr std::uint32_t kNone = ~std::uint32_t{0};
    std::vector<std::uint32_t> position(file_.rules.size(), kNone);  // rule -> compiled
    for (std::uint32_t i = 0; i < compiled_.size(); ++i) position[compiled_[i].rule] = i;
    const auto meta_of = [&](std::uint32_t rule) { return position[rule]; };
    std::vector<std::vector<std::uint32_t>> users(compiled_.size());
    std::vector<std::uint32_t> waits(compiled_.size(), 0);
    for (std::uint32_t i = 0; i < compiled_.size(); ++i) {
      for (const std::uint32_t rule : compiled_[i].program.uses()) {
        if (meta_of(rule) == kNone) continue;
        users[meta_of(rule)].push_back(i);
        ++waits[i];
      }
    }
    std::vector<std::uint32_t> ready;
    for (std::uint32_t i = 0; i < compiled_.size(); ++i) {
      if (waits[i] == 0) ready.push_back(i);
    }
    for (std::size_t at = 0; at < ready.size(); ++at) {
      for (const std::uint32_t user : users[ready[at]]) {
        if (--waits[user] == 0) ready.push_back(user);
      }
    }
    find_cycles(waits, meta_of);
    for (const std::uint32_t i : ready) plan_.metas.push_back(std::move(compiled_[i]));
  }

  // What still waits is in a cycle or uses one: each step goes to a meta that waits too, and so
  // comes back to where it was.
  template <class MetaOf>
  void find_cycles(const std::vector<std::uint32_t>& waits, const MetaOf& meta_of) {
    std::vector<std::uint32_t> seen(compiled_.size(), 0);  // the walk that came by, from 1
    std::uint32_t walk = 0;
    for (std::uint32_t start = 0; start < compiled_.size(); ++start) {
      if (waits[start] == 0 || seen[start] != 0) continue;
      ++walk;
      std::vector<std::uint32_t> path;
      std::uint32_t at = start;
      while (seen[at] == 0) {
        seen[at] = walk;
        path.push_back(at);
        for (const std::uint32_t rule : compiled_[at].program.uses()) {
          const std::uint32_t next = meta_of(rule);
          if (next >= compiled_.size() || waits[next] == 0) continue;
          at = next;
          break;
        }
      }
      if (seen[at] != walk) continue;  // runs into a cycle that was told already
      tell_cycle({std::find(path.begin(), path.end(), at), path.end()});
    }
  }

  void tell_cycle(const std::vector<std::uint32_t>& cycle) {
    constexpr std::size_t kShown = 10;
    const Rule& first = file_.rules[compiled_[cycle.front()].rule];
    std::string what = "meta " + first.name + " depends on itself: ";
    for (std::size_t i = 0; i < cycle.size() && i < kShown; ++i) {
      what += file_.rules[compiled_[cycle[i]].rule].name + " -> ";
    }
    if (cycle.size() > kShown) what += "(" + std::to_string(cycle.size() - kShown) + " more) -> ";
    say(Severity::error, what + first.name, first, 0);
  }

  const RuleFile& file_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::unordered_set<std::string_view> unsupported_;
  std::unordered_set<std::string_view> refused_;
  std::vector<std::string_view> candidates_;
  std::vector<MetaPlan::Meta> compiled_;
  int suggestions_ = 0;
  MetaPlan plan_;
};

}  // namespace

MetaPlan plan_metas(const RuleFile& file) {
  return Planner(file).run();
}

}  // namespace gatepost::rules
