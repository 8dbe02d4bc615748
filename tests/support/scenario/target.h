#pragma once
// What a scenario runs against: the session code in this process, gatepostd over the milter
// protocol, or gatepostd behind a real Postfix or Sendmail.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scenario/scenario.h"

namespace gatepost::test {

class PrivateNetwork;

/// A reply as the SMTP client would see it.
struct TargetReply {
  int code = 250;
  std::string enhanced;
  std::string text;
  bool held = false;
  bool stored = false;  ///< accepted into our quarantine, not delivered
};

/// One at a time, one thread. Errors say what broke; a refusal by the filter is a reply, no Error.
class Target {
 public:
  virtual ~Target() = default;
  virtual Result<TargetReply> connect(const std::string& address, const std::string& name) = 0;
  virtual Result<TargetReply> ehlo(const std::string& name) = 0;
  /// The login of the following transactions.
  virtual Result<TargetReply> auth(const std::string& login) = 0;
  virtual Result<TargetReply> mail(const std::string& from, const std::string& parameters) = 0;
  virtual Result<TargetReply> rcpt(const std::string& to) = 0;
  /// DATA to the final dot; the first refusal on the way.
  virtual Result<TargetReply> message(const std::string& content) = 0;
  virtual Result<TargetReply> rset() = 0;
  /// Leaves in the middle of DATA; the connection is gone then.
  virtual Result<TargetReply> abort_data() = 0;
  virtual Result<TargetReply> quit() = 0;
  /// Mail that does not come by SMTP. @return nothing where a target has no such way.
  virtual std::optional<Result<TargetReply>> sendmail(const std::string& from,
                                                      const std::string& to,
                                                      const std::string& content) = 0;

  /// Moves the clock. An Error where a target has the machine's.
  virtual Result<TargetReply> wait(std::chrono::seconds) {
    return permanent_error("this target cannot move its clock: name others in 'runs:'");
  }

  /// The header of the last message that was accepted and not held: "Name: value", unfolded.
  virtual Result<std::vector<std::string>> delivered_header() = 0;
  /// The same message whole, as text with CRLF lines.
  virtual Result<std::string> delivered_message() = 0;
  virtual std::size_t delivered_count() = 0;
  /// Everything logged so far.
  virtual std::string log() = 0;
};

/// Runs all steps; the Error of the first that does not hold names its place.
Result<void> run_scenario(const Scenario& scenario, Target& target);

Result<std::unique_ptr<Target>> make_process_target(const Scenario& scenario);
Result<std::unique_ptr<Target>> make_wire_target(const Scenario& scenario);
/// `package`: postfix_package().
Result<std::unique_ptr<Target>> make_postfix_target(const Scenario& scenario,
                                                    const std::filesystem::path& package);
/// `package`: sendmail_package(). Everything runs in `network`, which must outlive the target.
Result<std::unique_ptr<Target>> make_sendmail_target(const Scenario& scenario,
                                                     const std::filesystem::path& package,
                                                     PrivateNetwork& network);

/// The header of a message with CR LF lines, a field a line, unfolded, without the trace fields
/// (Received, Return-Path) that the MTA puts on top.
std::vector<std::string> header_without_trace(const std::string& content);

}  // namespace gatepost::test
