#pragma once
// What a sandboxed Sendmail is told: sendmail.mc, and the files it sees in the place of /etc's.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace gatepost::test {

struct SendmailOptions {
  /// S= of the input mail filters: "inet:8899@127.0.0.1".
  std::vector<std::string> filters = {};
  /// F= of the filters: "T" defers when one is away, "R" refuses.
  std::string filter_flags = "T";
  /// Where all mail is delivered by SMTP: a port of 127.0.0.1.
  std::uint16_t sink_port = 0;
  std::string hostname = "mx.example.test";
  /// Listens on ::1 as well.
  bool ipv6 = false;
  /// More lines of sendmail.mc, before its MAILER lines.
  std::vector<std::string> mc = {};
};

/// The files of one sandbox; all below `base`.
struct SendmailFolders {
  std::filesystem::path package;  ///< where the .debs were unpacked
  std::filesystem::path base;

  std::filesystem::path mc() const { return base / "sendmail.mc"; }
  std::filesystem::path cf() const { return base / "sendmail.cf"; }
  std::filesystem::path queue() const { return base / "queue"; }
  std::filesystem::path hosts() const { return base / "hosts"; }
  std::filesystem::path logins() const { return base / "logins"; }
  std::filesystem::path view() const { return base / "view.sh"; }
  std::filesystem::path submit() const { return base / "submit.sh"; }
  std::filesystem::path log_socket() const { return base / "syslog"; }
  std::filesystem::path program() const { return package / "usr/libexec/sendmail/sendmail"; }
  std::filesystem::path libraries() const { return package / "lib"; }
  std::filesystem::path m4() const { return package / "usr/bin/m4"; }
};

std::string sendmail_mc(const SendmailFolders& folders, std::uint16_t port,
                        const SendmailOptions& options);
/// Writes all files and makes sendmail.cf with m4. Needs root.
Result<void> write_sendmail_config(const SendmailFolders& folders, std::uint16_t port,
                                   const SendmailOptions& options);
/// Truncates and writes in place: a file that is mounted elsewhere stays the same one.
Result<void> write_in_place(const std::filesystem::path& path, const std::string& text);

}  // namespace gatepost::test
