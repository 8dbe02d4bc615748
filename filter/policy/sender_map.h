#pragma once
// Which login may use which sender address.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"

namespace gatepost {

/// Addresses and the logins that own them. Immutable once shared; safe from any thread. Addresses
/// and logins are compared without letter case.
class SenderMap {
 public:
  /// Lets `login` use `address`: "user@domain", or "@domain" for every address at it.
  /// @return a permanent Error that says what was expected.
  Result<void> add(std::string_view address, std::string_view login);

  struct Fault {
    std::size_t line = 0;  ///< 1-based
    std::string what;
  };
  /// Adds the text of a Postfix smtpd_sender_login_maps file: lines "address login[, login…]", '#'
  /// comments, lines that begin with white space continue the one before. @return all faults.
  std::vector<Fault> add_text(std::string_view text);

  bool empty() const { return owners_.empty(); }
  /// Whether `login` may use `address` ("user@domain" with the domain as lower-case A-labels). The
  /// closest entry decides, as in Postfix: the address, the address without "+extension",
  /// "@domain". An address that stands in the map only by its domain, or not at all, also belongs
  /// to the login of the same name.
  bool owns(std::string_view login, std::string_view address) const;

 private:
  std::unordered_map<std::string, std::vector<std::string>> owners_;  // lower case
};

}  // namespace gatepost
