#!/usr/bin/env python3
"""Holds every #include of the sources against the arrows that the build declares.

    layering.py --root SOURCE_FOLDER --rooms ROOMS_FILE
    layering.py --self-test

ROOMS_FILE has one line a target, "NAME FOLDER DEP DEP...", as cmake/gatepost.cmake writes it. A
file belongs to the room with the nearest folder above it; targets in one folder are one room.
Faults are printed as file:line: what, which rule; the exit status is 1 when there are any.
"""

import argparse
import pathlib
import re
import sys
import tempfile

# From the ground up: a room may use rooms of a lower rank, and its own row's. Two rows of one rank
# are siblings and never meet.
RANKS = [
    (0, "core"),
    (1, "spf"), (1, "dkim"), (1, "dmarc"), (1, "rules"),
    (2, "filter/metrics"), (2, "filter/policy"), (2, "filter/store"), (2, "filter/keys"),
    (3, "filter/session"), (3, "filter/config"),
    (4, "filter/checks"),
    (5, "filter/milter"), (5, "filter/control"), (5, "filter/log"), (5, "filter/quarantine"),
    (5, "filter/dmarc_log"), (5, "filter/rule_tools"),
    (6, "filter/apps"),
    (7, "tests"),
]

# Libraries that one room hides from all others, so that it alone changes when they are replaced.
HIDDEN = {
    "libmilter/": "filter/milter",
    "opendkim/": "dkim",
    "unbound.h": "core/dns",
    "toml++/": "filter/config",
    "spdlog/": "filter/log",
    "CLI/": "filter/apps",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SOURCES = {".h", ".cc"}


class Room:
    def __init__(self, folder):
        self.folder = folder
        self.names = []
        self.deps = set()

    def __str__(self):
        return self.folder


def is_below(path, folder):
    return path == folder or path.startswith(folder + "/")


def nearest(path, folders):
    fitting = [f for f in folders if is_below(path, f)]
    return max(fitting, key=len) if fitting else None


def row_of(folder):
    """The (rank, row) of a folder, or None."""
    name = nearest(folder, [row for _, row in RANKS])
    return next(((rank, row) for rank, row in RANKS if row == name), None)


def read_rooms(text):
    """Rooms by folder, and faults of the list itself."""
    rooms, by_name, wanted, faults = {}, {}, [], []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, folder, *deps = line.split()
        room = rooms.setdefault(folder, Room(folder))
        room.names.append(name)
        by_name[name] = room
        wanted.append((name, room, deps))
    for name, room, deps in wanted:
        for dep in deps:
            if dep not in by_name:
                faults.append(f"{name}: DEPS names {dep}, which is no room")
            elif by_name[dep] is not room:
                room.deps.add(by_name[dep].folder)
    return rooms, faults


def check_ranks(rooms):
    faults = []
    for room in rooms.values():
        mine = row_of(room.folder)
        if mine is None:
            faults.append(f"{room}: has no rank, give it a row in RANKS of tests/layering.py")
            continue
        for dep in sorted(room.deps):
            theirs = row_of(dep)
            if theirs is None or theirs[1] == mine[1] or theirs[0] < mine[0]:
                continue
            rule = "siblings never meet" if theirs[0] == mine[0] else "arrows point down only"
            faults.append(f"{room}: DEPS names {dep}: {rule}")
    return faults


def check_cycles(rooms):
    """Takes away rooms that need none of those left; what stays needs each other."""
    left = {folder: {d for d in room.deps if d in rooms} for folder, room in rooms.items()}
    while True:
        free = [f for f, deps in left.items() if not deps & left.keys()]
        if not free:
            break
        for folder in free:
            del left[folder]
    return [f"{folder}: DEPS go in a circle: {', '.join(sorted(left))}" for folder in sorted(left)[:1]]


def check_include(root, rooms, path, number, bracket, included):
    """The fault of one #include, or None."""
    place = f"{path}:{number}: includes {included}"
    for prefix, owner in HIDDEN.items():
        if bracket == "<" and included.startswith(prefix):
            allowed = is_below(path, owner) or path.startswith("tests/")
            return None if allowed else f"{place}: only {owner} knows this library"
    if not (root / included).is_file():
        return f"{place}: no such file from the top folder" if bracket == '"' else None
    mine, theirs = nearest(path, rooms), nearest(included, rooms)
    if mine is None:
        return None  # a test program: it may look into any room
    if theirs is None:
        return f"{place}: that file belongs to no room"
    if mine == theirs or theirs in rooms[mine].deps:
        return None
    return f"{place}: {theirs} is not in DEPS of {mine}"


def check_includes(root, rooms):
    faults, count = [], 0
    tops = sorted({folder.split("/")[0] for folder in rooms})
    for top in tops:
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SOURCES:
                continue
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8", errors="replace")
            for number, line in enumerate(text.splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                count += 1
                fault = check_include(root, rooms, path, number, found[1], found[2])
                if fault:
                    faults.append(fault)
    return faults, count


def check(root, rooms_text):
    """@return the faults, and how many includes were looked at."""
    rooms, faults = read_rooms(rooms_text)
    faults += check_ranks(rooms) + check_cycles(rooms)
    included, count = check_includes(root, rooms)
    return faults + included, count


# --- self-test ---------------------------------------------------------------------------------

GOOD_ROOMS = """
core_base core/base
core_dns core/dns core_base
spf spf core_base core_dns
dkim dkim core_base
dkim_arc dkim/arc dkim
policy filter/policy core_base spf
session filter/session core_base policy
engine filter/apps session core_base
gatepostd filter/apps engine policy
"""
GOOD_FILES = {
    "core/base/text.h": "#include <string>\n",
    "core/dns/name.cc": '#include "core/base/text.h"\n',
    "core/dns/name.h": "",
    "spf/record.h": '#include "core/dns/name.h"\n',
    "dkim/key.h": "",
    "dkim/arc/seal.cc": '#include "dkim/key.h"\n',
    "filter/policy/policy.h": '#include "spf/record.h"\n// #include "filter/session/session.h"\n',
    "filter/session/session.h": '#include "filter/policy/policy.h"\n',
    "filter/apps/engine.h": '#include "filter/session/session.h"\n',
    "filter/apps/tool/main.cc": '#include "filter/apps/engine.h"\n#include "filter/policy/policy.h"\n',
}

# What is changed in the good tree, and what must be said then; "" for nothing.
SELF_TESTS = [
    ("good_tree", {}, {}, ""),
    ("reversed_arrow", {"filter/policy/policy.h": '\n#include "filter/session/session.h"\n'}, {},
     "filter/policy/policy.h:2: includes filter/session/session.h: "
     "filter/session is not in DEPS of filter/policy"),
    ("reversed_arrow_in_deps", {}, {"policy": "core_base spf session"},
     "filter/policy: DEPS names filter/session: arrows point down only"),
    ("indirect_is_not_enough", {"filter/session/session.h": '#include "spf/record.h"\n'}, {},
     "spf is not in DEPS of filter/session"),
    ("angle_brackets_count_too", {"spf/record.h": "#  include <dkim/key.h>\n"}, {},
     "spf/record.h:1: includes dkim/key.h: dkim is not in DEPS of spf"),
    ("siblings", {}, {"spf": "core_base core_dns dkim"},
     "spf: DEPS names dkim: siblings never meet"),
    ("nested_room_is_a_room", {"dkim/key.h": '#include "dkim/arc/seal.cc"\n'}, {},
     "dkim/arc is not in DEPS of dkim"),
    ("core_stands_below_all", {}, {"core_base": "policy"},
     "core/base: DEPS names filter/policy: arrows point down only"),
    ("circle", {}, {"core_base": "core_dns"}, "DEPS go in a circle"),
    ("unknown_dep", {}, {"spf": "core_base core_dns rule"}, "spf: DEPS names rule, which is no room"),
    ("folder_without_rank", {"web/page.h": ""}, {"web": "core_base"}, "web: has no rank"),
    ("missing_file", {"spf/record.h": '#include "spf/recrod.h"\n'}, {}, "no such file"),
    ("hidden_library", {"filter/session/session.h": "#include <libmilter/mfapi.h>\n"}, {},
     "only filter/milter knows this library"),
    ("product_never_includes_tests",
     {"spf/record.h": '#include "tests/spf/zone.h"\n', "tests/spf/zone.h": ""}, {},
     "that file belongs to no room"),
]


def changed_rooms(changes):
    rows = {line.split()[0]: line.split()[1:] for line in GOOD_ROOMS.split("\n") if line}
    for name, deps in changes.items():
        folder = rows.get(name, [name])[0]
        rows[name] = [folder] + deps.split()
    return "\n".join(" ".join([name] + row) for name, row in rows.items())


def self_test():
    failed = 0
    for name, files, rooms, expected in SELF_TESTS:
        with tempfile.TemporaryDirectory(prefix="gp-layering-") as folder:
            root = pathlib.Path(folder)
            for path, text in {**GOOD_FILES, **files}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            faults, _ = check(root, changed_rooms(rooms))
        good = not faults if not expected else any(expected in fault for fault in faults)
        print(f"{'ok  ' if good else 'FAIL'} {name}")
        if not good:
            failed += 1
            print(f"     expected: {expected or 'no fault'}\n     got: {faults}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path)
    parser.add_argument("--rooms", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.root or not options.rooms:
        parser.error("expected --root FOLDER and --rooms FILE, or --self-test")
    faults, count = check(options.root, options.rooms.read_text(encoding="utf-8"))
    for fault in faults:
        print(fault)
    if count == 0:
        print(f"{options.root}: no #include was found, expected the source tree")
        return 1
    print(f"{count} includes, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
