#pragma once
// What the commands of keys share.

#include <optional>
#include <string>
#include <string_view>

#include "dkim/key.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

/// --algorithm, --bits and --out, for the commands that make keys.
void add_key_options(CLI::App& app, std::string& algorithm, int& bits, std::string& folder);
/// Where a key is published, in lower-case A-labels.
struct KeyPlace {
  std::string domain, selector;
};
/// Nothing when one of them is no name: that is told.
std::optional<KeyPlace> key_place(const std::string& domain, const std::string& selector);
/// Of --algorithm.
dkim::KeyType key_type(std::string_view algorithm);

void add_dkim_check_key(CLI::App& dkim, int& exit_code);
void add_dkim_rotate(CLI::App& dkim, int& exit_code);

}  // namespace gatepost::command
