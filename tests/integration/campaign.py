#!/usr/bin/env python3
"""gatepostd killed again and again behind a real Postfix, the quarantine's disk filled twice: nothing may be lost.

    campaign.py BINARIES CACHE [--messages N] [--kills N] [--connections N] [--seed N] [--limit SECONDS]

A client sends each message until it gets a final answer, 250 or 5xx. At the end:
- every 250 has exactly one delivery or at least one quarantine entry, whichever the message asks for;
- a message that was refused has neither;
- a message has more than one entry only where some attempt ended without a final answer, and of them at most
  one is confirmed;
- releasing every entry, while gatepostd is killed some more, delivers each of them once, unchanged and without
  the release token; releasing them again delivers nothing.
The sums are printed. Exit codes: 0, 1 failed, 77 skipped (why is said).
"""

import argparse
import collections
import contextlib
import dataclasses
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from lab import campaign_mail, features, packages, postfix  # noqa: E402

_ATTEMPTS = 400  # of one message, before the campaign gives it up
_DISK = "12m"    # the quarantine's


@dataclasses.dataclass
class Attempt:
    code: int      # 0: the connection ended before an answer
    text: str
    content: bool  # whether the whole content had been sent


class Ledger:
    """What the client was answered, for each message; from any thread."""

    def __init__(self):
        self.attempts, self.final = collections.defaultdict(list), {}
        self.codes, self.lock = collections.Counter(), threading.Lock()

    def note(self, message, attempt):
        with self.lock:
            self.attempts[message.id].append(attempt)
            self.codes[attempt.code] += 1
            if attempt.code == 250 or attempt.code >= 500:
                self.final[message.id] = attempt.code

    def finished(self):
        with self.lock:
            return len(self.final)

    def disk_full_answers(self):
        with self.lock:
            return self.codes[452]


class Senders:
    """The client: threads that take message after message and retry each until its final answer."""

    def __init__(self, port, messages, ledger, connections, seed):
        self.port, self.ledger, self.stop = port, ledger, threading.Event()
        self.faults, self._todo, self._lock = [], iter(messages), threading.Lock()
        self.threads = [threading.Thread(target=self._work, args=(seed + i,), daemon=True) for i in range(connections)]
        for thread in self.threads:
            thread.start()

    def _work(self, seed):
        chance = random.Random(seed)
        while not self.stop.is_set():
            with self._lock:
                message = next(self._todo, None)
            if message is None:
                return
            for _ in range(_ATTEMPTS):
                attempt = self._attempt(message)
                self.ledger.note(message, attempt)
                if attempt.code == 250 or attempt.code >= 500:
                    break
                if self.stop.wait(chance.uniform(0.05, 0.4)):
                    return
            else:
                self.faults.append(f"{message.id}: no final answer in {_ATTEMPTS} attempts")

    def _attempt(self, message):
        client = None
        try:
            client = postfix.Client(self.port)
            code, text = client.open(f"ADDR={message.client} NAME=[UNAVAILABLE]", message.helo)
            if code >= 400:
                return Attempt(code, text, False)
            code, text = client.send(message.mail_from, message.recipient, message.content)
            return Attempt(code, text, client.unanswered)
        except OSError as error:
            return Attempt(0, str(error), bool(client and client.unanswered))
        finally:
            if client:
                client.close()

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(70)


class Disk:
    """A small file system of its own for the quarantine, which can be filled."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0700", "gatepost-campaign",
                               str(folder)], capture_output=True, text=True, timeout=30)
        self.why_not = done.stderr.strip() if done.returncode else ""

    def fill(self):
        with open(self.folder / "filler", "ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65536, 4096, 1):  # to the last octet
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self):
        (self.folder / "filler").unlink()

    def close(self):
        if not self.why_not:
            subprocess.run(["umount", "-l", str(self.folder)], timeout=30, check=False)


class Campaign:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.random = random.Random(options.seed)
        self.ledger, self.faults, self.senders, self.server, self.mta = Ledger(), [], None, None, None
        self.kills, self.fills = 0, 0
        self.sink = postfix.Sink()
        self.disk = Disk(folder / "quarantine")
        root = postfix.package(options.cache)
        self.mta = postfix.Postfix(root, folder / "postfix", f"unix:{folder}/gatepost/milter.sock", self.sink.port)
        store = campaign_mail.quarantine_settings(folder / "quarantine", self.mta.port)
        self.stores, self.no_store = features.knows(options.binaries, folder, store)
        self.messages = campaign_mail.messages(options.messages, options.seed,
                                               ("plain", "tagged", "refused") + ("stored",) * self.stores)
        self.gatepost = campaign_mail.gatepost(options.binaries, folder / "gatepost", store if self.stores else "")

    # --- while messages pass

    def run(self):
        self.server = self.gatepost.start()
        total = self.options.messages
        # Kills and full disks come by progress, so that a seed means the same on every machine.
        kills = sorted(self.random.uniform(0.02, 0.97) * total for _ in range(self.options.kills))
        fills = [] if self.disk.why_not or not self.stores else [0.3 * total, 0.65 * total]
        begin, shown = time.monotonic(), 0.0
        self.senders = Senders(self.mta.port, self.messages, self.ledger, self.options.connections, self.options.seed)
        full = None  # (452 answers before, when it was filled)
        while self.senders.running():
            done, now = self.ledger.finished(), time.monotonic()
            if kills and done >= kills[0]:
                kills.pop(0)
                self.kill()
            if full is None and fills and done >= fills[0]:
                fills.pop(0)
                full = self.ledger.disk_full_answers(), now
                self.disk.fill()
            if full and (self.ledger.disk_full_answers() >= full[0] + 3 or now > full[1] + 60):
                self.freed(full[0])
                full = None
            if now > begin + self.options.limit:
                self.faults.append(f"not done after {self.options.limit} s")
                break
            if sys.stdout.isatty() and now > shown + 2:
                shown = now
                print(f"  {done} of {total} messages, {self.kills} kills, {self.fills} full disks, "
                      f"{now - begin:.0f} s", flush=True)
            time.sleep(0.005)
        self.senders.end()
        if full:
            self.freed(full[0])
        while kills:  # so late that all had their answer
            kills.pop()
            self.kill()
        self.faults += self.senders.faults
        return time.monotonic() - begin

    def kill(self):
        """kill -9 in the midst of whatever it does, a pause in which nobody answers, a new start."""
        self.server.process.kill()
        self.server.process.wait()
        self.kills += 1
        time.sleep(self.random.uniform(0, 0.3))
        self.server = self.gatepost.start()

    def freed(self, before):
        self.disk.free()
        self.fills += 1
        if self.ledger.disk_full_answers() == before:
            self.faults.append("the quarantine's disk was full and no message was deferred with 452")

    # --- afterwards

    def settle(self, wanted=0):
        """Waits until Postfix has delivered all it has."""
        end = time.monotonic() + 120
        while (self.mta.queued() or self.sink.count() < wanted) and time.monotonic() < end:
            time.sleep(0.1)
        left = self.mta.queued()
        if left:
            self.faults.append(f"{len(left)} messages are still in Postfix's queue: {left[0]}")

    def deliveries(self, since=0):
        """{message id: [content]} of what the sink got from that message on."""
        found = collections.defaultdict(list)
        with self.sink.lock:
            arrived = self.sink.messages[since:]
        for _, recipients, content in arrived:
            found[campaign_mail.id_of(content)].append((recipients, content))
        return found

    def fault(self, message, text):
        seen = " ".join(str(a.code) for a in self.ledger.attempts[message.id])
        self.faults.append(f"{message.id} ({message.kind}; answers {seen}): {text}")

    def check_unchanged(self, message, arrived):
        for recipients, content in arrived:
            if recipients != [message.recipient]:
                self.fault(message, f"delivered to {recipients}")
            if content.split(b"\r\n\r\n", 1)[1] != message.content.split(b"\r\n\r\n", 1)[1]:
                self.fault(message, "delivered with another body")
            for text in campaign_mail.header_faults(message.kind, content):
                self.fault(message, text)

    def check_answers(self, delivered, entries):
        """Each message against its answers, deliveries and entries. @return (extra entries, unconfirmed ones)"""
        extra = unconfirmed = 0
        for message in self.messages:
            final, kept = self.ledger.final.get(message.id), entries.get(message.id, [])
            if final is None or (final == 250) == (message.kind == "refused"):
                self.fault(message, f"final answer {final}")
            copies = len(delivered.get(message.id, []))
            if copies != (final == 250 and message.kind in ("plain", "tagged")):
                self.fault(message, f"{copies} deliveries")
            self.check_unchanged(message, delivered.get(message.id, []))
            if (final == 250 and message.kind == "stored") != bool(kept):
                self.fault(message, f"{len(kept)} quarantine entries")
            unanswered = sum(a.code != 250 and a.code < 500 for a in self.ledger.attempts[message.id])
            confirmed = sum(entry.confirmed for entry in kept)
            extra += max(0, len(kept) - 1)
            unconfirmed += len(kept) - confirmed
            if len(kept) - 1 > unanswered:
                self.fault(message, f"{len(kept)} entries, but only {unanswered} attempts without a final answer")
            if confirmed > 1:
                self.fault(message, f"{confirmed} confirmed entries")
        known = {message.id for message in self.messages}
        for stranger in (set(delivered) | set(entries)) - known:
            self.faults.append(f"a message that nobody sent: {stranger}")
        return extra, unconfirmed

    def release_all(self, entries):
        """Every entry is released while gatepostd is killed some more, and delivered once. @return deliveries"""
        before = self.sink.count()
        every = [entry for kept in entries.values() for entry in kept]
        done, kills = [], self.options.kills // 5 if every else 0
        thread = threading.Thread(target=self.release, args=(every, done), daemon=True)
        thread.start()
        for number in range(kills):
            while thread.is_alive() and len(done) < len(every) * (number + self.random.random()) / kills:
                time.sleep(0.005)
            self.kill()
        thread.join(self.options.limit)
        self.settle(before + len(every))
        for entry in every[:10]:  # what has gone out does not go out again
            if not self.gatepost.release(entry.reference):
                self.faults.append(f"released a second time: {entry}")
        self.settle()
        released = self.deliveries(before)
        for message in self.messages:
            copies, wanted = released.get(message.id, []), len(entries.get(message.id, []))
            if len(copies) != wanted:
                self.fault(message, f"{wanted} entries released, {len(copies)} deliveries")
            self.check_unchanged(message, copies)
        return self.sink.count() - before

    def release(self, every, done):
        """Each entry again and again until gatepost says that it has gone out; counts in `done`."""
        for entry in every:
            end = time.monotonic() + 60
            while said := self.gatepost.release(entry.reference):
                if time.monotonic() > end:
                    self.faults.append(f"release of {entry}: {said}")
                    break
                time.sleep(0.1)
            done.append(entry)

    def report(self, seconds):
        codes, kinds = self.ledger.codes, collections.Counter(m.kind for m in self.messages)
        delivered, entries = self.deliveries(), self.gatepost.entries() if self.stores else {}
        extra, unconfirmed = self.check_answers(delivered, entries)
        stored = sum(len(kept) for kept in entries.values())
        first, kills = self.sink.count(), self.kills
        released = self.release_all(entries)
        finals = collections.Counter(self.ledger.final.values())
        print(f"messages     {len(self.messages)}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())))
        print(f"disturbances {kills} kills, {self.fills} full disks, {seconds:.0f} s, {self.options.connections} "
              f"connections, seed {self.options.seed}")
        print("attempts     " + str(sum(codes.values())) + ": " +
              ", ".join(f"{n} x {code or 'connection lost'}" for code, n in sorted(codes.items())))
        print("finals       " + ", ".join(f"{n} x {code}" for code, n in sorted(finals.items())))
        print(f"deliveries   {first} for {finals[250]} x 250; {stored} quarantine entries, {extra} of them extra, "
              f"{unconfirmed} unconfirmed")
        print(f"released     {stored} entries, {released} deliveries, {self.kills - kills} kills meanwhile")

    def close(self):
        if self.senders:
            self.senders.end()
        for server in (self.server, self.mta):
            if server:
                server.stop()
        self.sink.close()
        self.disk.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries")
    parser.add_argument("cache")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1500, help="seconds, then the campaign has failed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-campaign-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # Postfix's processes pass through
        campaign = None
        try:
            campaign = Campaign(options, folder)
            if not campaign.stores:
                print(f"SKIPPED the quarantine: {campaign.no_store}")
            elif campaign.disk.why_not:
                print(f"SKIPPED the full disk: {campaign.disk.why_not}")
            seconds = campaign.run()
            campaign.settle()
            campaign.report(seconds)
        except packages.Unavailable as reason:
            print(f"SKIPPED: {reason}")
            return 77
        finally:
            if campaign:
                campaign.close()
    for fault in campaign.faults[:40]:
        print(f"FAULT {fault}")
    if len(campaign.faults) > 40:
        print(f"FAULT and {len(campaign.faults) - 40} more")
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(main())
