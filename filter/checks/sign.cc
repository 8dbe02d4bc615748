// DKIM signatures of outgoing mail: logins, submit_networks and local mail, when there is a key for
// the author's domain.

#include "dkim/sign.h"

#include "core/mail/message.h"
#include "filter/checks/registry.h"
#include "filter/session/header_edits.h"

namespace gatepost {

namespace {

class Sign final : public Check {
 public:
  /// Decides whether the message is signed: only then its body is hashed.
  void end_of_headers(CheckContext& context) override {
    const Policy& policy = context.policy();
    if (policy.signing_keys == nullptr || policy.mode == Mode::observe || !is_outgoing(context))
      return;
    const auto& fields = context.message()->fields();
    const mail::AuthorIdentity author = mail::author_identity(fields);
    if (author.status != mail::AuthorIdentity::Status::single)
      return context.add("NOT_SIGNED", author.reason);
    auto keys = policy.signing_keys->keys_for(author.address);
    if (keys.empty()) return;
    const std::string& login = context.envelope().auth_authen;
    if (!login.empty() && !may_sign_as(policy, login, author.address))
      return context.add("NOT_SIGNED", "login " + login + " may not use " + author.address);
    // Fields are missing from what we have: a signature could not hold.
    if (context.message()->defects().header_limit)
      return context.add("NOT_SIGNED", "header is larger than message.max_header_*");
    auto signer = dkim::Signer::begin(fields, std::move(keys), policy.signing_keys->options(),
                                      context.unix_time());
    if (signer)
      signer_.emplace(*std::move(signer));
    else
      context.add("SIGN_FAILED", signer.error().text());
  }
  void body(CheckContext&, std::string_view chunk) override {
    if (signer_) signer_->body(chunk);
  }
  void accepted(CheckContext& context) override {
    if (!signer_) return;
    // A release comes from an address of ours and is another's mail.
    if (context.envelope().released) return signer_.reset();
    const auto& rewrites = context.facts().rewrites;
    if (!rewrites.empty()) signer_->set_fields(edited(context.message()->fields(), rewrites));
    auto signatures = signer_->finish();
    signer_.reset();
    if (!signatures) return context.add("SIGN_FAILED", signatures.error().text());
    for (const dkim::NewSignature& signature : *signatures)
      context.add("SIGNED", "d=" + signature.domain + " s=" + signature.selector);
    context.facts().signatures = *std::move(signatures);
  }

 private:
  static bool is_outgoing(const CheckContext& context) {
    const Connection& connection = context.connection();
    return connection.local || connection.submit_network || context.envelope().authenticated();
  }

  std::optional<dkim::Signer> signer_;
};

}  // namespace

std::unique_ptr<Check> make_sign() {
  return std::make_unique<Sign>();
}

}  // namespace gatepost
