#!/usr/bin/env python3
"""What gatepost signs, as others see it: dkimpy (python3-dkim) and opendkim verify it.

usage: other_verifiers_test.py BIN_FOLDER CACHE_FOLDER
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from lab.packages import Unavailable, program  # noqa: E402

try:
    import dkim
except ImportError:
    dkim = None

DOMAIN = "our.example"
MESSAGES = {
    "usual": b"From: Ann <ann@our.example>\r\nTo: bob@there.example\r\nSubject: a long\r\n\tfolded   subject\r\n"
             b"Date: Fri, 2 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@our.example>\r\n\r\nGood   morning. \r\n\r\n\r\n",
    "many fields": b"Received: from a\r\n\tby b\r\nfrom: ann@our.example\r\nTO: bob@there.example\r\nTo: carol@there.example\r\n"
                   b"List-Unsubscribe: <https://our.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                   b"X-Spam-Flag: NO\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\n.\r\nlast line\r\n",
    "empty body": b"From: ann@our.example\r\nSubject: \r\n\r\n",
}
OVERSIGN = ("list-safe", "none", "all")
FORMS = ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple")


class OtherVerifiers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        cls.keys = {"r2": ["--bits", "2048"], "r4": ["--bits", "4096"], "e1": ["--type", "ed25519"]}
        cls.records = {}
        for selector, options in cls.keys.items():
            made = cls.gatepost("dkim", "keygen", DOMAIN, selector, "--directory", cls.folder, "--json", *options)
            answer = json.loads(made)
            cls.keys[selector] = answer["key_file"]
            cls.records[answer["name"]] = answer["record"]

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @staticmethod
    def gatepost(*arguments, stdin=b""):
        done = subprocess.run([BIN / "gatepost", *arguments], input=stdin, capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"gatepost {arguments}: {done.stderr.decode()}")
        return done.stdout

    def signed(self, selector, message, form):
        return self.gatepost("dkim", "sign", "--domain", DOMAIN, "--selector", selector, "--key", self.keys[selector],
                             "--canonicalization", form, "-", stdin=message)

    def each(self):
        for selector in self.keys:
            for name, message in MESSAGES.items():
                for form in FORMS:
                    with self.subTest(selector=selector, message=name, form=form):
                        yield self.signed(selector, message, form)

    def signed_by_tables(self, message, mode):
        """With two keys, by opendkim's tables."""
        folder = self.folder / "tables"
        folder.mkdir(exist_ok=True)
        (folder / "KeyTable").write_text("".join(f"{s} {DOMAIN}:{s}:{self.keys[s]}\n" for s in ("r2", "e1")))
        (folder / "SigningTable").write_text(f"*@{DOMAIN} r2\n*@{DOMAIN} e1\n")
        (folder / "gatepost.toml").write_text(f'dkim.oversign = "{mode}"\n[signing]\nkey_table = "file:KeyTable"\n'
                                              'signing_table = "refile:SigningTable"\n')
        return self.gatepost("dkim", "sign", "-c", folder / "gatepost.toml", "-", stdin=message)

    def both_keys(self):
        for name, message in MESSAGES.items():
            for mode in OVERSIGN:
                with self.subTest(message=name, oversign=mode):
                    signed = self.signed_by_tables(message, mode)
                    self.assertEqual(signed.count(b"DKIM-Signature:"), 2)
                    yield signed

    def key_file_is_private(self):
        for file in self.keys.values():
            self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)

    def test_zone_line_is_a_record(self):
        self.key_file_is_private()
        made = json.loads(self.gatepost("dkim", "keygen", DOMAIN, "long", "--directory", self.folder, "--bits", "4096",
                                        "--json"))
        strings = re.findall(r'"([^"]*)"', made["zone"])
        self.assertEqual("".join(strings), made["record"])
        self.assertTrue(all(0 < len(s) <= 255 for s in strings))
        self.assertTrue(made["zone"].startswith("long._domainkey.our.example. IN TXT ("))

    def test_keygen_overwrites_nothing(self):
        before = pathlib.Path(self.keys["e1"]).read_bytes()
        again = subprocess.run([BIN / "gatepost", "dkim", "keygen", DOMAIN, "e1", "--directory", self.folder],
                               capture_output=True, text=True)
        self.assertEqual(again.returncode, 65)
        self.assertIn("never overwritten", again.stderr)
        self.assertEqual(pathlib.Path(self.keys["e1"]).read_bytes(), before)

    @unittest.skipUnless(dkim, "needs python3-dkim and python3-nacl")
    def test_dkimpy(self):
        def answer(name, timeout=5):
            return self.records.get(name.decode().rstrip("."), "").encode()
        for message in self.each():
            self.assertTrue(dkim.verify(message, dnsfunc=answer))
            self.assertFalse(dkim.verify(message + b"more\r\n", dnsfunc=answer))
            self.assertFalse(dkim.verify(message.replace(b"ann@", b"eve@"), dnsfunc=answer))

    @unittest.skipUnless(dkim, "needs python3-dkim and python3-nacl")
    def test_dkimpy_with_both_keys(self):
        def answer(name, timeout=5):
            return self.records.get(name.decode().rstrip("."), "").encode()
        for message in self.both_keys():
            for index in (0, 1):
                self.assertTrue(dkim.DKIM(message).verify(idx=index, dnsfunc=answer))
                # What an MTA adds to a message without it, in every mode.
                if b"\nDate:" not in message:
                    more = message.replace(b"\r\n\r\n", b"\r\nDate: Fri, 2 Jan 2026 10:00:00 +0000\r\n"
                                           b"Message-ID: <added@mta>\r\nSender: x@mta\r\n\r\n", 1)
                    self.assertNotEqual(more, message)
                    self.assertTrue(dkim.DKIM(more).verify(idx=index, dnsfunc=answer))

    def test_debians_sample_tables_load(self):
        """The tables that stand in opendkim's own documents, byte for byte."""
        try:
            path, _ = program("opendkim", "opendkim", CACHE)
        except Unavailable as why:
            self.skipTest(str(why))
        documents = pathlib.Path(path).parents[1] / "share/doc/opendkim"
        sample = documents / "chroot"
        if not sample.exists():
            self.skipTest(f"{documents} has no samples here")
        text = sample.read_text()
        folder = self.folder / "debian"
        folder.mkdir()
        for name in ("signingtable", "keytable"):
            block = re.search(rf"^  /real/path/to/{name}:\n((?:  .*\n)+?)\s*\n", text, re.M)
            (folder / name).write_text(block.group(1))
        self.assertIn("examplekey", (folder / "keytable").read_text())
        (folder / "gatepost.toml").write_text('[signing]\nkey_table = "file:keytable"\n'
                                              'signing_table = "refile:signingtable"\n')
        done = subprocess.run([BIN / "gatepost", "dkim", "sign", "-c", folder / "gatepost.toml", "-"],
                              input=b"From: a@example.org\r\n\r\n", capture_output=True, text=False, timeout=60)
        # All is read; only the key of the sample is on nobody's disk.
        self.assertEqual(done.stderr.decode().count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr.decode(), r"keytable:\d+:\d+: key file /inside_chroot/key.private there is no such file")

    def test_opendkim_with_both_keys(self):
        self.opendkim_verifies(self.both_keys())

    def test_opendkim(self):
        self.opendkim_verifies(self.each())

    def opendkim_verifies(self, messages):
        try:
            path, environment = program("opendkim", "opendkim", CACHE)
        except Unavailable as why:
            self.skipTest(str(why))
        keys = self.folder / "keys"
        keys.write_text("".join(f"{name} {record}\n" for name, record in self.records.items()))
        (self.folder / "opendkim.conf").write_text(
            f"Mode v\nSyslog no\nSocket local:{self.folder}/socket\nTestDNSData file:{keys}\n")
        for message in messages:
            for text, wanted in ((message, "succeeded"), (message + b"more\r\n", "failed")):
                file = self.folder / "message"
                file.write_bytes(text)
                done = subprocess.run([path, "-x", self.folder / "opendkim.conf", "-t", file], env=environment,
                                      capture_output=True, text=True, timeout=60)
                said = done.stdout + done.stderr
                self.assertRegex(said, rf"verification \([^)]*\) {wanted}")


if __name__ == "__main__":
    BIN, CACHE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1], verbosity=2)
