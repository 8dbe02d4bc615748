#include "rules/received.h"

#include <algorithm>
#include <array>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "rules/received_text.h"

namespace gatepost::rules {
namespace {

constexpr std::size_t kMaxLine = 4096;

using Kind = ReceivedLine::Kind;
using received::address_in;
using received::authentication;
using received::drop_date;
using received::find;
using received::holds;
using received::Pairs;
using received::squeezed;
using received::word_behind;

/// What stands between "from" and "by": words and bracketed parts.
class Shape {
 public:
  /// @return false when there is no " by " behind it.
  bool read(std::string_view line) {
    while (true) {
      while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      if (line.empty()) return false;
      if (line.substr(0, 3) == "by " || line.substr(0, 3) == "BY ") {
        tail_ = line.substr(3);
        by_ = tail_.substr(0, tail_.find(' '));
        tail_.remove_prefix(std::min(tail_.size(), by_.size() + 1));
        return !by_.empty();
      }
      const std::string_view part = line.substr(0, length_of_part(line));
      parts_.push_back(part);
      line.remove_prefix(part.size());
    }
  }

  std::string_view part(std::size_t i) const {
    return i < parts_.size() ? parts_[i] : std::string_view();
  }
  /// The inside of part i when it stands in round brackets.
  std::string_view inside(std::size_t i) const {
    const std::string_view p = part(i);
    if (!p.starts_with('(')) return {};
    return p.substr(1, p.size() - (p.ends_with(')') ? 2 : 1));
  }
  bool is_round(std::size_t i) const { return part(i).starts_with('('); }
  std::size_t size() const { return parts_.size(); }
  std::string_view by() const { return by_; }
  std::string_view tail() const { return tail_; }

 private:
  // A word, or all up to the bracket that closes the one at its begin.
  static std::size_t length_of_part(std::string_view line) {
    if (line.front() != '(') {
      // "name(comment)" without a blank between is two parts.
      const std::size_t end = line.find_first_of(" (");
      return end == std::string_view::npos ? line.size() : std::max<std::size_t>(end, 1);
    }
    int depth = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '(') ++depth;
      if (line[i] == ')' && --depth == 0) return i + 1;
    }
    return line.size();
  }

  std::vector<std::string_view> parts_;
  std::string_view by_;
  std::string_view tail_;
};

/// Whether the receiver speaks as qmail does: plain SMTP without an id behind it.
bool is_qmail(std::string_view tail) {
  if (!tail.starts_with("with ") && !tail.starts_with('(')) return false;
  for (const std::string_view protocol : {"SMTP", "QMQP"}) {
    for (std::size_t at = tail.find(protocol); at != std::string_view::npos;
         at = tail.find(protocol, at + 1)) {
      const bool word = at > 0 && tail[at - 1] == ' ' && holds(tail.substr(0, at), "with ");
      const std::string_view rest = tail.substr(at + protocol.size());
      if (word && !rest.starts_with(" id ") && !rest.starts_with("SVC")) return true;
    }
  }
  return false;
}

class Reader {
 public:
  ReceivedLine read(std::string_view value) {
    if (value.size() > kMaxLine) return out_;
    line_ = squeezed(value);
    pairs_.add(line_);
    const bool in_brackets = istarts_with(line_, "(from ");
    if (!in_brackets && !istarts_with(line_, "from ")) return only(Kind::skipped);
    if (is_no_hop()) return only(Kind::skipped);
    relay().auth = authentication(line_, pairs_);
    drop_date(line_);
    // "(localhost [127.0.0.1])by host"
    const std::size_t stuck = pairs_.may_hold(")by ") ? line_.find(")by ") : std::string::npos;
    if (stuck != std::string::npos) {
      line_.insert(stuck + 1, " ");
      pairs_.add(") b");
    }
    read_id();
    read_envelope_sender();
    std::string_view rest = std::string_view(line_).substr(in_brackets ? 6 : 5);
    if (in_brackets) return read_bracketed(rest);
    Shape shape;
    const bool complete = shape.read(rest);
    relay().by = shape.by();
    const Kind kind = complete ? read_shape(shape) : without_by(rest);
    return kind == Kind::relay ? finish() : only(kind);
  }

 private:
  /// Whether `text`, a part of line_, holds `piece`.
  bool has(std::string_view text, std::string_view piece) const {
    return pairs_.may_hold(piece) && holds(text, piece);
  }

  Relay& relay() { return out_.relay; }
  ReceivedLine only(Kind kind) {
    out_.kind = kind;
    if (kind != Kind::relay) out_.relay = {};
    return std::move(out_);
  }

  // Local hand-overs, and fields that tell a name and nothing else.
  bool is_no_hop() const {
    if (has(line_, " with local for ") || has(line_, "mail pickup service by ")) return true;
    const std::size_t by = find(line_, " by ");
    const std::size_t semicolon = line_.find(';');
    if (by == std::string::npos || semicolon == std::string::npos || semicolon < by) return false;
    const std::string_view name = std::string_view(line_).substr(5, by - 5);
    std::string_view host = std::string_view(line_).substr(by + 4, semicolon - by - 4);
    if (host.ends_with(' ')) host.remove_suffix(1);
    const bool literal = name.starts_with('[') && name.ends_with(']') && !address_in(name).empty();
    return !has(name, " ") && !has(host, " ") && !literal;
  }

  void read_id() {
    const std::string_view line = line_;
    for (std::size_t at = find(line, " id "); at != std::string_view::npos;
         at = find(line, " id ", at + 1)) {
      std::string_view rest = line.substr(at + 4);
      if (rest.starts_with('<')) rest.remove_prefix(1);
      const std::string_view word = rest.substr(0, rest.find_first_of(" <>;"));
      if (word.size() < 3) continue;
      relay().id = word;
      return;
    }
  }

  // Whether some mark of an envelope sender can be there.
  bool may_tell_sender() const {
    const std::string_view line = line_;
    for (std::size_t at = line.find('-'); at != line.npos; at = line.find('-', at + 1)) {
      if ((at >= 6 && istarts_with(line.substr(at - 6), "return-path")) ||
          (at >= 8 && istarts_with(line.substr(at - 8), "envelope-"))) {
        return true;
      }
    }
    return false;
  }

  void read_envelope_sender() {
    if (!may_tell_sender()) return;
    const std::string lower = to_lower(line_);
    for (const std::string_view mark : {"return-path: ", "return-path ", "envelope-sender ",
                                        "envelope-sender=", "envelope-from ", "envelope-from="}) {
      const std::size_t at = lower.find(mark);
      if (at == std::string::npos) continue;
      std::string_view rest = std::string_view(line_).substr(at + mark.size());
      rest = rest.substr(0, rest.find(' '));
      while (!rest.empty() && (rest.front() == '<' || rest.front() == ' ')) rest.remove_prefix(1);
      while (!rest.empty() && !is_alnum(rest.back()) && rest.back() != '_') rest.remove_suffix(1);
      relay().envfrom = rest;
      return;
    }
  }

  // "(from user@localhost) by host": a submission on the host itself. "(from host [address]) by".
  ReceivedLine read_bracketed(std::string_view rest) {
    const std::size_t close = rest.find(") by ");
    if (close == std::string_view::npos) return only(Kind::unparseable);
    const std::string_view who = rest.substr(0, close);
    const std::size_t open = who.find(" [");
    if (open == std::string_view::npos)
      return only(has(who, "@") ? Kind::skipped : Kind::unparseable);
    relay().helo = who.substr(0, open);
    relay().ip = address_in(who.substr(open + 1));
    const std::string_view by = rest.substr(close + 5);
    relay().by = by.substr(0, by.find(' '));
    return relay().ip.empty() ? only(Kind::unparseable) : finish();
  }

  Kind without_by(std::string_view rest) {
    if (has(rest, " with POP3") || has(rest, " with IMAP")) return Kind::fetched;
    constexpr std::string_view kOriginating = "X-Originating-IP: ";
    if (rest.starts_with(kOriginating)) {
      relay().ip = address_in(rest.substr(kOriginating.size()));
      return relay().ip.empty() ? Kind::unparseable : Kind::relay;
    }
    const auto words = split(rest, ' ');
    if (words.size() == 3 && words[1] == "id") return Kind::skipped;
    return Kind::unparseable;
  }

  static bool is_loopback_name(std::string_view text) {
    return text == "localhost" || text == "localhost.localdomain" || text == "127.0.0.1";
  }

  Kind read_shape(const Shape& shape) {
    const std::string_view tail = shape.tail();
    const bool exim = has(line_, "Exim");
    if (exim && (has(line_, "with local ") || has(line_, "with local-"))) return Kind::skipped;
    Kind kind = Kind::unparseable;
    if (shape.part(1).starts_with('[') && !address_in(shape.part(1)).empty())
      kind = read_name_and_address(shape, exim);
    else if (shape.is_round(0))
      kind = read_round_first(shape);
    else if (!address_in(shape.part(0)).empty() && !is_round_with_address(shape, 1))
      kind = read_address_first(shape);
    else if (shape.is_round(1))
      kind = read_name_and_comment(shape, exim);
    if (kind != Kind::unparseable) return kind;
    if (has(tail, "with POP3") || has(tail, "with IMAP")) return Kind::fetched;
    return read_rest(shape);
  }

  // (host [address]) by …, ([address]) by …, (address) by …
  Kind read_round_first(const Shape& shape) {
    const std::string_view inside = shape.inside(0);
    const std::size_t open = inside.find(" [");
    if (open != std::string_view::npos && open > 0 && !has(inside.substr(0, open), " ")) {
      relay().ip = address_in(inside.substr(open + 1));
      if (inside.starts_with('[')) {
        read_extras(inside);
        relay().ip = address_in(inside);
      } else {
        relay().helo = inside.substr(0, open);
      }
    } else {
      relay().ip = address_in(inside.substr(0, inside.find(' ')));
      read_extras(inside);
    }
    return relay().ip.empty() ? Kind::unparseable : Kind::relay;
  }

  // "helo=host ident=who" beside an address.
  void read_extras(std::string_view inside) {
    const std::string helo = word_behind(inside, "helo=", " )");
    if (!helo.empty()) relay().helo = helo;
    relay().ident = word_behind(inside, "ident=", " )");
  }

  static bool is_round_with_address(const Shape& shape, std::size_t i) {
    if (!shape.is_round(i)) return false;
    const std::string_view inside = shape.inside(i);
    const std::size_t open = inside.rfind('[');
    if (open != std::string_view::npos && !address_in(inside.substr(open)).empty()) {
      return !istarts_with(inside, "account ");
    }
    return !address_in(inside.substr(inside.find('@') + 1)).empty();
  }

  // [address] (helo=host), address by …, address (HELO host) by …
  Kind read_address_first(const Shape& shape) {
    relay().ip = address_in(shape.part(0));
    const std::string_view inside = shape.inside(1);
    read_extras(inside);
    for (const std::string_view mark : {"HELO ", "EHLO "}) {
      const std::size_t at = inside.find(mark);
      if (at == std::string_view::npos) continue;
      const std::string_view rest = inside.substr(at + 5);
      relay().helo = rest.substr(0, rest.find(' '));
    }
    return Kind::relay;
  }

  // name [address] by …
  Kind read_name_and_address(const Shape& shape, bool exim) {
    relay().ip = address_in(shape.part(1));
    if (relay().ip.empty()) return Kind::unparseable;
    if (has(shape.tail(), "with POP3") || has(shape.tail(), "with IMAP")) return Kind::fetched;
    relay().helo = shape.part(0);
    if (exim) relay().rdns = relay().helo;
    relay().looked_up_dns = shape.tail().starts_with('[');
    return Kind::relay;
  }

  Kind read_name_and_comment(const Shape& shape, bool exim) {
    std::string_view inside = shape.inside(1);
    for (const std::string_view mark : {"HELO", "EHLO", "LHLO"}) {
      if (inside.starts_with(mark) && (inside.size() == 4 || inside[4] == ' '))
        return read_qmail_helo(shape, trim(inside.substr(4)));
    }
    const std::size_t open = inside.find('[');
    if (open == std::string_view::npos) return read_plain_address(shape, inside);
    relay().ip = address_in(inside.substr(open));
    if (relay().ip.empty()) {
      // "(host [address] (may be forged))" has its address in the first brackets that hold one.
      const std::size_t next = inside.find('[', open + 1);
      if (next == std::string_view::npos) return Kind::unparseable;
      relay().ip = address_in(inside.substr(next));
      if (relay().ip.empty()) return Kind::unparseable;
    }
    std::string_view before = inside.substr(0, open);
    const bool apart = before.ends_with(' ');
    if (apart) before.remove_suffix(1);
    if (before.empty()) return read_only_address(shape, inside, exim);
    if (has(before, " ")) return Kind::unparseable;
    relay().helo = shape.part(0);
    if (before.starts_with("<unknown")) return Kind::relay;
    if (before.ends_with('@')) {
      relay().ident = before.substr(0, before.size() - 1);
      relay().looked_up_dns = true;
      if (!shape.tail().starts_with('(')) relay().rdns = shape.part(0);
      return Kind::relay;
    }
    relay().looked_up_dns = before != "softdnserr";
    if (!relay().looked_up_dns) return Kind::relay;
    const std::size_t at = before.find('@');
    if (at != std::string_view::npos && shape.tail().starts_with('(')) {
      std::string_view ident = before.substr(0, at);
      if (ident.starts_with("IDENT:")) ident.remove_prefix(6);
      relay().ident = ident;
      before.remove_prefix(at + 1);
    }
    relay().rdns = before;
    return Kind::relay;
  }

  // name ([address]), with or without "helo=" behind the address.
  Kind read_only_address(const Shape& shape, std::string_view inside, bool exim) {
    const std::string_view behind = inside.substr(std::min(inside.find(']') + 1, inside.size()));
    const std::string helo = word_behind(behind, "helo=", " )");
    relay().helo = shape.part(0);
    if (exim || !helo.empty()) {
      relay().rdns = shape.part(0);
      read_extras(behind);
      return Kind::relay;
    }
    if (has(line_, "CommuniGate Pro") && has(behind, "verified")) relay().rdns = shape.part(0);
    const std::string_view tail = shape.tail();
    if (behind.empty() && is_qmail(tail)) {
      relay().rdns = shape.part(0);
      relay().looked_up_dns = relay().rdns != "unknown";
      return Kind::relay;
    }
    const bool never_looks = tail.starts_with("(Lotus") ||
                             tail.starts_with("with Microsoft SMTPSVC") || is_exchange(tail) ||
                             behind.starts_with(" [");
    relay().looked_up_dns = !never_looks;
    if (is_exchange(tail)) relay().id.clear();
    return Kind::relay;
  }

  bool is_exchange(std::string_view tail) const {
    return has(tail, "with Microsoft SMTP Server") || has(tail, "with mapi id");
  }

  // host (HELO name) (ident@address)
  Kind read_qmail_helo(const Shape& shape, std::string_view helo) {
    std::string_view who = shape.part(2);
    if (who.starts_with('(')) who = shape.inside(2);
    const std::size_t at = who.find('@');
    std::string_view address = at == std::string_view::npos ? who : who.substr(at + 1);
    address = address.substr(0, address.find(' '));
    relay().ip = address_in(address);
    if (relay().ip.empty()) return Kind::unparseable;
    if (at != std::string_view::npos) relay().ident = who.substr(0, at);
    relay().rdns = shape.part(0);
    relay().helo = helo;
    relay().looked_up_dns = !is_qmail(shape.tail()) || relay().rdns != "unknown";
    if (has(shape.tail(), "(qpsmtpd/")) relay().looked_up_dns = false;
    return Kind::relay;
  }

  // name (address), name (ident@address)
  Kind read_plain_address(const Shape& shape, std::string_view inside) {
    inside = trim(inside);
    const std::size_t at = inside.find('@');
    std::string_view address = at == std::string_view::npos ? inside : inside.substr(at + 1);
    if (has(address, " ")) address = address.substr(0, address.find(' '));
    if (address.ends_with(',')) address.remove_suffix(1);
    if (at != std::string_view::npos && is_loopback_name(address) && address != "127.0.0.1")
      return Kind::skipped;
    relay().ip = address_in(address);
    if (relay().ip.empty()) return Kind::unparseable;
    const std::string_view tail = shape.tail();
    if (tail.empty()) return Kind::unparseable;
    if (is_exchange(tail) || has(line_, "[XMail ") || has(tail, "(Scalix ")) {
      relay().helo = shape.part(0);
      if (is_exchange(tail)) relay().id.clear();
      return Kind::relay;
    }
    if (at != std::string_view::npos) relay().ident = inside.substr(0, at);
    // qmail tells HELO only where it differs from the name in DNS.
    relay().rdns = shape.part(0);
    relay().helo = shape.part(0);
    relay().looked_up_dns = !is_qmail(tail) || relay().rdns != "unknown";
    // "host(address) by …" without a blank is smap.
    if (line_[5 + shape.part(0).size()] == '(') {
      relay().helo = word_behind(inside, "HELO ", " )");
      relay().looked_up_dns = has(line_, " via ");
    }
    return Kind::relay;
  }

  // No form that tells an address where it should stand.
  Kind read_rest(const Shape& shape) {
    const std::string_view tail = shape.tail();
    const std::string_view name = shape.part(0);
    const std::string_view inside = shape.inside(1);
    if (shape.size() == 1 && (tail.empty() || tail.starts_with("with") || tail.starts_with("via") ||
                              tail.starts_with("for") || tail.starts_with('(') || has(name, "@")))
      return Kind::skipped;
    if (is_loopback_name(name) && (is_loopback_name(inside) || has(inside, "@localhost")))
      return Kind::skipped;
    if (inside == "unix socket" || inside == "[unix socket]" || inside == "unverified" ||
        inside == "unknown" || inside.ends_with("[local]") || inside.starts_with("AUTH:") ||
        has(inside, "UNIX: localhost"))
      return Kind::skipped;
    if (shape.size() == 2 && shape.part(1).starts_with("with")) return Kind::skipped;
    if (has(tail, "(Content Technologies ") || has(line_, "(LSMTP for")) return Kind::skipped;
    // The first address in brackets is the best guess.
    for (std::size_t at = line_.find('['); at != std::string::npos && relay().ip.empty();
         at = line_.find('[', at + 1)) {
      relay().ip = address_in(std::string_view(line_).substr(at));
    }
    if (relay().ip.empty()) return Kind::unparseable;
    if (relay().helo.empty() && !name.starts_with('(')) relay().helo = name;
    return Kind::relay;
  }

  static void clean(std::string& text) {
    for (char& c : text) {
      switch (c) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case '\0':
        case '#':
        case '[':
        case ']':
        case '(':
        case ')':
        case '<':
        case '>':
        case '|':
          c = '!';
          break;
        default:
          break;
      }
    }
  }

  ReceivedLine finish() {
    Relay& r = relay();
    while (r.rdns.ends_with('.')) r.rdns.pop_back();
    if (iequals(r.rdns, "unknown") || r.rdns.starts_with('[')) r.rdns.clear();
    while (r.by.ends_with(';')) r.by.pop_back();
    for (std::string* text : {&r.rdns, &r.helo, &r.by, &r.ident, &r.envfrom}) clean(*text);
    r.ip_private = is_private(r.ip);
    return only(Kind::relay);
  }

  static bool is_private(std::string_view text) {
    const auto address = IpAddress::parse(text);
    // Beside the private ranges that of carriers' NAT (RFC 6598); 0.0.0.0/8 is none.
    static const IpNetwork kShared = *IpNetwork::parse("100.64.0.0/10");
    return address &&
           ((address->is_private() && !text.starts_with("0.")) || kShared.contains(*address));
  }

  std::string line_;
  Pairs pairs_;  // of line_
  ReceivedLine out_;
};

}  // namespace

std::string Relay::text() const {
  std::string out;
  constexpr std::size_t kNames = 80;
  out.reserve(kNames + ip.size() + rdns.size() + helo.size() + by.size() + ident.size() +
              envfrom.size() + id.size() + auth.size());
  out.append("[ ip=").append(ip).append(" rdns=").append(rdns).append(" helo=").append(helo);
  out.append(" by=").append(by).append(" ident=").append(ident);
  out.append(" envfrom=").append(envfrom).append(" intl=").append(internal ? "1" : "0");
  out.append(" id=").append(id).append(" auth=").append(auth);
  return out.append(" msa=").append(msa ? "1" : "0").append(" ]");
}

ReceivedLine read_received(std::string_view value) {
  return Reader().read(value);
}

}  // namespace gatepost::rules
