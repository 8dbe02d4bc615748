// The ARC chain of mail from outside (RFC 8617): read when the header is complete, its keys asked
// for then, the body hashed as it streams through. What it means is DMARC's business.

#include "core/mail/message.h"
#include "dkim/arc/chain.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

class Arc final : public Check {
 public:
  void end_of_headers(CheckContext& context) override {
    if (!applies(context)) return;
    verifier_.emplace(context.dkim_library().keys(), context.message()->fields(),
                      dkim::VerifyOptions{}, context.unix_time());
    if (verifier_->key_queries().empty()) return;
    context.start<bool>(std::make_unique<arc::KeysFlow>(verifier_->key_queries()));
  }
  void body(CheckContext&, std::string_view chunk) override {
    if (verifier_) verifier_->body(chunk);
  }
  bool conclude(CheckContext& context) override {
    if (!verifier_) return true;
    arc::ChainResult chain = verifier_->finish(context.flows().answers());
    verifier_.reset();
    if (chain.status != arc::ChainStatus::none) state(context, chain);
    context.facts().arc = std::move(chain);
    return true;
  }

 private:
  // A chain says how mail came to us: nothing about mail that begins here.
  static bool applies(const CheckContext& context) {
    const Connection& c = context.connection();
    return !c.local && !c.submit_network && !context.envelope().authenticated();
  }

  static void state(CheckContext& context, const arc::ChainResult& chain) {
    authres::AuthResult result;
    result.method = "arc";
    result.result = arc::to_string(chain.status);
    if (chain.status == arc::ChainStatus::pass) {
      const std::string sealer =
          "i=" + std::to_string(chain.instance) + " sealed by " + chain.sets.back().seal.domain;
      context.add("ARC_PASS", sealer);
      result.comment = sealer;
      result.properties.push_back({"header", "oldest-pass", std::to_string(*chain.oldest_pass)});
    } else {
      context.add(chain.temporary ? "ARC_TEMPERROR" : "ARC_FAIL", chain.reason);
      result.reason = chain.reason;
    }
    // RFC 8617 section 10.2: where the message came from, for those behind us.
    if (context.connection().client)
      result.properties.push_back({"smtp", "remote-ip", context.connection().client->text()});
    context.facts().results.push_back(std::move(result));
  }

  std::optional<arc::ChainVerifier> verifier_;
};

}  // namespace

std::unique_ptr<Check> make_arc() {
  return std::make_unique<Arc>();
}

}  // namespace gatepost
