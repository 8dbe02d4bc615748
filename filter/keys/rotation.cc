#include "filter/keys/rotation.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/mail/address.h"

namespace gatepost::keys {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr RotationStep kSteps[] = {RotationStep::make,   RotationStep::publish,
                                   RotationStep::change, RotationStep::retire,
                                   RotationStep::revoke, RotationStep::done};

std::string day(std::int64_t now) {
  const std::time_t time = now;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y%m%d", &parts);
  return text;
}

}  // namespace

const char* to_string(RotationStep step) {
  switch (step) {
    case RotationStep::make:
      return "make";
    case RotationStep::publish:
      return "publish";
    case RotationStep::change:
      return "change";
    case RotationStep::retire:
      return "retire";
    case RotationStep::revoke:
      return "revoke";
    case RotationStep::done:
      return "done";
  }
  return "";
}

std::string RotationState::to_json() const {
  return Json{{"version", 1},
              {"step", to_string(step)},
              {"domain", domain},
              {"selector", selector},
              {"old_selector", old_selector},
              {"type", dkim::to_string(type)},
              {"bits", bits},
              {"retire_after", retire_after},
              {"began", began},
              {"changed", changed}}
             .dump(2) +
         "\n";
}

Result<RotationState> RotationState::from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto wrong = [](const std::string& what) {
    return permanent_error("is no state of a rotation: " + what);
  };
  if (!json.is_object()) return wrong("expected a JSON object");
  for (const char* name : {"step", "domain", "selector", "old_selector", "type"}) {
    if (!json.contains(name) || !json[name].is_string()) return wrong(std::string(name));
  }
  for (const char* name : {"version", "bits", "retire_after", "began", "changed"}) {
    if (!json.contains(name) || !json[name].is_number_integer()) return wrong(std::string(name));
  }
  if (json["version"].get<int>() != 1) return wrong("expected version 1");
  RotationState state;
  const std::string word = json["step"];
  const auto* step = std::find_if(std::begin(kSteps), std::end(kSteps),
                                  [&](RotationStep each) { return word == to_string(each); });
  if (step == std::end(kSteps)) return wrong("step " + printable(word, 40));
  state.step = *step;
  state.domain = json["domain"];
  state.selector = json["selector"];
  state.old_selector = json["old_selector"];
  // They become names of files.
  for (const std::string* name : {&state.domain, &state.selector, &state.old_selector}) {
    if (name->empty() && name == &state.old_selector) continue;
    const auto normal = mail::normalize_domain(*name);
    if (!normal || *normal != *name) return wrong(printable(*name, 100));
  }
  state.type = json["type"] == "ed25519" ? dkim::KeyType::ed25519 : dkim::KeyType::rsa;
  state.bits = json["bits"];
  state.retire_after = json["retire_after"];
  state.began = json["began"];
  state.changed = json["changed"];
  return state;
}

Rotation::Rotation(KeyFolder folder, std::string domain, Checkpoint checkpoint)
    : folder_(std::move(folder)), domain_(std::move(domain)), checkpoint_(std::move(checkpoint)) {}

Result<bool> Rotation::load(bool again) {
  const fs::path path = folder_.path() / "rotation.json";
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) {
    std::error_code error;
    if (fs::exists(path, error)) return permanent_error(path.string() + " cannot be read");
    return false;
  }
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  auto state = RotationState::from_json(text);
  if (!state) return permanent_error(path.string() + " " + state.error().what);
  if (state->domain != domain_)
    return permanent_error(path.string() + " is of " + state->domain + ", not of " + domain_);
  state_ = *std::move(state);
  return !(again && state_.step == RotationStep::done);
}

Result<void> Rotation::begin(const Plan& plan, std::int64_t now) {
  RotationState next;
  next.domain = domain_;
  next.type = plan.type;
  next.bits = plan.bits;
  next.retire_after = plan.retire_after;
  next.began = now;
  const auto current = folder_.current();
  if (!current) return current.error();
  if (!plan.replace.empty()) {
    if (std::find(current->begin(), current->end(), plan.replace) == current->end())
      return permanent_error("selector " + plan.replace + " does not sign for " + domain_ +
                             " now, so it cannot be replaced");
    next.old_selector = plan.replace;
  }
  for (const std::string& selector : *current) {
    const auto key = folder_.read_key(selector);
    if (!key) return key.error();
    if (plan.replace.empty() && next.old_selector.empty() && *key && (*key)->type() == plan.type)
      next.old_selector = selector;
  }
  const auto taken = [&](const std::string& selector) {
    std::error_code error;
    return fs::exists(folder_.key_file(selector), error) ||
           fs::exists(folder_.path() / (selector + ".retired"), error);
  };
  next.selector = plan.selector;
  const std::string base = day(now) + (plan.type == dkim::KeyType::ed25519 ? "e" : "");
  if (plan.selector.empty()) next.selector = base;
  for (char letter = 'a'; plan.selector.empty() && taken(next.selector) && letter <= 'z'; ++letter)
    next.selector = base + "-" + letter;
  if (taken(next.selector))
    return permanent_error(folder_.key_file(next.selector).string() +
                           " exists, a key is never overwritten; choose another selector");
  std::error_code error;
  fs::create_directories(folder_.path(), error);
  if (error)
    return temporary_error(folder_.path().string() + " cannot be made: " + error.message());
  state_ = std::move(next);
  return save(RotationStep::make);
}

Result<void> Rotation::save(RotationStep next) {
  reached("before the state");
  RotationState state = state_;
  state.step = next;
  const auto written = write_whole(folder_.path() / "rotation.json", state.to_json(), {});
  if (!written) return written;
  state_ = std::move(state);
  reached("behind the state");
  return {};
}

std::string Rotation::name() const {
  return state_.selector + "._domainkey." + domain_;
}

std::string Rotation::old_name() const {
  return state_.old_selector + "._domainkey." + domain_;
}

Result<std::string> Rotation::record() const {
  const auto key = folder_.read_key(state_.selector);
  if (!key) return key.error();
  if (*key == nullptr)
    return permanent_error(folder_.key_file(state_.selector).string() + " is gone");
  return (*key)->record();
}

Result<std::string> Rotation::revocation() const {
  // RFC 6376 section 3.6.1: an empty p= says that the key was revoked.
  return "v=DKIM1; k=" + std::string(dkim::to_string(state_.type)) + "; p=";
}

Result<void> Rotation::make_key() {
  const auto there = folder_.read_key(state_.selector);
  if (!there) return there.error();
  if (*there != nullptr) {  // by the run that was stopped behind this
    if ((*there)->type() != state_.type)
      return permanent_error(folder_.key_file(state_.selector).string() +
                             " was made by somebody else: it is of another type");
    return save(RotationStep::publish);
  }
  const auto key = dkim::PrivateKey::generate(state_.type, state_.bits);
  if (!key) return key.error();
  reached("before the key");
  const Access access =
      state_.old_selector.empty() ? Access{} : folder_.access_of(state_.old_selector);
  if (const auto written = folder_.write_key(state_.selector, (*key)->pem(), access); !written)
    return written;
  reached("behind the key");
  return save(RotationStep::publish);
}

Result<void> Rotation::served() {
  return state_.step == RotationStep::publish ? save(RotationStep::change) : Result<void>();
}

Result<void> Rotation::change_current(std::int64_t now) {
  auto selectors = folder_.current();
  if (!selectors) return selectors.error();
  std::vector<std::string>& list = *selectors;
  if (std::find(list.begin(), list.end(), state_.selector) == list.end()) {
    const auto old = std::find(list.begin(), list.end(), state_.old_selector);
    if (old != list.end())
      *old = state_.selector;
    else
      list.push_back(state_.selector);
    reached("before current");
    if (const auto written = folder_.set_current(list); !written) return written;
    reached("behind current");
  }
  state_.changed = now;
  return save(state_.old_selector.empty() ? RotationStep::done : RotationStep::retire);
}

Result<void> Rotation::put_away() {
  const fs::path path = folder_.key_file(state_.old_selector);
  const fs::path target = folder_.path() / (state_.old_selector + ".retired");
  std::error_code error;
  if (fs::exists(path, error)) {
    reached("before the old key");
    fs::rename(path, target, error);
    if (error) return temporary_error(path.string() + " cannot be renamed: " + error.message());
    reached("behind the old key");
  }
  return save(RotationStep::done);
}

Result<bool> Rotation::advance(std::int64_t now) {
  Result<void> done;
  switch (state_.step) {
    case RotationStep::make:
      done = make_key();
      break;
    case RotationStep::change:
      done = change_current(now);
      break;
    case RotationStep::retire:
      if (now < retire_at()) return false;
      done = save(RotationStep::revoke);
      break;
    case RotationStep::revoke:
      done = put_away();
      break;
    case RotationStep::publish:
    case RotationStep::done:
      return false;
  }
  if (!done) return done.error();
  return true;
}

}  // namespace gatepost::keys
