"""NSD on the loopback with one zone, the root; and a relay before it that leaves some questions unanswered."""

import contextlib
import pathlib
import socket
import struct
import threading

from . import packages, process

_TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}

_CONFIGURATION = """server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: ""
  xfrdfile: ""
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
"""

_HEAD = "$TTL 300\n. IN SOA ns. hostmaster. 1 3600 600 86400 300\n. IN NS ns.\nns. IN A 127.0.0.1\n"


def escape_name(name):
    """A name in presentation form, absolute; dots part labels."""
    plain = name.encode("latin-1", "strict").rstrip(b".")
    return "".join(chr(c) if chr(c).isalnum() and c < 128 or c in b"-_." else f"\\{c:03d}" for c in plain) + "."


def escape_text(text):
    """A character-string in quotes."""
    return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}"
                         for c in text.encode("latin-1")) + '"'


def _question(packet):
    """(name in lower case, type) of a query."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]])
        at += 1 + packet[at]
    number = struct.unpack_from("!H", packet, at + 1)[0]
    return b".".join(labels).lower().decode("latin-1"), _TYPES.get(number, str(number))


class Relay:
    """Passes UDP questions on to `port`, but for those that `is_silent` names: these are never answered."""

    def __init__(self, port, is_silent):
        self._target, self._is_silent = ("127.0.0.1", port), is_silent
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                packet, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return
            with contextlib.suppress(IndexError, struct.error):
                if not self._is_silent(*_question(packet)):
                    threading.Thread(target=self._pass_on, args=(packet, peer), daemon=True).start()

    def _pass_on(self, packet, peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
            out.settimeout(10)
            out.sendto(packet, self._target)
            self._socket.sendto(out.recv(65535), peer)

    def stop(self):
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())


class Nsd:
    """Serves `zone`, lines of a master file with absolute names, until stop()."""

    def __init__(self, zone, folder, cache):
        program, env = packages.program("nsd", "nsd", cache)
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.port = process.free_port()
        (folder / "root.zone").write_text(_HEAD + zone)
        (folder / "nsd.conf").write_text(_CONFIGURATION.format(port=self.port, folder=folder))
        self._server = process.Server([program, "-d", "-c", folder / "nsd.conf"], self._ready,
                                      folder / "nsd.log", env=env)

    def _ready(self):
        """Whether it answers for the root's SOA with authority, so that the zone is loaded."""
        query = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\0" + struct.pack("!2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            with contextlib.suppress(OSError):
                sock.sendto(query, ("127.0.0.1", self.port))
                answer = sock.recv(4096)
                return answer[3] & 15 == 0 and answer[2] & 4 != 0
        return False

    def stop(self):
        self._server.stop()
