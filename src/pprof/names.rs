//! Names of functions as in `go tool pprof`, and the packages of functions.

use std::borrow::Cow;

use crate::event::Text;

/// Returns the name of a function as `go tool pprof` prints it.
///
/// pprof does not change most names of Go functions. But if a name contains angle or square
/// brackets, it assumes a C++ function, and removes everything in parentheses and angle brackets.
/// For example, it prints `main.F[func(int) string]` as `main.F[func string]`. Methods of generic
/// types are recognised and not changed. See `internal/symbolizer/symbolizer.go` in
/// github.com/google/pprof. (pprof also demangles C++ and Rust names. This function does not.)
pub(super) fn printed<'a>(name: Text<'a>, system_name: Text<'a>) -> Cow<'a, str> {
    // If the name differs from the linker's name, it is already demangled.
    if !name.is_empty() && name != system_name {
        return name.to_str_lossy();
    }
    let text = system_name.to_str_lossy();
    if !looks_like_cpp(&text) {
        return text;
    }
    Cow::Owned(without(&without(&text, b'(', b')'), b'<', b'>'))
}

fn looks_like_cpp(name: &str) -> bool {
    let is_java = name.contains(".<");
    let is_go = name.contains("]).");
    !is_java && !is_go && (name.contains(['<', '>', '[', ']']) || name.contains("::"))
}

/// Removes all text between matching `open` and `close`, including nested pairs. If they do not match, the rest of the
/// name is kept.
fn without(name: &str, open: u8, close: u8) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut depth = 0_usize;
    let mut rest = 0;
    for (i, byte) in name.bytes().enumerate() {
        if byte == open {
            if depth == 0 {
                kept.push_str(&name[rest..i]);
                rest = i;
            }
            depth += 1;
        } else if byte == close {
            if depth == 0 {
                break;
            }
            depth -= 1;
            if depth == 0 {
                rest = i + 1;
            }
        }
    }
    kept.push_str(&name[rest..]);
    kept
}

/// Returns the import path of a function's package. `None` if the name has no package, like names of C functions.
///
/// The package ends at the first dot after the last slash. Type arguments and receivers may contain
/// other packages, so only the part before them counts. The linker writes `%2e` for a dot in the
/// last element of a path.
pub(super) fn package(name: &str) -> Option<Cow<'_, str>> {
    let end = name.find(['[', '(', '{']).unwrap_or(name.len());
    let path = &name[..end];
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = last + path[last..].find('.').filter(|&dot| dot > 0)?;
    let package = &path[..dot];
    Some(match package.contains("%2e") {
        true => Cow::Owned(package.replace("%2e", ".")),
        false => Cow::Borrowed(package),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are the output of `go tool pprof -top` of Go 1.27.3 for a profile with these
    /// names.
    #[test]
    fn names_are_printed_like_by_pprof() {
        for (name, expected) in [
            ("main.main", "main.main"),
            ("net/http.(*conn).serve", "net/http.(*conn).serve"),
            ("main.F[...]", "main.F[...]"),
            ("main.F[go.shape.int]", "main.F[go.shape.int]"),
            ("main.F[func(int) string]", "main.F[func string]"),
            ("main.(*T[go.shape.func(int)]).M", "main.(*T[go.shape.func(int)]).M"),
            ("main.F[<-chan int].func1", "main.F[<-chan int].func1"),
            ("main.F[chan<- (<-chan int)].func1", "main.F[chan<- ].func1"),
            ("main.F[map[string](func(a(b)))]", "main.F[map[string]]"),
            ("std::vector<int>::push(int)", "std::vector::push"),
            ("a::b)c(d)", "a::b)c(d)"),
            ("a::(b", "a::(b"),
        ] {
            assert_eq!(printed(name.into(), name.into()), expected, "{name}");
        }
        assert_eq!(printed("f<int>".into(), "_Z1fIiEvv".into()), "f<int>", "already demangled");
    }

    #[test]
    fn a_package_ends_at_the_first_dot_after_the_last_slash() {
        for (name, expected) in [
            ("main.main", Some("main")),
            ("net/http.(*conn).serve", Some("net/http")),
            ("github.com/a/b.(*T[github.com/c/d.E]).M", Some("github.com/a/b")),
            ("main.F[github.com/c/d.E].func1", Some("main")),
            ("gopkg.in/yaml%2ev3.Unmarshal", Some("gopkg.in/yaml.v3")),
            ("memcpy", None),
            (".L1", None),
            ("", None),
        ] {
            assert_eq!(package(name).as_deref(), expected, "{name}");
        }
    }
}
