#!/usr/bin/env python3
"""Every case of OpenSPF's suite for RFC 7208 through `gatepost spf --json` and a real DNS server, NSD.

    spf_suite_test.py PROGRAM CACHE [--jobs N] [--only WORD]

Result and explanation must be the suite's. Each scenario of the suite is the root zone of an NSD. A server cannot be
told to stay silent about a name, so questions that the suite wants unanswered (TIMEOUT) stop at a relay before it.
Exit codes: 0, 1 failed, 77 skipped (why is said).
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from lab import nsd, packages  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CASES = 203
CONFIGURATION = '[dns]\nquery_timeout = "2s"\n'


def load_suite():
    try:
        import yaml
    except ImportError as error:
        raise packages.Unavailable(f"python3-yaml: {error}") from error
    shared = pathlib.Path(os.environ.get("GATEPOST_SHARED", REPOSITORY.parent / "shared"))
    file = shared / "conformance/spf/openspf/rfc7208-tests.yml"
    if not file.exists():
        raise packages.Unavailable(f"{file} is not there (set GATEPOST_SHARED)")
    # Dates and the like stay text: BaseLoader.
    return [scenario for scenario in yaml.load_all(file.read_text(encoding="utf-8"), yaml.BaseLoader) if scenario]


def record_line(name, kind, value):
    """A line of a master file."""
    owner = nsd.escape_name(name)
    if kind in ("A", "AAAA"):
        return f"{owner} IN {kind} {value}\n"
    if kind == "MX":
        return f"{owner} IN MX {value[0]} {nsd.escape_name(value[1])}\n"
    if kind in ("PTR", "CNAME"):
        return f"{owner} IN {kind} {nsd.escape_name(value)}\n"
    strings = value if isinstance(value, list) else [value]
    # One record of the suite has no string at all, which no server can publish: it is an empty one.
    parts = [text[at:at + 255] for text in strings for at in range(0, max(len(text), 1), 255)]
    data = " ".join(nsd.escape_text(part) for part in parts) or '""'
    return f"{owner} IN TXT {data}\n"


def zone_of(data):
    """(master file, names with TIMEOUT and the types that they do answer)."""
    lines, silent = [], {}
    for name, entries in data.items():
        has_txt = any(isinstance(entry, dict) and "TXT" in entry for entry in entries)
        kinds = set()
        for entry in entries:
            if entry == "TIMEOUT":
                silent[name.rstrip(".").lower()] = kinds
                continue
            for kind, value in entry.items():
                # The suite's drivers publish type SPF as TXT where a name has no TXT of its own.
                if value == "NONE" or kind == "SPF" and has_txt:
                    continue
                kinds.add("TXT" if kind == "SPF" else kind)
                lines.append(record_line(name, kind, value))
    return "".join(dict.fromkeys(lines)), silent


def octets(text):
    """An argument with the octets of the case."""
    return text.encode("utf-8")


def run_case(program, port, configuration, case):
    command = [program, "spf", "--json", "-c", configuration, "--nameserver", f"127.0.0.1:{port}",
               "--receiver", "receiver.example.net", "--ip", case["host"]]
    for option, key in (("--helo", "helo"), ("--mail-from", "mailfrom")):
        if case.get(key):
            command.append(octets(f"{option}={case[key]}"))
    done = subprocess.run(command, capture_output=True, timeout=60)
    if done.returncode != 0:
        return f"status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-300:]}"
    got = json.loads(done.stdout)
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    if got["result"] not in wanted:
        return f"{got['result']} ({got['reason']}), expected {' or '.join(wanted)}"
    explanation = case.get("explanation")
    if explanation is not None and got["explanation"] != ("" if explanation == "DEFAULT" else explanation):
        return f"explanation {got['explanation']!r}, expected {explanation!r}"
    return None


def run_scenario(scenario, number, options, folder, pool):
    """The faults of a scenario, and how many cases it has."""
    zone, silent = zone_of(scenario["zonedata"])
    server = nsd.Nsd(zone, folder / str(number), options.cache)
    relay = None
    try:
        port = server.port
        if silent:
            relay = nsd.Relay(port, lambda name, kind: name in silent and kind not in silent[name])
            port = relay.port
        cases = {name: case for name, case in scenario["tests"].items() if options.only in name}
        runs = {name: pool.submit(run_case, options.program, port, folder / "gatepost.toml", case)
                for name, case in cases.items()}
        faults = [(name, run.result()) for name, run in runs.items()]
    finally:
        if relay:
            relay.stop()
        server.stop()
    how = "NSD behind a relay that is silent about " + ", ".join(silent) if silent else "NSD"
    print(f"{len(cases):4} {scenario['description']}: {how}", flush=True)
    return [f"{name}: {fault}" for name, fault in faults if fault], len(cases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("cache")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--only", default="", help="cases with this in their name")
    options = parser.parse_args()
    faults, count = [], 0
    with tempfile.TemporaryDirectory(prefix="gatepost-spf-") as name, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        folder = pathlib.Path(name)
        (folder / "gatepost.toml").write_text(CONFIGURATION)
        try:
            for number, scenario in enumerate(load_suite()):
                found, cases = run_scenario(scenario, number, options, folder, pool)
                faults += found
                count += cases
        except packages.Unavailable as reason:
            print(f"SKIPPED: {reason}")
            return 77
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"{count - len(faults)} of {count} hold")
    return 1 if faults or (not options.only and count != CASES) else 0


if __name__ == "__main__":
    sys.exit(main())
