"""The messages of the kill campaign, and the gatepostd that tells them apart."""

import collections
import dataclasses
import email
import json
import random
import subprocess

from . import daemon

_KINDS = {"plain": 50, "tagged": 15, "stored": 22, "refused": 13}
_ID = "X-Campaign-Id"

_ZONE = """$ORIGIN test.
@ 3600 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60
@ 3600 IN NS ns.test.
ns 3600 IN A 192.0.2.53
mail.sender 3600 IN A 192.0.2.7
sender 3600 IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.sender 3600 IN TXT "v=DMARC1; p=none"
"""
_REVERSE = """$ORIGIN 2.0.192.in-addr.arpa.
@ 3600 IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60
@ 3600 IN NS ns.test.
7 3600 IN PTR mail.sender.test.
"""
# What decides over a message is in its HELO name, its sender or its header, never in what the client did before.
_RULES = """[lists]
deny_helos = ["tagged.sender.test"]
deny_senders = ["refused@sender.test"]
[message]
max_header_fields = 60
[findings]
DENY_HELO = {{ score = 0.0, action = "tag" }}
FROM_SEVERAL = {{ score = 0.0, action = "{store}" }}
"""
_QUARANTINE = """[quarantine]
directory = "{directory}"
min_free = "0"
release_to = "127.0.0.1:{port}"
"""


@dataclasses.dataclass(frozen=True)
class Message:
    id: str
    kind: str
    client: str
    helo: str
    mail_from: str
    recipient: str
    content: bytes  # CR LF


def _content(identity, kind, chance):
    words = ["invoice", "meeting", "garden", "result", "project", "letter", "Grüße", "season", "."]
    fields = [f"{_ID}: {identity}", "From: A Sender <a@sender.test>", "To: you@inbox.test", f"Subject: note {identity}",
              f"Message-ID: <{identity}@sender.test>", "Date: Thu, 01 Jan 2026 00:00:00 +0000", "MIME-Version: 1.0",
              "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    if kind == "stored":
        fields.insert(1, "From: B Sender <b@sender.test>")
    if kind == "refused at the end":
        fields += [f"X-Filler: {i}" for i in range(100)]
    lines = [" ".join(chance.choices(words, k=chance.randrange(1, 12))) for _ in range(chance.randrange(3, 220))]
    return "\r\n".join([*fields, "", *lines, ""]).encode()


def messages(count, seed, kinds=tuple(_KINDS)):
    """The same for the same arguments; each with an id that no other has."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        kind = chance.choices(kinds, [_KINDS[kind] for kind in kinds])[0]
        at_end = kind == "refused" and chance.random() < 0.5
        identity = f"campaign-{seed}-{number:05}"
        made.append(Message(
            identity, kind, "192.0.2.7", "tagged.sender.test" if kind == "tagged" else "mail.sender.test",
            "refused@sender.test" if kind == "refused" and not at_end else "a@sender.test",
            f"user{number % 50}@inbox.test",
            _content(identity, "refused at the end" if at_end else kind, chance)))
    return made


def header(content):
    """The header of a message with CR LF or LF lines."""
    return email.message_from_bytes(content.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0] + b"\n\n")


def id_of(content):
    """The id in a message's header, or "" when it has none."""
    return header(content).get(_ID, "").strip()


def header_faults(kind, content):
    """What is wrong with the header of a delivered message of that kind."""
    fields = header(content)
    faults = [f"delivered with {name}" for name in fields.keys() if name.lower().startswith("x-gatepost")]
    if (fields.get("X-Spam-Flag", "").strip() == "YES") != (kind == "tagged"):
        faults.append(f"delivered with X-Spam-Flag: {fields.get('X-Spam-Flag', '(none)')}")
    return faults


@dataclasses.dataclass(frozen=True)
class Entry:
    reference: str
    confirmed: bool  # the daemon knows that the MTA got its answer


class Gatepost(daemon.Gatepost):
    """gatepostd with a quarantine store, and the commands on it."""

    def _quarantine(self, *arguments):
        return subprocess.run([str(self.binaries / "gatepost"), "quarantine", *arguments, "-c", str(self.config)],
                              capture_output=True, timeout=300)

    def entries(self):
        """{message id: [Entry]} of all that is stored."""
        done = self._quarantine("list", "--json", "--limit", "1000000")
        if done.returncode != 0:
            raise RuntimeError(f"gatepost quarantine list: {done.stderr.decode().strip()}")
        found = collections.defaultdict(list)
        for entry in json.loads(done.stdout)["entries"]:
            found[entry["message_id"].strip("<>").split("@")[0]].append(
                Entry(entry["reference"], entry["state"] != "unconfirmed"))
        return found

    def release(self, entry):
        """Nothing, or why not."""
        done = self._quarantine("release", entry)
        return "" if done.returncode == 0 else done.stderr.decode().strip() or f"exit code {done.returncode}"


def quarantine_settings(folder, port):
    return _QUARANTINE.format(directory=folder, port=port)


def gatepost(binaries, folder, quarantine=""):
    """A configuration in `folder`; `quarantine` are the settings of the store, "" when there is none."""
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in (("test.zone", _ZONE), ("reverse.zone", _REVERSE)):
        (folder / name).write_text(text)
    return Gatepost(binaries, folder, nameserver="127.0.0.1@9", zones=[folder / "test.zone", folder / "reverse.zone"],
                    log_format="text", milter='socket_mode = "0666"',
                    more=_RULES.format(store="store" if quarantine else "tag") + quarantine)
