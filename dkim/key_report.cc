#include "dkim/key_report.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "dkim/key.h"
#include "dkim/public_key.h"
#include "dkim/tag_list.h"

namespace gatepost::dkim {

namespace {

bool looks_like_key(std::string_view text) {
  return istarts_with(trim(text), "v=DKIM") || text.find("p=") != std::string_view::npos;
}

class Reporter {
 public:
  Reporter(std::string_view text, const PrivateKey* own, KeyReport& report)
      : text_(text), own_(own), report_(report) {}

  void run() {
    surface();
    const auto tags = TagList::parse(text_, {.octets = kMaxKeyRecord});
    if (!tags) return fault("the record cannot be read: " + tags.error().text());
    version(*tags);
    const bool known = type(*tags);
    restrictions(*tags);
    flags(*tags);
    unknown(*tags);
    key(*tags, known);
  }

 private:
  void fault(std::string what) { add(KeyRemark::Weight::fault, std::move(what)); }
  void note(std::string what) { add(KeyRemark::Weight::note, std::move(what)); }
  void add(KeyRemark::Weight weight, std::string what) {
    report_.remarks.push_back({weight, std::move(what)});
  }

  /// What web forms and zone files do to a record.
  void surface() {
    if (text_.find('\\') != std::string_view::npos)
      fault("the record holds a backslash: it was escaped for a zone file, expected plain ';'");
    if (text_.find('"') != std::string_view::npos)
      fault(
          "the record holds a quotation mark: the marks around the strings of a zone file were "
          "published with it");
  }

  void version(const TagList& tags) {
    const Tag* v = tags.find("v");
    if (v == nullptr) return note("v=DKIM1 is missing: it is optional, but some want it");
    // RFC 6376 section 3.6.1: "DKIM1" exactly, and first.
    if (v->value != "DKIM1")
      fault("v=" + printable(v->value, 40) + ": expected v=DKIM1, verifiers ignore this record");
    else if (tags.tags().front().name != "v")
      fault("v= stands behind " + printable(tags.tags().front().name, 40) +
            "=: it must be the first tag");
  }

  bool type(const TagList& tags) {
    const Tag* k = tags.find("k");
    report_.type = k == nullptr ? "rsa" : printable(k->value, 40);
    if (report_.type == "rsa" || report_.type == "ed25519") return true;
    fault("k=" + report_.type + ": expected rsa or ed25519");
    report_.type.clear();
    return false;
  }

  static bool has(const Tag& list, std::initializer_list<std::string_view> wanted) {
    const auto items = split(list.value, ':');
    return std::any_of(items.begin(), items.end(), [&](std::string_view item) {
      return std::any_of(wanted.begin(), wanted.end(),
                         [&](std::string_view word) { return iequals(trim(item), word); });
    });
  }

  void restrictions(const TagList& tags) {
    const Tag* h = tags.find("h");
    if (h != nullptr && !has(*h, {"sha256"}))
      fault("h=" + printable(h->value, 40) +
            ": signatures use sha256, which this key does not allow (RFC 8301 forbids sha1)");
    const Tag* s = tags.find("s");
    if (s != nullptr && !has(*s, {"*", "email"}))
      fault("s=" + printable(s->value, 40) + ": the key is not for e-mail, expected email or *");
    const Tag* g = tags.find("g");
    if (g != nullptr && g->value != "*")
      note("g=" + printable(g->value, 40) +
           ": a tag of RFC 4871 that restricts the key to one "
           "local part for old verifiers, and is ignored by others");
  }

  void flags(const TagList& tags) {
    const Tag* t = tags.find("t");
    if (t == nullptr) return;
    if (has(*t, {"y"}))
      fault("t=y: the domain says that it is testing, so the signature counts for nothing");
    if (has(*t, {"s"})) note("t=s: i= must have exactly the domain of d=, no subdomain");
    for (const std::string_view flag : split(t->value, ':')) {
      const auto word = trim(flag);
      if (!word.empty() && !iequals(word, "y") && !iequals(word, "s"))
        note("t=" + printable(word, 40) + " is no flag that anybody knows");
    }
  }

  void unknown(const TagList& tags) {
    static const std::vector<std::string_view> kKnown = {"v", "k", "h", "s", "g", "t", "n", "p"};
    for (const Tag& tag : tags.tags()) {
      if (std::find(kKnown.begin(), kKnown.end(), tag.name) == kKnown.end())
        note(printable(tag.name, 40) + "= is no tag of a key record and is ignored");
    }
  }

  void key(const TagList& tags, bool known) {
    const Tag* p = tags.find("p");
    if (p == nullptr) return fault("p=, the key itself, is missing");
    // RFC 6376 section 3.6.1: an empty value means that the key has been revoked.
    if (p->value.empty()) return fault("the key is revoked (p= is empty)");
    if (!known) return;
    const auto data = base64_decode(p->value);
    if (!data || data->empty()) return fault("p= is not base64: it was cut or changed");
    const KeyType type = report_.type == "rsa" ? KeyType::rsa : KeyType::ed25519;
    const auto decoded = PublicKey::decode(type, *data);
    if (!decoded) return fault("p= holds no " + report_.type + " key: " + decoded.error().what);
    report_.bits = (*decoded)->bits();
    if (type == KeyType::rsa) size();
    if (own_ != nullptr) compare(type, **decoded);
  }

  void size() {
    const std::string has = "the RSA key has " + std::to_string(report_.bits) + " bits";
    if (report_.bits < kMinRsaBits)
      fault(has + ": below 1024 verifiers refuse it (RFC 8301)");
    else if (report_.bits < kGoodRsaBits)
      note(has + ", expected 2048 or more (RFC 8301)");
    else if (report_.bits > kMaxSignerRsaBits)
      note(has + ": verifiers need to read up to 4096 only (RFC 8301)");
  }

  void compare(KeyType type, const PublicKey& published) {
    if (own_->type() != type)
      return fault(std::string("the private key is ") + to_string(own_->type()) +
                   ", the published one " + to_string(type));
    const std::string hash = sha256("gatepost");
    const auto signature = own_->sign(hash);
    if (!signature || !published.verify(hash, *signature))
      fault("the private key does not belong to the published one: signatures fail");
  }

  const std::string_view text_;
  const PrivateKey* const own_;
  KeyReport& report_;
};

}  // namespace

bool KeyReport::good() const {
  return !temporary && std::none_of(remarks.begin(), remarks.end(), [](const KeyRemark& remark) {
    return remark.weight == KeyRemark::Weight::fault;
  });
}

KeyReport report_key(const dns::Answer& answer, const PrivateKey* own) {
  using Weight = KeyRemark::Weight;
  KeyReport report;
  if (dns::is_temporary(answer.status)) {
    report.temporary = true;
    report.remarks.push_back(
        {Weight::fault, std::string("DNS gives no answer: ") + dns::to_string(answer.status) +
                            (answer.reason.empty() ? "" : " (" + printable(answer.reason) + ")")});
    return report;
  }
  if (answer.texts.empty()) {
    report.remarks.push_back(
        {Weight::fault, answer.status == dns::Status::nxdomain
                            ? "there is no record: the name does not exist"
                            : "there is no record: the name exists, without a TXT record"});
    return report;
  }
  const auto keys = std::count_if(answer.texts.begin(), answer.texts.end(), looks_like_key);
  const auto first = std::find_if(answer.texts.begin(), answer.texts.end(), looks_like_key);
  report.record = first == answer.texts.end() ? answer.texts.front() : *first;
  // RFC 6376 section 3.6.2.2: what several records mean is undefined.
  if (keys > 1)
    report.remarks.push_back({Weight::fault, std::to_string(keys) +
                                                 " key records stand at this name, expected one: "
                                                 "verifiers take any of them"});
  else if (answer.texts.size() > 1)
    report.remarks.push_back(
        {Weight::fault, std::to_string(answer.texts.size() - 1) +
                            " other TXT records stand at this name, expected the key alone"});
  Reporter(report.record, own, report).run();
  return report;
}

}  // namespace gatepost::dkim
