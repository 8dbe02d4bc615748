#include "rules/shared_groups.h"

#include <bitset>
#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

// A shorter group is not worth a call.
constexpr std::size_t kWorthIt = 16;

using Octets = std::bitset<256>;

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind ")"
};

class Sharer {
 public:
  explicit Sharer(std::string_view text) : text_(text) {}

  std::optional<std::string> run() {
    if (!find_groups()) return std::nullopt;
    std::string out = "(?:" + emit(0, text_.size()) + ')';
    if (definitions_.empty()) return std::nullopt;
    out += "(?(DEFINE)";
    for (const std::string& one : definitions_) out += one;
    return out + ')';
  }

 private:
  // Where an item that begins at `at` and is no group ends.
  std::size_t skip(std::size_t at) const {
    if (text_[at] == '\\') {
      if (text_.substr(at, 2) != "\\Q") return at + 2;
      const std::size_t end = text_.find("\\E", at);
      return end == text_.npos ? text_.size() : end + 2;
    }
    if (text_[at] != '[') return at + 1;
    std::size_t i = at + 1;
    if (i < text_.size() && text_[i] == '^') ++i;
    if (i < text_.size() && text_[i] == ']') ++i;  // the first is one of the class
    while (i < text_.size() && text_[i] != ']') {
      if (text_.substr(i, 2) == "[:") {
        const std::size_t end = text_.find(":]", i);
        i = end == text_.npos ? i + 1 : end + 2;
      } else {
        i += text_[i] == '\\' ? 2 : 1;
      }
    }
    return i + 1;
  }

  // The class of the octets that a group's match can begin with: where it does not, PCRE2 need not
  // try each of its alternatives. Empty: not known, or any.
  std::string leading_class(std::size_t begin, std::size_t end) const {
    Octets octets;
    if (!add_leading(begin, end, octets)) return {};
    std::string out = "[";
    for (std::size_t from = 0; from < octets.size(); ++from) {
      if (!octets[from]) continue;
      std::size_t to = from;
      while (to + 1 < octets.size() && octets[to + 1]) ++to;
      out += hex(from);
      if (to > from) out += '-' + hex(to);
      from = to;
    }
    return out + ']';
  }

  static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  static std::string hex(std::size_t octet) {
    constexpr char kDigits[] = "0123456789abcdef";
    return std::string("\\x") + kDigits[octet >> 4] + kDigits[octet & 15];
  }

  bool add_leading(std::size_t at, std::size_t end, Octets& octets) const {
    while (true) {
      if (!add_item(at, end, octets)) return false;
      while (at < end && text_[at] != '|') at = behind(at);
      if (at >= end) return true;
      ++at;
    }
  }

  // Where an item or a group ends.
  std::size_t behind(std::size_t at) const {
    const auto group = all_ends_.find(at);
    return group != all_ends_.end() ? group->second : skip(at);
  }

  // The first item of an alternative; false when it may be empty or is not understood.
  bool add_item(std::size_t at, std::size_t end, Octets& octets) const {
    if (at >= end) return false;
    const std::size_t next = behind(at);
    if (next < end && (text_[next] == '?' || text_[next] == '*' || text_[next] == '{'))
      return false;
    if (text_.substr(at).starts_with("(?:")) return add_leading(at + 3, next - 1, octets);
    if (text_[at] == '[') return add_class(at + 1, next - 1, octets);
    constexpr std::string_view kSpecial = "(|)^$.*+?{";
    if (kSpecial.find(text_[at]) != kSpecial.npos) return false;
    int octet = 0;
    if (!read_octet(at, octet)) return false;
    octets.set(static_cast<std::size_t>(octet));
    return true;
  }

  bool add_class(std::size_t at, std::size_t end, Octets& octets) const {
    if (at >= end || text_[at] == '^' || text_[at] == '-' || text_[at] == ']') return false;
    while (at < end) {
      int from = 0;
      if (text_[at] == '[' || !read_octet(at, from)) return false;
      int to = from;
      if (at < end && text_[at] == '-') {
        ++at;
        if (at >= end || text_[at] == '[' || !read_octet(at, to)) return false;
      }
      for (int octet = from; octet <= to; ++octet) octets.set(static_cast<std::size_t>(octet));
    }
    return true;
  }

  // One octet as itself, escaped or in hex; moves `at` behind it.
  bool read_octet(std::size_t& at, int& octet) const {
    if (text_[at] != '\\') {
      octet = static_cast<unsigned char>(text_[at++]);
      return true;
    }
    if (at + 1 >= text_.size()) return false;
    if (text_[at + 1] == 'x') {
      if (at + 3 >= text_.size()) return false;
      octet = hex_digit(text_[at + 2]) * 16 + hex_digit(text_[at + 3]);
      if (hex_digit(text_[at + 2]) < 0 || hex_digit(text_[at + 3]) < 0) return false;
      at += 4;
      return true;
    }
    if (is_alnum(text_[at + 1])) return false;
    octet = static_cast<unsigned char>(text_[at + 1]);
    at += 2;
    return true;
  }

  // Groups that may stand elsewhere, and how often each does. False when some of the expression
  // depends on where it stands.
  bool find_groups() {
    struct Open {
      std::size_t begin;
      bool plain;  // "(?:" and nothing within that has a number
    };
    std::vector<Open> open;
    for (std::size_t at = 0; at < text_.size();) {
      if (text_[at] == '(') {
        const std::string_view head = text_.substr(at, 4);
        const bool plain = head.starts_with("(?:");
        const bool look = head.starts_with("(?=") || head.starts_with("(?!") ||
                          head.starts_with("(?<=") || head.starts_with("(?<!") ||
                          head.starts_with("(?>");
        // Options, comments, conditions, calls and verbs: not followed.
        if (!plain && !look && (head.starts_with("(?") || head.starts_with("(*"))) return false;
        open.push_back({at, plain});
        if (!plain && !look) {
          for (Open& outer : open) outer.plain = false;
        }
        at += plain ? 3 : 1;
      } else if (text_[at] == ')') {
        if (open.empty()) return false;
        ++at;
        all_ends_[open.back().begin] = at;
        if (open.back().plain) note({open.back().begin, at});
        open.pop_back();
      } else if (text_[at] == '\\' && at + 1 < text_.size() &&
                 (is_digit(text_[at + 1]) || text_[at + 1] == 'g' || text_[at + 1] == 'k')) {
        return false;
      } else {
        at = skip(at);
      }
    }
    return open.empty();
  }

  void note(Span group) {
    if (group.end - group.begin < kWorthIt) return;
    const bool counted = group.end < text_.size() && text_[group.end] == '{';
    times_[text_.substr(group.begin, group.end - group.begin)] += counted ? 2 : 1;
    ends_[group.begin] = group.end;
  }

  // The octets [at, end) with calls in the place of shared groups.
  std::string emit(std::size_t at, std::size_t end) {
    std::string out;
    while (at < end) {
      const auto group = ends_.find(at);
      if (group != ends_.end()) {
        const std::string_view whole = text_.substr(at, group->second - at);
        if (times_[whole] > 1) {
          out += call(whole, at);
          at = group->second;
          continue;
        }
      }
      const std::size_t next = text_[at] == '(' ? at + 1 : std::min(skip(at), text_.size());
      out += text_.substr(at, next - at);
      at = next;
    }
    return out;
  }

  std::string call(std::string_view group, std::size_t at) {
    const auto [known, is_new] =
        names_.try_emplace(group, "shared" + std::to_string(names_.size()));
    const std::string name = known->second;
    if (is_new)
      definitions_.push_back("(?<" + name + ">" + emit(at + 3, at + group.size() - 1) + ')');
    const std::string begins = leading_class(at + 3, at + group.size() - 1);
    return (begins.empty() ? "(?&" : "(?:(?=" + begins + ")(?&") + name +
           (begins.empty() ? ")" : "))");
  }

  std::string_view text_;
  std::unordered_map<std::string_view, int> times_;
  std::unordered_map<std::size_t, std::size_t> ends_;      // by begin, of those
  std::unordered_map<std::size_t, std::size_t> all_ends_;  // of all groups
  std::unordered_map<std::string_view, std::string> names_;
  std::vector<std::string> definitions_;
};

}  // namespace

std::optional<std::string> with_shared_groups(std::string_view expression) {
  return Sharer(expression).run();
}

}  // namespace gatepost::rules
