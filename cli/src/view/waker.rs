//! Who ended a wait, in words.

use gotrace::GoId;
use gotrace::timeline::{RuntimeWaker, Span};

/// Who ended a wait, such as `goroutine 9` or `the timer`.
pub fn of(wait: &Span<'_>) -> String {
    match wait.woken_by() {
        Some(waker) => match (waker.go(), waker.runtime()) {
            (Some(go), _) => goroutine(go),
            (None, Some(part)) => runtime(part),
            (None, None) => String::new(),
        },
        None if wait.is_open() => "nobody until the trace ended".to_owned(),
        None => "nobody".to_owned(),
    }
}

/// A goroutine, as the one that ended a wait.
pub fn goroutine(id: GoId) -> String {
    format!("goroutine {id}")
}

/// A part of the runtime, with its article. The monitor thread goes by its name.
pub fn runtime(part: RuntimeWaker) -> String {
    match part {
        RuntimeWaker::Sysmon => part.to_string(),
        _ => format!("the {part}"),
    }
}
