#include "spf/evaluator.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace gatepost::spf {
namespace {

constexpr int kMaxLookupTerms = 100;  // of the configurable limit: it bounds the recursion too
constexpr std::size_t kMaxTrace = 1000;
constexpr std::size_t kMaxShownTerm = 512;

/// RFC 7208 section 4.6.4: an empty answer or a name error.
bool is_void(const dns::Answer& answer) {
  return answer.status == dns::Status::no_data || answer.status == dns::Status::nxdomain;
}

/// Both lower case: `name` is `domain` or a subdomain of it (section 5.5).
bool is_below(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

ResultCode code_of(Qualifier qualifier) {
  switch (qualifier) {
    case Qualifier::pass:
      return ResultCode::pass;
    case Qualifier::fail:
      return ResultCode::fail;
    case Qualifier::softfail:
      return ResultCode::softfail;
    case Qualifier::neutral:
      break;
  }
  return ResultCode::neutral;
}

std::string shown(std::string_view text) {
  return printable(text, 80);
}

}  // namespace

Step<Outcome> Evaluator::run() {
  outcome_.domain = to_lower(subject_.domain);
  if (!subject_.fault.empty()) {  // section 4.3
    outcome_.code = ResultCode::none;
    outcome_.domain = printable(outcome_.domain);
    outcome_.reason = subject_.fault;
    return outcome_;
  }
  Frame frame{subject_.domain, 0};
  const Verdict verdict = check_domain(frame);
  if (verdict.missing) return asker_.take_missing();
  outcome_.code = verdict.code;
  return std::move(outcome_);
}

Evaluator::Verdict Evaluator::check_domain(Frame& frame) {
  const dns::Query query = dns::make_query(frame.domain, dns::RrType::txt);
  const dns::Answer* answer = ask(query);
  if (answer == nullptr) return {.missing = true};
  if (dns::is_temporary(answer->status)) {  // section 4.4
    dns_trouble(query, *answer);
    return {.code = ResultCode::temperror};
  }
  const Selection selection = select_record(answer->texts);  // section 4.5
  if (selection.count == 0) {
    outcome_.reason =
        shown(query.name) +
        (answer->status == dns::Status::nxdomain ? " does not exist" : " has no SPF record");
    return {.code = ResultCode::none};
  }
  if (selection.count > 1) {
    permerror(shown(query.name) + " has more than one SPF record (RFC 7208 section 4.5)");
    return {.code = ResultCode::permerror};
  }
  const Result<Record> record = parse_record(selection.record);  // section 4.6
  if (!record.ok()) {
    permerror("record of " + shown(query.name) + ": " + record.error().text());
    return {.code = ResultCode::permerror};
  }
  return check_record(frame, *record);
}

Evaluator::Verdict Evaluator::check_record(Frame& frame, const Record& record) {
  if (request_.prefetch) prefetch(frame, record);
  for (const Mechanism& mechanism : record.mechanisms) {
    const std::size_t place = begin_trace(frame, mechanism.text);
    std::string target;
    switch (evaluate(frame, mechanism, target)) {
      case State::no:
        end_trace(place, target, "no match");
        continue;
      case State::missing:
        return {.missing = true};
      case State::temperror:
        end_trace(place, target, "temperror");
        return {.code = ResultCode::temperror};
      case State::permerror:
        end_trace(place, target, "permerror");
        return {.code = ResultCode::permerror};
      case State::match:
        end_trace(place, target, "match");
        break;
    }
    const ResultCode code = code_of(mechanism.qualifier);
    if (frame.depth > 0) return {.code = code};
    outcome_.mechanism = mechanism.text.substr(0, kMaxShownTerm);
    // Section 6.2: only the record that fails explains, never an included one.
    if (code == ResultCode::fail && record.exp && !explain(frame, *record.exp)) {
      return {.missing = true};
    }
    return {.code = code};
  }
  // Sections 5.1 and 6.1: redirect is for records without all.
  if (record.redirect && !record.has_all) return redirect(frame, *record.redirect);
  if (frame.depth == 0) outcome_.mechanism = "default";
  return {.code = ResultCode::neutral};  // section 4.7
}

Evaluator::Verdict Evaluator::redirect(Frame& frame, const Modifier& modifier) {
  const std::size_t place = begin_trace(frame, modifier.text);
  if (!count_lookup(modifier.text)) {
    end_trace(place, {}, "permerror");
    return {.code = ResultCode::permerror};
  }
  const std::optional<std::string> target = target_name(frame, modifier.value);
  if (!target) return {.missing = true};
  Verdict verdict;
  if (is_queryable(*target) && !is_unmatchable(modifier.value)) {
    const dns::Answer* answer = ask(dns::make_query(*target, dns::RrType::txt));
    if (answer == nullptr) return {.missing = true};
    if (is_void(*answer) && count_void(modifier.text) == State::permerror) {
      end_trace(place, *target, "permerror");
      return {.code = ResultCode::permerror};
    }
    // Section 6.1: as if the target were the initial domain, its exp= included.
    Frame next{*target, frame.depth};
    verdict = check_domain(next);
    if (verdict.missing) return verdict;
  }
  if (verdict.code == ResultCode::none) {  // section 6.1
    permerror(shown(modifier.text) + ": the target has no SPF record");
    verdict.code = ResultCode::permerror;
  }
  end_trace(place, *target, to_string(verdict.code));
  return verdict;
}

bool Evaluator::explain(Frame& frame, const Modifier& modifier) {
  if (is_unmatchable(modifier.value)) return true;
  const std::optional<std::string> target = target_name(frame, modifier.value);
  if (!target) return false;
  if (!is_queryable(*target)) return true;
  // Section 6.2: any trouble means no explanation; section 4.6.4: not counted.
  const dns::Answer* answer = ask(dns::make_query(*target, dns::RrType::txt));
  if (answer == nullptr) return false;
  if (answer->status != dns::Status::ok || answer->texts.size() != 1) return true;
  const std::string& text = answer->texts.front();
  const MacroCheck check = check_macro_string(text, MacroContext::explanation);
  if (check.fault != nullptr) return true;
  if (check.uses_validated && !find_validated(frame)) return false;
  outcome_.explanation =
      expand_explanation(text, macro_values(frame), request_.limits.explanation).value_or("");
  return true;
}

Evaluator::State Evaluator::evaluate(Frame& frame, const Mechanism& mechanism,
                                     std::string& target) {
  if (mechanism.kind == MechanismKind::all) return State::match;
  if (!needs_lookup(mechanism.kind)) {
    return mechanism.network_contains(request_.client) ? State::match : State::no;
  }
  if (!count_lookup(mechanism.text)) return State::permerror;
  if (is_unmatchable(mechanism.domain)) return State::no;
  std::optional<std::string> name = target_name(frame, mechanism.domain);
  if (!name) return State::missing;
  target = std::move(*name);
  // Section 4.8 leaves names that cannot be asked for undefined: they do not exist.
  if (!is_queryable(target)) {
    if (mechanism.kind != MechanismKind::include) return State::no;
    return permerror(shown(mechanism.text) + ": the target is not a domain name");
  }
  return evaluate_lookup(frame, mechanism, target);
}

Evaluator::State Evaluator::evaluate_lookup(Frame& frame, const Mechanism& mechanism,
                                            const std::string& target) {
  switch (mechanism.kind) {
    case MechanismKind::include:
      return evaluate_include(frame, mechanism, target);
    case MechanismKind::mx:
      return evaluate_mx(mechanism, target);
    case MechanismKind::ptr:
      return evaluate_ptr(mechanism, target);
    default:
      return evaluate_addresses(mechanism, target);
  }
}

Evaluator::State Evaluator::evaluate_include(const Frame& frame, const Mechanism& mechanism,
                                             const std::string& target) {
  const dns::Answer* answer = ask(dns::make_query(target, dns::RrType::txt));
  if (answer == nullptr) return State::missing;
  if (is_void(*answer) && count_void(mechanism.text) == State::permerror) return State::permerror;
  Frame inner{target, frame.depth + 1};
  const Verdict verdict = check_domain(inner);
  if (verdict.missing) return State::missing;
  switch (verdict.code) {  // the table of section 5.2
    case ResultCode::pass:
      return State::match;
    case ResultCode::fail:
    case ResultCode::softfail:
    case ResultCode::neutral:
      return State::no;
    case ResultCode::temperror:
      return State::temperror;
    case ResultCode::permerror:
      return State::permerror;
    case ResultCode::none:
      break;
  }
  return permerror(shown(mechanism.text) + ": the target has no SPF record");
}

// a (section 5.3) and exists (section 5.7: type A whatever the client has)
Evaluator::State Evaluator::evaluate_addresses(const Mechanism& mechanism,
                                               const std::string& target) {
  const bool exists = mechanism.kind == MechanismKind::exists;
  const dns::Query query = dns::make_query(target, exists ? dns::RrType::a : address_type());
  const dns::Answer* answer = ask(query);
  if (answer == nullptr) return State::missing;
  if (dns::is_temporary(answer->status)) return dns_trouble(query, *answer);
  if (is_void(*answer)) return count_void(mechanism.text);
  if (exists) return answer->addresses.empty() ? State::no : State::match;
  return holds_client(*answer, mechanism.prefix4, mechanism.prefix6) ? State::match : State::no;
}

Evaluator::State Evaluator::evaluate_mx(const Mechanism& mechanism, const std::string& target) {
  const dns::Query query = dns::make_query(target, dns::RrType::mx);
  const dns::Answer* answer = ask(query);
  if (answer == nullptr) return State::missing;
  if (dns::is_temporary(answer->status)) return dns_trouble(query, *answer);
  if (is_void(*answer)) return count_void(mechanism.text);  // section 5.4: no implicit MX
  if (answer->mx.size() > request_.limits.mx_names) {       // section 4.6.4
    return permerror(shown(mechanism.text) + ": more than " +
                     std::to_string(request_.limits.mx_names) + " MX records");
  }
  // The order of the exchanges is free: one that matches wins over one that timed out.
  bool missing = false;
  bool any_void = false;
  const dns::Mx* trouble = nullptr;
  for (const dns::Mx& mx : answer->mx) {
    if (!is_queryable(mx.exchange)) continue;
    const dns::Query address_query = dns::make_query(mx.exchange, address_type());
    const dns::Answer* addresses = ask(address_query);
    if (addresses == nullptr) {
      missing = true;
    } else if (holds_client(*addresses, mechanism.prefix4, mechanism.prefix6)) {
      return State::match;
    } else if (dns::is_temporary(addresses->status)) {
      if (trouble == nullptr) trouble = &mx;
    } else {
      any_void = any_void || is_void(*addresses);
    }
  }
  if (missing) return State::missing;
  if (trouble != nullptr) {
    const dns::Query failed = dns::make_query(trouble->exchange, address_type());
    return dns_trouble(failed, *ask(failed));
  }
  return any_void ? count_void(mechanism.text) : State::no;
}

Evaluator::State Evaluator::evaluate_ptr(const Mechanism& mechanism, const std::string& target) {
  const dns::Answer* answer =
      ask(dns::make_query(request_.client.reverse_name(), dns::RrType::ptr));
  if (answer == nullptr) return State::missing;
  if (is_void(*answer)) return count_void(mechanism.text);
  return is_validated_below(to_lower(target));
}

// Section 5.5: names whose addresses hold the client. Asking only for those that could match gives
// the same result with fewer questions.
Evaluator::State Evaluator::is_validated_below(std::string_view domain) {
  const dns::Answer* answer =
      ask(dns::make_query(request_.client.reverse_name(), dns::RrType::ptr));
  if (answer == nullptr) return State::missing;
  if (answer->status != dns::Status::ok) return State::no;
  State state = State::no;
  // Section 4.6.4: the names beyond the tenth are ignored.
  const std::size_t count = std::min(answer->names.size(), request_.limits.ptr_names);
  for (std::size_t i = 0; i < count; ++i) {
    const dns::Query query = dns::make_query(answer->names[i], address_type());
    if (!is_below(query.name, domain) || !is_queryable(query.name)) continue;
    const dns::Answer* addresses = ask(query);
    if (addresses == nullptr) {
      state = State::missing;
    } else if (holds_client(*addresses, 32, 128)) {
      return State::match;
    }
  }
  return state;
}

bool Evaluator::find_validated(Frame& frame) {
  if (frame.validated) return true;
  const dns::Answer* answer =
      ask(dns::make_query(request_.client.reverse_name(), dns::RrType::ptr));
  if (answer == nullptr) return false;
  const std::string domain = to_lower(frame.domain);
  std::string best;
  int best_rank = 0;
  bool missing = false;
  const std::size_t count = answer->status == dns::Status::ok
                                ? std::min(answer->names.size(), request_.limits.ptr_names)
                                : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const dns::Query query = dns::make_query(answer->names[i], address_type());
    if (!is_queryable(query.name)) continue;
    const dns::Answer* addresses = ask(query);
    missing = missing || addresses == nullptr;
    if (addresses == nullptr || !holds_client(*addresses, 32, 128)) continue;
    // Section 7.3: the domain itself, else a subdomain of it, else any.
    const int rank = query.name == domain ? 3 : is_below(query.name, domain) ? 2 : 1;
    if (rank > best_rank) best = query.name;
    best_rank = std::max(best_rank, rank);
  }
  if (missing) return false;
  frame.validated = best.empty() ? "unknown" : best;
  return true;
}

bool Evaluator::count_lookup(std::string_view term) {
  const int limit = std::min(request_.limits.lookup_terms, kMaxLookupTerms);
  if (outcome_.lookups < limit) {
    ++outcome_.lookups;
    return true;
  }
  permerror(shown(term) + ": more than " + std::to_string(limit) +
            " terms that need DNS lookups (RFC 7208 section 4.6.4)");
  return false;
}

Evaluator::State Evaluator::count_void(std::string_view term) {
  if (++outcome_.void_lookups <= request_.limits.void_lookups) return State::no;
  return permerror(shown(term) + ": more than " + std::to_string(request_.limits.void_lookups) +
                   " lookups without an answer (RFC 7208 section 4.6.4)");
}

/// Notes the first question of each term that this record may come to, so that they are asked in
/// one batch. At most as many in a check as lookup terms are allowed.
void Evaluator::prefetch(const Frame& frame, const Record& record) {
  int budget = std::min(request_.limits.lookup_terms, kMaxLookupTerms) -
               std::max(outcome_.lookups, prefetched_);
  for (const Mechanism& mechanism : record.mechanisms) {
    if (mechanism.kind == MechanismKind::all) return;
    if (!needs_lookup(mechanism.kind)) {
      if (mechanism.network_contains(request_.client)) return;
      continue;
    }
    if (budget-- <= 0) return;
    switch (mechanism.kind) {
      case MechanismKind::include:
        prefetch_term(frame, mechanism.domain, dns::RrType::txt);
        break;
      case MechanismKind::mx:
        prefetch_term(frame, mechanism.domain, dns::RrType::mx);
        break;
      case MechanismKind::ptr:
        ++prefetched_;
        asker_.ask(dns::make_query(request_.client.reverse_name(), dns::RrType::ptr));
        break;
      case MechanismKind::exists:
        prefetch_term(frame, mechanism.domain, dns::RrType::a);
        break;
      default:
        prefetch_term(frame, mechanism.domain, address_type());
    }
  }
  if (record.redirect && !record.has_all && budget > 0) {
    prefetch_term(frame, record.redirect->value, dns::RrType::txt);
  }
}

void Evaluator::prefetch_term(const Frame& frame, const DomainSpec& spec, dns::RrType type) {
  if (spec.uses_validated || is_unmatchable(spec)) return;
  const std::string name =
      spec.text.empty() ? frame.domain : expand_domain(spec.text, macro_values(frame));
  if (!is_queryable(name)) return;
  ++prefetched_;
  asker_.ask(dns::make_query(name, type));
}

std::optional<std::string> Evaluator::target_name(Frame& frame, const DomainSpec& spec) {
  if (spec.text.empty()) return frame.domain;
  if (spec.uses_validated && !find_validated(frame)) return std::nullopt;
  return expand_domain(spec.text, macro_values(frame));
}

MacroValues Evaluator::macro_values(const Frame& frame) const {
  MacroValues values;
  values.sender = subject_.sender;
  values.local_part = subject_.local_part;
  values.sender_domain = subject_.domain;
  values.domain = frame.domain;
  values.helo = subject_.helo;
  values.receiver = request_.receiver;
  if (frame.validated) values.validated = *frame.validated;
  values.client = request_.client;
  values.unix_time = asker_.answers().unix_time();
  return values;
}

bool Evaluator::holds_client(const dns::Answer& answer, int prefix4, int prefix6) const {
  const int prefix = request_.client.is_v4() ? prefix4 : prefix6;
  return std::any_of(answer.addresses.begin(), answer.addresses.end(), [&](const IpAddress& a) {
    return same_network(a.octets(), request_.client.octets(), prefix);
  });
}

Evaluator::State Evaluator::dns_trouble(const dns::Query& query, const dns::Answer& answer) {
  outcome_.reason = "DNS " + dns::to_string(query.type) + " " + shown(query.name) + ": " +
                    dns::to_string(answer.status);
  if (!answer.reason.empty()) outcome_.reason += " (" + shown(answer.reason) + ")";
  return State::temperror;
}

Evaluator::State Evaluator::permerror(std::string reason) {
  outcome_.reason = std::move(reason);
  return State::permerror;
}

std::size_t Evaluator::begin_trace(const Frame& frame, std::string_view term) {
  open_trace_ = kNoTrace;
  if (!request_.trace || outcome_.trace.size() >= kMaxTrace) return kNoTrace;
  outcome_.trace.push_back(
      {frame.depth, to_lower(frame.domain), std::string(term.substr(0, kMaxShownTerm)), {}, {}});
  open_trace_ = outcome_.trace.size() - 1;
  return open_trace_;
}

void Evaluator::trace_answer(const dns::Query& query, const dns::Answer& answer) {
  if (open_trace_ >= outcome_.trace.size()) return;
  std::vector<TraceLookup>& asked = outcome_.trace[open_trace_].asked;
  const bool known = std::any_of(asked.begin(), asked.end(),
                                 [&](const TraceLookup& lookup) { return lookup.query == query; });
  if (known) return;
  asked.push_back(
      {query, answer.status,
       answer.addresses.size() + answer.texts.size() + answer.names.size() + answer.mx.size()});
}

void Evaluator::end_trace(std::size_t place, const std::string& target, const char* result) {
  if (place >= outcome_.trace.size()) return;
  outcome_.trace[place].target = target;
  outcome_.trace[place].result = result;
  outcome_.trace[place].lookups = outcome_.lookups;
  outcome_.trace[place].void_lookups = outcome_.void_lookups;
}

}  // namespace gatepost::spf
