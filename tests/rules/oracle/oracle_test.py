#!/usr/bin/env python3
"""SpamAssassin's stock rules on corpus messages: what we hit is what SpamAssassin hits.

oracle_test.py --hits PROGRAM --work FOLDER [--messages N]

Needs Debian's spamassassin and the folder `shared` beside the checkout (or $GATEPOST_SHARED); exits
with 77 (skipped) without them. SpamAssassin's answers are kept in FOLDER.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare import compare  # noqa: E402

RULES = "/usr/share/spamassassin"
NOW = "1764150000"
# Reached on 500 messages; what differs is told by the comparison.
LEAST = 0.995
# Of the stock rules that need no network and no database, those that load and run.
LEAST_SUPPORTED = 0.95
# What rules of these plugins need.
NETWORK = ("AskDNS", "DCC", "DecodeShortURLs", "Dmarc", "HashBL", "Pyzor", "Razor2", "URIDNSBL")
DATABASE = ("AWL", "AccessDB", "Bayes", "TxRep")
HERE = pathlib.Path(__file__).resolve().parent


def shared():
    named = os.environ.get("GATEPOST_SHARED")
    return pathlib.Path(named) if named else HERE.parents[3] / "shared"


def messages(count, folder):
    """Files of the corpora, spread by a hash of their names; archives are unpacked once."""
    corpora = shared() / "corpora"
    if not corpora.is_dir():
        return []
    for archive in sorted(corpora.rglob("*.tar*")):
        target = folder / "corpora" / archive.name
        if target.is_dir():
            continue
        target.mkdir(parents=True)
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    files = [p for p in (folder / "corpora").rglob("*")
             if p.is_file() and p.name != "cmds" and p.suffix not in (".md", ".json")]
    files = [p for p in files if p.stat().st_size < 200_000]
    files.sort(key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())
    return [str(p) for p in files[:count]]


def supported(description):
    """Prints what is not supported, class by class. The share of the rules that could be."""
    classes, could = collections.defaultdict(list), 0
    for name, why in sorted(description["unsupported"].items()):
        plugin = re.search(r"Plugin::(\w+)", why)
        kind = plugin.group(1) if plugin else why.removeprefix(f"{name}: ")
        if kind in NETWORK + DATABASE:
            kind += " (network)" if kind in NETWORK else " (database)"
        else:
            could += 1
        classes[kind].append(name)
    run = len(set(description["supported"]) - set(description["network"]))
    share = run / (run + could)
    print(f"{run} of {run + could} rules that need no network and no database load and run: {100 * share:.2f} %; not:")
    for kind, names in sorted(classes.items(), key=lambda i: -len(i[1])):
        print(f"  {len(names):3} {kind}: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}")
    return share


def our_hits(program, work, file, *more):
    with open(file, "w") as out:
        # Debian's init.pre has this line.
        subprocess.run([program, "--rules", RULES, "--now", NOW, "--cache", work / "cache",
                        "--feature", "Mail::SpamAssassin::Conf::compat_welcomelist_blocklist",
                        *more, "--list", work / "list"], stdout=out, check=True)
    return file


def differ_without_subrules(all_of_them, needed):
    """The messages whose other hits are not those that they have when all subrules are looked for."""
    def hits(file):
        with open(file) as lines:
            next(lines)
            return {one["file"]: [name for name in one["hits"] if not name.startswith("__")]
                    for one in map(json.loads, lines)}
    with_all, with_needed = hits(all_of_them), hits(needed)
    return sorted(file for file in with_all.keys() | with_needed.keys()
                  if with_all.get(file) != with_needed.get(file))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hits", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--messages", type=int, default=500)
    options = parser.parse_args()
    work = pathlib.Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    perl = subprocess.run(["perl", "-MMail::SpamAssassin", "-e", "1"], capture_output=True)
    if perl.returncode != 0 or not pathlib.Path(RULES).is_dir():
        print("no spamassassin")
        return 77
    files = messages(options.messages, work)
    if not files:
        print("no shared data")
        return 77
    names = "\n".join(files) + "\n"
    (work / "list").write_text(names)
    theirs = work / ("theirs-" + hashlib.sha256(names.encode()).hexdigest()[:16])
    if not theirs.exists():
        with open(theirs.with_suffix(".new"), "w") as out:
            subprocess.run(["perl", HERE / "spamassassin_hits.pl", "--rules", RULES, "--now", NOW, "-"],
                           input=names, text=True, stdout=out, check=True)
        theirs.with_suffix(".new").rename(theirs)
    ours = our_hits(options.hits, work, work / "ours")
    share, description = compare(ours, theirs)
    could = supported(description)
    differing = differ_without_subrules(ours, our_hits(options.hits, work, work / "needed", "--needed"))
    if differing:
        print("with the subrules alone that are needed, these differ:", *differing)
        return 1
    if share < LEAST or could <= LEAST_SUPPORTED:
        print(f"expected at least {100 * LEAST} % and more than {100 * LEAST_SUPPORTED} %")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
