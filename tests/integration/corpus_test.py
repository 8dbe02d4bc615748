#!/usr/bin/env python3
"""The daemon and `gatepost scan` on the corpus of the shared bench folder.

    corpus_test.py BINARIES CACHE [--count N]

Every message must be found to be what the corpus says, and the command line must state the same findings
as the daemon did. DNS comes from the corpus's zone files. Exit codes: 0, 1 failed, 77 skipped (why is said).
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from lab import corpus, daemon, packages  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("cache")
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-corpus-") as name:
        folder = pathlib.Path(name)
        try:
            milterload = corpus.build_milterload(options.cache)
            mails = corpus.Corpus(folder / "corpus", options.count)
        except packages.Unavailable as reason:
            print(f"SKIPPED: {reason}")
            return 77
        gatepost = daemon.Gatepost(options.binaries, folder, nameserver="127.0.0.1@9", zones=mails.zones)
        with gatepost.start():
            daemon.send(milterload, f"unix:{gatepost.socket}", mails.messages, count=len(mails.mails))
        records = corpus.read_log(gatepost.log)
        faults = corpus.disagreements(mails, records)
        faults += corpus.scan_differences(gatepost, mails, records)
    print(f"{len(records)} records of {len(mails.mails)} messages, {corpus.counted(records.values())}")
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults or len(records) != options.count else 0


if __name__ == "__main__":
    sys.exit(main())
