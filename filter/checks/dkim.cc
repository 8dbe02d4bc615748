// DKIM signatures: keys are asked for as each field arrives, the body is hashed as it streams
// through. A DomainKey-Signature is remarked on and nothing else.

#include <algorithm>

#include "dkim/domainkeys.h"
#include "dkim/verify.h"
#include "filter/checks/dkim_options.h"
#include "filter/checks/dnssec.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

/// One key; what it means is read by the verifier.
class KeyFlow final : public Flow<bool> {
 public:
  explicit KeyFlow(dns::Query query) : query_(std::move(query)) {}
  Step<bool> step(const Answers& answers) override {
    if (answers.find(query_) == nullptr) return std::vector<Question>{query_};
    return true;
  }

 private:
  dns::Query query_;
};

using dkim::Outcome;
using dkim::SignatureResult;

/// RFC 6376 section 3.6.1 t=y: the message must not be treated differently from an unsigned one
/// when such a signature fails.
bool counts(const SignatureResult& signature) {
  return signature.outcome == Outcome::pass || !signature.testing;
}

/// "example.com: signature expired"
std::string detail(const SignatureResult& signature) {
  if (signature.domain.empty() || signature.reason.empty())
    return signature.domain + signature.reason;
  return signature.domain + ": " + signature.reason;
}

class Dkim final : public Check {
 public:
  void mail(CheckContext& context) override {
    verifier_.emplace(context.dkim_library(), verify_options(context.policy()),
                      context.unix_time());
  }
  void header(CheckContext& context, const mail::HeaderField& field) override {
    if (!domainkeys_ && dkim::is_domainkeys(field.name))
      domainkeys_ = dkim::parse_domainkeys(field.value);
    if (auto query = verifier_->header(field)) {
      context.start<bool>(std::make_unique<KeyFlow>(std::move(*query)));
      context.flows().flush();
    }
  }
  void end_of_headers(CheckContext& context) override {
    if (domainkeys_) {
      context.add("DOMAINKEYS", (domainkeys_->domain.empty() ? "" : domainkeys_->domain + ": ") +
                                    std::string("historic (RFC 4870), not verified"));
    }
    if (const auto ended = verifier_->end_of_headers(); !ended.ok())
      context.add("CHECK_ERROR", "dkim: " + ended.error().text());
  }
  void body(CheckContext&, std::string_view chunk) override { verifier_->body(chunk); }

  bool conclude(CheckContext& context) override {
    if (!verifier_) return true;
    auto finished = verifier_->finish(context.flows().answers());
    if (!finished.ok()) {
      context.add("CHECK_ERROR", "dkim: " + finished.error().text());
      return true;
    }
    limit(context, *finished);
    state(context, *finished);
    report(context, *finished);
    context.facts().dkim = std::move(*finished);
    return true;
  }

 private:
  /// Those that were not verified are told as one: neither our field nor the record may grow with
  /// what a message carries.
  void limit(const CheckContext& context, std::vector<SignatureResult>& signatures) const {
    const auto most = static_cast<std::size_t>(context.policy().dkim_max_signatures);
    if (signatures.size() <= most) return;
    const std::size_t more = verifier_->signature_count() - most;
    signatures.resize(most + 1);
    SignatureResult rest;
    rest.outcome = Outcome::policy;
    rest.reason = "too many signatures: " + std::to_string(more) + " not verified";
    signatures.back() = std::move(rest);
  }

  static void state(CheckContext& context, const std::vector<SignatureResult>& signatures) {
    // One that passes is what counts (RFC 6376 section 6.1); else the most telling failure.
    for (const auto& [outcome, name] : {std::pair{Outcome::pass, "DKIM_PASS"},
                                        {Outcome::temperror, "DKIM_TEMPERROR"},
                                        {Outcome::fail, "DKIM_FAIL"},
                                        {Outcome::permerror, "DKIM_PERMERROR"},
                                        {Outcome::policy, "DKIM_POLICY"}}) {
      const auto found = std::find_if(signatures.begin(), signatures.end(),
                                      [wanted = outcome](const SignatureResult& s) {
                                        return s.outcome == wanted && counts(s);
                                      });
      if (found != signatures.end()) return context.add(name, detail(*found));
    }
    if (!signatures.empty()) context.add("DKIM_TESTING", detail(signatures.front()));
    // Most mail without a signature is no news; said only where it means something.
    if (context.policy().rule("DKIM_NONE") != FindingRule{}) context.add("DKIM_NONE");
  }

  void report(CheckContext& context, const std::vector<SignatureResult>& signatures) const {
    for (const auto& signature : signatures) {
      auto result = to_result(signature);
      add_dnssec(
          context,
          dns::make_query(signature.selector + "._domainkey." + signature.domain, dns::RrType::txt),
          result);
      context.facts().results.push_back(std::move(result));
    }
    if (!signatures.empty()) return;
    authres::AuthResult none;
    none.method = "dkim";
    none.result = "none";
    // The method "domainkeys" is deprecated in the registry of RFC 8601: no result carries it.
    if (domainkeys_) none.comment = "DomainKey-Signature is historic, not verified";
    context.facts().results.push_back(std::move(none));
  }

  static authres::AuthResult to_result(const SignatureResult& s) {
    authres::AuthResult result;
    result.method = "dkim";
    result.result = dkim::to_string(s.outcome);
    result.reason = s.reason;
    if (s.testing) result.comment = "test key";
    const auto add = [&](const char* property, const std::string& value) {
      if (!value.empty()) result.properties.push_back({"header", property, value});
    };
    add("d", s.domain);
    // RFC 6376 section 3.5 i=: "@" and d= when it is not given.
    if (s.identity != "@" + s.domain) add("i", s.identity);
    add("s", s.selector);
    add("a", s.algorithm);
    add("b", s.b_prefix);
    return result;
  }

  std::optional<dkim::Verifier> verifier_;
  std::optional<dkim::DomainKeys> domainkeys_;  // the first one
};

}  // namespace

std::unique_ptr<Check> make_dkim() {
  return std::make_unique<Dkim>();
}

}  // namespace gatepost
