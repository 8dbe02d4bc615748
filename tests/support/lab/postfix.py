"""A real Postfix of our own beside whatever MTA the machine has, the client that feeds it, the sink behind it.

The Python side of tests/support/postfix: the same package, users and settings.
"""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import socket
import subprocess
import threading
import time

from .packages import Unavailable
from .process import Server, free_port

_SETUP = pathlib.Path(__file__).resolve().parents[2] / "integration/setup_postfix.sh"
_USER, _POSTDROP = "gatepost-postfix", "gatepost-postdrop"

_SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def package(cache):
    """Debian's Postfix, unpacked by setup_postfix.sh, or that of GATEPOST_POSTFIX_ROOT."""
    if os.geteuid() != 0:
        raise Unavailable("a Postfix of our own needs root")
    if os.environ.get("GATEPOST_POSTFIX_ROOT"):
        return pathlib.Path(os.environ["GATEPOST_POSTFIX_ROOT"])
    done = subprocess.run(["/bin/sh", str(_SETUP), str(cache)], capture_output=True, text=True, timeout=400)
    if done.returncode != 0:
        raise Unavailable((done.stderr.strip().splitlines() or ["setup_postfix.sh failed"])[-1])
    return pathlib.Path(done.stdout.strip())


class Postfix:
    """From start to stop(): an smtpd on 127.0.0.1:`port` and one for re-injection on `plain_port`."""

    def __init__(self, root, folder, milter, sink_port, settings=None):
        self.root, self.folder = pathlib.Path(root), pathlib.Path(folder)
        self.config, self.queue = self.folder / "etc", self.folder / "queue"
        self.port, self.plain_port = free_port(), free_port()
        self.log = self.folder / "mail.log"
        self.environment = {**os.environ, "MAIL_CONFIG": str(self.config),
                            "LD_LIBRARY_PATH": str(self.root / "usr/lib/postfix")}
        self._make_folders()
        self._write("main.cf", "".join(f"{name} = {value}\n" for name, value in
                                       {**self._settings(milter, sink_port), **(settings or {})}.items()))
        self._write("master.cf", f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
                    f"127.0.0.1:{self.plain_port} inet n - n - - smtpd\n" + _SERVICES)
        self.server = Server([self.root / "usr/lib/postfix/sbin/master", "-c", self.config], self._serves,
                             self.folder / "master.log", self.environment)

    def _make_folders(self):
        user, drop = pwd.getpwnam(_USER), grp.getgrnam(_POSTDROP)

        def make(path, owner, group, mode):
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, owner, group)
            path.chmod(mode)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for path in (self.config, self.queue, self.queue / "pid"):
            make(path, 0, 0, 0o755)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            make(self.queue / name, user.pw_uid, 0, 0o700)
        make(self.folder / "data", user.pw_uid, 0, 0o700)
        make(self.queue / "public", user.pw_uid, drop.gr_gid, 0o710)
        make(self.queue / "maildrop", user.pw_uid, drop.gr_gid, 0o730)

    def _write(self, name, text):
        (self.config / name).write_text(text)
        long_ago = time.time() - 10  # Postfix waits until a file has not been touched for a while
        os.utime(self.config / name, (long_ago, long_ago))

    def _settings(self, milter, sink_port):
        libraries = self.root / "usr/lib/postfix"
        environment = f"MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH={libraries}"
        return {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": self.folder / "data",
            "daemon_directory": libraries / "sbin", "command_directory": self.root / "usr/sbin",
            "meta_directory": self.config, "shlib_directory": libraries, "mail_owner": _USER, "setgid_group": _POSTDROP,
            "sendmail_path": self.root / "usr/sbin/sendmail",
            "import_environment": environment, "export_environment": environment,
            "maillog_file": self.log, "maillog_file_prefixes": self.folder,
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "myhostname": "mx.inbox.test",
            "myorigin": "$myhostname", "mydestination": "", "local_recipient_maps": "", "alias_maps": "",
            "alias_database": "", "append_dot_mydomain": "no", "local_header_rewrite_clients": "",
            # No DNS, and any client may relay: XCLIENT makes clients of all addresses.
            "disable_dns_lookups": "yes", "smtpd_peername_lookup": "no", "mynetworks": "0.0.0.0/0 [::]/0",
            "smtpd_relay_restrictions": "permit_mynetworks, reject", "smtpd_authorized_xclient_hosts": "127.0.0.1",
            "default_transport": f"smtp:[127.0.0.1]:{sink_port}", "relay_transport": f"smtp:[127.0.0.1]:{sink_port}",
            "smtputf8_enable": "yes", "biff": "no",
            # A test does not wait for politeness.
            "smtpd_error_sleep_time": "0", "smtpd_soft_error_limit": "100000", "smtpd_hard_error_limit": "100000",
            "smtpd_junk_command_limit": "100000", "smtpd_client_connection_count_limit": "0", "in_flow_delay": "0",
            "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "2s",
            "default_destination_concurrency_limit": "20",
            "smtpd_milters": milter, "milter_default_action": "tempfail", "milter_protocol": "6",
        }

    def _serves(self):
        with contextlib.suppress(OSError):
            return "daemon started" in self.log.read_text(errors="replace") and not self._refuses()
        return False

    def _refuses(self):
        with socket.create_connection(("127.0.0.1", self.port), 5) as probe:
            return not probe.recv(100).startswith(b"220")

    def queued(self):
        """One dictionary for each message that Postfix still has, as `postqueue -j` prints them."""
        done = subprocess.run([str(self.root / "usr/sbin/postqueue"), "-j"], env=self.environment, capture_output=True,
                              text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"postqueue: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self):
        self.server.stop()


class Sink:
    """Where Postfix delivers: keeps (sender, recipients, content) of each message, in order of arrival."""

    def __init__(self):
        self.messages, self.lock = [], threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _serve(self, stream):
        with stream, contextlib.suppress(OSError):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines = stream.makefile("rb")
            stream.sendall(b"220 sink\r\n")
            sender, recipients = "", []
            for line in lines:
                verb = line[:4].upper()
                answer = b"250 2.0.0 ok\r\n"
                if verb == b"EHLO":  # without 8BITMIME Postfix would rewrite the body
                    answer = b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
                if verb == b"MAIL":
                    sender, recipients = line.decode(errors="replace"), []
                elif verb == b"RCPT":
                    recipients.append(line.decode(errors="replace").strip()[len("RCPT TO:<"):].split(">")[0])
                elif verb == b"DATA":
                    stream.sendall(b"354 go on\r\n")
                    content = self._content(lines)
                    if content is None:
                        return
                    with self.lock:
                        self.messages.append((sender, recipients, content))
                elif verb == b"QUIT":
                    stream.sendall(b"221 2.0.0 bye\r\n")
                    return
                stream.sendall(answer)

    @staticmethod
    def _content(lines):
        content = []
        for line in lines:
            if line == b".\r\n":
                return b"".join(content)
            content.append(line[1:] if line.startswith(b".") else line)
        return None

    def count(self):
        with self.lock:
            return len(self.messages)

    def close(self):
        self._listener.close()


class Client:
    """An SMTP client that tells what it was answered and never guesses."""

    def __init__(self, port, timeout=60):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.stream.makefile("rb")

    def reply(self):
        """(code, text); OSError when the connection ended in between."""
        text = []
        while True:
            line = self.lines.readline()
            if not line.endswith(b"\n") or len(line) < 4:
                raise ConnectionError("the server closed the connection")
            text.append(line[4:].decode(errors="replace").strip())
            if line[3:4] != b"-":
                return int(line[:3]), " ".join(text)

    def command(self, line):
        self.stream.sendall(line.encode() + b"\r\n")
        return self.reply()

    def open(self, xclient, helo):
        """The banner, XCLIENT with the client's attributes, EHLO: the first reply that is not good, else the last."""
        code, text = self.reply()
        for line in ("EHLO lab.test", f"XCLIENT {xclient}" if xclient else "", f"EHLO {helo}"):
            if line and code < 300:
                code, text = self.command(line)
        return code, text

    def send(self, mail_from, recipient, content):
        """One transaction: the reply that ended it, and whether that was the reply to the content.

        @raises OSError (ConnectionError too) when the connection ended; `unanswered` then says whether the whole
        content had been sent, so that nobody knows what became of the message.
        """
        self.unanswered = False
        for line in (f"MAIL FROM:<{mail_from}>", f"RCPT TO:<{recipient}>", "DATA"):
            code, text = self.command(line)
            if code >= 400:
                return code, text
        stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in content.splitlines(True))
        self.stream.sendall(stuffed)
        self.unanswered = True
        self.stream.sendall(b".\r\n")
        code, text = self.reply()
        self.unanswered = False
        return code, text

    def close(self):
        with contextlib.suppress(OSError):
            self.lines.close()
            self.stream.close()
