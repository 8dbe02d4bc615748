#include "rules/shared_groups.h"

#include <cstddef>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

// A shorter group is not worth a call.
constexpr std::size_t kWorthIt = 16;

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
    return "(?&" + name + ')';
  }

  std::string_view text_;
  std::unordered_map<std::string_view, int> times_;
  std::unordered_map<std::size_t, std::size_t> ends_;  // by begin
  std::unordered_map<std::string_view, std::string> names_;
  std::vector<std::string> definitions_;
};

}  // namespace

std::optional<std::string> with_shared_groups(std::string_view expression) {
  return Sharer(expression).run();
}

}  // namespace gatepost::rules
