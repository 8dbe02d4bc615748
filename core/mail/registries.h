#pragma once
// Where a registry ends and a domain that somebody registered begins.

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace gatepost::mail {

/// The names of util_rb_tld, util_rb_2tld and util_rb_3tld in SpamAssassin's rule files; in lower
/// case, A-labels. Filled once, then immutable and safe from any thread.
class Registries {
 public:
  void add_top_level(std::string_view name) { top_.emplace(name); }
  void add_two_level(std::string_view name) { two_.emplace(name); }
  void add_three_level(std::string_view name) { three_.emplace(name); }
  void clear();
  bool empty() const { return top_.empty(); }

  bool is_top_level(std::string_view name) const;
  /// Whether `host` (lower case) ends in a known top level domain, with at least one dot.
  bool is_known(std::string_view host) const;
  /// "www.foo.co.uk" is "foo.co.uk": the domain below the registry.
  std::string domain_of(std::string_view host) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Names = std::unordered_set<std::string, Hash, std::equal_to<>>;
  Names top_, two_, three_;
};

/// Whether `host` (lower case) has the form of a host's full name: at least two labels of 1 to 63
/// letters, digits, '-' and '_' (RFC 1035 section 2.3.4; '_' not in the last two), 253 octets.
bool is_host_name(std::string_view host);

}  // namespace gatepost::mail
