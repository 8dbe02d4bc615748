// The sample file and the manual, made from the settings table.

#include <cstdio>

#include "core/base/text.h"
#include "filter/config/configuration.h"
#include "filter/config/settings.h"

namespace gatepost::config {

namespace {

std::string wrap(std::string_view text, std::string_view prefix) {
  std::string out;
  std::string line(prefix);
  for (const std::string_view word : split(text, ' ')) {
    if (line.size() + 1 + word.size() > 98 && line.size() > prefix.size()) {
      out += line + "\n";
      line = prefix;
    }
    if (line.size() > prefix.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// A leading quote or dot would be a troff request; a backslash an escape; a double quote parts the
// arguments of a macro.
std::string troff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '"')
      out += "\\(dq";
    else
      out += c;
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

}  // namespace

std::string sample() {
  std::string out =
      "# Gatepost configuration. Every setting stands here with its default, as a comment: take "
      "the '#'\n"
      "# away to change one. conf.d/*.toml beside this file is read afterwards; a later value "
      "wins.\n"
      "# Check it with: gatepostd --check -c FILE\n";
  std::string section;
  for (const Setting& setting : settings()) {
    const auto dot = setting.key.rfind('.');
    const std::string of(dot == std::string_view::npos ? "" : setting.key.substr(0, dot));
    if (of != section) {
      out += "\n[" + of + "]\n";
      section = of;
    }
    out += "\n" + wrap(setting.help, "# ");
    if (!setting.reloadable) out += "# A change needs a restart.\n";
    out += "#" + std::string(setting.key.substr(dot + 1)) + " = " +
           std::string(setting.default_value) + "\n";
  }
  out +=
      "\n# DNS lists, one table each. `weight` multiplies the score of DNSLIST_LISTED "
      "(DNSLIST_ALLOWED for\n"
      "# lists that allow); `codes` are the last octets that count, all when it is missing.\n"
      "#[[dns_list]]\n#zone = \"list.example\"\n#weight = 4.0\n#allows = false\n#codes = [2, 3, "
      "4]\n"
      "\n# Keys that sign outgoing mail, one table each; made by: gatepost dkim keygen DOMAIN "
      "SELECTOR.\n"
      "# The key file's default is keys/DOMAIN/SELECTOR.private beside this file: mode 0600, or "
      "0640 "
      "with\n"
      "# the daemon's group. `subdomains` signs for authors below the domain too. Not in observe "
      "mode.\n"
      "# Without a selector those sign that the file `current` in the folder names; gatepost dkim\n"
      "# rotate writes it.\n"
      "# [[signing]]\n# domain = \"our.example\"\n# selector = \"s1\"\n# key_file = "
      "\"/etc/gatepost/keys/our.example/s1.private\"\n# folder = "
      "\"/etc/gatepost/keys/our.example\"\n# subdomains = false\n"
      "\n# Or the KeyTable and SigningTable of opendkim as they are, in place of [[signing]]; or "
      "beside\n"
      "# it, as [[signing.key]]. `multiple` is opendkim's MultipleSignatures.\n"
      "# [signing]\n# key_table = \"file:/etc/opendkim/KeyTable\"\n# signing_table = "
      "\"refile:/etc/opendkim/SigningTable\"\n# multiple = false\n"
      "\n# What each login may use as its sender address, in MAIL FROM and From.\n"
      "# [submission.senders]\n# ann = [\"ann@our.example\", \"@shop.example\"]\n"
      "\n# What findings count and ask for: none, tag, hold, store, tempfail or reject. The "
      "strongest "
      "wins.\n"
      "[findings]\n";
  for (const FindingInfo& info : finding_table()) {
    out += wrap(info.meaning, "# ");
    out += "#" + std::string(info.name) + " = { score = " + number(info.score) + ", action = \"" +
           std::string(to_string(info.action)) + "\" }\n";
  }
  return out;
}

std::string manual() {
  std::string out = ".SH SETTINGS\n";
  for (const Setting& setting : settings()) {
    out += ".TP\n.B " + troff(setting.key) + " = " + troff(setting.default_value) + "\n";
    out += troff(setting.help) + (setting.reloadable ? "\n" : "\nA change needs a restart.\n");
  }
  out += ".SH FINDINGS\nEach may be given a score and an action in the table\n.BR [findings] .\n";
  for (const FindingInfo& info : finding_table()) {
    out += ".TP\n.B " + std::string(info.name) + "\n" + troff(info.meaning) + ". Score " +
           troff(number(info.score)) + ", action " + std::string(to_string(info.action)) + ".\n";
  }
  return out;
}

}  // namespace gatepost::config
