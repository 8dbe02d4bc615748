#!/usr/bin/env python3
"""The addresses that a fail2ban filter finds in a log, one a line.

    failregex.py FILTER.conf LOG

Does what fail2ban does for such a filter: takes the time stamp from the start of each line, then tries each
failregex. When fail2ban-regex is in PATH (or named by GATEPOST_FAIL2BAN_REGEX) it must find as many lines;
the exit status is 1 otherwise.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys

STAMP = re.compile(r"^(?:\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)")
ADDRESS = r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*)"


def failregexes(path):
    parser = configparser.ConfigParser()
    parser.read(path)
    lines = parser["Definition"]["failregex"].splitlines()
    return [re.compile(line.replace("<ADDR>", ADDRESS)) for line in lines if line.strip()]


def main():
    rules = failregexes(sys.argv[1])
    found = []
    with open(sys.argv[2], encoding="utf-8", errors="replace") as log:
        for line in log:
            rest = STAMP.sub("", line.rstrip("\n"), count=1)
            match = next(filter(None, (rule.search(rest) for rule in rules)), None)
            if match:
                found.append(match["address"])
    print("\n".join(found))
    program = os.environ.get("GATEPOST_FAIL2BAN_REGEX") or shutil.which("fail2ban-regex")
    if not program:
        return 0
    said = subprocess.run([program, sys.argv[2], sys.argv[1]], capture_output=True, text=True, check=True)
    counted = re.search(r"(\d+) matched", said.stdout)
    if counted and int(counted[1]) == len(found):
        return 0
    print(said.stdout, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
