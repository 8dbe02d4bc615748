#include "filter/checks/rule_answers.h"

#include <algorithm>
#include <charconv>

#include "core/base/text.h"
#include "rules/regex.h"

namespace gatepost {

namespace {

using dkim::SignatureResult;

bool is_signature(const SignatureResult& signature) {
  return !signature.domain.empty();
}

bool is_valid(const SignatureResult& signature) {
  return is_signature(signature) && signature.outcome == dkim::Outcome::pass;
}

/// "example.com" is that domain; ".example.com" and "*.example.com" are it and its subdomains.
bool is_of(std::string_view domain, std::string_view wanted) {
  if (wanted.starts_with('*')) wanted.remove_prefix(1);
  if (!wanted.starts_with('.')) return iequals(domain, wanted);
  if (iequals(domain, wanted.substr(1))) return true;
  return domain.size() > wanted.size() &&
         iequals(domain.substr(domain.size() - wanted.size()), wanted);
}

bool is_of_any(std::string_view domain, std::span<const std::string> wanted) {
  return wanted.empty() ||
         std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return is_of(domain, w); });
}

std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

/// A subtest of DNS lists: a number is a mask of the answer's bits, an address is the answer, all
/// else a regular expression.
bool meets(const std::string& answer, const std::string& test) {
  if (test.find_first_not_of("0123456789") == std::string::npos) {
    const auto address = IpAddress::parse(answer);
    if (!address || !address->is_v4()) return false;
    std::uint32_t bits = 0;
    for (const char octet : address->octets()) bits = bits << 8 | static_cast<unsigned char>(octet);
    std::uint32_t mask = 0;
    std::from_chars(test.data(), test.data() + test.size(), mask);
    return (bits & mask) != 0;
  }
  if (test.find_first_not_of("0123456789.") == std::string::npos) return answer == test;
  const auto regex = rules::Regex::compile({test});
  if (regex == nullptr) return false;
  rules::RegexRunner runner;
  runner.start({});
  return runner.find(*regex, answer) == rules::RegexRunner::Found::yes;
}

}  // namespace

RuleAnswers::RuleAnswers(const Facts& transaction, const Facts& connection,
                         std::string_view mail_from, const rules::RuleSet& set,
                         std::function<bool(std::string_view)> found)
    : facts_(transaction),
      connected_(connection),
      mail_from_(mail_from),
      set_(set),
      found_(std::move(found)) {}

bool RuleAnswers::holds(std::string_view function, std::span<const std::string> arguments) const {
  const auto behind = [&](std::string_view prefix) {
    return function.starts_with(prefix) ? function.substr(prefix.size()) : std::string_view();
  };
  if (const auto word = behind("check_for_spf_helo_"); !word.empty()) return spf(word, true);
  if (const auto word = behind("check_for_spf_"); !word.empty()) return spf(word, false);
  if (const auto word = behind("check_dkim_"); !word.empty()) return dkim(word, arguments);
  if (const auto word = behind("check_dmarc_"); !word.empty()) return dmarc(word);
  if (function == "check_arc_signed")
    return arguments.empty() && facts_.arc && facts_.arc->status != arc::ChainStatus::none;
  if (function == "check_arc_valid")
    return arguments.empty() && facts_.arc && facts_.arc->status == arc::ChainStatus::pass;
  if (function == "check_finding") return !arguments.empty() && found_(arguments.front());
  return listed(function, arguments);
}

bool RuleAnswers::is_signed_by(std::string_view domain) const {
  return std::any_of(facts_.dkim.begin(), facts_.dkim.end(), [&](const SignatureResult& s) {
    return is_valid(s) && iequals(s.domain, domain);
  });
}

bool RuleAnswers::spf(std::string_view word, bool of_helo) const {
  const bool null_path = mail_from_.empty();
  if (null_path && !of_helo) return false;
  const auto& outcome = of_helo && !null_path ? facts_.spf_helo : facts_.spf_mail_from;
  return outcome && spf::to_string(outcome->code) == word;
}

bool RuleAnswers::dkim(std::string_view what, std::span<const std::string> domains) const {
  const auto any = [&](auto&& meets) {
    return std::any_of(facts_.dkim.begin(), facts_.dkim.end(), meets);
  };
  if (what == "dependable") {
    return std::any_of(facts_.results.begin(), facts_.results.end(),
                       [](const authres::AuthResult& r) { return r.method == "dkim"; });
  }
  if (what == "testing") return any([](const SignatureResult& s) { return s.testing; });
  if (what == "signed") {
    return any(
        [&](const SignatureResult& s) { return is_signature(s) && is_of_any(s.domain, domains); });
  }
  if (what == "valid") {
    return any(
        [&](const SignatureResult& s) { return is_valid(s) && is_of_any(s.domain, domains); });
  }
  if (what == "valid_envelopefrom") {
    const std::string_view own = domain_of(mail_from_);
    return !own.empty() && is_signed_by(own);
  }
  if (what == "valid_author_sig") {
    if (!facts_.author || facts_.author->status != mail::AuthorIdentity::Status::single)
      return false;
    const std::string& author = facts_.author->domain;
    return is_signed_by(author) && is_of_any(author, domains);
  }
  return false;
}

bool RuleAnswers::dmarc(std::string_view what) const {
  if (!facts_.dmarc) return false;
  const dmarc::Outcome& outcome = *facts_.dmarc;
  if (what == "pass") return outcome.result == dmarc::ResultCode::pass;
  if (what == "missing") return outcome.result == dmarc::ResultCode::none;
  if (outcome.result != dmarc::ResultCode::fail) return false;
  return (what == "reject" && outcome.policy == dmarc::Policy::reject) ||
         (what == "quarantine" && outcome.policy == dmarc::Policy::quarantine) ||
         (what == "none" && outcome.policy == dmarc::Policy::none);
}

std::string RuleAnswers::zone_of(std::string_view set_name) const {
  for (const rules::Rule& rule : set_.rules()) {
    const rules::EvalCall& call = rule.eval;
    if (rule.type == rules::RuleType::eval && call.arguments.size() >= 2 &&
        (call.function == "check_rbl" || call.function == "check_rbl_txt") &&
        call.arguments[0] == set_name)
      return call.arguments[1];
  }
  return {};
}

bool RuleAnswers::listed(std::string_view function, std::span<const std::string> arguments) const {
  const bool of_set = function == "check_rbl_sub";
  if (!of_set && function != "check_rbl" && function != "check_rbl_txt") return false;
  if (connected_.dns_lists.empty() || arguments.size() < 2) return false;
  std::string zone = of_set ? zone_of(arguments[0]) : arguments[1];
  if (zone.ends_with('.')) zone.pop_back();
  const std::string* test = of_set ? &arguments[1] : arguments.size() > 2 ? &arguments[2] : nullptr;
  // The texts of TXT records are not asked for.
  if (test != nullptr && function == "check_rbl_txt") return false;
  return std::any_of(
      connected_.dns_lists.begin(), connected_.dns_lists.end(), [&](const DnsListHit& hit) {
        if (hit.error || !iequals(hit.zone, zone)) return false;
        return test == nullptr || std::any_of(hit.addresses.begin(), hit.addresses.end(),
                                              [&](const auto& a) { return meets(a, *test); });
      });
}

}  // namespace gatepost
