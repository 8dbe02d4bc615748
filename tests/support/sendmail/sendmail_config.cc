#include "tests/support/sendmail/sendmail_config.h"

#include <fstream>

#include <sys/stat.h>

#include "core/base/text.h"
#include "tests/support/system/process.h"

namespace gatepost::test {

namespace {

/// m4's quotes.
std::string quoted(const std::string& text) {
  return "`" + text + "'";
}

std::string define(const std::string& name, const std::string& value) {
  return "define(" + quoted(name) + ", " + quoted(value) + ")dnl\n";
}

std::string daemon_options(const std::string& values) {
  return "DAEMON_OPTIONS(" + quoted(values) + ")dnl\n";
}

std::string filters(const SendmailOptions& options) {
  std::string text;
  for (std::size_t i = 0; i < options.filters.size(); ++i) {
    text += "INPUT_MAIL_FILTER(" + quoted("filter" + std::to_string(i + 1)) + ", " +
            quoted("S=" + options.filters[i] + ", F=" + options.filter_flags +
                   ", T=C:10s;S:30s;R:60s;E:5m") +
            ")dnl\n";
  }
  return text;
}

/// A login as SASL would have left it: {auth_authen} and {auth_type} from a file of ours that is
/// read again at each MAIL, before the filters are asked.
std::string login_rules(const SendmailFolders& folders) {
  return "LOCAL_CONFIG\n"
         "Kstorage macro\n"
         "Klogins text -k0 -v1 " +
         folders.logins().string() +
         "\n"
         "LOCAL_RULESETS\n"
         "SLocal_check_mail\n"
         "R$*\t\t$: $1 $| $(logins login $: $)\n"
         "R$* $| login\t$@ $1\n"
         "R$* $|\t\t$@ $1\n"
         "R$* $| $+\t$@ $1 $(storage {auth_authen} $@ $2 $) $(storage {auth_type} $@ PLAIN $)\n";
}

// Runs a program with our hosts file, a libc that looks nowhere else, and a /dev of its own whose
// log is our socket. The mounts are those of a mount namespace (unshare -m) and end with it.
constexpr std::string_view kView = R"(#!/bin/sh
# view.sh PROGRAM ARGUMENT...
set -eu
base=$(dirname "$0")
for name in hosts nsswitch.conf hosts.allow hosts.deny; do
  [ ! -e "/etc/$name" ] || mount --bind "$base/$name" "/etc/$name"
done
mount -t tmpfs -o mode=755 tmpfs "$base/dev"
for name in null zero random urandom; do
  : >"$base/dev/$name"
  mount --bind "/dev/$name" "$base/dev/$name"
done
ln -s "$base/syslog" "$base/dev/log"
mount --rbind "$base/dev" /dev
exec "$@"
)";

// Gives `sendmail -bs` one message, a command at a time: it refuses a client that does not wait.
constexpr std::string_view kSubmit = R"(#!/bin/sh
# submit.sh SENDER RECIPIENT PROGRAM ARGUMENT... <MESSAGE (dot-stuffed, CR LF lines)
# Prints all replies.
set -eu
base=$(mktemp -d)
trap 'rm -rf "$base"' EXIT
mkfifo "$base/commands" "$base/replies"
sender=$1 recipient=$2
shift 2
exec 5<&0
"$@" <"$base/commands" >"$base/replies" 5<&- &
exec 3>"$base/commands" 4<"$base/replies"
reply() {
  while IFS= read -r line <&4; do
    printf '%s\n' "$line"
    case $line in ???-*) ;; *) return ;; esac
  done
}
reply
for command in "EHLO localhost" "MAIL FROM:<$sender>" "RCPT TO:<$recipient>" DATA; do
  printf '%s\r\n' "$command" >&3
  reply
done
cat <&5 >&3
printf '.\r\n' >&3
reply
printf 'QUIT\r\n' >&3
reply
wait
)";

}  // namespace

std::string sendmail_mc(const SendmailFolders& folders, std::uint16_t port,
                        const SendmailOptions& options) {
  const std::string cf = folders.package / "usr/share/sendmail/cf/";
  std::string text = "divert(0)dnl\n" + define("_CF_DIR_", cf) + "include(" +
                     quoted(cf + "m4/cf.m4") + ")dnl\nVERSIONID(`sandbox')\nOSTYPE(`linux')dnl\n";
  const std::pair<const char*, std::string> definitions[] = {
      // Nothing of the machine's own: no aliases, no help, no statistics.
      {"ALIAS_FILE", ""},
      {"HELP_FILE", ""},
      {"STATUS_FILE", ""},
      {"QUEUE_DIR", folders.queue()},
      {"confPID_FILE", folders.base / "sendmail.pid"},
      {"confSERVICE_SWITCH_FILE", folders.base / "service.switch"},
      {"confDONT_PROBE_INTERFACES", "true"},
      {"confDOMAIN_NAME", options.hostname},
      {"confDEF_USER_ID", "65534:65534"},
      {"confDONT_BLAME_SENDMAIL", "GroupWritableDirPathSafe,MapInUnsafeDirPath"},
      {"confLOG_LEVEL", "14"},
      // Tests do not wait for politeness, nor for a machine with much to do.
      {"confTO_IDENT", "0"},
      {"confQUEUE_LA", "1000"},
      {"confREFUSE_LA", "1000"},
      {"confBAD_RCPT_THROTTLE", "0"},
      {"confMIN_QUEUE_AGE", "0"},
      {"confDELIVERY_MODE", "background"},
      {"confMAX_HEADERS_LENGTH", "0"},
      {"SMART_HOST", "relay:[127.0.0.1]"},
      {"RELAY_MAILER_ARGS", "TCP $h " + std::to_string(options.sink_port)},
  };
  for (const auto& [name, value] : definitions) text += define(name, value);
  for (const char* feature : {"no_default_msa", "nocanonify", "promiscuous_relay",
                              "accept_unresolvable_domains", "accept_unqualified_senders"}) {
    text += "FEATURE(" + quoted(feature) + ")dnl\n";
  }
  const std::string at = ", Port=" + std::to_string(port);
  text += daemon_options("Family=inet, Name=MTA-v4, Addr=127.0.0.1" + at);
  if (options.ipv6) text += daemon_options("Family=inet6, Name=MTA-v6, Addr=::1" + at);
  text += filters(options);
  for (const std::string& line : options.mc) text += line + "\n";
  return text + "MAILER(`smtp')dnl\n" + login_rules(folders);
}

Result<void> write_in_place(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return config_error("cannot write", path);
  return {};
}

Result<void> write_sendmail_config(const SendmailFolders& folders, std::uint16_t port,
                                   const SendmailOptions& options) {
  const std::pair<std::filesystem::path, std::string> files[] = {
      {folders.mc(), sendmail_mc(folders, port, options)},
      {folders.hosts(), "127.0.0.1 localhost\n::1 localhost\n"},
      {folders.base / "nsswitch.conf", "hosts: files\npasswd: files\ngroup: files\n"},
      {folders.base / "service.switch", "hosts files\naliases files\npasswd files\n"},
      {folders.base / "hosts.allow", ""},
      {folders.base / "hosts.deny", ""},
      {folders.logins(), ""},
      {folders.view(), std::string(kView)},
      {folders.submit(), std::string(kSubmit)},
  };
  for (const auto& [path, text] : files) {
    if (auto written = write_in_place(path, text); !written) return written;
  }
  for (const auto& [path, mode] :
       {std::pair(folders.queue(), 0700), std::pair(folders.base / "dev", 0755)}) {
    if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) != 0 && errno != EEXIST)
      return config_error("cannot be made", path);
  }
  const auto made = run_process({folders.m4(), folders.mc()});
  if (!made) return made.error();
  if (made->status != 0) return config_error(std::string(trim(made->errors)), folders.mc());
  return write_in_place(folders.cf(), made->output);
}

}  // namespace gatepost::test
