//! The goroutine dumps of a process.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::snapshots::{Snapshots, Stack};
use super::waits;
use crate::dump::{Dump, DumpGoroutine};
use crate::id::GoId;

/// What the goroutine dumps of a process say, in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Dumped {
    /// All goroutines of each complete dump.
    pub goroutines: Snapshots<1>,
    /// The goroutines that the runtime marked as leaked, of each dump that has some.
    pub leaked: Snapshots<1>,
    /// The goroutines of the last dump that have been waiting for at least a minute.
    pub long_waits: Vec<LongWait>,
    /// Why the dumps are of more than one process.
    pub conflict: Option<String>,
    crashes: u64,
    /// A hash of each dump of the files that were read before.
    known: HashSet<u64>,
}

/// A goroutine that has been waiting for at least a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongWait {
    pub goroutine: GoId,
    /// Its stack in [`Dumped::goroutines`].
    pub stack: Stack,
    pub wait: Duration,
    /// What it waits for, if only the program itself can end the wait, and healthy programs seldom wait like that.
    pub stuck_in: Option<&'static str>,
}

/// The dumps of one file.
#[derive(Debug, Default)]
pub(super) struct DumpFile {
    /// A hash of each dump.
    hashes: Vec<u64>,
    ends_with_crash: bool,
    /// Whether a dump was used.
    pub is_used: bool,
    /// Why a dump was not used, or not fully.
    pub note: Option<&'static str>,
}

impl Dumped {
    /// Adds a dump of a file.
    pub fn add(&mut self, dump: &Dump, file: &mut DumpFile) {
        if !dump.has_all_goroutines() {
            file.note.get_or_insert("a dump of a single goroutine shows nothing; GOTRACEBACK=all prints all of them");
            return;
        }
        let hash = hash(dump);
        if self.known.contains(&hash) {
            file.note = Some("the same dump was given twice");
            return;
        }
        file.hashes.push(hash);
        file.is_used = true;
        self.crashes += u64::from(dump.crash.is_some());
        if file.ends_with_crash || self.crashes > 1 {
            let why = "the dumps are of several runs, since the program crashed in between";
            self.conflict = Some(why.to_owned());
        }
        file.ends_with_crash = dump.crash.is_some();
        self.long_waits = dump.goroutines.iter().filter_map(|goroutine| self.long_wait(goroutine)).collect();
        if dump.is_cut {
            file.note = Some("the last dump is cut, so its goroutines are not counted");
            return;
        }
        self.goroutines.add_goroutines(&dump.goroutines);
        let mut leaked = dump.goroutines.iter().filter(|goroutine| goroutine.is_leaked).peekable();
        if leaked.peek().is_some() {
            self.leaked.add_goroutines(leaked);
        }
    }

    /// Ends a file: dumps of later files that are equal to one of its dumps are copies.
    pub fn end(&mut self, file: &DumpFile) {
        self.known.extend(&file.hashes);
    }

    fn long_wait(&mut self, goroutine: &DumpGoroutine) -> Option<LongWait> {
        // The runtime prints no shorter ones.
        let wait = goroutine.wait?;
        let stack = self.goroutines.stack_of(goroutine);
        Some(LongWait { goroutine: goroutine.id, stack, wait, stuck_in: waits::stuck(&goroutine.state) })
    }
}

/// Returns a hash of what tells a dump from others. Within a file, dumps of an idle program may be equal.
fn hash(dump: &Dump) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for goroutine in &dump.goroutines {
        (goroutine.id, &goroutine.state, goroutine.wait).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diagnose::place;
    use crate::dump::Dumps;
    use crate::event::OwnedFrame;
    use crate::pprof::Profile;

    /// The number of goroutines by line and operation.
    fn waiting(snapshots: &Snapshots<1>) -> BTreeMap<(u64, Option<&'static str>), i64> {
        let mut waiting = BTreeMap::new();
        for (&stack, values) in &snapshots.all[0].values {
            let frames: Vec<OwnedFrame> = snapshots.frames(stack).cloned().collect();
            let place = place::own(frames.iter()).expect("a stack");
            *waiting.entry((place.line, waits::operation(&frames))).or_default() += values[0];
        }
        waiting
    }

    #[test]
    fn goroutines_of_a_dump_wait_for_the_same_as_those_of_a_profile() {
        for version in ["go1.21", "go1.27"] {
            for name in ["channels", "locks", "system"] {
                let path = format!("{}/testdata/dumps/{version}/{name}", env!("CARGO_MANIFEST_DIR"));
                let (mut dumped, mut profiled) = (Snapshots::default(), Snapshots::default());
                let profile = Profile::from_path(format!("{path}.pb.gz")).expect("a profile");
                profiled.add(&profile, [0]).expect("samples");
                let dumps = Dumps::from_path(format!("{path}.txt")).expect("a dump");
                dumped.add_goroutines(&dumps.dumps[0].goroutines);
                let (mut of_dump, mut of_profile) = (waiting(&dumped), waiting(&profiled));
                // The main goroutine writes the dump at one line and the profile at another.
                let is_waiting = |(_, operation): &(u64, Option<_>), _: &mut i64| operation.is_some();
                of_dump.retain(is_waiting);
                of_profile.retain(is_waiting);
                assert!(!of_dump.is_empty());
                assert_eq!(of_dump, of_profile, "{version} {name}");
            }
        }
    }
}
