#include "tests/support/postfix/postfix_config.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatepost::test {

namespace {

std::string joined(const std::vector<std::string>& entries) {
  std::string text;
  for (const std::string& entry : entries) text += (text.empty() ? "" : ", ") + entry;
  return text;
}

std::string transport(const PostfixOptions& options) {
  if (options.sink_port == 0) return "discard:sandbox";
  return std::string(options.sink_is_lmtp ? "lmtp:inet:" : "smtp:") +
         "[127.0.0.1]:" + std::to_string(options.sink_port);
}

using Entries = std::vector<std::pair<std::string, std::string>>;

Entries default_entries(const PostfixFolders& folders, const PostfixOptions& options) {
  return {
      {"compatibility_level", "3.6"},
      {"queue_directory", folders.queue()},
      {"data_directory", folders.data()},
      {"daemon_directory", folders.daemons()},
      {"command_directory", folders.commands()},
      {"meta_directory", folders.config()},
      {"shlib_directory", folders.libraries()},
      {"sendmail_path", folders.commands() / "sendmail"},
      {"mail_owner", kPostfixUser},
      {"setgid_group", kPostdropGroup},
      // Daemons and commands find their libraries in the unpacked package.
      {"import_environment",
       "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH=" + folders.libraries().string()},
      {"export_environment",
       "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH=" + folders.libraries().string()},
      {"maillog_file", folders.log()},
      {"maillog_file_prefixes", folders.base},
      {"inet_interfaces", "127.0.0.1"},
      {"inet_protocols", "ipv4"},
      {"myhostname", options.hostname},
      {"myorigin", "$myhostname"},
      {"mydestination", ""},
      {"local_recipient_maps", ""},
      {"alias_maps", ""},
      {"alias_database", ""},
      {"append_dot_mydomain", "no"},
      // Mail by SMTP is a stranger's, although it comes from loopback: nothing is added to it.
      {"local_header_rewrite_clients", ""},
      // No DNS, and any client may relay: XCLIENT makes clients of all addresses.
      {"disable_dns_lookups", "yes"},
      {"smtpd_peername_lookup", "no"},
      {"mynetworks", "0.0.0.0/0 [::]/0"},
      {"smtpd_relay_restrictions", "permit_mynetworks, reject"},
      {"smtpd_authorized_xclient_hosts", "127.0.0.1"},
      {"default_transport", transport(options)},
      {"relay_transport", transport(options)},
      {"smtputf8_enable", "yes"},
      {"biff", "no"},
      // Tests do not wait for politeness.
      {"smtpd_error_sleep_time", "0"},
      {"smtpd_soft_error_limit", "10000"},
      {"smtpd_hard_error_limit", "10000"},
      {"smtpd_junk_command_limit", "10000"},
      {"smtpd_client_connection_count_limit", "0"},
      {"in_flow_delay", "0"},
      {"minimal_backoff_time", "1s"},
      {"maximal_backoff_time", "2s"},
      {"queue_run_delay", "2s"},
      {"smtpd_milters", joined(options.smtpd_milters)},
      {"non_smtpd_milters", joined(options.non_smtpd_milters)},
      {"milter_default_action", options.default_action},
      {"milter_protocol", "6"},
  };
}

struct Owners {
  uid_t postfix = 0;
  gid_t postfix_group = 0;
  gid_t postdrop = 0;
};

Result<Owners> owners() {
  const passwd* user = getpwnam(kPostfixUser);
  if (!user) return config_error("no such user", kPostfixUser);
  Owners found;
  found.postfix = user->pw_uid;
  found.postfix_group = user->pw_gid;
  const group* postdrop = getgrnam(kPostdropGroup);
  if (!postdrop) return config_error("no such group", kPostdropGroup);
  found.postdrop = postdrop->gr_gid;
  return found;
}

Result<void> make_folder(const std::filesystem::path& path, uid_t user, gid_t group, mode_t mode) {
  if ((mkdir(path.c_str(), mode) != 0 && errno != EEXIST) ||
      chown(path.c_str(), user, group) != 0 || chmod(path.c_str(), mode) != 0) {
    return config_error(std::strerror(errno), path);
  }
  return {};
}

/// The queue as `postfix set-permissions` would make it (postfix-files of the package).
Result<void> make_folders(const PostfixFolders& folders) {
  const auto owner = owners();
  if (!owner) return owner.error();
  const std::filesystem::path queue = folders.queue();
  for (const auto& path : {folders.config(), queue, queue / "pid"}) {
    if (auto made = make_folder(path, 0, 0, 0755); !made) return made;
  }
  for (const char* name : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                           "incoming", "private", "saved", "trace"}) {
    if (auto made = make_folder(queue / name, owner->postfix, 0, 0700); !made) return made;
  }
  if (auto made = make_folder(folders.data(), owner->postfix, 0, 0700); !made) return made;
  if (auto made = make_folder(queue / "public", owner->postfix, owner->postdrop, 0710); !made) {
    return made;
  }
  return make_folder(queue / "maildrop", owner->postfix, owner->postdrop, 0730);
}

Result<void> write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return config_error("cannot write", path);
  // Postfix waits two seconds before it trusts a file that has just been written.
  std::error_code failed;
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::seconds(10), failed);
  if (failed) return config_error(failed.message(), path);
  return {};
}

}  // namespace

std::string main_cf(const PostfixFolders& folders, const PostfixOptions& options) {
  Entries entries = default_entries(folders, options);
  entries.insert(entries.end(), options.main_cf.begin(), options.main_cf.end());
  std::string text;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    // A later entry of the same name wins; Postfix would warn of the overwritten one.
    bool overwritten = false;
    for (std::size_t later = i + 1; later < entries.size(); ++later) {
      overwritten = overwritten || entries[later].first == entries[i].first;
    }
    if (!overwritten) text += entries[i].first + " = " + entries[i].second + "\n";
  }
  return text;
}

std::string master_cf(const PostfixPorts& ports, const PostfixOptions& options) {
  const std::string smtp = "127.0.0.1:" + std::to_string(ports.smtp);
  const std::string submission = "127.0.0.1:" + std::to_string(ports.submission);
  std::string text = smtp + " inet n - n - - smtpd\n" + submission +
                     " inet n - n - - smtpd\n"
                     "  -o syslog_name=postfix/submission\n"
                     "  -o milter_macro_daemon_name=ORIGINATING\n"
                     "  -o local_header_rewrite_clients=permit_mynetworks\n";
  // service type private unpriv chroot wakeup limit command: Debian's, without chroot.
  text +=
      "pickup unix n - n 60 1 pickup\n"
      "cleanup unix n - n - 0 cleanup\n"
      "qmgr unix n - n 300 1 qmgr\n"
      "rewrite unix - - n - - trivial-rewrite\n"
      "bounce unix - - n - 0 bounce\n"
      "defer unix - - n - 0 bounce\n"
      "trace unix - - n - 0 bounce\n"
      "verify unix - - n - 1 verify\n"
      "flush unix n - n 1000? 0 flush\n"
      "proxymap unix - - n - - proxymap\n"
      "proxywrite unix - - n - 1 proxymap\n"
      "smtp unix - - n - - smtp\n"
      "relay unix - - n - - smtp\n"
      "lmtp unix - - n - - lmtp\n"
      "showq unix n - n - - showq\n"
      "error unix - - n - - error\n"
      "retry unix - - n - - error\n"
      "discard unix - - n - - discard\n"
      "anvil unix - - n - 1 anvil\n"
      "scache unix - - n - 1 scache\n"
      "postlog unix-dgram n - n - 1 postlogd\n";
  for (const std::string& line : options.master_cf) text += line + "\n";
  return text;
}

Result<void> write_postfix_config(const PostfixFolders& folders, const PostfixPorts& ports,
                                  const PostfixOptions& options) {
  if (auto made = make_folders(folders); !made) return made;
  if (auto written = write_file(folders.config() / "main.cf", main_cf(folders, options));
      !written) {
    return written;
  }
  return write_file(folders.config() / "master.cf", master_cf(ports, options));
}

}  // namespace gatepost::test
