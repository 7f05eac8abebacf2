//! Places in the code, and whether they are in the program or in the standard library.

use crate::event::OwnedFrame;

/// Returns a place in a short form: the function, and the file without its folder.
pub(super) fn short(place: &OwnedFrame) -> String {
    let file = place.file.rsplit('/').next().unwrap_or_default();
    match (file.is_empty(), place.line) {
        (true, _) => place.func.clone(),
        (_, 0) => format!("{} ({file})", place.func),
        (_, line) => format!("{} ({file}:{line})", place.func),
    }
}

/// Returns the place of a function whose file is not known.
pub(super) fn function(name: String) -> OwnedFrame {
    OwnedFrame { pc: 0, func: name, file: String::new(), line: 0 }
}

/// Returns a frame of a trace's stack without the program counter, so that calls on one line are
/// one place.
pub(super) fn of_frame(frame: crate::event::Frame<'_>) -> OwnedFrame {
    OwnedFrame { pc: 0, ..frame.into() }
}

/// Returns the frames of a trace's stack without the program counters.
pub(super) fn of_stack(stack: &[OwnedFrame]) -> Vec<OwnedFrame> {
    stack.iter().map(|frame| OwnedFrame { pc: 0, ..frame.clone() }).collect()
}

/// The first part of the path of every package of the standard library (Go 1.27, `go list std`).
/// The first part of a module's path contains a dot.
const STANDARD: [&str; 49] = [
    "archive",
    "arena",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
];

/// Returns the path of a function's package: the name up to the first dot after the last slash.
pub(super) fn package(function: &str) -> &str {
    // Type arguments can have slashes.
    let name = function.split('[').next().unwrap_or(function);
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[base..].find('.').map_or(name.len(), |dot| base + dot);
    &name[..end]
}

/// Returns whether a function is in the standard library, including the runtime.
pub(super) fn is_standard(function: &str) -> bool {
    let package = package(function);
    let first = package.split('/').next().unwrap_or_default();
    first == "vendor" || first == "weak" || STANDARD.contains(&first)
}

/// Returns the most useful place in a stack for the reader of a finding: the innermost place
/// outside the standard library. If the whole stack is in the standard library, it is the innermost
/// place in the package that started the goroutine: `net/http`, not `bufio`, which `net/http`
/// calls.
pub(super) fn own<'p>(stack: impl DoubleEndedIterator<Item = &'p OwnedFrame> + Clone) -> Option<&'p OwnedFrame> {
    let own = stack.clone().find(|place| !is_standard(&place.func));
    let of_start = || {
        let start = package(&stack.clone().rfind(|place| !place.is_runtime())?.func);
        stack.clone().find(|place| package(&place.func) == start)
    };
    own.or_else(of_start).or_else(|| stack.clone().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_packages_are_distinguished_from_modules() {
        for (function, path, standard) in [
            ("main.main", "main", false),
            ("net/http.(*persistConn).readLoop", "net/http", true),
            ("runtime.gopark", "runtime", true),
            ("example.com/leaks/traffic.(*Pool).Get", "example.com/leaks/traffic", false),
            ("main.Map[go.shape.string,example.com/a/b.T].Put", "main", false),
            ("vendor/golang.org/x/net/http2.f", "vendor/golang.org/x/net/http2", true),
            ("", "", false),
        ] {
            assert_eq!(package(function), path);
            assert_eq!(is_standard(function), standard, "{function}");
        }
    }

    #[test]
    fn the_innermost_place_outside_the_standard_library_is_chosen() {
        let place = |name: &str| function(name.to_owned());
        let stack =
            [place("runtime.mallocgc"), place("context.WithCancel"), place("main.startJob"), place("main.main")];
        assert_eq!(own(stack.iter()), Some(&stack[2]));
        assert_eq!(own(stack[..2].iter()), Some(&stack[1]));
        assert_eq!(own(stack[..1].iter()), Some(&stack[0]));
        assert_eq!(own([].iter()), None);
    }
}
