#pragma once
// What the subcommands of gatepost share.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "core/mail/header_block.h"
#include "filter/apps/engine.h"

namespace gatepost::command {

using Json = nlohmann::ordered_json;

/// sysexits.h
enum Exit {
  kOk = 0,
  kUsage = 64,
  kDataError = 65,
  kNoInput = 66,
  kUnavailable = 69,
  kInternal = 70,
  kTemporary = 75,
  kConfig = 78
};

/// Options that every subcommand takes.
struct Common {
  std::string config_file;
  std::vector<std::string> nameservers;
  std::vector<std::string> zones;
  std::vector<std::string> rules;  ///< instead of the configured ones
  std::int64_t at = -1;
  bool json = false;

  void add_to(CLI::App& app);
  EngineOptions engine_options() const;
  /// The configuration; faults go to stderr and nothing is returned.
  std::optional<config::Configuration> load() const;
};

/// What a check of one protocol needs: configuration, DNS and the time.
struct Tools {
  config::Configuration configuration;
  std::unique_ptr<DnsStack> dns;
  SystemClock clock;

  /// Loads and opens, or prints what is wrong and sets `exit_code`.
  static std::unique_ptr<Tools> open(const Common& common, int& exit_code);
  /// Runs a flow to its end, waiting for its answers.
  template <class R>
  Result<R> run(Flow<R>& flow, Answers& answers) {
    return run_flow(flow, dns->resolver(), clock,
                    Deadline::after(clock, configuration.policy->flow_timeout), answers);
  }
};

/// The DKIM results of a message.
Result<std::vector<dkim::SignatureResult>> verify_signatures(Tools& tools,
                                                             const mail::ParsedMessage& message);

/// What the running daemon answers to a request on `socket` (empty: daemon.control_socket), or
/// nothing with `exit_code` set and the reason printed.
std::optional<Json> ask_daemon(const Common& common, std::string socket, const Json& request,
                               int& exit_code);

/// gatepost stats rules. @return the exit code.
int rule_statistics(const Common& common, const std::string& socket);

/// Prints "gatepost: …" and gives the exit code for the kind of error.
int fail(const Error& error);
/// The file, or standard input for "-". A permanent Error names it.
Result<std::string> read_input(const std::string& file);
/// JSON text of a value that may hold any octets.
Json text(std::string_view value);
/// "2026-11-26T12:00:00Z" of seconds since 1970, "-" of 0 and what is no number.
std::string utc_text(const Json& seconds);
/// Rows "key  value" with the keys in one column.
void print_rows(const std::vector<std::pair<std::string, std::string>>& rows);

/// Each adds its subcommand to the program; `exit_code` is set when it ran.
void add_scan(CLI::App& program, int& exit_code);
void add_spf(CLI::App& program, int& exit_code);
void add_spf_publishing(CLI::App& spf, int& exit_code);  ///< to the subcommand spf
void add_dns(CLI::App& program, int& exit_code);
void add_dkim(CLI::App& program, int& exit_code);
void add_arc(CLI::App& program, int& exit_code);
void add_dkim_keys(CLI::App& dkim, int& exit_code);  ///< to the subcommand dkim
void add_dmarc(CLI::App& program, int& exit_code);
void add_dmarc_records(CLI::App& dmarc, int& exit_code);  ///< to the subcommand dmarc
void add_quarantine(CLI::App& program, int& exit_code);
void add_greylist(CLI::App& program, int& exit_code);
void add_config(CLI::App& program, int& exit_code);
void add_rules(CLI::App& program, int& exit_code);
void add_daemon_commands(CLI::App& program, int& exit_code);

}  // namespace gatepost::command
