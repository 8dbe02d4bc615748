#pragma once
// A Postfix of our own: started and ended with the object.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "tests/support/postfix/postfix_config.h"
#include "tests/support/system/process.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::test {

/// Where Debian's postfix package lies unpacked: $GATEPOST_POSTFIX_ROOT, else what
/// tests/integration/setup_postfix.sh makes in the build folder (downloads once; tens of seconds at
/// worst). An error says why there is none: then the test must skip and show it.
Result<std::filesystem::path> postfix_package();

/// One message of `postqueue -j`.
struct QueuedMessage {
  std::string queue_name;  ///< "hold", "active", "deferred", "incoming"
  std::string queue_id;
  std::string sender;  ///< "MAILER-DAEMON" for the null sender
  std::vector<std::string> recipients;
  std::string delay_reason;  ///< of the first recipient that has one
  std::int64_t size = 0;
};

/// One thread at a time. Ended with all its children by the destructor.
class PostfixSandbox {
 public:
  /// @return when master has opened its ports. Errors: temporary when it did not start, with the
  /// end of its log; config for missing users, no root, or a folder that cannot be made.
  static Result<std::unique_ptr<PostfixSandbox>> start(const std::filesystem::path& package,
                                                       const PostfixOptions& options = {});

  std::uint16_t smtp_port() const { return ports_.smtp; }
  /// The second smtpd: {daemon_name} is ORIGINATING.
  std::uint16_t submission_port() const { return ports_.submission; }
  const PostfixFolders& folders() const { return folders_; }

  /// Runs a command of the package ("postconf", "postsuper", "postcat", ...) on this Postfix.
  Result<ProcessResult> command(const std::string& name, const Arguments& arguments,
                                const std::string& input = {}) const;
  /// sendmail(1): a local submission by root. A status other than 0 is a permanent error.
  Result<void> sendmail(const std::string& sender, const std::vector<std::string>& recipients,
                        const std::string& message) const;
  /// `postqueue -j`.
  Result<std::vector<QueuedMessage>> queue() const;
  /// The first message in that queue ("hold"); a temporary error when none comes in time.
  Result<QueuedMessage> wait_for_queued(std::string_view queue_name,
                                        Milliseconds timeout = Milliseconds(20'000)) const;
  /// `postsuper OPTION QUEUE_ID`: "-h" hold, "-H" release, "-r" requeue, "-d" delete.
  Result<void> postsuper(const std::string& option, const std::string& queue_id) const;
  /// `postqueue -f`: tries all deferred mail now.
  Result<void> flush_queue() const;
  /// `postfix reload` without its checks: master reads main.cf and master.cf again.
  Result<void> reload(const PostfixOptions& options);

  /// The whole mail log so far.
  std::string log() const;
  /// Lines of the log that contain `text`.
  std::vector<std::string> log_lines(std::string_view text) const;
  /// The first line with `text`; a temporary error, with the end of the log, when none comes.
  Result<std::string> wait_for_log(std::string_view text,
                                   Milliseconds timeout = Milliseconds(20'000)) const;

 private:
  PostfixSandbox(const std::filesystem::path& package)
      : folder_("postfix"), folders_{package, folder_.path()} {}
  Result<void> start_master(const PostfixOptions& options);
  bool ports_are_taken();
  /// Why it did not start: the end of its log, and what postconf says of its files.
  std::string diagnosis() const;
  Environment environment() const;

  TempFolder folder_;
  PostfixFolders folders_;
  PostfixPorts ports_;
  std::optional<BackgroundProcess> master_;  ///< last: ends before its folder goes
};

}  // namespace gatepost::test
