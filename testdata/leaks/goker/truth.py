#!/usr/bin/env python3
"""Adds to truth.json what the goroutine profiles of a capture show.

usage: testdata/leaks/goker/truth.py DIR…

    DIR    a folder with goroutine.1.pb.gz to goroutine.3.pb.gz and truth.json, and
           goroutineleak.pb.gz with Go 1.27

The new fields of truth.json:

    goroutines     the number of all goroutines in each of the three profiles
    waiting        the goroutines that have a function of the leak on their stack, by the function in
                   which they wait and the function in which they start: the number in each profile
                   and in the goroutineleak profile, and whether they pile up: there are at least three,
                   and more in each profile than in the one before
    leaked         the number of goroutines in the goroutineleak profile
    piles_up       whether any of them pile up
    culprits       the functions in which the goroutines wait that pile up or leak
    starts         the functions in which those start

A goroutine waits in the innermost function of its stack that is not in the standard library.
"""

import collections
import gzip
import json
import pathlib
import sys

PROFILES = 3
FEWEST = 3
OURS = ("main.", "example.com/")

# Fields of the messages in Go's src/cmd/vendor/github.com/google/pprof/proto/profile.proto.
PROFILE_SAMPLE, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING = 2, 4, 5, 6
SAMPLE_LOCATION, SAMPLE_VALUE = 1, 2
LOCATION_ID, LOCATION_LINE = 1, 4
LINE_FUNCTION = 1
FUNCTION_ID, FUNCTION_NAME = 1, 2


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Yields the number and the value of each field of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7} in a profile")
        yield tag >> 3, value


def numbers(value):
    """The numbers of a repeated field, which may be packed."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def stacks(path):
    """Returns how many goroutines have each stack, a tuple of function names, innermost first."""
    samples, locations, functions, strings = [], {}, {}, []
    for number, value in fields(gzip.decompress(path.read_bytes())):
        if number == PROFILE_SAMPLE:
            samples.append(list(fields(value)))
        elif number == PROFILE_LOCATION:
            location = list(fields(value))
            lines = [dict(fields(line)) for field, line in location if field == LOCATION_LINE]
            locations[dict(location)[LOCATION_ID]] = [line[LINE_FUNCTION] for line in lines]
        elif number == PROFILE_FUNCTION:
            function = dict(fields(value))
            functions[function[FUNCTION_ID]] = function[FUNCTION_NAME]
        elif number == PROFILE_STRING:
            strings.append(value.decode())
    counts = collections.Counter()
    for sample in samples:
        addresses = [n for field, value in sample if field == SAMPLE_LOCATION for n in numbers(value)]
        count = [n for field, value in sample if field == SAMPLE_VALUE for n in numbers(value)][0]
        counts[tuple(strings[functions[f]] for a in addresses for f in locations[a])] += count
    return counts


def waiting(counts, leak):
    """Groups the goroutines of the leak by where they wait and where they start."""
    groups = collections.Counter()
    for stack, count in counts.items():
        ours = [function for function in stack if function.startswith(OURS)]
        if any(leak in function.lower() for function in ours):
            groups[ours[0], stack[-1]] += count
    return groups


def add_truth(folder):
    truth = json.loads((folder / "truth.json").read_text())
    profiles = [stacks(folder / f"goroutine.{n}.pb.gz") for n in range(1, PROFILES + 1)]
    leak_path = folder / "goroutineleak.pb.gz"
    leaked = stacks(leak_path) if leak_path.exists() else None
    groups = [waiting(profile, truth["name"]) for profile in profiles]
    leak_groups = waiting(leaked or {}, truth["name"])
    rows = []
    for wait, start in sorted(set().union(*groups, leak_groups)):
        counts = [group[wait, start] for group in groups]
        rows.append(
            {
                "function": wait,
                "start": start,
                "goroutines": counts,
                "leaked": leak_groups[wait, start] if leaked is not None else None,
                "piles_up": counts[-1] >= FEWEST and counts == sorted(set(counts)),
            }
        )
    stuck = [row for row in rows if row["piles_up"] or (row["leaked"] or 0) >= FEWEST]
    truth["goroutines"] = [sum(profile.values()) for profile in profiles]
    truth["waiting"] = rows
    truth["leaked"] = sum(leaked.values()) if leaked is not None else None
    truth["piles_up"] = any(row["piles_up"] for row in rows)
    truth["culprits"] = sorted({row["function"] for row in stuck})
    truth["starts"] = sorted({row["start"] for row in stuck})
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for folder in sys.argv[1:]:
        add_truth(pathlib.Path(folder))


main()
