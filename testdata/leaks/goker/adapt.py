#!/usr/bin/env python3
"""Copies the goroutine leaks of Go's test suite and adapts them, so that they can run again and again.

usage: testdata/leaks/goker/adapt.py GOROOT DIR

    GOROOT    a Go 1.27 toolchain
    DIR       the folder for the adapted files

In Go's tests, one call of a leak starts many copies of it, waits, and writes a goroutineleak profile.
Here a call neither waits nor writes a profile, and main.go decides how many copies it starts.
The rest stays as it is. main.go, which is ours, replaces the main.go of the tests. One leak is left out:
it needs so many calls that they overload the machine before goroutines pile up.
"""

import pathlib
import re
import sys

LEFT_OUT = ["main.go", "moby27782.go"]
KERNELS = "src/runtime/testdata/testgoroutineleakprofile/goker"

REGISTER = re.compile(r'register\("(\w+)", (\w+)\)')
# The first statements of each leak: they look up the profile, and write it when the function returns.
WRITE_PROFILE = re.compile(r'\tprof := pprof\.Lookup\("goroutineleak"\)\n\tdefer func\(\) \{\n.*?\n\t\}\(\)\n', re.DOTALL)
COPIES = re.compile(r"^\tfor i := 0; i <=? (\d+); i\+\+ \{$", re.MULTILINE)
IMPORTS = re.compile(r"^import \(\n(.*?)^\)\n", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def adapt(source):
    """Returns the adapted text, which must have the usual form."""
    name, function = REGISTER.search(source).groups()
    start = source.index(f"func {function}() {{")
    end = source.index("\n}\n", start)
    body, count = WRITE_PROFILE.subn("", source[start:end])
    if count != 1:
        raise ValueError(f"{function} does not write its profile in the usual way")
    body = COPIES.sub(r"\tfor i := 0; i < copies(\1); i++ {", body)
    source = source[:start] + body + source[end:]
    source = source.replace(f'register("{name}"', f'register("{name.lower()}"')
    return remove_unused_imports(source)


def remove_unused_imports(source):
    block = IMPORTS.search(source)
    code = COMMENT.sub("", source[block.end() :])
    used = [line for line in block[1].splitlines() if not line.strip() or uses(code, line.strip().strip('"'))]
    return source[: block.start()] + "import (\n" + "\n".join(used) + "\n)\n" + source[block.end() :]


def uses(code, package):
    return re.search(rf"\b{package.rpartition('/')[2]}\.", code)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]) / KERNELS
    files = [path for path in sorted(folder.glob("*.go")) if path.name not in LEFT_OUT]
    if not files:
        sys.exit(f"adapt.py: there are no leaks in {folder}")
    for path in files:
        (pathlib.Path(sys.argv[2]) / path.name).write_text(adapt(path.read_text() + "\n"))


main()
