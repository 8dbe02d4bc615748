#!/usr/bin/env python3
"""Chains between gatepost and dkimpy (python3-dkim): each seals what the other validates, in turns.

usage: other_verifiers_test.py BIN_FOLDER
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import authres  # noqa: F401  (dkimpy needs it to seal)
    import dkim
except ImportError:
    dkim = None

AT = 1700000000
MESSAGES = {
    "usual": b"Authentication-Results: mx.example; spf=pass smtp.mailfrom=ann@author.example;\r\n"
             b"\tdmarc=pass header.from=author.example\r\n"
             b"From: Ann <ann@author.example>\r\nTo: bob@there.example\r\nSubject: a long\r\n\tfolded   subject\r\n"
             b"Date: Fri, 2 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@author.example>\r\n\r\nGood   morning. \r\n\r\n\r\n",
    "signed": b"Authentication-Results: mx.example; dkim=pass header.d=author.example\r\n"
              b"DKIM-Signature: v=1; a=rsa-sha256; d=author.example; s=s;\r\n\th=from; bh=AA==; b=AA==\r\n"
              b"From: ann@author.example\r\nSubject:\r\n\r\n",
    "bare line feeds": b"Authentication-Results: mx.example; spf=none\nFrom: ann@author.example\nSubject: x\n\nbody\n",
}


@unittest.skipUnless(dkim, "needs python3-dkim and python3-authres")
class OtherVerifiers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        cls.records, cls.keys = {}, {}
        zone = ""
        for domain in ("ours.example", "theirs.example"):
            made = subprocess.run([BIN / "gatepost", "dkim", "keygen", domain, "s", "--directory", cls.folder, "--json"],
                                  capture_output=True, check=True)
            answer = json.loads(made.stdout)
            cls.keys[domain] = answer["key_file"]
            cls.records[answer["name"]] = answer["record"].encode()
            zone += answer["zone"] + "\n"
        cls.zone = cls.folder / "zone"
        cls.zone.write_text(zone)
        # dkimpy reads PKCS #1.
        cls.pem = subprocess.run(["openssl", "rsa", "-traditional", "-in", cls.keys["theirs.example"]],
                                 capture_output=True, check=True).stdout

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def gatepost(self, *arguments, stdin):
        done = subprocess.run([BIN / "gatepost", "arc", *arguments, "--zone", self.zone, "--at", str(AT), "-"],
                              input=stdin, capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"gatepost arc {arguments}: {done.stderr.decode()}")
        return done.stdout

    def we_seal(self, message):
        return self.gatepost("seal", "--domain", "ours.example", "--selector", "s", "--key", self.keys["ours.example"],
                             "--authserv-id", "mx.example", stdin=message)

    def we_say(self, message):
        return json.loads(self.gatepost("verify", "--json", stdin=message))

    def they_seal(self, message):
        made = dkim.arc_sign(message, b"s", b"theirs.example", self.pem, b"mx.example", timestamp=AT)
        self.assertTrue(made)
        return b"".join(made) + message

    def they_say(self, message):
        status, _, _ = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5:
                                       self.records.get(name.decode().rstrip("."), b""))
        return status.decode()

    def expect(self, message, result):
        said = self.we_say(message)
        self.assertEqual(said["result"], result, said)
        self.assertEqual(self.they_say(message), result)

    @staticmethod
    def passed_on(message):
        """What the next hosts, which have the same id, write on top: dkimpy takes its cv= from there."""
        return b"Authentication-Results: mx.example; arc=pass" + (b"\r\n" if b"\r\n" in message else b"\n") + message

    def test_in_turns(self):
        for name, first in MESSAGES.items():
            self.expect(first, "none")
            for order in ("otot", "toot", "oooo", "tttt"):
                with self.subTest(message=name, order=order):
                    message = first
                    for instance, who in enumerate(order, 1):
                        if instance == 2:
                            message = self.passed_on(message)
                        message = self.we_seal(message) if who == "o" else self.they_seal(message)
                        self.expect(message, "pass")
                        self.assertEqual(self.we_say(message)["instance"], instance)
                    self.expect(message + b"more\r\n", "fail")
                    self.expect(message.replace(b"ann@", b"eve@"), "fail")

    def test_words_for_a_postmaster(self):
        message = self.we_seal(MESSAGES["usual"])
        said = self.gatepost("verify", "--trace", stdin=message).decode()
        for words in ("Set 1 was made by ours.example (selector s) on 2023-11-14 at 22:13:20 UTC.",
                      "It says that there was no chain before it (cv=none).", "dmarc=pass header.from=author.example",
                      "Result: pass.", "ours.example, is not one of arc.trusted_sealers"):
            self.assertIn(words, said)
        said = self.gatepost("verify", "--trace", stdin=message + b"more\r\n").decode()
        self.assertIn("Result: fail. ARC-Message-Signature of set 1: body hash does not match.", said)
        self.assertIn("nobody sealed it", self.gatepost("verify", "--trace", stdin=MESSAGES["usual"]).decode())

    def test_shapes(self):
        said = self.we_say(self.we_seal(MESSAGES["usual"]))
        self.assertEqual(list(said), ["result", "instance", "oldest_pass", "reason", "temporary", "sets"])
        self.assertEqual(list(said["sets"][0]), ["instance", "cv", "seal", "message_signature", "authserv_id", "results"])
        self.assertEqual(said["sets"][0]["results"],
                         ["spf=pass smtp.mailfrom=ann@author.example", "dmarc=pass header.from=author.example"])

    def test_refusals(self):
        run = [BIN / "gatepost", "arc", "seal", "--domain", "ours.example", "--selector", "s", "--key", self.zone,
               "--authserv-id", "x", "-"]
        done = subprocess.run(run, input=MESSAGES["usual"], capture_output=True)
        self.assertEqual(done.returncode, 65)
        self.assertIn(b"is no private key", done.stderr)
        done = subprocess.run([BIN / "gatepost", "arc", "verify", "/nowhere"], capture_output=True)
        self.assertEqual(done.returncode, 66)
        self.assertIn(b"/nowhere", done.stderr)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1], verbosity=2)
