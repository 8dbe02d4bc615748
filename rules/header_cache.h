#pragma once
// Headers as eval functions ask for them, each read once a message.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/header_values.h"

namespace gatepost::rules {

/// Kept for message after message: selectors are parsed once, texts keep their memory. Selectors
/// are those of our code and of rule files, never a message's. One thread at a time.
class HeaderCache {
 public:
  /// A new message: nothing is read yet.
  void start() { ++message_; }

  /// A selector is "Subject", "From:addr", "Received:raw:first"…; what is returned stays until
  /// start().
  const std::vector<std::string>& list(std::string_view selector, MessageFacts& facts);
  /// Of :addr, :name, :host and :domain the first one, else all of them.
  const std::string& text(std::string_view selector, MessageFacts& facts);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Entry {
    explicit Entry(std::string_view selector);

    std::string name;
    HeaderReader reader;
    bool first_alone = false;
    std::uint64_t listed = 0;  // the message that `list` is of
    std::uint64_t joined = 0;  // the message that `text` is of
    std::vector<std::string> list;
    std::string text;
  };

  Entry& entry(std::string_view selector);
  Entry& find(std::string_view selector);
  const std::vector<std::string>& list(Entry& entry, MessageFacts& facts) const;

  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  // Those that were asked for last, by where the selector's text stands: mostly a literal.
  std::array<Entry*, 256> last_{};
  std::uint64_t message_ = 0;
};

}  // namespace gatepost::rules
