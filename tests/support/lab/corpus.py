"""The corpus of the shared bench folder: made, sent, and held against what it says about itself."""

import collections
import dataclasses
import email
import json
import os
import pathlib
import re
import subprocess
import sys

from .packages import Unavailable

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def shared_bench():
    """The folder with the load client and the corpus maker, which are not part of this project."""
    folder = pathlib.Path(os.environ.get("GATEPOST_SHARED", REPOSITORY.parent / "shared")) / "bench"
    for name in ("make_corpus.py", "milterload.cpp"):
        if not (folder / name).exists():
            raise Unavailable(f"{folder / name} is not there (set GATEPOST_SHARED)")
    return folder


def build_milterload(folder):
    """Returns the load client, built in `folder` unless a current one is there."""
    source = shared_bench() / "milterload.cpp"
    program = pathlib.Path(folder) / "milterload"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_suffix(f".{os.getpid()}")
        done = subprocess.run(["c++", "-O2", "-std=c++20", "-pthread", str(source), "-o", str(unfinished)],
                              capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Unavailable("milterload does not build: " + done.stderr.strip()[-200:])
        unfinished.rename(program)
    return program


@dataclasses.dataclass(frozen=True)
class Mail:
    file: pathlib.Path
    envelope: dict
    message_id: str


class Corpus:
    """Made by make_corpus.py; the same for the same arguments."""

    def __init__(self, folder, count=500, tld="test"):
        self.folder = pathlib.Path(folder)
        done = subprocess.run([sys.executable, str(shared_bench() / "make_corpus.py"), "--count", str(count),
                               "--tld", tld, str(self.folder)], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Unavailable("make_corpus.py: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
        self.messages = self.folder / "eml"
        self.zones = sorted((self.folder / "dns").glob("*.zone"))
        self.unbound_conf = self.folder / "dns/unbound.conf"
        self.mails = [self._read(file) for file in sorted(self.messages.glob("*.eml"))]

    @staticmethod
    def _read(file):
        pairs = (line.split(":", 1) for line in file.with_suffix(".env").read_text().splitlines() if ":" in line)
        envelope = {name.strip(): value.strip() for name, value in pairs}
        header = email.message_from_bytes(file.read_bytes().split(b"\n\n", 1)[0] + b"\n\n")
        return Mail(file, envelope, header["Message-ID"].strip())

    def expected(self):
        """How many messages a verifier should find of each kind: {"dkim": {"pass": 360, …}, …}"""
        return {what: dict(collections.Counter(mail.envelope.get(f"expect_{what}", "none") or "none"
                                               for mail in self.mails))
                for what in ("dkim", "spf", "dmarc")} | {
            "dnsbl": sum(bool(mail.envelope.get("expect_dnsbl")) for mail in self.mails)}


# Of several signatures the best one counts, in this order.
_DKIM_ORDER = ["pass", "permerror", "temperror", "fail", "policy", "neutral"]


def dkim_word(record):
    results = [signature["result"] for signature in record["dkim"]]
    return min(results, key=_DKIM_ORDER.index) if results else "none"


def findings(record, only=None, but=()):
    """Sorted (name, detail) pairs of a record of the log or of `gatepost scan --json`."""
    return sorted((f["name"], f.get("detail", "")) for f in record["findings"]
                  if (only is None or f["name"] == only) and not f["name"].startswith(tuple(but)))


def read_records(path, offset=0):
    """The records of a daemon's JSON log from that octet on, in its order."""
    with open(path, errors="replace") as file:
        file.seek(offset)
        for line in file:
            found = re.search(r"\{\"version\".*\}$", line)
            if found:
                yield json.loads(found.group())


def read_log(path, offset=0):
    """{message id: record} of a daemon's JSON log."""
    records = {}
    for record in read_records(path, offset):
        if record["message_id"] in records:
            raise ValueError(f"two records of {record['message_id']}")
        records[record["message_id"]] = record
    return records


def counted(records):
    """The same shape as Corpus.expected(), from the records of a log."""
    listed = sum(bool(findings(record, "DNSLIST_LISTED")) for record in records)
    return {"dkim": dict(collections.Counter(dkim_word(r) for r in records)),
            "spf": dict(collections.Counter(r["spf"] for r in records)),
            "dmarc": dict(collections.Counter(r["dmarc"] for r in records)),
            "dnsbl": listed}


def disagreements(corpus, records):
    """One line for each message that was found to be other than the corpus says."""
    lines = []
    for mail in corpus.mails:
        record = records.get(mail.message_id)
        if record is None:
            lines.append(f"{mail.file.name}: no record")
            continue
        found = {"dkim": dkim_word(record), "spf": record["spf"], "dmarc": record["dmarc"],
                 "dnsbl": "".join(detail.split("=")[-1] for _, detail in findings(record, "DNSLIST_LISTED"))}
        for what, value in found.items():
            wanted = mail.envelope.get(f"expect_{what}", "") or ("" if what == "dnsbl" else "none")
            if value != wanted:
                lines.append(f"{mail.file.name} ({mail.envelope['scenario']}): {what} {value}, expected {wanted}")
    return lines


def scan_differences(gatepost, corpus, records):
    """One line for each message whose findings or verdict `gatepost scan` states otherwise than the daemon.

    Greylisting is left out: it is the daemon's memory of a client, which a scan has none of.
    """
    lines = []
    for mail in corpus.mails:
        scanned, record = gatepost.scan(mail), records.get(mail.message_id)
        if record is None:
            continue  # told by disagreements()
        for what, there, here in (("findings", findings(record, but=["GREYLIST"]), findings(scanned, but=["GREYLIST"])),
                                  ("verdict", record["verdict"], scanned["verdict"]),
                                  ("score", round(record["score"], 6), round(scanned["score"], 6))):
            if there != here:
                lines.append(f"{mail.file.name}: {what} of the daemon {there}, of scan {here}")
    return lines
