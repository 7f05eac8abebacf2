//! Tells the goroutines of the runtime from those of the program, by their start functions.

/// Returns whether a goroutine with this start function is a system goroutine: the runtime started
/// it for itself. The rule is that of `isSystemGoroutine` in Go's `src/runtime/traceback.go`.
///
/// `runtime.main`, which calls `main.main`, is not a system goroutine, nor is `runtime.corostart`,
/// which calls the iterator function of an `iter.Pull`. The goroutines that run finalizers and
/// cleanups always count as system goroutines, since a start function does not say whether they
/// currently run a function of the program. An empty name is an unknown function. The result is
/// false.
pub fn is_system_goroutine(start: impl AsRef<[u8]>) -> bool {
    /// Start functions in package `runtime` whose goroutines belong to the program.
    const OF_PROGRAM: [&[u8]; 3] = [b"runtime.main", b"runtime.corostart", b"runtime.handleAsyncEvent"];
    let start = start.as_ref();
    start.starts_with(b"runtime.") && !OF_PROGRAM.contains(&start)
}

/// Returns whether a goroutine with this start function is a [system
/// goroutine](is_system_goroutine), or runs for a package below `runtime`. Examples of the latter
/// are the goroutines that write the trace (`runtime/trace`) and the CPU profile (`runtime/pprof`).
pub fn is_runtime_goroutine(start: impl AsRef<[u8]>) -> bool {
    let start = start.as_ref();
    is_system_goroutine(start) || start.starts_with(b"runtime/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goroutines_of_the_runtime_and_of_the_program_are_distinguished() {
        for (start, is_system, is_runtime) in [
            ("runtime.bgsweep", true, true),
            ("runtime.runFinalizers", true, true),
            ("runtime.main", false, false),
            ("runtime.corostart", false, false),
            ("runtime.handleAsyncEvent", false, false),
            ("runtime/trace.Start.func1", false, true),
            ("runtime/pprof.profileWriter", false, true),
            ("runtimes.Worker", false, false),
            ("main.main.func1", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_system_goroutine(start), is_runtime_goroutine(start)), (is_system, is_runtime), "{start}");
        }
    }
}
