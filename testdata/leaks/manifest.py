#!/usr/bin/env python3
"""Generates manifest.json from the comments in the programs.

usage: testdata/leaks/manifest.py [--check]

    --check    write nothing, and exit with 1 if manifest.json is outdated

The comment at the top of each program has fields such as "class: …". Comments
"// culprit: ROLE" mark the lines that a diagnosis should find, so that lines and
function names in the manifest follow the sources.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
GO_VERSIONS = ["1.21", "1.24", "1.27"]
MODULE = "example.com/leaks"
ROLES = ["allocates", "keeps", "creates", "blocks"]


def header(lines):
    """The sentences and the fields of the comment at the top."""
    title, fields = [], {}
    for line in lines:
        if not line.startswith("//"):
            break
        if field := re.match(r"//\t(\w+): (.*)", line):
            fields[field[1]] = field[2]
        elif text := line[2:].strip():
            title.append(text)
    return " ".join(title), fields


def qualified(line):
    """The qualified name of the function declared on this line, or None."""
    declared = re.match(r"func (?:\(\w+ (\*?)(\w+)\) )?(\w+)\(", line)
    if not declared:
        return None
    star, receiver, name = declared.groups()
    if receiver:
        return f"main.({star}{receiver}).{name}" if star else f"main.{receiver}.{name}"
    return f"main.{name}"


def culprits(package, lines):
    found, function = [], None
    for number, line in enumerate(lines, 1):
        function = qualified(line) or function
        if mark := re.search(r"// culprit: (\w+)$", line):
            if mark[1] not in ROLES:
                sys.exit(f"{package}: unknown role {mark[1]}")
            found.append(
                {
                    "role": mark[1],
                    "function": function,
                    "file": f"{MODULE}/{package}/main.go",
                    "line": number,
                }
            )
    return sorted(found, key=lambda culprit: ROLES.index(culprit["role"]))


def at_most(version, bound):
    return [int(n) for n in version.split(".")] <= [int(n) for n in bound.split(".")]


def program(folder, kind):
    package = f"{kind}/{folder.name}"
    lines = (folder / "main.go").read_text().splitlines()
    title, fields = header(lines)
    entry = {"name": folder.name, "kind": kind, "class": fields["class"], "title": title}
    if kind == "leak":
        until = fields.get("until")
        entry["leaks_in"] = [v for v in GO_VERSIONS if not until or at_most(v, until)]
        entry["shown_by"] = fields["shows"].split()
        entry["culprits"] = culprits(package, lines)
        # Functions of a library that show the leak if no frame of the program is on the stack.
        if "witnesses" in fields:
            entry["witnesses"] = fields["witnesses"].split()
        # When the leak starts, in seconds since the start of the program, if not at once.
        if "starts" in fields:
            entry["starts"] = float(fields["starts"])
        # Whether the number of blocked goroutines or the memory grows. If not, it is constant.
        if "grows" in fields:
            entry["grows"] = fields["grows"] == "yes"
        entry["cure"] = fields["cure"]
    else:
        entry["sign"] = fields["sign"]
    # The least share of the CPU time that the GC takes, in percent, and the least growth of the
    # process from the first to the last profile, in MB.
    for name in ("gc_share", "resident_growth"):
        if name in fields:
            entry[name] = int(fields[name])
    return entry


def main():
    programs = [
        program(folder, kind)
        for kind in ("leak", "lookalike")
        for folder in sorted((HERE / kind).iterdir())
    ]
    text = json.dumps({"go_versions": GO_VERSIONS, "programs": programs}, indent=1) + "\n"
    path = HERE / "manifest.json"
    if sys.argv[1:] == ["--check"]:
        if path.read_text() != text:
            sys.exit("manifest.json is outdated; run manifest.py")
    else:
        path.write_text(text)


main()
