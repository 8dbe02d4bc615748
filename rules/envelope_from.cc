#include "rules/envelope_from.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/fields.h"

namespace gatepost::rules {
namespace {

std::optional<std::string> first_address(MessageFacts& facts, const char* name) {
  HeaderSelector selector;
  selector.name = name;
  selector.part = HeaderSelector::Part::address;
  selector.pick = HeaderSelector::Pick::first;
  auto list = HeaderReader(selector).list(facts);
  if (list.empty()) return std::nullopt;
  return std::move(list.front());
}

}  // namespace

std::optional<std::string> guess_envelope_from(MessageFacts& facts) {
  const Relays& relays = facts.relays();
  const Relay* hop = !relays.untrusted.empty() ? &relays.untrusted.front()
                     : !relays.trusted.empty() ? &relays.trusted.back()
                                               : nullptr;
  if (hop != nullptr && (hop->envfrom.empty() || hop->envfrom.find('@', 1) != std::string::npos) &&
      !hop->envfrom.empty()) {
    return hop->envfrom;
  }
  const auto fields = facts.index().fields();
  const auto place = [&](std::string_view name) {
    return std::find_if(fields.begin(), fields.end(), [&](const mail::HeaderField& field) {
      return mail::is_named(field, name);
    });
  };
  const auto received = place("Received");
  const auto sender = first_address(facts, "X-Sender");
  if (sender && sender->find('@') != std::string::npos) {
    for (const mail::HeaderField& field : fields) {
      if (mail::is_named(field, "Received") && field.value.find("(fetchmail") != std::string::npos)
        return std::nullopt;  // fetchmail takes the list's sender for the envelope's
    }
  }
  for (const char* name : {"X-Envelope-From", "Envelope-Sender", "Return-Path"}) {
    auto address = first_address(facts, name);
    if (!address) continue;
    if (place(name) < received) return address;
    if (std::string_view(name) == "X-Envelope-From") return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace gatepost::rules
