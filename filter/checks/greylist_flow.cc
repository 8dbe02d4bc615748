#include "filter/checks/greylist_flow.h"

#include <algorithm>

namespace gatepost::greylist {

namespace {

using State = Outcome::State;

bool is_down(const store::Answer& answer) {
  return answer.status == store::Status::unavailable || answer.status == store::Status::refused;
}

bool is_found(const store::Answer* answer) {
  return answer != nullptr && answer->status == store::Status::found;
}

Outcome down(const store::Answer& answer) {
  return {.state = State::store_down, .detail = answer.reason};
}

}  // namespace

Step<Outcome> TripletFlow::step(const Answers& answers) {
  Asker asker(answers);
  const auto* known = asker.ask(store::Read{known_key(request_.triplet)});
  if (known == nullptr) return asker.take_missing();
  if (is_down(*known)) return down(*known);
  if (is_found(known)) return Outcome{.state = State::known, .entry = known->value};

  const auto* pending = asker.ask(store::Read{pending_key(request_.triplet)});
  const store::Answer* passed = nullptr;
  const bool by_domain = request_.auto_allow_after > 0 && !request_.domain.empty();
  if (by_domain)
    passed = asker.ask(store::Read{auto_key(request_.triplet.network, request_.domain)});
  if (!asker.complete()) return asker.take_missing();
  if (is_down(*pending)) return down(*pending);
  if (is_found(passed) && passed->value.number >= request_.auto_allow_after)
    return Outcome{.state = State::auto_allowed, .entry = passed->value};
  return first_try(asker, *pending);
}

Step<Outcome> TripletFlow::first_try(Asker& asker, const store::Answer& pending) {
  // A first try that lies ahead counts as one of now: the clock was set back.
  const std::int64_t now = asker.answers().unix_time();
  const std::int64_t since = is_found(&pending) ? now - pending.value.number : -1;
  if (is_found(&pending) && (pending.value.data == kReleased || since >= request_.delay))
    return Outcome{.state = State::passed, .seconds = std::max<std::int64_t>(since, 0)};

  const store::Answer* allowed = nullptr;
  std::string entry;
  for (store::Key& key : allow_keys(request_.client, request_.sender, request_.domain)) {
    std::string name = key.name;
    const auto* answer = asker.ask(store::Read{std::move(key)});
    if (allowed == nullptr && is_found(answer)) allowed = answer, entry = std::move(name);
  }
  if (!asker.complete()) return asker.take_missing();
  if (allowed != nullptr) return Outcome{.state = State::allowed, .detail = entry};
  if (!is_found(&pending)) return Outcome{.state = State::first, .seconds = request_.delay};
  return Outcome{.state = State::early,
                 .seconds = request_.delay - std::max<std::int64_t>(since, 0),
                 .from_the_future = since < 0};
}

}  // namespace gatepost::greylist
