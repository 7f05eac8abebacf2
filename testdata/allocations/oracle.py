#!/usr/bin/env python3
"""Counts the allocations of traces in the text of Go's tool, and prints the sums as JSON.

usage: testdata/allocations/oracle.py TRACE-TOOL TRACE... | gzip -9n >testdata/allocations/oracle.json.gz

TRACE-TOOL is the path of `go tool trace` of Go 1.27, printed by .ci/go-toolchain --trace-tool. The script counts with
plain dictionaries. The slot of an object follows from its address and Go's table of size classes, which is read from
GOTRACE_GOROOT. The names of types are not in the text. They are read from the experimental batches of the trace.
"""

import bisect
import collections
import json
import os
import re
import subprocess
import sys

EVENT_BATCH, EXPERIMENTAL_BATCH, END_OF_GENERATION = 1, 49, 52
# An object that has outlived this many GC cycles counts as kept.
CYCLES = 2
PAGE, ALIGN = 8192, 8


def class_sizes():
    path = os.path.join(os.environ["GOTRACE_GOROOT"], "src/internal/runtime/gc/sizeclasses.go")
    table = re.search(r"^var SizeClassToSize = .*\{(.*)\}", open(path).read(), re.M)
    return [int(size) for size in table[1].split(",")]


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def type_names(path):
    """Maps generation and type number to the name of the type."""
    data, at = open(path, "rb").read(), 16
    names = {}
    while at < len(data):
        kind = data[at]
        at += 1
        if kind == END_OF_GENERATION:
            continue
        if kind == EXPERIMENTAL_BATCH:
            at += 1
        generation, at = varint(data, at)
        _, at = varint(data, at)
        _, at = varint(data, at)
        size, at = varint(data, at)
        end = at + size
        if kind == EXPERIMENTAL_BATCH and data[at] == 0:
            at += 1
            while at < end:
                number, at = varint(data, at)
                for _ in range(3):
                    _, at = varint(data, at)
                length, at = varint(data, at)
                names[generation, number] = data[at : at + length].decode()
                at += length
        at = end
    return names


LINE = re.compile(r"M=\S+ P=\S+ G=(\S+) (\w+) Time=(\d+)(.*)")


def count(tool, path):
    sizes, names = class_sizes(), type_names(path)
    first_generation = min(generation for generation, _ in names)
    generation = first_generation - 1
    spans = {}
    firsts = []
    live = {}
    started = 0
    marking = False
    rows = collections.defaultdict(collections.Counter)
    other = collections.Counter()
    stacks = set()

    def slot(number):
        place = bisect.bisect_right(firsts, number * ALIGN // PAGE) - 1
        first = firsts[place]
        pages, kind = spans[first]
        assert kind & 1 == 0 and number * ALIGN < (first + pages) * PAGE, "an object outside all spans"
        size = sizes[kind >> 2] or pages * PAGE
        return first * PAGE + (number * ALIGN - first * PAGE) // size * size, size, kind

    text = subprocess.run([tool, "-d=parsed", path], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        go, what, time, rest = int(match[1]), match[2], int(match[3]), match[4]
        if what == "Sync":
            generation += 1
        elif what == "RangeBegin" and "GC concurrent mark phase" in rest:
            started += 1
        if what != "Experimental":
            continue
        name = re.search(r"Name=(\w+)", rest)[1]
        args = {key: int(value) for key, value in re.findall(r"(\w+)=Value\{Uint64\((\d+)\)\}", rest)}
        number = args["id"]
        if name in ("Span", "SpanAlloc"):
            other[name] += 1
            if number not in spans:
                bisect.insort(firsts, number)
            spans[number] = args["npages_value"], args["kindclass"]
        elif name == "SpanFree":
            if number not in spans:
                other["unknown spans freed"] += 1
                continue
            other[name] += 1
            del spans[number]
            firsts.remove(number)
        elif name in ("HeapObject", "HeapObjectAlloc"):
            address, size, kind = slot(number)
            if name == "HeapObjectAlloc" and address in live and kind >> 1 == 5:
                other["shared"] += 1
                continue
            assert address not in live, "an object at the address of another"
            key = names.get((generation, args["type"]), ""), size, None if name == "HeapObject" else go
            live[address] = key, started, time
            rows[key]["existing" if name == "HeapObject" else "allocated"] += 1
            if name == "HeapObjectAlloc":
                rows[key].setdefault("first", time)
                rows[key]["last"] = time
        elif name == "HeapObjectFree":
            rows[live.pop(slot(number)[0])[0]]["freed"] += 1
        elif name == "GoroutineStackFree" and number not in stacks:
            other["unknown stacks freed"] += 1
        else:
            other[name] += 1
            (stacks.discard if name == "GoroutineStackFree" else stacks.add)(number)
    survivors = collections.Counter()
    for key, born, _ in live.values():
        rows[key]["live"] += 1
        if key[2] is not None:
            outlived = max(started - born - 1, 0)
            survivors[outlived] += 1
            rows[key]["kept"] += outlived >= CYCLES
    fields = "existing", "allocated", "freed", "live", "kept", "first", "last"
    return {
        "cycles": started,
        "other": other,
        "survivors": sorted(survivors.items()),
        "rows": [
            {"type": name, "size": size, "goroutine": go} | {field: row[field] for field in fields if row[field]}
            for (name, size, go), row in sorted(rows.items(), key=str)
        ],
    }


def main():
    tool, *traces = sys.argv[1:]
    results = {os.path.basename(os.path.dirname(path)) + "/" + os.path.basename(path): count(tool, path) for path in traces}
    lines = []
    for name, result in results.items():
        rows = ",\n".join("    " + json.dumps(row) for row in result.pop("rows"))
        head = json.dumps(result)[1:-1]
        lines.append(f' {json.dumps(name)}: {{\n   {head},\n   "rows": [\n{rows}\n   ]}}')
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main()
