#pragma once
// A Sendmail of our own: started and ended with the object.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "tests/support/sendmail/sendmail_config.h"
#include "tests/support/sendmail/syslog_socket.h"
#include "tests/support/system/process.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test {

/// Where Debian's sendmail packages lie unpacked: $GATEPOST_SENDMAIL_ROOT, else what
/// tests/integration/setup_sendmail.sh makes in the build folder (downloads once). An error says
/// why there is none: then the test must skip and show it.
Result<std::filesystem::path> sendmail_package();

/// A message that a filter quarantined: an hf file in the queue folder.
struct QuarantinedMessage {
  std::string queue_id;
  std::string reason;
};

/// One thread at a time. Ended with all its children by the destructor. It listens in the network
/// namespace of the thread that starts it (private_network.h).
class SendmailSandbox {
 public:
  /// @return when it has opened its port. Errors: temporary when it did not start, with the end of
  /// its log; config for no root, no right to mount, or a file that cannot be written.
  static Result<std::unique_ptr<SendmailSandbox>> start(const std::filesystem::path& package,
                                                        const SendmailOptions& options = {});

  std::uint16_t port() const { return port_; }
  const SendmailFolders& folders() const { return folders_; }

  /// What connections from `address` from now on resolve to, and back; "unknown" resolves to
  /// nothing.
  Result<void> set_client_name(const std::string& address, const std::string& name);
  /// The login of the next MAIL commands; empty for none.
  Result<void> set_login(const std::string& login);

  /// Runs Sendmail's program with this configuration.
  Result<ProcessResult> run(const Arguments& arguments, const std::string& input = {}) const;
  /// A local program's mail by `sendmail -bs`, the only way of local mail on which Sendmail asks
  /// its filters. @return all replies of the dialogue: banner, EHLO, MAIL, RCPT, DATA, the message
  /// and QUIT.
  Result<std::string> submit(const std::string& sender, const std::string& recipient,
                             const std::string& dot_stuffed_message) const;
  std::vector<QuarantinedMessage> quarantined() const;
  /// `sendmail -Q -qQIQUEUE_ID`: out of quarantine; the next run of the queue delivers it.
  Result<void> release(const std::string& queue_id) const;
  /// `sendmail -q`: delivers all that waits, now.
  Result<void> flush_queue() const;

  /// The whole mail log so far.
  std::string log() const { return log_->text(); }
  /// Lines of the log that contain all of `texts`.
  std::vector<std::string> log_lines(const std::vector<std::string>& texts) const;

 private:
  explicit SendmailSandbox(const std::filesystem::path& package)
      : folder_("sendmail"), folders_{package, folder_.path()} {}
  Result<void> start_daemon(const SendmailOptions& options);
  Arguments in_view(const Arguments& arguments) const;
  Environment environment() const;

  TempFolder folder_;
  SendmailFolders folders_;
  std::uint16_t port_ = 0;
  std::vector<std::pair<std::string, std::string>> clients_;  ///< address, name
  std::unique_ptr<SyslogSocket> log_;
  std::optional<BackgroundProcess> daemon_;  ///< last: ends before its folder goes
};

}  // namespace gatepost::test
