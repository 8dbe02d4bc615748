"""gatepostd and the resolver it asks, on private sockets."""

import json
import os
import pathlib
import socket
import struct
import subprocess

from .packages import program
from .process import Server, accepts, free_port

# What a receiving site would have: everything on, one DNS list, changes made.
_CONFIG = """mode = "enforce"
authserv_id = "mx.inbox.test"
{top}
[milter]
listen = ["unix:{folder}/milter.sock"]
{milter}
[daemon]
state_directory = "{folder}/state"
control_socket = "{folder}/control.sock"
[dns]
{dns}
[log]
target = "{folder}/gatepostd.log"
format = "{log_format}"
[[dns_list]]
zone = "bl.test"
weight = 1.0
{more}
"""


class Unbound(Server):
    """Answers from the corpus's records alone."""

    def __init__(self, folder, local_data, cache, address="127.0.0.1", port=None, tld="test"):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.address, self.port, self.tld = address, port or free_port(), tld
        conf = folder / "unbound.conf"
        conf.write_text(f"""server:
    interface: {address}@{self.port}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
include: "{local_data}"
remote-control:
    control-enable: no
""")
        path, env = program("unbound", "unbound", cache)
        super().__init__([path, "-d", "-c", conf], self._answers, folder / "unbound.log", env)

    def _answers(self):
        question = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + b"\x02ns" + bytes([len(self.tld)]) + \
            self.tld.encode() + b"\0" + struct.pack("!2H", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.connect((self.address, self.port))
            try:
                udp.send(question)
                return len(udp.recv(512)) > 12
            except OSError:
                return False


class Gatepost:
    """A configuration in a folder, with the daemon and the command line that use it."""

    def __init__(self, binaries, folder, nameserver=None, zones=(), log_format="json", top="", milter="", dns="",
                 more="", scan_more=None):
        self.binaries = pathlib.Path(binaries)
        self.folder = pathlib.Path(folder)
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "milter.sock"
        self.log = self.folder / "gatepostd.log"
        self.config = self.folder / "gatepost.toml"
        if nameserver:
            dns += f'\nservers = ["{nameserver}"]'
        if zones:
            dns += f"\nzones = {json.dumps([str(zone) for zone in zones])}"
        self.scan_config = self.config if scan_more is None else self.folder / "scan.toml"
        for file, text in ((self.scan_config, scan_more), (self.config, more)):
            text = text or ""
            # The corpus is about authentication unless a caller switches greylisting on.
            if "[greylist]" not in text + top:
                text += '\n[greylist]\nmode = "off"\n'
            file.write_text(_CONFIG.format(folder=self.folder, log_format=log_format, top=top, milter=milter, dns=dns,
                                           more=text))

    def start(self):
        return Server([self.binaries / "gatepostd", "-f", "-c", self.config], accepts(self.socket),
                      self.folder / "stderr.log")

    def scan(self, mail):
        """What `gatepost scan` says of one message of the corpus."""
        e = mail.envelope
        command = [self.binaries / "gatepost", "scan", "-c", self.scan_config, "--json", "--ip", e["client_ip"],
                   "--client-name", e["client_name"], "--helo", e["helo"], "--mail-from", e["from"], "--rcpt",
                   e["rcpt"], mail.file]
        done = subprocess.run([os.fspath(part) for part in command], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"gatepost scan {mail.file.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def reload(self):
        """Nothing, or what `gatepost reload` says is wrong."""
        done = subprocess.run([self.binaries / "gatepost", "reload", "-c", self.config], capture_output=True, text=True,
                              timeout=120)
        return "" if done.returncode == 0 else (done.stderr + done.stdout).strip() or f"exit code {done.returncode}"

    def stats(self):
        done = subprocess.run([self.binaries / "gatepost", "stats", "-c", self.config, "--json"],
                              capture_output=True, text=True, timeout=30)
        return json.loads(done.stdout)


def send(milterload, target, messages, connections=8, count=1000, warmup=0, rate=None, count_texts=(),
         limit=600):
    """Runs the load client and returns its report."""
    command = [milterload, "-c", connections, "-n", count, "-w", warmup, "--json", "--max-seconds", limit,
               "--timeout", 120]
    for text in count_texts:
        command += ["--count", text]
    if rate:
        command += ["--rate", rate]
    done = subprocess.run([str(part) for part in [*command, target, messages]], capture_output=True, text=True,
                          timeout=limit + 120)
    if done.returncode != 0:
        raise RuntimeError(f"milterload {target}: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)
