#pragma once
// What a sandboxed Postfix is told: main.cf, master.cf and its folders.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace gatepost::test {

struct PostfixOptions {
  /// Entries of smtpd_milters and non_smtpd_milters as main.cf has them: "inet:127.0.0.1:8899",
  /// "{ unix:/path, default_action=accept }".
  std::vector<std::string> smtpd_milters = {};
  std::vector<std::string> non_smtpd_milters = {};
  std::string default_action = "tempfail";
  /// Where all mail is delivered: a port of 127.0.0.1; 0 discards it.
  std::uint16_t sink_port = 0;
  bool sink_is_lmtp = false;
  std::string hostname = "mx.example.test";
  /// More of main.cf; later entries and those here win over ours.
  std::vector<std::pair<std::string, std::string>> main_cf = {};
  /// More lines of master.cf.
  std::vector<std::string> master_cf = {};
};

/// The folders of one sandbox; all below `base`.
struct PostfixFolders {
  std::filesystem::path package;  ///< where the .deb was unpacked
  std::filesystem::path base;

  std::filesystem::path config() const { return base / "etc"; }
  std::filesystem::path queue() const { return base / "queue"; }
  std::filesystem::path data() const { return base / "data"; }
  std::filesystem::path log() const { return base / "mail.log"; }
  std::filesystem::path libraries() const { return package / "usr/lib/postfix"; }
  std::filesystem::path daemons() const { return package / "usr/lib/postfix/sbin"; }
  std::filesystem::path commands() const { return package / "usr/sbin"; }
};

struct PostfixPorts {
  std::uint16_t smtp = 0;
  std::uint16_t submission = 0;
};

constexpr const char* kPostfixUser = "gatepost-postfix";
constexpr const char* kPostdropGroup = "gatepost-postdrop";

std::string main_cf(const PostfixFolders& folders, const PostfixOptions& options);
std::string master_cf(const PostfixPorts& ports, const PostfixOptions& options);
/// Makes the folders with the owners and modes Postfix insists on and writes both files. Needs
/// root.
Result<void> write_postfix_config(const PostfixFolders& folders, const PostfixPorts& ports,
                                  const PostfixOptions& options);

}  // namespace gatepost::test
