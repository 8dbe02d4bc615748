#include "rules/meta_triggers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace gatepost::rules {
namespace {

using Code = MetaProgram::Code;

// What a part of an expression needs to be anything but 0.
struct Need {
  // One of these; nothing: it may be anything whatever counts.
  std::optional<std::vector<std::uint32_t>> any_of;
  std::uint64_t weight = 0;
  bool is_constant = false;
  double value = 0;  // of a constant
};

class Finder {
 public:
  explicit Finder(std::span<const std::uint32_t> named) : named_(named) {}

  Need of(const MetaProgram& program) {
    for (const MetaProgram::Op& op : program.ops()) add(program, op);
    return operands_.empty() ? Need{} : std::move(operands_.back());
  }

 private:
  Need take() {
    Need last = std::move(operands_.back());
    operands_.pop_back();
    return last;
  }

  void add(const MetaProgram& program, const MetaProgram::Op& op) {
    switch (op.code) {
      case Code::constant: {
        const double value = program.constants()[op.index];
        Need need{.is_constant = true, .value = value};
        if (value == 0) need.any_of.emplace();
        return operands_.push_back(std::move(need));
      }
      case Code::count: {
        const std::uint64_t weight = op.index < named_.size() ? 1 + named_[op.index] : 0;
        return operands_.push_back({.any_of{{op.index}}, .weight = weight});
      }
      case Code::logical_not:
        operands_.back() = {};
        return;
      case Code::negate:
        operands_.back().is_constant = false;
        return;
      case Code::select: {
        Need otherwise = take();
        Need then = take();
        Need condition = take();
        // It is 0 when both ways are, or when the second is and is taken.
        Need chosen = lighter(std::move(condition), std::move(then));
        return operands_.push_back(both(std::move(chosen), std::move(otherwise)));
      }
      default: {
        Need b = take();
        Need a = take();
        return operands_.push_back(join(op.code, std::move(a), std::move(b)));
      }
    }
  }

  static Need join(Code code, Need a, Need b) {
    switch (code) {
      case Code::logical_and:
        return lighter(std::move(a), std::move(b));
      case Code::multiply:  // of two counts one may be infinite
        if (b.is_constant && std::isfinite(b.value)) return plain(std::move(a));
        return both(std::move(a), std::move(b));
      case Code::divide:
        return plain(std::move(a));
      case Code::greater:
        return b.is_constant && b.value >= 0 ? plain(std::move(a))
                                             : both(std::move(a), std::move(b));
      case Code::greater_equal:
        return b.is_constant && b.value > 0 ? plain(std::move(a)) : Need{};
      case Code::equal:
        return b.is_constant && b.value != 0 ? plain(std::move(a)) : Need{};
      case Code::less_equal:
        return {};
      default:  // + - || ^ < != are 0 when both sides are
        return both(std::move(a), std::move(b));
    }
  }

  static Need plain(Need a) {
    a.is_constant = false;
    return a;
  }

  static Need lighter(Need a, Need b) {
    if (!a.any_of) return plain(std::move(b));
    if (!b.any_of) return plain(std::move(a));
    return plain(b.weight < a.weight ? std::move(b) : std::move(a));
  }

  static Need both(Need a, Need b) {
    if (!a.any_of || !b.any_of) return {};
    a.any_of->insert(a.any_of->end(), b.any_of->begin(), b.any_of->end());
    a.weight += b.weight;
    return plain(std::move(a));
  }

  std::span<const std::uint32_t> named_;
  std::vector<Need> operands_;
};

}  // namespace

std::vector<std::uint32_t> meta_triggers(const MetaProgram& program,
                                         std::span<const std::uint32_t> named) {
  Need need = Finder(named).of(program);
  if (!need.any_of) return {program.uses().begin(), program.uses().end()};
  std::vector<std::uint32_t> out = std::move(*need.any_of);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace gatepost::rules
