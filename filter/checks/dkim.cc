// DKIM signatures: keys are asked for as each field arrives, the body is hashed as it streams
// through.

#include <algorithm>

#include "dkim/verify.h"
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

class Dkim final : public Check {
 public:
  void mail(CheckContext& context) override {
    dkim::VerifyOptions options;
    options.max_signatures = static_cast<std::size_t>(context.policy().dkim_max_signatures);
    verifier_.emplace(context.dkim_library(), options, context.unix_time());
  }
  void header(CheckContext& context, const mail::HeaderField& field) override {
    if (auto query = verifier_->header(field)) {
      context.start<bool>(std::make_unique<KeyFlow>(std::move(*query)));
      context.flows().flush();
    }
  }
  void end_of_headers(CheckContext& context) override {
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
    state(context, *finished);
    context.facts().dkim = std::move(*finished);
    return true;
  }

 private:
  static void state(CheckContext& context, const std::vector<dkim::SignatureResult>& signatures) {
    const auto any = [&](dkim::Outcome outcome) {
      return std::find_if(signatures.begin(), signatures.end(),
                          [&](const auto& s) { return s.outcome == outcome; });
    };
    using dkim::Outcome;
    // One that passes is what counts (RFC 6376 section 6.1); else the most telling failure.
    for (const auto& [outcome, name] : {std::pair{Outcome::pass, "DKIM_PASS"},
                                        {Outcome::temperror, "DKIM_TEMPERROR"},
                                        {Outcome::fail, "DKIM_FAIL"},
                                        {Outcome::permerror, "DKIM_PERMERROR"}}) {
      if (const auto found = any(outcome); found != signatures.end()) {
        context.add(name, found->domain + (found->reason.empty() ? "" : ": " + found->reason));
        break;
      }
    }
    for (const auto& signature : signatures) {
      auto result = to_result(signature);
      add_dnssec(
          context,
          dns::make_query(signature.selector + "._domainkey." + signature.domain, dns::RrType::txt),
          result);
      context.facts().results.push_back(std::move(result));
    }
    if (signatures.empty()) {
      authres::AuthResult none;
      none.method = "dkim";
      none.result = "none";
      context.facts().results.push_back(std::move(none));
    }
  }

  static authres::AuthResult to_result(const dkim::SignatureResult& s) {
    authres::AuthResult result;
    result.method = "dkim";
    result.result = dkim::to_string(s.outcome);
    result.reason = s.reason;
    const auto add = [&](const char* property, const std::string& value) {
      if (!value.empty()) result.properties.push_back({"header", property, value});
    };
    add("d", s.domain);
    add("s", s.selector);
    add("a", s.algorithm);
    add("b", s.b_prefix);
    return result;
  }

  std::optional<dkim::Verifier> verifier_;
};

}  // namespace

std::unique_ptr<Check> make_dkim() {
  return std::make_unique<Dkim>();
}

}  // namespace gatepost
