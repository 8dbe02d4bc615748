#pragma once
// One sample message: NAME.eml, and NAME.env with its envelope and what shall become of it.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/milter/client.h"

namespace gatepost::drive {

struct Sample {
  std::string name;  ///< of the file, without .env
  test::milter::ClientInfo client;
  std::string helo;
  std::string mail_from;                ///< empty: the null reverse-path
  std::vector<std::string> recipients;  ///< at least one
  std::string login;                    ///< empty: the client did not log in
  std::string message;
  /// "verdict", "stage", "spf", "dkim", "dmarc": words of the record; at least the verdict.
  std::map<std::string, std::string> expected;
  std::vector<std::string> header_lines;       ///< that the delivered message must have
  std::vector<std::string> lost_header_lines;  ///< that it must have no more
};

/// Reads the KEY=VALUE lines of `env_file` ('#' begins a comment line) and the .eml file beside
/// it. Keys: client, client_name, helo, from, rcpt, login, expect_*, and
/// expect_header and expect_no_header with the beginning of a line; the last two and rcpt are
/// repeatable.
/// @return a permanent Error with `where` = file:line.
Result<Sample> read_sample(const std::filesystem::path& env_file);

/// All samples of the folder in the order of their names; a permanent Error when there is none.
Result<std::vector<Sample>> read_samples(const std::filesystem::path& folder);

}  // namespace gatepost::drive
