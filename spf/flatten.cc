#include "spf/flatten.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "spf/flat_writer.h"
#include "spf/macro.h"
#include "spf/published.h"
#include "spf/record.h"

namespace gatepost::spf {

namespace {

constexpr std::size_t kMaxMx = 10;     // RFC 7208 section 4.6.4
constexpr std::size_t kMaxDepth = 10;  // as many as lookup terms: a deeper tree is a permerror
constexpr int kMaxTerms = 60;          // lookup terms in the whole tree: a budget, not a rule
constexpr std::size_t kMaxNetworks = 5000;

/// The text without qualifier.
std::string bare(const Mechanism& mechanism) {
  std::string_view text = mechanism.text;
  if (std::string_view("+-?~").find(text[0]) != std::string_view::npos) text.remove_prefix(1);
  return std::string(text);
}

bool is_message_bound(MechanismKind kind) {
  return kind == MechanismKind::exists || kind == MechanismKind::ptr;
}

/// One run with the answers known so far.
class Flattener {
 public:
  explicit Flattener(const Answers& answers) : asker_(answers) {}

  Step<Flattening> run(const std::string& domain, const std::optional<std::string>& record) {
    out_.domain = domain;
    const std::string* text = record ? &*record : published(domain, "");
    if (text != nullptr) {
      out_.original = *text;
      top(domain, *text);
    }
    if (!asker_.complete()) return asker_.take_missing();
    if (!out_.fault.empty()) {
      out_.kept.clear();
      return std::move(out_);
    }
    out_.ttl = any_ttl_ ? ttl_ : 0;
    write_records(std::move(segments_), tail_, out_);
    return std::move(out_);
  }

 private:
  void fail(std::string what) {
    if (out_.fault.empty()) out_.fault = std::move(what);
  }

  const dns::Answer* ask(const std::string& name, dns::RrType type) {
    if (!is_queryable(name)) return nullptr;
    const dns::Answer* answer = asker_.ask(dns::make_query(name, type));
    if (answer == nullptr) return nullptr;
    if (dns::is_temporary(answer->status)) {
      out_.temporary = true;
      fail("DNS " + dns::to_string(type) + " " + printable(name, 80) + ": " +
           dns::to_string(answer->status));
      return nullptr;
    }
    ttl_ = any_ttl_ ? std::min(ttl_, answer->ttl) : answer->ttl;
    any_ttl_ = true;
    return answer;
  }

  const std::string* published(const std::string& name, std::string_view term) {
    const std::string place = term.empty() ? "" : printable(term, 80) + ": ";
    if (!is_queryable(name)) {
      fail(place + "'" + printable(name, 80) + "' is not a domain name");
      return nullptr;
    }
    const dns::Answer* answer = ask(name, dns::RrType::txt);
    if (answer == nullptr) return nullptr;
    const Selection selection = select_record(answer->texts);
    if (selection.count != 1) {
      fail(place + printable(name, 80) + " has " + (selection.count == 0 ? "no" : "more than one") +
           " SPF record");
      return nullptr;
    }
    return &*std::find_if(answer->texts.begin(), answer->texts.end(),
                          [](const std::string& text) { return is_spf_record(text); });
  }

  std::optional<Record> parse(const std::string& domain, const std::string& text) {
    auto record = parse_record(text);
    if (!record.ok()) {
      fail("the record of " + printable(domain, 80) + ": " + record.error().text());
      return std::nullopt;
    }
    return std::move(*record);
  }

  FlatSegment& segment(Qualifier qualifier) {
    if (segments_.empty() || segments_.back().qualifier != qualifier)
      segments_.push_back({qualifier, {}, {}});
    return segments_.back();
  }

  void keep(FlatSegment& where, std::string term, const char* why) {
    if (std::find(where.kept.begin(), where.kept.end(), term) != where.kept.end()) return;
    out_.kept.push_back({term, why});
    where.kept.push_back(std::move(term));
  }

  /// The domain's own record, or what it redirects to: terms keep their qualifiers.
  void top(const std::string& domain, const std::string& text) {
    if (!enter(domain)) return;
    const auto record = parse(domain, text);
    if (!record) return;
    for (const Mechanism& mechanism : record->mechanisms) {
      if (mechanism.kind == MechanismKind::all) {
        segments_.push_back({mechanism.qualifier, {}, {"all"}});
        break;
      }
      term(mechanism, domain, segment(mechanism.qualifier));
    }
    if (record->redirect && !record->has_all) {
      redirect(domain, *record->redirect);
    } else if (record->exp) {
      tail_.push_back(modifier(*record->exp, domain));
    }
    for (const Modifier& unknown : record->unknown) tail_.push_back(std::string(unknown.text));
  }

  /// Section 6.1: the target is checked as the domain itself, its exp= included.
  void redirect(const std::string& domain, const Modifier& modifier) {
    const auto name = fixed_name(modifier.value, domain);
    if (!name) {
      out_.kept.push_back({std::string(modifier.text), "it depends on the message"});
      tail_.push_back(std::string(modifier.text));
      return;
    }
    const std::string* text = published(*name, modifier.text);
    if (text == nullptr) return;
    const auto record = parse(*name, *text);
    if (!record) return;
    if (!is_bound_to_domain(*record)) return top(*name, *text);
    out_.kept.push_back({"redirect=" + *name, "its record speaks of its own name by %{d} or %{p}"});
    tail_.push_back("redirect=" + *name);
  }

  /// exp= of the record; of a redirect's target with its name put in.
  std::string modifier(const Modifier& modifier, const std::string& domain) {
    if (domain == out_.domain) return std::string(modifier.text);
    const auto name = fixed_name(modifier.value, domain);
    return name ? "exp=" + *name : std::string(modifier.text);
  }

  static bool is_bound_to_domain(const Record& record) {
    const auto bound = [](const DomainSpec& spec) { return speaks_of_domain(spec.text); };
    return std::any_of(record.mechanisms.begin(), record.mechanisms.end(),
                       [&](const Mechanism& m) { return bound(m.domain); }) ||
           (record.exp && bound(record.exp->value)) ||
           (record.redirect && bound(record.redirect->value));
  }

  /// A term that is no `all`, into `where`, whose qualifier takes the place of its own.
  void term(const Mechanism& mechanism, const std::string& domain, FlatSegment& where) {
    if (!needs_lookup(mechanism.kind)) return network(mechanism, where);
    if (++terms_ > kMaxTerms) return fail("the tree has more than 60 terms that need DNS lookups");
    const auto name = fixed_name(mechanism.domain, domain);
    if (is_message_bound(mechanism.kind) || !name) {
      // Without a name of its own it speaks of the record's domain: that is said now.
      std::string text = bare(mechanism);
      if (mechanism.domain.text.empty() && domain != out_.domain && name) text += ":" + *name;
      keep(where, std::move(text),
           is_message_bound(mechanism.kind) ? "it depends on the client"
                                            : "it has macros of the message");
      return;
    }
    if (mechanism.kind == MechanismKind::include) return include(mechanism, *name, where);
    if (mechanism.kind == MechanismKind::a) return addresses(*name, mechanism, where);
    const dns::Answer* answer = ask(*name, dns::RrType::mx);
    if (answer == nullptr) return;
    if (answer->mx.size() > kMaxMx)
      return fail(printable(*name, 80) + " has more than 10 MX records");
    if (answer->mx.empty()) nothing(mechanism, *name, "MX record");
    for (const dns::Mx& mx : answer->mx) {
      if (!mx.exchange.empty()) addresses(mx.exchange, mechanism, where);
    }
  }

  void network(const Mechanism& mechanism, FlatSegment& where) {
    const bool v4 = mechanism.kind == MechanismKind::ip4;
    const auto base = IpAddress::from_octets(
        {reinterpret_cast<const char*>(mechanism.network.data()), v4 ? 4U : 16U});
    // An IPv4-mapped network never matches (section 5).
    if (base && base->is_v4() == v4) add(*base, v4 ? mechanism.prefix4 : mechanism.prefix6, where);
  }

  void add(const IpAddress& address, int prefix, FlatSegment& where) {
    if (where.networks.size() >= kMaxNetworks) return fail("more than 5000 networks");
    where.networks.push_back({address.masked(prefix), prefix});
  }

  void addresses(const std::string& name, const Mechanism& mechanism, FlatSegment& where) {
    bool known = is_queryable(name), any = false;
    for (const dns::RrType type : {dns::RrType::a, dns::RrType::aaaa}) {
      const dns::Answer* answer = ask(name, type);
      known = known && answer != nullptr;
      if (answer == nullptr) continue;
      for (const IpAddress& address : answer->addresses) {
        any = true;
        // A mapped address in an AAAA record is asked for by no client (section 5).
        if (address.is_v4() != (type == dns::RrType::a)) continue;
        add(address, address.is_v4() ? mechanism.prefix4 : mechanism.prefix6, where);
      }
    }
    if (known && !any) nothing(mechanism, name, "address");
  }

  void nothing(const Mechanism& mechanism, const std::string& name, const char* what) {
    out_.warnings.push_back(printable(mechanism.text, 80) + ": " + printable(name, 80) +
                            " has no " + what + ", the term is left out");
  }

  /// Counts the nesting; false when it is a loop or too deep.
  bool enter(const std::string& domain) {
    if (std::find(path_.begin(), path_.end(), domain) != path_.end()) {
      fail("the record of " + printable(domain, 80) + " leads back to itself");
      return false;
    }
    if (path_.size() > kMaxDepth) {
      fail("records are nested more than 10 deep");
      return false;
    }
    path_.push_back(domain);
    return true;
  }

  void include(const Mechanism& mechanism, const std::string& name, FlatSegment& where) {
    const std::string* text = published(name, mechanism.text);
    if (text == nullptr || !enter(name)) return;
    FlatSegment passes{where.qualifier, {}, {}};
    const std::size_t kept_before = out_.kept.size();
    const char* obstacle = collect(name, *text, passes);
    path_.pop_back();
    if (obstacle != nullptr) {
      out_.kept.resize(kept_before);
      keep(where, "include:" + name, obstacle);
      return;
    }
    where.networks.insert(where.networks.end(), passes.networks.begin(), passes.networks.end());
    for (std::string& term : passes.kept) {
      if (std::find(where.kept.begin(), where.kept.end(), term) == where.kept.end())
        where.kept.push_back(std::move(term));
    }
  }

  /// What makes the record of an include pass, into `passes`. Terms of other results can be left
  /// out only behind the last one that passes. @return why it cannot be done, null when it was.
  const char* collect(const std::string& domain, const std::string& text, FlatSegment& passes) {
    const auto record = parse(domain, text);
    if (!record) return nullptr;
    if (is_bound_to_domain(*record)) return "its record speaks of its own name by %{d} or %{p}";
    bool exception = false;
    for (const Mechanism& mechanism : record->mechanisms) {
      const bool pass = mechanism.qualifier == Qualifier::pass;
      if (mechanism.kind == MechanismKind::all) {
        if (pass) return "its record passes everybody";
        return nullptr;
      }
      if (pass && exception) return "its record has exceptions before terms that pass";
      exception = exception || !pass;
      if (pass) term(mechanism, domain, passes);
    }
    if (!record->redirect || record->has_all) return nullptr;
    if (exception) return "its record has exceptions before a redirect";
    const auto name = fixed_name(record->redirect->value, domain);
    if (!name) return "its redirect depends on the message";
    const std::string* next = published(*name, record->redirect->text);
    if (next == nullptr || !enter(*name)) return nullptr;
    const char* obstacle = collect(*name, *next, passes);
    path_.pop_back();
    return obstacle;
  }

  Asker asker_;
  Flattening out_;
  std::vector<FlatSegment> segments_;
  std::vector<std::string> tail_;
  std::vector<std::string> path_;
  std::uint32_t ttl_ = 0;
  bool any_ttl_ = false;
  int terms_ = 0;
};

}  // namespace

Flatten::Flatten(std::string domain, std::optional<std::string> record)
    : domain_(dns::make_query(domain, dns::RrType::txt).name), record_(std::move(record)) {}

Step<Flattening> Flatten::step(const Answers& answers) {
  return Flattener(answers).run(domain_, record_);
}

}  // namespace gatepost::spf
