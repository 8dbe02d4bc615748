#include "rules/match_state.h"

#include <atomic>
#include <new>
#include <utility>

#include <hs/hs.h>

namespace gatepost::rules {
namespace {

std::atomic<std::size_t> scratches{0};

}  // namespace

MatchState::MatchState(const hs_scratch* prototype, std::size_t rules, std::size_t selectors,
                       std::size_t piece_texts)
    : value(rules),
      tried(rules),
      reports(rules),
      headers(selectors),
      pieces(piece_texts),
      wanted(rules / 64 + 1),
      open(rules),
      hits(rules) {
  touched.reserve(rules);
  if (prototype == nullptr) return;
  if (hs_clone_scratch(prototype, &scratch) != HS_SUCCESS) throw std::bad_alloc();
  ++scratches;
}

MatchState::~MatchState() {
  if (scratch == nullptr) return;
  hs_free_scratch(scratch);
  --scratches;
}

MatchStatePool::MatchStatePool(hs_scratch* prototype, std::size_t rules, std::size_t selectors,
                               std::size_t piece_texts)
    : prototype_(prototype), rules_(rules), selectors_(selectors), piece_texts_(piece_texts) {
  if (prototype_ != nullptr) ++scratches;
}

MatchStatePool::~MatchStatePool() {
  if (prototype_ == nullptr) return;
  hs_free_scratch(prototype_);
  --scratches;
}

std::size_t MatchStatePool::open_scratches() {
  return scratches;
}

std::unique_ptr<MatchState> MatchStatePool::take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto state = std::move(idle_.back());
      idle_.pop_back();
      return state;
    }
  }
  return std::make_unique<MatchState>(prototype_, rules_, selectors_, piece_texts_);
}

void MatchStatePool::give_back(std::unique_ptr<MatchState> state) {
  state->profile = nullptr;  // it is the caller's
  state->puts_off = false;
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(state));
}

}  // namespace gatepost::rules
