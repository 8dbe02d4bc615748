#include "filter/apps/greylist_control.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/encoding.h"
#include "core/base/text.h"
#include "filter/checks/greylist_entry.h"

namespace gatepost {

namespace {

using greylist::Triplet;

constexpr std::size_t kPage = 500;
constexpr std::size_t kMaxRelease = 10000;  // in one command

Json failure(const Error& error) {
  return {{"error", error.text()}};
}

/// Short and safe to type: the digest of the name.
std::string key_of(const Triplet& triplet) {
  return hex_encode(sha256(greylist::name_of(triplet))).substr(0, 16);
}

/// '*' stands for any octets; without case.
bool matches(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && ascii_lower(pattern[p]) == ascii_lower(text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

/// CLIENT/SENDER/RECIPIENT, a key, or an address.
class Pattern {
 public:
  static Result<Pattern> parse(std::string_view text) {
    Pattern pattern;
    pattern.whole_ = text;
    const auto first = text.find('/');
    if (text.empty()) return permanent_error("expected a key or CLIENT/SENDER/RECIPIENT");
    if (first == std::string_view::npos) return pattern;
    // A network has a '/' of its own, an address may have: the parts are those around the last two
    // that leave a client.
    const auto last = text.rfind('/');
    auto middle = last == 0 ? last : text.rfind('/', last - 1);
    if (middle == std::string_view::npos || middle == last)
      return permanent_error("'" + printable(text, 128) +
                             "': expected a key or CLIENT/SENDER/RECIPIENT, where * is any");
    pattern.client_ = text.substr(0, middle);
    pattern.sender_ = text.substr(middle + 1, last - middle - 1);
    pattern.recipient_ = text.substr(last + 1);
    pattern.parts_ = true;
    return pattern;
  }

  bool fits(const Triplet& triplet) const {
    if (!parts_)
      return whole_ == key_of(triplet) ||
             (whole_.find('@') != std::string::npos &&
              (matches(triplet.sender, whole_) || matches(triplet.recipient, whole_)));
    return fits_client(triplet.network) && matches(triplet.sender, sender_) &&
           matches(triplet.recipient, recipient_);
  }

 private:
  bool fits_client(const std::string& network) const {
    if (matches(network, client_)) return true;
    const auto address = IpAddress::parse(client_);
    const auto known = IpNetwork::parse(network);
    return address && known && known->contains(*address);
  }

  std::string whole_, client_, sender_, recipient_;
  bool parts_ = false;
};

class GreylistCommands {
 public:
  GreylistCommands(store::Store& store, const Clock& clock, Snapshot<Policy>& policy)
      : store_(store), clock_(clock), policy_(policy) {}

  Json list(const Json& request) const {
    const std::string what = text_of(request, "what", "waiting");
    const std::string_view space = what == "waiting"   ? greylist::kPending
                                   : what == "known"   ? greylist::kKnown
                                   : what == "passed"  ? greylist::kAuto
                                   : what == "allowed" ? greylist::kAllow
                                                       : std::string_view();
    if (space.empty()) return {{"error", "expected waiting, known, passed or allowed"}};
    std::size_t limit = kPage;
    if (const auto at = request.find("limit"); at != request.end() && at->is_number_unsigned())
      limit = std::clamp<std::size_t>(at->get<std::size_t>(), 1, kPage);
    const auto after = from_hex(text_of(request, "after"));
    if (!after) return {{"error", "after: expected what the page before gave as next"}};
    const auto page = store_.scan(space, "", *after, limit);
    if (!page.ok()) return failure(page.error());
    Json entries = Json::array();
    for (const store::Entry& entry : page->entries) entries.push_back(row(space, entry));
    Json answer = {{"entries", std::move(entries)}};
    if (page->next) answer["next"] = hex_encode(*page->next);
    return answer;
  }

  Json release(const Json& request) const {
    const auto pattern = Pattern::parse(text_of(request, "pattern"));
    if (!pattern.ok()) return failure(pattern.error());
    const std::int64_t window =
        std::chrono::duration_cast<std::chrono::seconds>(policy_.get()->greylist.retry_window)
            .count();
    std::vector<store::Write> writes;
    std::string after;
    for (bool more = true; more && writes.size() < kMaxRelease;) {
      const auto page = store_.scan(greylist::kPending, "", after, store::kMaxPage);
      if (!page.ok()) return failure(page.error());
      for (const store::Entry& entry : page->entries) {
        const auto triplet = greylist::parse_name(entry.name);
        if (triplet && entry.value.data != greylist::kReleased && pattern->fits(*triplet) &&
            writes.size() < kMaxRelease)
          writes.push_back(store::Put{greylist::pending_key(*triplet),
                                      std::string(greylist::kReleased), entry.value.number,
                                      window});
      }
      more = page->next.has_value();
      if (more) after = *page->next;
    }
    if (const auto done = store_.apply(writes); !done.ok()) return failure(done.error());
    return {{"released", writes.size()}};
  }

  Json allow(const Json& request) const {
    const auto given = request.find("entries");
    if (given == request.end() || !given->is_array() || given->empty())
      return {{"error", "expected at least one network, domain or address"}};
    const auto remove = request.find("remove");
    const bool removes = remove != request.end() && remove->is_boolean() && remove->get<bool>();
    std::vector<store::Write> writes;
    for (const Json& one : *given) {
      const auto entry = greylist::parse_allow_entry(one.is_string() ? one.get<std::string>() : "");
      if (!entry.ok()) return failure(entry.error());
      const store::Key key{std::string(greylist::kAllow), *entry};
      if (removes)
        writes.push_back(store::Erase{key});
      else
        writes.push_back(store::Put{key, "", clock_.unix_time(), 0});
    }
    if (const auto done = store_.apply(writes); !done.ok()) return failure(done.error());
    return {{"changed", writes.size()}};
  }

 private:
  static std::optional<std::string> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string octets;
    const auto digit = [](char c) {
      return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      const int high = digit(hex[i]), low = digit(hex[i + 1]);
      if (high < 0 || low < 0) return std::nullopt;
      octets += static_cast<char>(high * 16 + low);
    }
    return octets;
  }

  // Senders and recipients are a stranger's words: nothing is shown unescaped.
  Json row(std::string_view space, const store::Entry& entry) const {
    const store::Value& value = entry.value;
    if (space == greylist::kAllow)
      return {{"entry", printable(entry.name)}, {"since", value.number}};
    const auto parts = split(entry.name, '\x1f');
    Json row;
    if (space == greylist::kAuto) {
      row = {{"client", printable(parts[0])},
             {"sender_domain", parts.size() > 1 ? printable(parts[1]) : ""},
             {"messages", value.number}};
    } else if (const auto triplet = greylist::parse_name(entry.name)) {
      row = {{"key", key_of(*triplet)},
             {"client", printable(triplet->network)},
             {"sender", printable(triplet->sender)},
             {"recipient", printable(triplet->recipient)}};
      if (space == greylist::kPending) {
        const auto delay =
            std::chrono::duration_cast<std::chrono::seconds>(policy_.get()->greylist.delay);
        row["state"] = value.data;
        row["first_seen"] = value.number;
        row["passes_at"] =
            value.data == greylist::kReleased ? clock_.unix_time() : value.number + delay.count();
      } else {
        row["passed"] = value.number;
      }
    }
    row["expires"] = value.expires;
    return row;
  }

  store::Store& store_;
  const Clock& clock_;
  Snapshot<Policy>& policy_;
};

}  // namespace

void add_greylist_commands(ControlCommands& commands, store::Store& store, const Clock& clock,
                           Snapshot<Policy>& policy) {
  const auto shared = std::make_shared<GreylistCommands>(store, clock, policy);
  commands.add("greylist-list", [shared](const Json& r) { return shared->list(r); });
  commands.add("greylist-release", [shared](const Json& r) { return shared->release(r); });
  commands.add("greylist-allow", [shared](const Json& r) { return shared->allow(r); });
}

}  // namespace gatepost
