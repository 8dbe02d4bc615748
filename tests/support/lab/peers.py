"""The filters that gatepostd is measured against, each on a private unix socket."""

import grp
import os
import pathlib
import pwd
import shutil

from .packages import Unavailable, environment, program, unpack
from .process import Server, accepts


def start_opendkim(folder, nameserver, cache):
    """opendkim as a verifier of everything: Debian's settings, no internal hosts, our resolver at port 53.

    ResolverConfiguration would take any port, but opendkim 2.11.0~beta2 parses that file again for each
    message, in parallel, with a parser that is not thread-safe, and crashes.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    path, env = program("opendkim", "opendkim", cache)
    (folder / "none").write_text("192.0.2.255\n")  # an empty list would make the loopback internal
    (folder / "opendkim.conf").write_text(f"""Mode v
Syslog no
Canonicalization relaxed/simple
AlwaysAddARHeader yes
AuthservID mx.inbox.example
Socket local:{folder}/milter.sock
UMask 007
InternalHosts refile:{folder}/none
ExternalIgnoreList refile:{folder}/none
Nameservers {nameserver}
""")
    return Server([path, "-f", "-x", folder / "opendkim.conf"], accepts(folder / "milter.sock"),
                  folder / "log", env), f"unix:{folder}/milter.sock"


def start_opendmarc(folder, nameserver, cache):
    """opendmarc that checks SPF itself. It asks the servers of /etc/resolv.conf alone: it gets one of its own, in a
    mount namespace of its own."""
    if os.geteuid() != 0:
        raise Unavailable("opendmarc needs root here: it reads /etc/resolv.conf alone")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    path, env = program("opendmarc", "opendmarc", cache)
    (folder / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:5\n")
    (folder / "none").write_text("192.0.2.255\n")
    (folder / "opendmarc.conf").write_text(f"""AuthservID mx.inbox.example
TrustedAuthservIDs mx.inbox.example
SPFIgnoreResults true
SPFSelfValidate true
IgnoreHosts {folder}/none
Syslog no
Socket local:{folder}/milter.sock
UMask 007
""")
    command = ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"', "sh",
               folder / "resolv.conf", path, "-f", "-c", folder / "opendmarc.conf"]
    return Server(command, accepts(folder / "milter.sock"), folder / "log", env), f"unix:{folder}/milter.sock"


# The modules that do what gatepostd does, and what any site adds: expressions and maps.
_RSPAMD_MODULES = {"spf", "dkim", "dmarc", "arc", "rbl", "regexp", "multimap", "milter_headers"}

_RSPAMD_RBL = """rbl {
  default_exclude_users = true;
  rbls { bench { symbol = "BENCH_LISTED"; rbl = "bl.test"; checks = ["from"]; returncodes { BENCH_LISTED = "127.0.0.2"; } } }
}
"""
_RSPAMD_HEADERS = """milter_headers { use = ["authentication-results"]; skip_local = false; skip_authenticated = false;
  routines { authentication-results { add_smtp_user = false; } } }
"""


def _write_maps(config):
    maps = config / "bench.d"
    maps.mkdir()
    (maps / "domains").write_text("".join(f"listed-{i}.example\n" for i in range(2000)))
    (maps / "networks").write_text("".join(f"10.{i}.0.0/16\n" for i in range(200)))
    (maps / "expressions").write_text("".join(f"/offer number {i}[0-9]+ ends/i\n" for i in range(7)))
    (config / "modules.d/multimap.conf").write_text(f"""multimap {{
  BENCH_DOMAIN {{ type = "from"; filter = "email:domain"; map = "{maps}/domains"; score = 1; }}
  BENCH_NETWORK {{ type = "ip"; map = "{maps}/networks"; score = 1; }}
  BENCH_EXPRESSION {{ type = "content"; filter = "body"; regexp = true; map = "{maps}/expressions"; score = 1; }}
}}
""")


def start_rspamd(folder, resolver_port, cache, rule_files=None):
    """rspamd limited to what can be compared: two proxies that scan themselves, few modules, no Redis.

    With `rule_files` (a pattern of SpamAssassin's rule files) its module for those is the only one, and rules of its
    own it has none.
    """
    folder = pathlib.Path(folder)
    root = unpack("rspamd", cache)
    config = folder / "etc"
    shutil.copytree(root / "etc/rspamd", config)
    for name in ("db", "run", "log"):
        (folder / name).mkdir()
    for file in (config / "modules.d").glob("*.conf"):
        if file.stem not in (_RSPAMD_MODULES if rule_files is None else ()):
            file.write_text(f"{file.stem} {{ enabled = false; }}\n")
    if rule_files is None:
        (config / "modules.d/rbl.conf").write_text(_RSPAMD_RBL)
        (config / "modules.d/milter_headers.conf").write_text(_RSPAMD_HEADERS)
        _write_maps(config)
    else:
        (config / "modules.d/spamassassin.conf").write_text(f'spamassassin {{ ruleset = "{rule_files}"; }}\n')
    override = config / "override.d"
    override.mkdir(exist_ok=True)
    for worker in ("normal", "controller", "fuzzy"):
        (override / f"worker-{worker}.inc").write_text("enabled = false;\n")
    (override / "worker-proxy.inc").write_text(
        f'milter = yes; timeout = 120s; count = 2; bind_socket = "{folder}/milter.sock mode=0666";\n'
        'upstream "local" { default = yes; self_scan = yes; }\n')
    (override / "options.inc").write_text(
        f'filters = "{"dkim,regexp" if rule_files is None else "regexp"}"; dns {{ nameserver = ["127.0.0.1:{resolver_port}:10"]; timeout = 5s; }}\n')
    # Of SpamAssassin's rules it says at each message which ones it does not know.
    level = "notice" if rule_files is None else "error"
    (override / "logging.inc").write_text(f'type = "file"; level = "{level}";\n')
    (override / "classifier-bayes.conf").write_text("enabled = false;\n")
    (config / "statistic.conf").write_text("")
    share = root / "usr/share/rspamd"
    (config / "rspamd.conf.local").write_text(f'lang_detection {{ languages = "{share}/languages"; }}\n')
    rules = share / "rules"
    if rule_files is not None:
        rules = folder / "rules"
        rules.mkdir()
        (rules / "rspamd.lua").write_text("require 'global_functions' ()\nconfig['regexp'] = {}\nrspamd_maps = {}\n")
    variables = {"CONFDIR": config, "LOCAL_CONFDIR": config, "DBDIR": folder / "db", "RUNDIR": folder / "run",
                 "LOGDIR": folder / "log", "SHAREDIR": share, "LUALIBDIR": share / "lualib",
                 "PLUGINSDIR": share / "plugins", "RULESDIR": rules, "WWWDIR": share / "www"}
    command = [root / "usr/bin/rspamd", "-f", "-i", "-c", config / "rspamd.conf"]
    for name, value in variables.items():
        command += ["--var", f"{name}={value}"]
    env = environment(root)
    env.update({name: str(value) for name, value in variables.items()})
    return Server(command, accepts(folder / "milter.sock"), folder / "log/start.log", env), \
        f"unix:{folder}/milter.sock"



def start_postgrey(folder, cache, delay=1):
    """(server, socket path): postgrey's policy service with its defaults but for the delay in seconds."""
    folder = pathlib.Path(folder)
    (folder / "db").mkdir(parents=True)
    root = unpack("postgrey", cache)
    env = environment(root)
    empty = folder / "empty"
    empty.write_text("")
    command = ["perl"]  # as for spamd: postgrey runs in taint mode
    for part in env["PERL5LIB"].split(":"):
        command += ["-I", part]
    user = pwd.getpwuid(os.geteuid()).pw_name
    command += ["-T", root / "usr/sbin/postgrey", f"--unix={folder}/postgrey.sock", f"--dbdir={folder}/db",
                f"--delay={delay}", f"--user={user}", f"--group={grp.getgrgid(os.getegid()).gr_name}",
                f"--pidfile={folder}/pid", f"--whitelist-clients={empty}", f"--whitelist-recipients={empty}"]
    return Server(command, accepts(folder / "postgrey.sock"), folder / "log", env), folder / "postgrey.sock"
