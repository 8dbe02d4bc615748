// What a trusted relay found out about a message that it hands on: its Authentication-Results of
// our ids and of trusted_authserv_ids. From anyone else such fields are forged, and removed unread.

#include "core/authres/trusted.h"
#include "core/mail/message.h"
#include "filter/checks/registry.h"
#include "filter/session/header_edits.h"

namespace gatepost {

namespace {

/// "mx.front.example: spf=pass dkim=pass dmarc=fail"
std::string summary(const authres::AuthenticationResults& field) {
  std::string text = field.authserv_id + ":";
  constexpr std::size_t kMost = 20;
  for (std::size_t i = 0; i < field.results.size() && i < kMost; ++i)
    text += " " + field.results[i].method + "=" + field.results[i].result;
  if (field.results.empty()) text += " none";
  if (field.results.size() > kMost) text += " ...";
  return text;
}

class Relayed final : public Check {
 public:
  void end_of_headers(CheckContext& context) override {
    if (!context.connection().trusted_relay) return;
    auto found = authres::trusted_results(
        context.message()->fields(), believed_authserv_ids(context.policy(), context.connection()));
    bool failed = false;
    for (const auto& field : found) {
      context.add("RELAYED_RESULTS", summary(field));
      for (const authres::AuthResult& result : field.results) {
        if (failed || result.method != "dmarc" || result.result != "fail") continue;
        failed = true;
        context.add("RELAYED_DMARC_FAIL", field.authserv_id);
      }
    }
    context.facts().relayed = std::move(found);
  }
};

}  // namespace

std::unique_ptr<Check> make_relayed() {
  return std::make_unique<Relayed>();
}

}  // namespace gatepost
