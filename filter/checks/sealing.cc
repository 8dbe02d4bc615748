// ARC sets of ours on mail from outside (RFC 8617 section 5.1): so that those to whom it is
// forwarded see what we saw.

#include <utility>

#include "core/mail/message.h"
#include "dkim/arc/seal.h"
#include "filter/checks/registry.h"
#include "filter/session/header_edits.h"

namespace gatepost {

namespace {

class Sealing final : public Check {
 public:
  void end_of_headers(CheckContext& context) override {
    const Policy& policy = context.policy();
    const Connection& c = context.connection();
    if (policy.arc_seal == nullptr || policy.mode == Mode::observe) return;
    if (c.local || c.submit_network || context.envelope().authenticated()) return;
    // Fields are missing from what we have: a signature could not hold.
    if (context.message()->defects().header_limit)
      return context.add("ARC_NOT_SEALED", "header is larger than message.max_header_*");
    auto sealer =
        arc::Sealer::begin(context.message()->fields(), *policy.arc_seal, context.unix_time());
    if (sealer)
      sealer_.emplace(*std::move(sealer));
    else
      context.add("ARC_NOT_SEALED", sealer.error().text());
  }
  void body(CheckContext&, std::string_view chunk) override {
    if (sealer_) sealer_->body(chunk);
  }
  void accepted(CheckContext& context) override {
    if (!sealer_ || context.envelope().released) return;
    const auto& rewrites = context.facts().rewrites;
    if (!rewrites.empty()) sealer_->set_fields(edited(context.message()->fields(), rewrites));
    const auto& chain = context.facts().arc;
    auto set = chain ? sealer_->finish(*chain, results(context))
                     : Result<arc::NewSet>(permanent_error("the check arc is left out"));
    sealer_.reset();
    if (!set) return context.add("ARC_NOT_SEALED", set.error().text());
    context.add("ARC_SEALED", "d=" + set->domain + " s=" + set->selector + " i=" +
                                  std::to_string(set->instance) + " cv=" + arc::to_string(set->cv));
    context.facts().arc_set = *std::move(set);
  }

 private:
  /// What stands in our Authentication-Results field, and in those of the relay of ours that saw
  /// the message before (RFC 8617 section 4.1.1).
  static authres::AuthenticationResults results(CheckContext& context) {
    const std::string id = authserv_id(context.policy(), context.connection());
    authres::AuthenticationResults all{id, "", {}};
    if (context.connection().trusted_relay) {
      all = arc::own_results(context.message()->fields(), id);
      // The chain is as we see it.
      std::erase_if(all.results, [](const auto& result) { return result.method == "arc"; });
    }
    for (const Facts* found : {&context.connected_facts(), &std::as_const(context.facts())})
      all.results.insert(all.results.end(), found->results.begin(), found->results.end());
    return all;
  }

  std::optional<arc::Sealer> sealer_;
};

}  // namespace

std::unique_ptr<Check> make_sealing() {
  return std::make_unique<Sealing>();
}

}  // namespace gatepost
