#include "spf/lint_rules.h"

#include <algorithm>

#include "core/base/text.h"
#include "spf/networks.h"

namespace gatepost::spf {

namespace {

constexpr std::size_t kMaxRecordOctets = 450;  // RFC 7208 section 3.4
constexpr std::size_t kMaxCompared = 3000;     // ranges: it is quadratic

const std::vector<std::string_view> kWords = {"ip4", "ip6", "include", "a",        "mx",
                                              "all", "ptr", "exists",  "redirect", "exp"};

std::string_view name_of(std::string_view term) {
  if (!term.empty() && std::string_view("+-?~").find(term[0]) != std::string_view::npos)
    term.remove_prefix(1);
  return term.substr(0, term.find_first_of(":=/"));
}

/// The word of the language that `name` may have meant; empty when none.
std::string_view meant(std::string_view name) {
  const std::string lower = to_lower(name);
  for (const std::string_view word : kWords) {
    if (lower == word) return word;
  }
  return did_you_mean(lower, kWords);
}

bool is_modifier(std::string_view word) {
  return word == "redirect" || word == "exp";
}

/// ", did you mean …" when a term of the record has a name that is nearly a word of the language.
std::string hint_for(std::string_view term) {
  const std::string_view word = meant(name_of(term));
  if (word.empty()) return {};
  const bool separator_right = term.find_first_of(":=/") == std::string_view::npos ||
                               (term[term.find_first_of(":=/")] == '=') == is_modifier(word);
  if (iequals(word, name_of(term)) && separator_right) return {};
  std::string shown(word);
  if (is_modifier(word)) {
    shown += "=";
  } else if (word != "all" && word != "a" && word != "mx" && word != "ptr") {
    shown += ":";
  }
  return ", did you mean '" + shown + "'?";
}

std::string at_column(std::string_view record, const Mechanism& mechanism) {
  return printable(mechanism.text, 80) + " (column " +
         std::to_string(column_of(record, mechanism.text)) + ")";
}

/// One run over the terms of a record.
class TextRules {
 public:
  TextRules(std::string_view text, const Record& record, const std::string& domain)
      : text_(text), record_(record), domain_(domain) {}

  std::vector<LintFault> run() {
    size();
    order();
    mechanisms();
    ranges();
    repetitions();
    for (const Modifier& modifier : record_.unknown) unknown(modifier);
    return std::move(faults_);
  }

 private:
  void warn(const char* rule, std::string_view term, std::string what) {
    faults_.push_back({LintSeverity::warning, rule, domain_,
                       term.empty() ? 0 : column_of(text_, term), printable(term, 200),
                       std::move(what)});
  }

  void size() {
    if (text_.size() <= kMaxRecordOctets) return;
    warn("size", {},
         "the record has " + std::to_string(text_.size()) +
             " octets: above 450 answers may not fit one UDP packet (RFC 7208 section 3.4)");
  }

  void order() {
    const auto& terms = record_.mechanisms;
    const auto all = std::find_if(terms.begin(), terms.end(), [](const Mechanism& mechanism) {
      return mechanism.kind == MechanismKind::all;
    });
    if (all == terms.end()) {
      if (!record_.redirect)
        warn("no-all", {}, "ends with neither all nor redirect: everybody else is neutral");
      return;
    }
    for (auto term = all + 1; term != terms.end(); ++term)
      warn("after-all", term->text, "stands behind " + at_column(text_, *all) + ", never reached");
    if (record_.redirect)
      warn("redirect-and-all", record_.redirect->text,
           "ignored, since the record has " + at_column(text_, *all) + " (RFC 7208 section 6.1)");
    if (all->qualifier == Qualifier::pass)
      warn("pass-all", all->text, "passes the whole Internet: anybody may send for this domain");
    if (all->qualifier == Qualifier::neutral)
      warn("neutral-all", all->text, "says nothing of anybody else, as if there were no record");
  }

  void mechanisms() {
    for (const Mechanism& mechanism : record_.mechanisms) {
      if (mechanism.kind == MechanismKind::ptr)
        warn("ptr", mechanism.text,
             "slow and unreliable, not to be published (RFC 7208 section 5.5)");
      const bool named = mechanism.kind == MechanismKind::a || mechanism.kind == MechanismKind::mx;
      if (named && (mechanism.prefix4 == 0 || mechanism.prefix6 == 0))
        warn("whole-internet", mechanism.text, "prefix length 0 matches every address");
    }
  }

  struct Range {
    IpNetwork network;
    const Mechanism* mechanism;
  };

  void ranges() {
    std::vector<Range> seen;
    for (const Mechanism& mechanism : record_.mechanisms) {
      if (mechanism.kind == MechanismKind::all) break;  // what follows is told already
      const bool v4 = mechanism.kind == MechanismKind::ip4;
      if (!v4 && mechanism.kind != MechanismKind::ip6) continue;
      const std::string_view octets(reinterpret_cast<const char*>(mechanism.network.data()),
                                    v4 ? 4U : 16U);
      const auto base = IpAddress::from_octets(octets);
      const int prefix = v4 ? mechanism.prefix4 : mechanism.prefix6;
      if (!base || base->is_v4() != v4) {
        warn("mapped", mechanism.text,
             "an IPv4-mapped network never matches: such clients are IPv4 (RFC 7208 section 5)");
        continue;
      }
      const IpNetwork network{base->masked(prefix), prefix};
      range(mechanism, *base, network);
      if (seen.size() < kMaxCompared) compare(mechanism, network, seen);
      seen.push_back({network, &mechanism});
    }
  }

  void range(const Mechanism& mechanism, const IpAddress& base, const IpNetwork& network) {
    if (network.prefix == 0) {
      warn("whole-internet", mechanism.text, "prefix length 0 matches every address");
      return;
    }
    if (!(base == network.base))
      warn("host-bits", mechanism.text, "has bits behind its prefix, it means " + network.text());
    if (base.is_private())
      warn("private", mechanism.text, "is a private network, which no client comes from");
  }

  void compare(const Mechanism& mechanism, const IpNetwork& network,
               const std::vector<Range>& seen) {
    for (const Range& earlier : seen) {
      const bool same = mechanism.qualifier == earlier.mechanism->qualifier;
      if (covers(earlier.network, network)) {
        warn("covered", mechanism.text,
             "covered by " + at_column(text_, *earlier.mechanism) +
                 (same ? ", it can go" : ", which matches first: it is never reached"));
        return;  // one reason is enough
      }
      if (covers(network, earlier.network) && same)
        warn("overlap", mechanism.text,
             "covers " + at_column(text_, *earlier.mechanism) + ", which can go");
    }
  }

  void repetitions() {
    const auto& terms = record_.mechanisms;
    for (std::size_t i = 0; i < std::min(terms.size(), kMaxCompared); ++i) {
      if (!needs_lookup(terms[i].kind)) continue;
      for (std::size_t j = 0; j < i; ++j) {
        if (terms[j].kind != terms[i].kind || terms[j].prefix4 != terms[i].prefix4 ||
            terms[j].prefix6 != terms[i].prefix6 ||
            !iequals(terms[j].domain.text, terms[i].domain.text))
          continue;
        warn("repeated", terms[i].text,
             "says what " + at_column(text_, terms[j]) + " says, and costs a lookup again");
        break;
      }
    }
  }

  void unknown(const Modifier& modifier) {
    const std::string hint = hint_for(modifier.text);
    warn("unknown-modifier", modifier.text,
         hint.empty() ? "unknown modifier, ignored" : "unknown modifier, ignored" + hint);
  }

  std::string_view text_;
  const Record& record_;
  const std::string& domain_;
  std::vector<LintFault> faults_;
};

}  // namespace

std::size_t column_of(std::string_view record, std::string_view part) {
  return static_cast<std::size_t>(part.data() - record.data()) + 1;
}

std::vector<LintFault> syntax_faults(const RecordScan& scan, const std::string& domain) {
  std::vector<LintFault> faults;
  for (const RecordFault& fault : scan.faults) {
    // The first octets tell what kind of fault it is: a hint helps where the name is wrong.
    std::string what = fault.what;
    if (what.starts_with("unknown mechanism")) what += hint_for(fault.term);
    faults.push_back({LintSeverity::error, "syntax", domain, fault.column,
                      printable(fault.term, 200), std::move(what)});
  }
  return faults;
}

std::vector<LintFault> text_faults(std::string_view text, const Record& record,
                                   const std::string& domain) {
  return TextRules(text, record, domain).run();
}

}  // namespace gatepost::spf
