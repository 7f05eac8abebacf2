//! Goroutine dumps of real programs (`testdata/dumps`), compared with the profiles of the same moments.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gotrace::FileKind;
use gotrace::dump::{Dump, DumpGoroutine, Dumps};
use gotrace::pprof::Profile;
use gotrace_tests::corpus::testdata;
use gotrace_tests::profiles::without_types;

const VERSIONS: [&str; 2] = ["go1.21", "go1.27"];

fn path(version: &str, name: &str) -> PathBuf {
    testdata().join("dumps").join(version).join(name)
}

/// The only dump of a file.
fn dump(version: &str, name: &str) -> Dump {
    let path = path(version, &format!("{name}.txt"));
    let bytes = std::fs::read(&path).expect("the file is readable");
    assert_eq!(FileKind::of(&bytes), FileKind::GoroutineDump, "{}", path.display());
    let mut log = Dumps::from_path(&path).expect("the file is readable");
    assert_eq!(log.dumps.len(), 1, "{}", path.display());
    assert!(!log.dumps[0].is_cut, "{}", path.display());
    log.dumps.remove(0)
}

/// The number of goroutines by stack: function and line of each frame outside of the runtime, the innermost first.
type Stacks = BTreeMap<Vec<(String, u64)>, i64>;

fn is_runtime(function: &str) -> bool {
    function.starts_with("runtime.") || function.starts_with("internal/runtime/")
}

fn stacks_of_profile(version: &str, name: &str) -> Stacks {
    let profile = Profile::from_path(path(version, &format!("{name}.pb.gz"))).expect("a profile");
    let mut stacks = Stacks::new();
    let mut samples = profile.samples();
    while let Some(sample) = samples.next_sample().expect("a valid profile") {
        let frames = sample.frames().map(|frame| (without_types(&frame.func.to_string()), frame.line.unsigned_abs()));
        *stacks.entry(without_runtime(frames)).or_default() += sample.values()[0];
    }
    stacks
}

fn without_runtime(frames: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    frames.filter(|(function, _)| !is_runtime(function)).collect()
}

fn stack_of(goroutine: &DumpGoroutine) -> Vec<(String, u64)> {
    without_runtime(goroutine.stack.iter().map(|frame| (frame.func.clone(), frame.line)))
}

fn states(dump: &Dump) -> BTreeMap<&str, usize> {
    let mut states = BTreeMap::new();
    for goroutine in &dump.goroutines {
        *states.entry(goroutine.state.as_str()).or_default() += 1;
    }
    states
}

#[test]
fn dumps_have_the_stacks_of_the_profile_of_the_same_moment() {
    for version in VERSIONS {
        for name in ["channels", "locks", "system", "labels"] {
            let dump = dump(version, name);
            let mut expected = stacks_of_profile(version, name);
            assert_eq!(expected.values().sum::<i64>(), dump.goroutines.len() as i64, "{version} {name}");
            for goroutine in &dump.goroutines {
                let stack = match goroutine.state.as_str() {
                    // This goroutine writes the dump at one line and the profile at another.
                    "running" => continue,
                    // The profile has the whole stack.
                    _ if goroutine.elided.is_some() => whole_stack(goroutine, &expected),
                    _ => stack_of(goroutine),
                };
                let count = expected.get_mut(&stack).unwrap_or_else(|| panic!("{version} {name}: {goroutine:?}"));
                *count -= 1;
            }
            assert_eq!(expected.values().sum::<i64>(), 1, "only the goroutine that wrote both is left");
            assert!(expected.values().all(|count| (0..=1).contains(count)), "{version} {name}: {expected:?}");
        }
    }
}

/// The number of frames of the goroutine of `deep` in `dumps.go`: 151 of `recurse`, and a closure.
const DEEP: u64 = 152;

/// Finds the stack in the profile that begins like that of a goroutine. Profiles have at most 128 frames, and 32 in
/// Go 1.21.
fn whole_stack(goroutine: &DumpGoroutine, profile: &Stacks) -> Vec<(String, u64)> {
    let printed = stack_of(goroutine);
    let elided = goroutine.elided.expect("frames are missing");
    assert_eq!(printed.len() as u64 + elided.count.expect("Go 1.21 and later count them"), DEEP);
    assert_eq!(goroutine.start().map(|start| start.func.as_str()), Some("main.recurse"));
    let inner = &printed[..elided.index.min(20)];
    profile.keys().find(|stack| stack.starts_with(inner)).expect("the stack").clone()
}

#[test]
fn states_and_waits_are_those_of_the_program() {
    for version in VERSIONS {
        let channels = dump(version, "channels");
        let expected = [
            ("chan receive", 6),
            ("chan receive (nil chan)", 1),
            ("chan send", 7),
            ("chan send (nil chan)", 1),
            ("running", 1),
            ("select", 3),
            ("select (no cases)", 1),
        ];
        assert_eq!(states(&channels), BTreeMap::from(expected), "{version}");
        let is_new = version == "go1.27";
        let leaked = channels.goroutines.iter().filter(|goroutine| goroutine.is_leaked).count();
        assert_eq!(leaked, if is_new { 19 } else { 0 }, "{version}");

        let locks = dump(version, "locks");
        let count = |state| states(&locks).get(state).copied().unwrap_or(0);
        let expected =
            [("sync.Mutex.Lock", 4), ("sync.RWMutex.RLock", 4), ("sync.RWMutex.Lock", 1), ("sync.Cond.Wait", 1)];
        for (state, expected) in expected {
            assert_eq!(count(state), expected, "{version} {state}");
        }
        let minute = Some(Duration::from_secs(60));
        let waits = |goroutine: &&DumpGoroutine| goroutine.state == "sync.Mutex.Lock" && !goroutine.is_leaked;
        assert!(locks.goroutines.iter().filter(waits).all(|goroutine| goroutine.wait == minute), "{version}");

        let system = dump(version, "system");
        assert_eq!(system.goroutines.iter().filter(|goroutine| goroutine.is_locked_to_thread).count(), 1);
        assert_eq!(
            states(&system),
            BTreeMap::from([("IO wait", 2), ("chan receive", 1), ("running", 1), ("syscall", 2)])
        );
    }
    let labels = dump("go1.27", "labels");
    let tenants = labels.goroutines.iter().filter_map(|goroutine| goroutine.labels.iter().find(|it| it.0 == "tenant"));
    assert_eq!(
        tenants.map(|(_, value)| value.as_str()).collect::<std::collections::BTreeSet<_>>(),
        ["0", "1", "2"].into()
    );
    let quoted = labels.goroutines.iter().filter_map(|goroutine| goroutine.labels.iter().find(|it| it.0 == "a key"));
    assert!(quoted.map(|(_, value)| value.as_str()).eq(["quoted \"\\ é, }:\n"; 3]));
}

#[test]
fn a_crash_is_one_dump_with_its_cause() {
    for version in VERSIONS {
        for (name, crash, count) in [
            ("deadlock", "fatal error: all goroutines are asleep - deadlock!", 19),
            ("panic", "panic: boom", 19),
            ("nil", "panic: runtime error: invalid memory address or nil pointer dereference", 2),
            ("mapwrite", "fatal error: concurrent map writes", 5),
            // With four or six goroutines of the runtime.
            ("quit", "SIGQUIT: quit", if version == "go1.21" { 10 } else { 12 }),
        ] {
            let dump = dump(version, &format!("crash-{name}"));
            assert_eq!((dump.crash.as_deref(), dump.goroutines.len()), (Some(crash), count), "{version} {name}");
            assert!(dump.goroutines.iter().all(|goroutine| !goroutine.is_stack_unavailable), "{version} {name}");
        }
        // The goroutines of the runtime are printed too, and each thread prints its own.
        let threads = dump(version, "crash-threads");
        let own = threads.goroutines.iter().filter(|one| one.start().is_some_and(|it| it.func.starts_with("main.")));
        assert_eq!(own.count(), 6, "{version}");
        assert_eq!(threads.crash.as_deref(), Some("SIGQUIT: quit"));
    }
}
