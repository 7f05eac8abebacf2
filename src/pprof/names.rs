//! The names of functions as `go tool pprof` prints them, and their packages.

use std::borrow::Cow;

use crate::event::Text;

/// The function's name as `go tool pprof` prints it.
///
/// It leaves the names of Go functions as they are, but for one thing: where a name has angle or square brackets, it takes
/// it for C++ and leaves out what is in parentheses, and in angle brackets. So of `main.F[func(int) string]` it prints
/// `main.F[func string]`. Methods of generic types are spared. (Names mangled by a C++ or Rust compiler it also
/// demangles; we don't.) See `internal/symbolizer/symbolizer.go` in github.com/google/pprof.
pub(super) fn printed<'a>(name: Text<'a>, system_name: Text<'a>) -> Cow<'a, str> {
    // A name that differs from the linker's has been demangled already.
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

/// The name without what stands between these, nested or not. Where they do not match, the rest stays.
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

/// The path of the package that a function is in, `None` if the name has none: C functions.
///
/// The package ends at the first dot behind the last slash. Type arguments and receivers may hold other packages, so only
/// what is before them counts. The linker writes `%2e` for a dot in the last element of a path.
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

    /// What `go tool pprof -top` of Go 1.27.3 printed for a profile with these names.
    #[test]
    fn names_are_printed_as_pprof_does() {
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
        assert_eq!(printed("f<int>".into(), "_Z1fIiEvv".into()), "f<int>", "it has been demangled");
    }

    #[test]
    fn packages_end_behind_the_last_slash() {
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
