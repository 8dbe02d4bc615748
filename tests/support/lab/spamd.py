"""SpamAssassin's daemon as a peer, and a client of its protocol that drives it with several connections."""

import contextlib
import itertools
import pathlib
import re
import shutil
import socket
import threading
import time

from .packages import environment, unpack
from .process import Server

_CHILDREN = 4


def start_spamd(folder, cache, children=_CHILDREN):
    """(server, socket path): spamd -L with Debian's rules; no DNS, no Bayes, nothing of this machine's.

    It becomes nobody, who must be able to pass through the folders above `folder`.
    """
    folder = pathlib.Path(folder)
    root = unpack("spamd", cache)
    site = folder / "etc"
    site.mkdir(parents=True)
    (folder / "home").mkdir()
    folder.chmod(0o755)
    # Where SpamAssassin is installed, spamd's package brings the daemon alone.
    here = root if (root / "usr/share/spamassassin").is_dir() else pathlib.Path("/")
    for file in (here / "etc/spamassassin").glob("*.pre"):
        shutil.copy(file, site)
    (site / "local.cf").write_text("dns_available no\nuse_bayes 0\n")
    env = environment(root)
    command = ["perl", "-T"]  # spamd insists on taint mode, in which PERL5LIB counts for nothing
    for part in filter(None, env["PERL5LIB"].split(":")):
        command += ["-I", part]
    command += [root / "usr/sbin/spamd", "-L", "-m", children, f"--min-children={children}",
                "--max-conn-per-child=100000", "-x", "-u", "nobody",
                "-H", folder / "home", f"--siteconfigpath={site}", f"--configpath={here / 'usr/share/spamassassin'}",
                f"--socketpath={folder / 'spamd.sock'}", "--socketmode=0666", "--syslog=stderr"]
    path = folder / "spamd.sock"
    return Server(command, lambda: _pongs(path), folder / "log", env), path


def _pongs(path):
    with socket.socket(socket.AF_UNIX) as stream, contextlib.suppress(OSError):
        stream.settimeout(2)
        stream.connect(str(path))
        stream.sendall(b"PING SPAMC/1.5\r\n\r\n")
        return b"PONG" in stream.recv(100)
    return False


def check(path, message, limit=120):
    """(is spam, score) of one message, over a connection of its own as spamc does it."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(limit)
        stream.connect(str(path))
        stream.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message) + message)
        stream.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    found = re.search(rb"^Spam: (True|False) ; (-?[\d.]+) /", answer, re.M)
    if not found:
        raise RuntimeError(f"spamd answers {answer[:100]!r}")
    return found.group(1) == b"True", float(found.group(2))


def send(path, messages, connections=8, count=60):
    """The same report as the load client of milters gives, and how many were found to be spam."""
    contents = [file.read_bytes() for file in sorted(pathlib.Path(messages).glob("*.eml"))]
    # Every sixth or so: a few messages that are as mixed as the whole corpus.
    chosen = itertools.islice(itertools.cycle(contents[:: max(1, len(contents) // count)]), count)
    lock, times, spam, faults = threading.Lock(), [], [], []

    def work():
        while True:
            with lock:
                message = next(chosen, None)
            if message is None or faults:
                return
            begin = time.monotonic()
            try:
                is_spam, _ = check(path, message)
            except (OSError, RuntimeError) as error:
                faults.append(error)
                return
            with lock:
                times.append(time.monotonic() - begin)
                spam.append(is_spam)

    begin = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    if faults:
        raise RuntimeError(f"spamd: {faults[0]}")
    times.sort()
    return {"rate": count / seconds, "spam": sum(spam), "latency_ms": {
        "p50": times[len(times) // 2] * 1000, "p99": times[min(len(times) - 1, len(times) * 99 // 100)] * 1000}}
