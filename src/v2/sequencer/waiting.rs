//! Chooses another thread when the earliest event cannot be ordered yet.

use super::super::effects;
use super::super::order;
use super::super::spec::{EventType, MAX_ARGS};
use super::{Fault, Sequencer, Tolerate};
use crate::error::{Error, ErrorKind, StuckHead};
use crate::id::{ThreadId, present};
use crate::sched::{Context, Wait};
use crate::time::Time;
use crate::wire::frontier::Head;
use crate::wire::source::Source;

impl Sequencer {
    /// Returns the time of the earliest event, no matter whether it can be ordered yet.
    #[inline]
    pub(super) fn earliest(&self) -> Option<i64> {
        let first = self.frontier.heads().first().map(|head| head.time);
        if self.parked.is_empty() {
            return first;
        }
        first.into_iter().chain(self.parked.first_time()).min()
    }

    /// Removes all threads from the frontier and from the parked threads.
    pub(super) fn clear_heads(&mut self) {
        self.frontier.clear();
        self.parked.clear();
    }

    /// Tries the threads other than the first. Called when the first thread has to wait or the
    /// frontier is empty.
    #[cold]
    pub(super) fn advance_another(&mut self, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<(), Fault> {
        if !self.parked.is_empty() || self.try_budget.is_spent(self.delivered) {
            return self.advance_or_park(source, tolerate);
        }
        self.frontier.sort();
        let len = self.frontier.heads().len();
        for i in 1..len {
            if self.try_advance(i, source, tolerate)? {
                self.try_budget.spend(len, i);
                return Ok(());
            }
        }
        Err(Fault::Disorder(self.stuck(source)))
    }

    /// Moves waiting threads out of the frontier until the first thread of the frontier can
    /// continue.
    fn advance_or_park(&mut self, source: &Source<'_>, tolerate: Tolerate<'_>) -> Result<(), Fault> {
        while let Some(&head) = self.frontier.heads().first() {
            if !self.park_first(head, source) {
                break;
            }
            if !self.frontier.heads().is_empty() && self.try_advance(0, source, tolerate)? {
                return Ok(());
            }
        }
        Err(Fault::Disorder(self.stuck(source)))
    }

    fn park_first(&mut self, head: Head, source: &Source<'_>) -> bool {
        let cursor = &self.cursors[head.cursor as usize];
        let Ok((event, args, _)) = cursor.read(&self.generation.timebase(source.window())) else { return false };
        let Some(wait) = effects::waits_for(&mut self.sched, event, cursor.thread, args) else { return false };
        self.frontier.remove(0);
        self.parked.park(head, wait);
        // This thread still has a P, so it cannot acquire P `args[0]`. Wake a thread that waits for
        // the same P.
        if let (EventType::ProcStart, Wait::ProcLost { .. }) = (event, wait)
            && let Some(wait) = self.sched.proc_wait(args[0])
        {
            self.wake(wait);
        }
        true
    }

    fn wake(&mut self, wait: Wait) {
        if let Some(head) = self.parked.wake(wait) {
            self.frontier.insert(head);
        }
    }

    /// Moves the threads that waited for this event back into the frontier.
    #[cold]
    pub(super) fn wake_after(&mut self, event: EventType, before: Context, args: [u64; MAX_ARGS]) {
        for wait in effects::ends_waits(&mut self.sched, event, before, args) {
            self.wake(wait);
        }
    }

    /// Puts all parked threads back into the frontier.
    pub fn unpark(&mut self) {
        if !self.parked.is_empty() {
            self.parked.drain().for_each(|head| self.frontier.insert(head));
            self.frontier.sort();
        }
    }

    /// Returns a `StuckFrontier` error: no thread can continue.
    fn stuck(&mut self, source: &Source<'_>) -> Error {
        self.unpark();
        let heads: Vec<Head> = self.frontier.heads().to_vec();
        let first = heads[0].cursor as usize;
        let heads = heads.iter().map(|head| self.stuck_head(head.cursor as usize, source)).collect();
        self.error(ErrorKind::StuckFrontier(heads), first, source)
    }

    fn stuck_head(&mut self, number: usize, source: &Source<'_>) -> StuckHead {
        let cursor = &self.cursors[number];
        let read = cursor.read(&self.generation.timebase(source.window())).ok();
        let waits_for = read.and_then(|(event, args, _)| {
            let wait = effects::waits_for(&mut self.sched, event, cursor.thread, args)?;
            Some(order::explain(&mut self.sched, event, wait))
        });
        StuckHead {
            thread: present(cursor.thread_id).map(ThreadId),
            proc: None,
            event: read.map_or("?", |(event, ..)| event.name()),
            time: Time(cursor.time),
            offset: source.base() + cursor.at as u64,
            waits_for: waits_for.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
