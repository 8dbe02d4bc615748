#pragma once
// The one table of settings: parser, defaults, sample and manual are made from it.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dkim/signing_keys.h"
#include "filter/config/arc_key.h"
#include "filter/config/configuration.h"

namespace gatepost::config {

enum class Kind { text, integer, number, boolean, duration, size, words, table };

/// "a string", "a whole number", …: what an error says was expected.
std::string_view describe(Kind kind);

/// A table of NAME = "word".
using Pairs = std::vector<std::pair<std::string, std::string>>;
/// Text, integer (also durations in milliseconds and sizes in octets), number, boolean, words,
/// pairs.
using Value =
    std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>, Pairs>;

/// What is being filled: the policy is still mutable here.
struct Draft {
  DaemonSettings daemon;
  RulesSettings rules;
  Policy policy;
  dkim::SignOptions sign_options;
  ArcKey arc;
  std::string sender_map;  ///< a path, or empty
};

struct Setting {
  std::string_view key;  ///< "dns.query_timeout"
  Kind kind;
  std::string_view default_value;  ///< as TOML
  bool reloadable;
  std::string_view help;
  /// Stores it, or says in one sentence what was expected instead.
  Result<void> (*set)(Draft& draft, const Value& value);
  std::string_view finding = {};  ///< whose action it is, as [findings] NAME.action; mostly none
};

/// In the order of sample and manual; keys of one section stand together.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view key);

/// Nothing when it cannot be opened or read, or is a folder.
std::optional<std::string> file_content(const std::string& path);

/// "5s", "500ms", "2m", "1h", "1d": milliseconds, or a permanent Error.
Result<std::int64_t> parse_duration(std::string_view text);
/// "2MiB", "64KiB", "1GiB", "512": octets, or a permanent Error.
Result<std::int64_t> parse_size(std::string_view text);

}  // namespace gatepost::config
