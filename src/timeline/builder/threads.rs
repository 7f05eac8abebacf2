//! Tracks which goroutine each thread runs, and the places where goroutines run: pairs of a P and a
//! thread.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::event::record::Record;
use crate::id::NONE;
use crate::number::number;
use crate::timeline::columns::Place;
use crate::timeline::columns::spans::{NOBODY, NOBODY_WITHOUT_PROC};

/// The state of a thread: the results of the last lookups of its P and goroutine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub id: u64,
    proc: u64,
    /// The ID of the thread's goroutine, or [`NONE`].
    pub go_id: u64,
    /// The number of the thread's goroutine, or `nobody` if it runs no goroutine.
    pub go: u32,
    /// What an entry stores as the waker if the thread wakes a goroutine while it runs no goroutine: [`NOBODY`] or
    /// [`NOBODY_WITHOUT_PROC`].
    pub nobody: u32,
    /// The number of the thread's place.
    pub place: u32,
}

impl Thread {
    const fn new(id: u64) -> Self {
        // No P has this ID, so the first event looks up the place.
        Thread { id, proc: NONE - 1, go_id: NONE, go: NOBODY, nobody: NOBODY, place: 0 }
    }

    /// Sets the goroutine that the thread runs.
    #[inline(always)]
    pub fn take(&mut self, id: u64, number: u32) {
        self.go_id = id;
        self.go = number;
    }

    /// Returns what an entry stores as the creator if the thread creates a goroutine: the number of the goroutine that
    /// it runs, or [`NOBODY`].
    pub fn creator(&self) -> u32 {
        if self.go_id == NONE { NOBODY } else { self.go }
    }

    /// Removes the goroutine from the thread.
    #[inline(always)]
    pub fn release(&mut self) {
        self.go_id = NONE;
        self.go = self.nobody;
    }
}

/// The threads seen so far.
#[derive(Debug)]
pub(super) struct Threads {
    /// The index of the thread of the last event. The next event is often of the same thread.
    current: usize,
    threads: Vec<Thread>,
    by_id: HashMap<u64, usize, RandomState>,
    /// A cache of lookups: the last ID with each remainder modulo [`RECENT`], and its index.
    recent: [(u64, usize); RECENT],
    pub places: Vec<Place>,
    by_place: HashMap<Place, u32, RandomState>,
}

const RECENT: usize = 64;

impl Default for Threads {
    fn default() -> Self {
        // Events without a thread also have an entry.
        Threads {
            current: 0,
            threads: vec![Thread::new(NONE)],
            by_id: HashMap::from_iter([(NONE, 0)]),
            recent: [(NONE, 0); RECENT],
            places: Vec::new(),
            by_place: HashMap::default(),
        }
    }
}

impl Threads {
    /// Returns the thread of an event, and sets its `place` to the place of the event.
    #[inline(always)]
    pub fn of(&mut self, record: &Record) -> &mut Thread {
        let known = self.threads[self.current];
        if known.id != record.thread || known.proc != record.proc {
            self.go_to(record.thread, record.proc);
        }
        &mut self.threads[self.current]
    }

    #[inline(never)]
    fn go_to(&mut self, id: u64, proc: u64) {
        let (recent, index) = self.recent[id as usize % RECENT];
        self.current = if recent == id { index } else { self.find(id) };
        if self.threads[self.current].proc != proc {
            let place = self.place(proc, id);
            let thread = &mut self.threads[self.current];
            thread.proc = proc;
            thread.place = place;
            thread.nobody = if proc == NONE { NOBODY_WITHOUT_PROC } else { NOBODY };
            if thread.go_id == NONE {
                thread.release();
            }
        }
    }

    fn find(&mut self, id: u64) -> usize {
        let index = match self.by_id.get(&id) {
            Some(&index) => index,
            None => {
                self.threads.push(Thread::new(id));
                self.by_id.insert(id, self.threads.len() - 1);
                self.threads.len() - 1
            }
        };
        self.recent[id as usize % RECENT] = (id, index);
        index
    }

    /// Returns the number of a place.
    fn place(&mut self, proc: u64, thread: u64) -> u32 {
        let place = Place { proc, thread };
        if let Some(&number) = self.by_place.get(&place) {
            return number;
        }
        let number = number(self.places.len());
        self.places.push(place);
        self.by_place.insert(place, number);
        number
    }
}
