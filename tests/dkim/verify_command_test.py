#!/usr/bin/env python3
"""gatepost dkim verify as scripts and postmasters use it: the JSON's shape, the trace, the exit codes.

usage: verify_command_test.py BIN_FOLDER
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

MESSAGE = (b"From: Ann <ann@our.example>\r\nTo: bob@there.example\r\nSubject: minutes\r\n"
           b"Date: Fri, 2 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@our.example>\r\n\r\nGood morning.\r\n")
KEYS = ["domain", "selector", "identity", "algorithm", "key_bits", "result", "reason"]


class VerifyCommand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        made = json.loads(cls.run_ok("dkim", "keygen", "our.example", "e1", "--type", "ed25519", "--directory",
                                     cls.folder, "--json"))
        cls.zone = cls.folder / "zone"
        cls.zone.write_text(made["zone"] + "\n")
        cls.signed = cls.run_ok("dkim", "sign", "--domain", "our.example", "--selector", "e1", "--key",
                                made["key_file"], "-", stdin=MESSAGE)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @staticmethod
    def run_ok(*arguments, stdin=b""):
        done = subprocess.run([BIN / "gatepost", *arguments], input=stdin, capture_output=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"gatepost {arguments}: {done.stderr.decode()}")
        return done.stdout

    def verify(self, message, *options):
        return self.run_ok("dkim", "verify", "--zone", self.zone, *options, "-", stdin=message).decode()

    def test_json_has_its_shape(self):
        answer = json.loads(self.verify(self.signed, "--json"))
        self.assertEqual(list(answer), ["signatures"])
        self.assertEqual(list(answer["signatures"][0]), KEYS)
        self.assertEqual(answer["signatures"][0]["result"], "pass")
        self.assertEqual(json.loads(self.verify(MESSAGE, "--json")), {"signatures": []})

    def test_trace_is_one_more_member(self):
        changed = self.signed.replace(b"Subject: ", b"Subject: [list] ") + b"-- \r\nlist@list.example\r\n"
        signature = json.loads(self.verify(changed, "--json", "--trace"))["signatures"][0]
        self.assertEqual(list(signature), KEYS + ["trace"])
        self.assertTrue(all(list(step) == ["mark", "step", "text"] for step in signature["trace"]))
        told = "\n".join(step["text"] for step in signature["trace"])
        self.assertIn('the signature matches the subject "minutes"', told)
        self.assertIn("2 lines at the end were added", told)
        for step in signature["trace"]:
            self.assertIn(step["text"], self.verify(changed, "--trace"))

    def test_domainkeys_are_named(self):
        message = b"DomainKey-Signature: a=rsa-sha1; d=our.example; s=beta; b=QUJD\r\n" + MESSAGE
        self.assertEqual(json.loads(self.verify(message, "--json")),
                         {"signatures": [], "domainkeys": [{"domain": "our.example", "selector": "beta"}]})
        self.assertIn("DomainKey-Signature of our.example: historic", self.verify(message))

    def test_settings_count(self):
        config = self.folder / "gatepost.toml"
        config.write_text("[dkim]\nmax_signatures = 1\n")
        twice = self.signed[: self.signed.index(b"\nFrom:") + 1] + self.signed
        results = json.loads(self.verify(twice, "--json", "-c", config))["signatures"]
        self.assertEqual([s["result"] for s in results], ["pass", "policy"])

    def test_a_missing_file_names_itself(self):
        done = subprocess.run([BIN / "gatepost", "dkim", "verify", "/nowhere/m.eml"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 66)
        self.assertIn("/nowhere/m.eml", done.stderr)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1], verbosity=2)
