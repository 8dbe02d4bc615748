#pragma once
// A quarantine in memory. One thread.

#include <map>
#include <set>
#include <string>

#include "core/mail/fields.h"
#include "core/mail/message.h"
#include "filter/session/quarantine.h"
#include "filter/session/record.h"

namespace gatepost::test {

/// Its release tokens are the words in `good_tokens`.
class FakeQuarantine final : public Quarantine {
 public:
  Result<void> keep(const mail::Message& message, const Record& record) override {
    if (full) return temporary_error("the fake is full");
    if (kept.count(record.reference) != 0) return temporary_error("there already");
    std::string text;
    for (const auto& field : message.fields()) text += field.name + ":" + field.value + "\r\n";
    text += "\r\n" + *message.body_head(1 << 20);
    kept[record.reference] = text;
    records.push_back(record);
    return {};
  }
  void confirm(const std::string& reference) override { confirmed.insert(reference); }
  std::optional<ReleaseCheck> check_release(const mail::Message& message,
                                            const Envelope&) override {
    const auto fields = mail::find_fields(message.fields(), kReleaseField);
    if (fields.empty()) return std::nullopt;
    const std::string token(fields[0]->value.substr(1));
    if (fields.size() == 1 && good_tokens.count(token) != 0) return ReleaseCheck{true, token};
    return ReleaseCheck{false, "not known"};
  }

  bool full = false;
  std::set<std::string> good_tokens;
  std::map<std::string, std::string> kept;  ///< by reference
  std::vector<Record> records;
  std::set<std::string> confirmed;
};

}  // namespace gatepost::test
