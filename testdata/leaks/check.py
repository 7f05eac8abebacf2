#!/usr/bin/env python3
"""Checks with Go's tools that the captures show the leak or look-alike of their programs.

usage: testdata/leaks/check.py [CAPTURES [VERSION…]]

    CAPTURES    a folder written by make.sh (default: testdata/leaks/captures)
    VERSION     a Go version, such as 1.24 (default: all)

For every capture of a leak, pprof -diff_base between the heap profiles shows the growth of
the culprit. For a look-alike, no function grows all the time. The same holds for goroutine
profiles. Leaks that start late, do not grow or are outside the Go heap have checks of their own. The trace parses to its end and contains the functions that create the goroutines,
and the GC log has enough cycles. Prints a line for each capture and the problems. The exit
status is 1 if there are any.
"""

import gzip
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TOOLCHAIN = HERE / "../../.ci/go-toolchain"
GO = subprocess.check_output([TOOLCHAIN, "1.27.3"], text=True).strip() + "/bin/go"
TRACE = subprocess.check_output([TOOLCHAIN, "--trace-tool"], text=True).strip()
PPROF = subprocess.check_output([GO, "tool", "-n", "pprof"], text=True).strip()

MEGABYTE = 1 << 20
# The minimum growth at the culprit of a leak from the first profile to the last.
LEAK_BYTES = 0.8 * MEGABYTE
LEAK_GOROUTINES = 20
# A function of a look-alike must not grow by this much between the first two profiles
# and then, by at least half as much, between the last two.
STEADY_BYTES = MEGABYTE
STEADY_GOROUTINES = 5
LEAST_CYCLES = 8
# The maximum ratio of the goal to the live heap if a memory limit keeps the goal low.
LIMITED_GOAL = 1.3


def top(profile, base=None, sample="inuse_space"):
    """Maps each function to its cumulative value, as printed by pprof -top."""
    command = [PPROF, "-top", "-cum", "-nodecount=1000000", "-nodefraction=0", "-unit=B"]
    if sample:
        command.append(f"-sample_index={sample}")
    if base:
        command.append(f"-diff_base={base}")
    text = subprocess.run(
        command + [profile], check=True, capture_output=True, text=True, env={"HOME": "/nonexistent"}
    ).stdout
    values = {}
    for line in text.splitlines():
        row = re.match(r"\s*\S+\s+\S+\s+\S+\s+(-?[\d.]+)B?\s+\S+\s+(.+?)(?: \(inline\))?$", line)
        if row:
            values[row[2]] = max(values.get(row[2], -1e18), float(row[1]))
    return values


def gained(folder, kind, sample):
    """The growth of each function between profiles 1 and 2, and between 2 and 3."""
    profiles = [folder / f"{kind}.{n}.pb.gz" for n in (1, 2, 3)]
    return top(profiles[1], profiles[0], sample), top(profiles[2], profiles[1], sample)


def steady(gains, least):
    first, second = gains
    return [
        f"{name} +{first[name]:.0f} +{second[name]:.0f}"
        for name in first
        if name.startswith("main.")
        and name != "main.main"
        and first[name] > least
        and second.get(name, 0) > max(least, first[name] / 2)
    ]


def check_leak(folder, program, version, wrong):
    if "starts" in program:
        return check_late_leak(folder, program, wrong)
    if not program.get("grows", True):
        return check_constant_leak(folder, program, wrong)
    if program["shown_by"] == ["status"]:
        return check_lookalike(folder, wrong)
    functions = {c["role"]: c["function"] for c in program["culprits"]}
    results = []
    for kind, role, sample, least in (
        ("heap", "allocates", "inuse_space", LEAK_BYTES),
        ("goroutine", "blocks", None, LEAK_GOROUTINES),
    ):
        if kind not in program["shown_by"]:
            continue
        names = [functions[role]] if role in functions else program["witnesses"]
        earlier, later = gained(folder, kind, sample)
        first, second, name = max((earlier.get(name, 0), later.get(name, 0), name) for name in names)
        results.append(f"{kind} {name} +{first:.0f} +{second:.0f}")
        if first <= 0 or second <= 0 or first + second < least:
            wrong.append(f"{kind}: {name} gained {first:.0f} and {second:.0f}")
    if "goroutineleak" in program["shown_by"] and version == "1.27":
        leaked = top(folder / "goroutineleak.pb.gz", sample=None).get(functions["blocks"], 0)
        results.append(f"goroutineleak {leaked:.0f}")
        if leaked < LEAK_GOROUTINES:
            wrong.append(f"goroutineleak: {leaked:.0f} in {functions['blocks']}")
    return results


def check_late_leak(folder, program, wrong):
    """Goroutines are blocked only in the last profile."""
    blocks = next(c["function"] for c in program["culprits"] if c["role"] == "blocks")
    earlier, later = gained(folder, "goroutine", None)
    first, second = earlier.get(blocks, 0), later.get(blocks, 0)
    if first > 1 or second < LEAK_GOROUTINES:
        wrong.append(f"goroutine: {blocks} gained {first:.0f} and {second:.0f}")
    return [f"goroutine {blocks} +{first:.0f} +{second:.0f}"]


def check_constant_leak(folder, program, wrong):
    """The same goroutines are blocked in every profile, at least two in each culprit."""
    results = []
    for blocks in sorted(c["function"] for c in program["culprits"] if c["role"] == "blocks"):
        counts = [top(folder / f"goroutine.{n}.pb.gz", sample=None).get(blocks, 0) for n in (1, 2, 3)]
        results.append(f"goroutine {blocks} {'/'.join(f'{count:.0f}' for count in counts)}")
        if min(counts) < 2 or min(counts) != max(counts):
            wrong.append(results[-1])
    return results


def check_resident(folder, program, wrong):
    """The process grows from profile to profile."""
    resident = [
        int(re.search(r"^VmRSS:\s+(\d+) kB", (folder / f"status.{n}").read_text(), re.M)[1]) for n in (1, 2, 3)
    ]
    grows = resident[0] < resident[1] < resident[2]
    if not grows or resident[2] - resident[0] < program["resident_growth"] << 10:
        wrong.append(f"status: {resident} kB resident")
    return f"resident {'/'.join(map(str, resident))} kB"


def check_lookalike(folder, wrong):
    wrong += [f"heap grows like a leak: {line}" for line in steady(gained(folder, "heap", "inuse_space"), STEADY_BYTES)]
    wrong += [f"goroutines grow: {line}" for line in steady(gained(folder, "goroutine", None), STEADY_GOROUTINES)]
    leak = folder / "goroutineleak.pb.gz"
    if leak.exists() and any(top(leak, sample=None).values()):
        wrong.append("goroutineleak: not empty")
    return []


def check_trace(folder, program, wrong):
    run = subprocess.run([TRACE, "-d=parsed", folder / "trace"], capture_output=True, text=True)
    if run.returncode != 0:
        wrong.append(f"trace: {run.stderr.strip()}")
    if "trace" in program.get("shown_by", []):
        for culprit in program["culprits"]:
            if culprit["role"] in ("creates", "blocks") and f"\t{culprit['function']} @ " not in run.stdout:
                wrong.append(f"trace: {culprit['function']} is missing")
    created = run.stdout.count("NotExist->")
    exited = run.stdout.count("->NotExist")
    return f"trace {created} created {exited} exited"


def check_log(folder, program, wrong):
    log = gzip.decompress((folder / "gctrace.log.gz").read_bytes()).decode()
    live = [int(n) for n in re.findall(r"^gc \d+ .*->(\d+) MB, \d+ MB goal", log, re.M)]
    if len(live) < LEAST_CYCLES:
        wrong.append(f"gctrace: {len(live)} cycles")
    if "gc_share" in program:
        share, last_live, goal = map(int, re.findall(r"^gc \d+ \S+ (\d+)%.*->(\d+) MB, (\d+) MB goal", log, re.M)[-2])
        if share < program["gc_share"] or goal > LIMITED_GOAL * last_live:
            wrong.append(f"gctrace: {share} % of the CPU time, {last_live} MB live, {goal} MB goal")
    quarter = max(1, len(live) // 4)
    quarters = [max(live[i : i + quarter]) for i in range(0, len(live) - quarter + 1, quarter)]
    return f"gc {len(live)} live {'/'.join(map(str, quarters))} MB"


def main():
    captures = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "captures"
    manifest = json.loads((HERE / "manifest.json").read_text())
    failed = 0
    for version in sys.argv[2:] or manifest["go_versions"]:
        for program in manifest["programs"]:
            folder = captures / f"go{version}" / program["name"]
            wrong = []
            leaks = version in program.get("leaks_in", [])
            results = check_leak(folder, program, version, wrong) if leaks else check_lookalike(folder, wrong)
            shown = program if leaks else {}
            if "resident_growth" in program:
                results.append(check_resident(folder, program, wrong))
            results = [check_log(folder, program, wrong), check_trace(folder, shown, wrong), *results]
            print(f"{'leak' if leaks else 'none'} go{version}/{program['name']}: {'; '.join(results)}", flush=True)
            for fault in wrong:
                print(f"  WRONG {fault}")
            failed += bool(wrong)
    if failed:
        sys.exit(f"{failed} captures have problems")


main()
