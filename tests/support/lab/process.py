"""Servers beside a measurement: started, watched through /proc, ended by their process id."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

_TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A port of the loopback that neither UDP nor TCP uses now."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no free port on 127.0.0.1")


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """A process that serves until stop(). `ready` is asked until it says yes."""

    def __init__(self, command, ready, log, env=None, limit=60):
        self.log = pathlib.Path(log)
        self.command = [str(part) for part in command]
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=env, preexec_fn=_die_with_parent)
        end = time.monotonic() + limit
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise RuntimeError(f"{self.command[0]} does not serve: {' | '.join(tail)}")
            time.sleep(0.02)

    def _pids(self):
        """The process and all below it."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    todo += [int(child) for child in task.read_text().split()]
        return found

    def cpu_seconds(self):
        """User and system time so far."""
        total = 0
        for pid in self._pids():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def rss_mib(self):
        total = 0
        for pid in self._pids():
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1])
        return total / 1024

    def settle(self, limit=180):
        """Waits until it uses less than a twentieth of a core: what it does at its start is over."""
        end = time.monotonic() + limit
        before = -1.0
        while self.cpu_seconds() - before > 0.05 and time.monotonic() < end:
            before = self.cpu_seconds()
            time.sleep(1)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def accepts(path):
    """A function that says whether somebody accepts connections on the unix socket `path`."""
    def ready():
        with socket.socket(socket.AF_UNIX) as probe:
            with contextlib.suppress(OSError):
                probe.connect(str(path))
                return True
        return False
    return ready
