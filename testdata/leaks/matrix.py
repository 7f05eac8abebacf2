#!/usr/bin/env python3
"""Compares the verdicts of gotrace diagnose with the truth, for all captures in some folders.

usage: testdata/leaks/matrix.py [--bin GOTRACE] [--only INPUTS] DIR…

    GOTRACE    the command (default: gotrace)
    INPUTS     one of: trace, goroutine, heap, all, no-leak-profile (default: all five in turn)
    DIR        a folder that contains captures, at any depth, such as testdata/leaks/captures or
               the output of testdata/leaks/goker/make.sh

Each capture is diagnosed with only its trace, only its goroutine profiles, its heap profiles and GC
log, all files, and all files except the goroutineleak profile. For each of these sets of files, prints
the number of leaks and look-alikes with each verdict. A leak is caught if its verdict is leak or
suspect. A finding names a culprit if the culprit is its place or one of its related functions. The last
two columns have the number of caught leaks whose first finding names a culprit, and of those with any
such finding. Then lists the missed leaks, the false alarms, and the caught leaks whose first finding
names no culprit.

The truth is in the file truth.json of the capture, where the culprits are the functions in which the
leaked goroutines wait, or else in manifest.json. Leaks that these inputs cannot show are counted
apart: leaks whose goroutines do not pile up, those whose manifest names other inputs, and the leaks of
Go's test suite if there is neither a trace nor a goroutine profile, since they hold little memory.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TRACE, GOROUTINE, LEAK_PROFILE = ["trace"], ["goroutine.*.pb.gz"], ["goroutineleak.pb.gz"]
HEAP, LOG, STATUS = ["heap.*.pb.gz"], ["gctrace.log*"], ["status.*"]
INPUTS = {
    "trace": ("only the trace", TRACE),
    "goroutine": ("only the goroutine profiles", GOROUTINE),
    "heap": ("only the heap profiles and the GC log", HEAP + LOG),
    "all": ("all files", TRACE + GOROUTINE + LEAK_PROFILE + HEAP + LOG + STATUS),
    "no-leak-profile": ("all files but the goroutineleak profile", TRACE + GOROUTINE + HEAP + LOG + STATUS),
}
# The files that can show a leak, by the words in the field shown_by of manifest.json.
SHOWN_BY = {
    "trace": TRACE,
    "goroutine": GOROUTINE,
    "goroutineleak": LEAK_PROFILE,
    "heap": HEAP,
    "gctrace": LOG,
    "status": STATUS,
}
VERDICTS = ["leak", "suspect", "healthy", "inconclusive", "error"]
CAUGHT = ["leak", "suspect"]

Capture = collections.namedtuple("Capture", "folder name leaks mode culprits shown_by")
Outcome = collections.namedtuple("Outcome", "capture verdict title first_names any_names")


def load_manifest():
    manifest = json.loads((HERE / "manifest.json").read_text())
    return {program["name"]: program for program in manifest["programs"]}


def load_capture(folder, manifest):
    """Returns the capture in this folder, or None if there is no truth about it."""
    truth_path = folder / "truth.json"
    if truth_path.exists():
        truth = json.loads(truth_path.read_text())
        shown_by = TRACE + GOROUTINE + LEAK_PROFILE if truth["piles_up"] else []
        return Capture(folder, truth["name"], truth["kind"] == "leak", truth["mode"], set(truth["culprits"]), shown_by)
    program = manifest.get(folder.name)
    if program is None:
        return None
    leaks = folder.parent.name.removeprefix("go") in program.get("leaks_in", [])
    culprits = {culprit["function"] for culprit in program.get("culprits", [])} | set(program.get("witnesses", []))
    shown_by = sum((SHOWN_BY[word] for word in program.get("shown_by", [])), [])
    return Capture(folder, program["name"], leaks, "", culprits, shown_by)


def find_captures(folders):
    manifest = load_manifest()
    paths = sorted({path.parent for folder in folders for path in pathlib.Path(folder).rglob("heap.1.pb.gz")})
    return [capture for path in paths if (capture := load_capture(path, manifest))]


def functions_of(finding):
    places = [finding["place"], *finding["related"]]
    return {place["function"] for place in places if place}


def files_of(capture, patterns):
    return sorted(path for pattern in patterns for path in capture.folder.glob(pattern))


def diagnose(command, capture, patterns):
    files = files_of(capture, patterns)
    run = subprocess.run([command, "diagnose", "--json", *files], capture_output=True, text=True)
    try:
        result = json.loads(run.stdout)
    except ValueError:
        return Outcome(capture, "error", run.stderr.strip(), False, False)
    verdict, findings = result["verdict"], result["findings"]
    title = findings[0]["title"] if findings else "no finding"
    named = [bool(functions_of(finding) & capture.culprits) for finding in findings]
    return Outcome(capture, verdict, title, any(named[:1]), any(named))


def row_of(capture, patterns):
    """The row of the table in which this capture is counted."""
    if not capture.leaks:
        kind = "look-alike"
    elif set(patterns) & set(capture.shown_by):
        kind = "leak"
    else:
        kind = "leak, not shown"
    return f"{kind} {capture.mode}".strip()


def is_leak(row):
    return row.startswith("leak") and not row.startswith("leak, not shown")


def print_list(title, outcomes):
    if outcomes:
        print(f"{title} ({len(outcomes)}):")
    for outcome in outcomes:
        folder = outcome.capture.folder
        path = "/".join(folder.parts[-3:])
        print(f"  {path}: {outcome.verdict}: {outcome.title}")


def report(description, patterns, outcomes):
    rows = collections.defaultdict(list)
    for outcome in outcomes:
        rows[row_of(outcome.capture, patterns)].append(outcome)
    print(f"\n== {description}\n")
    width = max(map(len, rows))
    print(f"{'':{width}}  {'count':>6}" + "".join(f"{verdict:>13}" for verdict in VERDICTS) + f"{'named first':>13}{'named':>8}")
    for row, members in sorted(rows.items()):
        counts = collections.Counter(member.verdict for member in members)
        line = f"{row:{width}}  {len(members):6}" + "".join(f"{counts[verdict]:13}" for verdict in VERDICTS)
        if is_leak(row):
            caught = [member for member in members if member.verdict in CAUGHT]
            line += f"{sum(o.first_names for o in caught):13}{sum(o.any_names for o in caught):8}"
        print(line)
    leaks = [outcome for row, members in rows.items() if is_leak(row) for outcome in members]
    print()
    print_list("errors", [o for o in outcomes if o.verdict == "error"])
    print_list("missed leaks", [o for o in leaks if o.verdict not in [*CAUGHT, "error"]])
    print_list("false alarms", [o for o in outcomes if not o.capture.leaks and o.verdict in CAUGHT])
    print_list("caught, but no culprit in the first finding", [o for o in leaks if o.verdict in CAUGHT and not o.first_names])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="gotrace", metavar="GOTRACE")
    parser.add_argument("--only", choices=INPUTS, metavar="INPUTS")
    parser.add_argument("folders", nargs="+", metavar="DIR")
    arguments = parser.parse_args()
    captures = find_captures(arguments.folders)
    if not captures:
        sys.exit(f"matrix.py: no captures in {' '.join(arguments.folders)}")
    print(f"{len(captures)} captures: {sum(c.leaks for c in captures)} of leaks, "
          f"{sum(not c.leaks for c in captures)} of look-alikes")
    for name in [arguments.only] if arguments.only else INPUTS:
        description, patterns = INPUTS[name]
        with_files = [capture for capture in captures if files_of(capture, patterns)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda capture: diagnose(arguments.bin, capture, patterns), with_files))
        report(description, patterns, outcomes)


main()
