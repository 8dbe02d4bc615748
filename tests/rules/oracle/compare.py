#!/usr/bin/env python3
"""Compares what our rules hit with what SpamAssassin hits.

compare.py OURS THEIRS [--show N]

OURS is rules_hits' output, THEIRS that of spamassassin_hits.pl. Prints the share of agreeing
(message, rule) pairs among those that either hits and whose rule, with every rule its meta uses, is
supported, then the rules that differ most with a message each.
"""
import collections
import json
import sys


def closed(description):
    """Names of the rules that are supported with everything they use."""
    supported = set(description["supported"])
    metas = description["metas"]
    known = {}

    def ok(name, path=()):
        if name in known:
            return known[name]
        if name not in supported or name in path:
            return False
        result = all(ok(use, path + (name,)) for use in metas.get(name, []))
        known[name] = result
        return result

    return {name for name in supported if ok(name)}


def compare(ours_path, theirs_path, show=40, ignore=()):
    with open(ours_path) as file:
        description = json.loads(file.readline())
        ours = {}
        for line in file:
            one = json.loads(line)
            if one:
                ours[one["file"]] = set(one["hits"])
    theirs = {}
    with open(theirs_path) as file:
        for line in file:
            one = json.loads(line)
            theirs[one["file"]] = set(one["hits"])
    names = closed(description) - set(ignore)
    agree = 0
    missed, extra = collections.defaultdict(list), collections.defaultdict(list)
    for path, hits in theirs.items():
        if path not in ours:
            continue
        a, b = ours[path] & names, hits & names
        agree += len(a & b)
        for name in b - a:
            missed[name].append(path)
        for name in a - b:
            extra[name].append(path)
    differ = sum(map(len, missed.values())) + sum(map(len, extra.values()))
    total = agree + differ
    share = agree / total if total else 0.0
    hit = set().union(*theirs.values())
    print(f"{len(ours)} messages, {total} pairs, {differ} differ: {100 * share:.3f} % agree")
    print(f"{len(description['supported'])} rules supported ({len(names)} with all they use), "
          f"{len(description['unsupported'])} not")
    metas = description["metas"]
    order = sorted(set(missed) | set(extra), key=lambda n: (n in metas, -len(missed[n]) - len(extra[n])))
    for name in order[:show]:
        where = (missed[name] or extra[name])[0]
        kind = "meta" if name in metas else "    "
        print(f"  {kind} {name}: {len(missed[name])} missed, {len(extra[name])} too much; {where}")
    others = collections.Counter()
    for hits in theirs.values():
        others.update(hits - names)
    print("hit by SpamAssassin and not compared: " +
          ", ".join(f"{name} ({count})" for name, count in others.most_common(40)))
    return share, description


if __name__ == "__main__":
    compare(sys.argv[1], sys.argv[2], int(sys.argv[4]) if len(sys.argv) > 4 else 40)
