//! Places in the code, and whose code it is.

use std::fmt;

/// A line of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The function's name with its package, such as `net/http.(*conn).serve`.
    pub function: String,
    /// The source file as the compiler wrote it down.
    pub file: String,
    /// The line in that file; 0 if it is not known.
    pub line: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.rsplit('/').next().unwrap_or_default();
        write!(f, "{}", self.function)?;
        match (file.is_empty(), self.line) {
            (true, _) => Ok(()),
            (_, 0) => write!(f, " ({file})"),
            (_, line) => write!(f, " ({file}:{line})"),
        }
    }
}

/// The first part of the path of every package of the standard library (Go 1.27, `go list std`); a module's path has a dot there.
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

/// The path of a function's package: up to the first dot behind the last slash.
pub(super) fn package(function: &str) -> &str {
    // What a generic function is instantiated with may have slashes.
    let name = function.split('[').next().unwrap_or(function);
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[base..].find('.').map_or(name.len(), |dot| base + dot);
    &name[..end]
}

/// Whether a function is the runtime's: it allocates, blocks and creates on behalf of others.
pub(super) fn is_runtime(function: &str) -> bool {
    let package = package(function);
    package == "runtime"
        || package.starts_with("runtime/")
        || package.starts_with("internal/runtime/")
        || function == "gcWriteBarrier"
}

/// Whether a function is of the standard library, the runtime included.
pub(super) fn is_standard(function: &str) -> bool {
    let package = package(function);
    let first = package.split('/').next().unwrap_or_default();
    first == "vendor" || first == "weak" || STANDARD.contains(&first)
}

/// The place in a stack, innermost first, that says most to whoever reads the finding: the innermost that is not of the standard
/// library. In the stack of a library's own goroutine, the innermost of the package that started it: in `net/http`'s, not in
/// `bufio`, which works for it.
pub(super) fn own<'p>(stack: impl DoubleEndedIterator<Item = &'p Place> + Clone) -> Option<&'p Place> {
    let own = stack.clone().find(|place| !is_standard(&place.function));
    let of_start = || {
        let start = package(&stack.clone().rfind(|place| !is_runtime(&place.function))?.function);
        stack.clone().find(|place| package(&place.function) == start)
    };
    own.or_else(of_start).or_else(|| stack.clone().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_apart() {
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
        assert!(is_runtime("internal/runtime/maps.(*table).grow") && !is_runtime("runtimes.f"));
    }

    #[test]
    fn the_programs_own_line_is_named() {
        let place = |function: &str| Place { function: function.into(), ..Place::default() };
        let stack =
            [place("runtime.mallocgc"), place("context.WithCancel"), place("main.startJob"), place("main.main")];
        assert_eq!(own(stack.iter()), Some(&stack[2]));
        assert_eq!(own(stack[..2].iter()), Some(&stack[1]));
        assert_eq!(own(stack[..1].iter()), Some(&stack[0]));
        assert_eq!(own([].iter()), None);
    }
}
