#!/usr/bin/env python3
"""gatepost dkim keygen, check-key and rotate as a postmaster runs them.

usage: commands_test.py BIN_FOLDER
"""

import json
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

DOMAIN = "our.example"


class NameServer:
    """Answers TXT questions from a dictionary, on a port of its own."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.records = {}
        self.asked = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()

    def run(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while packet[at]:
                labels.append(packet[at + 1:at + 1 + packet[at]].decode())
                at += packet[at] + 1
            question = packet[12:at + 5]
            texts = self.records.get(".".join(labels).lower(), [])
            answer = b""
            for text in texts:
                pieces = [text[i:i + 255].encode() for i in range(0, len(text), 255)]
                data = b"".join(bytes([len(p)]) + p for p in pieces)
                answer += b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, len(data)) + data
            flags = 0x8580 if texts else 0x8583
            self.socket.sendto(packet[:2] + struct.pack(">HHHHH", flags, 1, len(texts), 0, 0) + question + answer, peer)
            self.asked.set()


class Commands(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.keys = self.folder / "keys"

    def run_gatepost(self, *arguments):
        return subprocess.run([BIN / "gatepost", "dkim", *arguments], capture_output=True, text=True, timeout=60)

    def keygen(self, selector, *options):
        made = self.run_gatepost("keygen", "--domain", DOMAIN, "--selector", selector, "--out", self.keys, "--json", *options)
        self.assertEqual(made.returncode, 0, made.stderr)
        return json.loads(made.stdout)

    def server(self):
        server = NameServer()
        self.addCleanup(server.close)
        return server

    def test_keygen_prints_both_forms(self):
        made = self.run_gatepost("keygen", "--domain", DOMAIN, "--selector", "s1", "--algorithm", "rsa-sha256", "--out", self.keys)
        self.assertEqual(made.returncode, 0, made.stderr)
        strings = re.findall(r'"([^"]*)"', made.stdout)
        self.assertTrue(all(len(s) <= 255 for s in strings))
        self.assertIn("".join(strings), made.stderr, "one line for web forms")
        file = self.keys / DOMAIN / "s1.private"
        self.assertEqual(file.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.run_gatepost("keygen", DOMAIN, "s1", "--out", self.keys).returncode, 65)
        self.assertEqual(self.keygen("e1", "--algorithm", "ed25519-sha256")["algorithm"], "ed25519")

    def check(self, record, *options):
        zone = self.folder / "zone"
        zone.write_text(f"{DOMAIN}. IN SOA ns.{DOMAIN}. a.{DOMAIN}. 1 1 1 1 60\n" + (f's1._domainkey.{DOMAIN}. IN TXT {record}\n' if record else ""))
        done = self.run_gatepost("check-key", DOMAIN, "s1", "--zone", zone, "--json", *options)
        return done.returncode, json.loads(done.stdout)

    def test_check_key(self):
        made = self.keygen("s1")
        other = self.keygen("s2")
        strings = " ".join(f'"{s}"' for s in re.findall(r'"([^"]*)"', made["zone"]))
        self.assertEqual(self.check(strings, "--key", made["key_file"])[0], 0)
        rows = [
            (strings, ["--key", other["key_file"]], "does not belong"),
            ('"v=DKIM1; p="', [], "revoked"),
            ('"v=DKIM1; k=rsa"', [], "missing"),
            ('"v=DKIM1; t=y; p=AQID"', [], "testing"),
            ("", [], "no record"),
        ]
        for record, options, text in rows:
            with self.subTest(record=record):
                code, report = self.check(record, *options)
                self.assertEqual(code, 65)
                self.assertEqual(report["result"], "bad")
                self.assertTrue(any(text in fault for fault in report["faults"]), report)

    def rotate(self, *options):
        done = self.run_gatepost("rotate", DOMAIN, "--out", self.keys, "--algorithm", "ed25519", "--json", *options)
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    def test_rotate(self):
        old = self.keygen("s1", "--algorithm", "ed25519")
        (self.keys / DOMAIN / "current").write_text("s1\n")
        first, second = self.server(), self.server()
        servers = ["--nameserver", first.address, "--nameserver", second.address]
        at = ["--at", "1767225600"]
        code, state, said = self.rotate(*servers, *at, "--wait", "0s")
        self.assertEqual((code, state["step"]), (75, "publish"), said)
        self.assertIn("no record yet", said)
        # One of two is not enough; the record is the same each time.
        first.records[state["name"]] = [state["record"]]
        code, again, said = self.rotate(*servers, *at, "--wait", "0s")
        self.assertEqual((code, again["record"]), (75, state["record"]), said)
        self.assertIn("serves it", said)
        self.assertEqual((self.keys / DOMAIN / "current").read_text(), "s1\n")
        # A stale record on the second, then the right one.
        second.records[state["name"]] = [old["record"]]
        code, again, said = self.rotate(*servers, *at, "--wait", "0s")
        self.assertEqual(code, 75)
        self.assertIn("another record", said)
        second.records[state["name"]] = [state["record"]]
        code, again, said = self.rotate(*servers, *at)
        self.assertEqual((code, again["step"]), (0, "retire"), said)
        current = (self.keys / DOMAIN / "current").read_text().splitlines()
        self.assertEqual([line for line in current if not line.startswith("#")], [state["selector"]])
        # What signs now is the new key.
        (self.folder / "gatepost.toml").write_text(f"[[signing]]\ndomain = '{DOMAIN}'\n")
        message = self.folder / "message"
        message.write_text(f"From: ann@{DOMAIN}\n\nx\n")
        signed = self.run_gatepost("sign", "-c", self.folder / "gatepost.toml", message)
        self.assertIn(f"s={state['selector']};", signed.stdout, signed.stderr)
        # The period, and after it.
        self.assertEqual(self.rotate(*at)[1]["step"], "retire")
        code, last, said = self.rotate("--at", str(1767225600 + 7 * 86400))
        self.assertEqual((code, last["step"]), (0, "done"), said)
        self.assertEqual(last["revocation"], {"name": f"s1._domainkey.{DOMAIN}", "record": "v=DKIM1; k=ed25519; p="})
        self.assertEqual(self.rotate("--status")[1]["step"], "done")

    def test_rotate_killed_while_it_waits(self):
        server = self.server()
        command = [BIN / "gatepost", "dkim", "rotate", DOMAIN, "--out", self.keys, "--algorithm", "ed25519", "--json",
                   "--nameserver", server.address, "--interval", "50ms"]
        waiting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(server.asked.wait(60))
        # Another one meanwhile does not make a second key.
        beside = subprocess.run([*command, "--wait", "0s"], capture_output=True, text=True, timeout=60)
        self.assertEqual(beside.returncode, 75)
        self.assertIn("another rotation", beside.stderr)
        waiting.send_signal(signal.SIGKILL)
        waiting.wait()
        name = self.rotate("--status")[1]
        server.records[name["name"]] = [name["record"]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, json.loads(done.stdout)["step"]), (0, "done"), done.stderr)
        self.assertEqual(len(list((self.keys / DOMAIN).glob("*.private"))), 1)

    def test_bad_arguments_are_named(self):
        rows = [
            (["rotate", "a b"], "a b"),
            (["rotate", DOMAIN, "--out", self.keys, "--wait", "soon"], "soon"),
            (["check-key", DOMAIN, "s 1"], "s 1"),
            (["keygen", DOMAIN, "s1", "--algorithm", "dsa"], "dsa"),
        ]
        for arguments, text in rows:
            done = self.run_gatepost(*arguments)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn(text, done.stderr + done.stdout)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1], verbosity=2)
