#pragma once
// The reader of master files behind Zone::add_text(); not for others.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/dns/zone.h"

namespace gatepost::dns {

class ZoneParser {
 public:
  ZoneParser(Zone& zone, std::string_view file) : zone_(zone), file_(file) {}
  Result<void> parse(std::string_view text);

 private:
  struct Token {
    std::string text;      ///< escapes resolved
    bool plain = true;     ///< no quote and no escape: "@" and "." have their meaning
    bool odd_dot = false;  ///< an escaped dot, which a name in canonical text cannot have
  };
  /// One record or directive, over several lines when in parentheses.
  struct Entry {
    std::size_t line = 0;
    bool starts_blank = false;
    std::vector<Token> tokens;
  };

  /// Reads the next entry at `at`; nothing at the end.
  Result<std::optional<Entry>> next_entry(std::string_view text, std::size_t& at);
  Result<Token> next_token(std::string_view text, std::size_t& at);
  Result<void> take(const Entry& entry);
  Result<void> directive(const Entry& entry);
  Result<void> record(RrType type, const std::vector<Token>& data, std::size_t line);
  Result<void> add_soa(const std::vector<Token>& data, std::size_t line, Answer& answer);
  Result<void> add_txt(const std::vector<Token>& data, std::size_t line, Answer& answer);
  Result<void> add_mx(const std::vector<Token>& data, std::size_t line, Answer& answer);
  Result<void> add_single(RrType type, const std::vector<Token>& data, std::size_t line,
                          Answer& answer);
  Result<std::string> name(const Token& token, std::size_t line) const;
  Error error(std::size_t line, std::string what) const;

  Zone& zone_;
  std::string file_;
  std::size_t line_ = 1;
  std::string origin_;
  std::optional<std::string> owner_;
  std::uint32_t default_ttl_ = 3600;
  std::uint32_t ttl_ = 3600;
};

}  // namespace gatepost::dns
