#include "spf/lint.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "spf/lint_rules.h"
#include "spf/macro.h"
#include "spf/published.h"
#include "spf/record.h"

namespace gatepost::spf {

namespace {

constexpr int kMaxLookups = 10;  // RFC 7208 section 4.6.4
constexpr int kMaxVoid = 2;
constexpr std::size_t kMaxMx = 10;
constexpr int kMaxCounted = 50;  // lookup terms: beyond, the number says nothing more
constexpr std::size_t kMaxDepth = 20;
constexpr std::size_t kMaxRecords = 100;
constexpr std::size_t kMaxFaults = 200;

bool is_void(const dns::Answer& answer) {
  return answer.status == dns::Status::no_data || answer.status == dns::Status::nxdomain;
}

/// One run over the tree with the answers known so far.
class Linter {
 public:
  explicit Linter(const Answers& answers) : asker_(answers) {}

  Step<LintReport> run(const std::string& domain, const std::optional<std::string>& record) {
    report_.domain = domain;
    if (record) {
      report_.record = *record;
      first_record(domain, *record);
    } else if (const std::string* found = find_record(domain, 0, "")) {
      report_.record = *found;
      first_record(domain, *found);
    }
    if (!asker_.complete()) return asker_.take_missing();
    totals();
    std::stable_sort(report_.faults.begin(), report_.faults.end(),
                     [&](const auto& a, const auto& b) {
                       const bool own_a = a.domain == domain, own_b = b.domain == domain;
                       return own_a != own_b ? own_a : own_a && a.column < b.column;
                     });
    if (report_.faults.size() > kMaxFaults) report_.faults.resize(kMaxFaults);
    return std::move(report_);
  }

 private:
  /// The term of the first record that all this is about.
  struct Origin {
    std::string_view term = {};
    std::size_t column = 0;
  };

  void fault(LintSeverity severity, const char* rule, const std::string& domain, std::string what) {
    report_.faults.push_back(
        {severity, rule, domain, origin_.column, printable(origin_.term, 200), std::move(what)});
  }
  void error(const char* rule, std::string what) {
    fault(LintSeverity::error, rule, report_.domain, std::move(what));
  }
  void warning(const char* rule, std::string what) {
    fault(LintSeverity::warning, rule, report_.domain, std::move(what));
  }

  /// Notes the question when it is not answered, DNS trouble when it failed: null both times.
  const dns::Answer* ask(const std::string& name, dns::RrType type) {
    if (!is_queryable(name)) return nullptr;
    const dns::Answer* answer = asker_.ask(dns::make_query(name, type));
    if (answer == nullptr || !dns::is_temporary(answer->status)) return answer;
    report_.temporary = true;
    error("dns", "DNS " + dns::to_string(type) + " " + printable(name, 80) + ": " +
                     dns::to_string(answer->status));
    return nullptr;
  }

  /// The one record of a domain; faults when there is none or there are several.
  const std::string* find_record(const std::string& domain, int depth, std::string_view term) {
    if (!is_queryable(domain)) {
      error("no-record", "'" + printable(domain, 80) + "' is not a domain name");
      return nullptr;
    }
    const dns::Answer* answer = ask(domain, dns::RrType::txt);
    if (answer == nullptr) return nullptr;
    if (is_void(*answer) && !term.empty()) ++report_.void_lookups;
    const Selection selection = select_record(answer->texts);
    if (selection.count == 1) {
      for (const std::string& text : answer->texts)
        if (is_spf_record(text)) return &text;
    }
    if (selection.count > 1) {
      error("several-records", printable(domain, 80) + " has " + std::to_string(selection.count) +
                                   " SPF records, expected one (RFC 7208 section 4.5)");
      return nullptr;
    }
    std::string what =
        printable(domain, 80) +
        (answer->status == dns::Status::nxdomain ? " does not exist" : " has no SPF record");
    for (const std::string& text : answer->texts) {
      if (depth == 0 && to_lower(text.substr(0, 20)).find("spf1") != std::string::npos)
        what += "; this is none, it must begin with 'v=spf1 ': " + printable(text, 60);
    }
    error("no-record", std::move(what));
    return nullptr;
  }

  void first_record(const std::string& domain, const std::string& text) {
    const RecordScan scan = scan_record(text);
    for (auto& fault : syntax_faults(scan, domain)) report_.faults.push_back(std::move(fault));
    if (!is_spf_record(text)) return;
    for (auto& fault : text_faults(text, scan.record, domain))
      report_.faults.push_back(std::move(fault));
    walk(domain, text, scan.record, "", 0);
    if (scan.record.exp) explanation(domain, text, *scan.record.exp);
  }

  /// Another record of the tree.
  void other_record(const std::string& domain, std::string_view term, int depth) {
    if (std::find(path_.begin(), path_.end(), domain) != path_.end()) {
      error("loop", "leads back to " + printable(domain, 80) + ", which stands above it");
      return;
    }
    if (path_.size() >= kMaxDepth || report_.lookups > kMaxCounted) return;
    const std::string* text = find_record(domain, depth, term);
    if (text == nullptr) return;
    const RecordScan scan = scan_record(*text, 1);
    if (!scan.faults.empty())
      error("syntax", "the record of " + printable(domain, 80) + " is faulty at column " +
                          std::to_string(scan.faults[0].column) + ": " + scan.faults[0].what);
    walk(domain, *text, scan.record, term, depth);
  }

  /// Counts and looks up the terms of a record in order.
  void walk(const std::string& domain, const std::string& text, const Record& record,
            std::string_view term, int depth) {
    path_.push_back(domain);
    const std::size_t place = report_.records.size();
    const bool listed = place < kMaxRecords;
    if (listed)
      report_.records.push_back({depth, domain, printable(term, 200), printable(text, 4096), 0});
    const bool first = path_.size() == 1;
    for (const Mechanism& mechanism : record.mechanisms) {
      if (mechanism.kind == MechanismKind::all) break;
      if (!needs_lookup(mechanism.kind)) continue;
      if (first) origin_ = {mechanism.text, column_of(text, mechanism.text)};
      if (report_.lookups > kMaxCounted) break;
      ++report_.lookups;
      if (listed) ++report_.records[place].lookups;
      if (const auto name = fixed_name(mechanism.domain, domain)) look_up(mechanism, *name, depth);
    }
    if (record.redirect && !record.has_all && report_.lookups <= kMaxCounted) {
      if (first) origin_ = {record.redirect->text, column_of(text, record.redirect->text)};
      ++report_.lookups;
      if (listed) ++report_.records[place].lookups;
      if (const auto name = fixed_name(record.redirect->value, domain))
        other_record(*name, record.redirect->text, depth);
    }
    if (first) origin_ = {};
    path_.pop_back();
  }

  void look_up(const Mechanism& mechanism, const std::string& name, int depth) {
    if (mechanism.kind == MechanismKind::include) {
      other_record(name, mechanism.text, depth + 1);
      return;
    }
    // Terms beyond the limit are never evaluated: asking would only add questions.
    if (report_.lookups > kMaxLookups || mechanism.kind == MechanismKind::ptr) return;
    if (mechanism.kind == MechanismKind::mx) {
      exchanges(name);
    } else if (!has_address(name, mechanism.kind == MechanismKind::exists)) {
      nothing_at(name, mechanism.kind == MechanismKind::exists ? "A" : "A or AAAA");
    }
  }

  void nothing_at(const std::string& name, const char* what) {
    if (!asker_.complete()) return;
    ++report_.void_lookups;
    warning("void", printable(name, 80) + " has no " + what + " record: a void lookup");
  }

  /// True also while it is not known.
  bool has_address(const std::string& name, bool only_v4) {
    if (!is_queryable(name)) return false;
    const dns::Answer* v4 = ask(name, dns::RrType::a);
    const dns::Answer* v6 = only_v4 ? v4 : ask(name, dns::RrType::aaaa);
    if (v4 == nullptr || v6 == nullptr) return true;
    return !v4->addresses.empty() || !v6->addresses.empty();
  }

  void exchanges(const std::string& name) {
    const dns::Answer* answer = ask(name, dns::RrType::mx);
    if (answer == nullptr) return;
    if (answer->mx.empty()) return nothing_at(name, "MX");
    if (answer->mx.size() > kMaxMx) {
      error("mx-names", printable(name, 80) + " has " + std::to_string(answer->mx.size()) +
                            " MX records, at most 10 are allowed (RFC 7208 section 4.6.4)");
      return;
    }
    bool any_void = false;
    for (const dns::Mx& mx : answer->mx) {
      if (mx.exchange.empty()) {
        warning("null-mx",
                printable(name, 80) + " receives no mail (RFC 7505): mx matches nothing");
      } else if (!has_address(mx.exchange, false) && asker_.complete()) {
        any_void = true;
        warning("void", "the mail server " + printable(mx.exchange, 80) + " has no address");
      }
    }
    if (any_void) ++report_.void_lookups;
  }

  void explanation(const std::string& domain, const std::string& text, const Modifier& modifier) {
    origin_ = {modifier.text, column_of(text, modifier.text)};
    const auto name = fixed_name(modifier.value, domain);
    const dns::Answer* answer = name ? ask(*name, dns::RrType::txt) : nullptr;
    if (answer != nullptr && answer->texts.size() != 1) {
      warning("explanation", printable(*name, 80) + " has " + std::to_string(answer->texts.size()) +
                                 " TXT records, expected one: there is no explanation");
    } else if (answer != nullptr) {
      const std::string& said = answer->texts.front();
      const MacroCheck check = check_macro_string(said, MacroContext::explanation);
      if (check.fault != nullptr || !is_ascii(said))
        warning("explanation", "the text of " + printable(*name, 80) + " is unusable: " +
                                   (check.fault != nullptr ? check.fault : "not US-ASCII"));
    }
    origin_ = {};
  }

  void totals() {
    if (report_.lookups > kMaxLookups) {
      const std::string count =
          report_.lookups > kMaxCounted ? "more than 50" : std::to_string(report_.lookups);
      error("lookups", count +
                           " lookups with all includes, at most 10 are allowed: permerror "
                           "(RFC 7208 section 4.6.4)");
    }
    if (report_.void_lookups > kMaxVoid)
      error("void-lookups", std::to_string(report_.void_lookups) +
                                " lookups without an answer, at most 2 are allowed: permerror "
                                "(RFC 7208 section 4.6.4)");
  }

  Asker asker_;
  LintReport report_;
  Origin origin_;
  std::vector<std::string> path_;
};

}  // namespace

const char* to_string(LintSeverity severity) {
  return severity == LintSeverity::error ? "error" : "warning";
}

std::size_t LintReport::errors() const {
  return static_cast<std::size_t>(std::count_if(faults.begin(), faults.end(), [](const auto& f) {
    return f.severity == LintSeverity::error;
  }));
}

Lint::Lint(std::string domain, std::optional<std::string> record)
    : domain_(dns::make_query(domain, dns::RrType::txt).name), record_(std::move(record)) {}

Step<LintReport> Lint::step(const Answers& answers) {
  return Linter(answers).run(domain_, record_);
}

}  // namespace gatepost::spf
