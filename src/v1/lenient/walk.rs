//! The first pass over a damaged file: determines which bytes are read, lost or trailing.

use memchr::memchr_iter;

use super::super::found::{FaultPolicy, Found, location};
use super::super::limits;
use super::super::parse::MAX_RECORD;
use super::super::proof::{self, BATCH, Proof};
use super::super::scan::Scan;
use super::super::{spec, strict};
use super::Lenient;
use crate::account::Tally;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::wire::header::{self, Version};
use crate::wire::source::Source;

impl Lenient {
    /// Reads the file and scans all of it. Fails according to row 11.
    pub(super) fn read(&mut self, source: &mut Source<'_>, version: Version, limits: &Limits) -> Result<Found, Error> {
        read_all(source, limits)?;
        let whole = source.window();
        let other = other_trace(whole, version, limits);
        let window = other.map_or(whole, |at| &whole[..at]);
        let found = self.walk(window, version, limits, source)?;
        if other.is_some() {
            // Row 8.
            self.count_trailing(ErrorKind::MultipleTraces, window.len(), whole.len(), source);
        }
        Ok(Found { walked: whole.len() as u64, ..found })
    }

    fn walk(&mut self, window: &[u8], version: Version, limits: &Limits, source: &Source<'_>) -> Result<Found, Error> {
        let mut scan = Scan::new(spec::minor(version), FaultPolicy::Keep(Default::default()));
        while scan.pos() < window.len() {
            // The file is scanned one part at a time, so that only few faults are in memory at once.
            let until = window.len().min(scan.pos() + MAX_RECORD);
            let walked = scan.walk(window, until);
            // Rows 3, 4, 5 and 6.
            for fault in scan.take_faults() {
                self.ledger.note(fault.located(source));
            }
            limits::check_found(&scan, limits).map_err(|kind| Error { kind, at: location(source, scan.pos()) })?;
            let Err(fault) = walked else { continue };
            if matches!(*fault.kind, ErrorKind::TrailingData { .. }) {
                // Row 9.
                self.count_trailing(*fault.kind, fault.at, window.len(), source);
                break;
            }
            // Rows 1 and 2.
            let next = next_batch(window, fault.at + 1);
            let lost = Tally::of_bytes(next - fault.at);
            self.ledger.note_break(fault.located(source), lost);
            scan.resume_for_tables(next);
        }
        Ok(scan.finish())
    }

    /// Reports the fault, and counts the bytes from `from` to `to` as trailing: they are not part of this trace.
    fn count_trailing(&mut self, kind: ErrorKind, from: usize, to: usize, source: &Source<'_>) {
        self.ledger.note(Error { kind, at: location(source, from) });
        self.ledger.trailing += (to - from) as u64;
    }
}

/// Reads the file to its end.
fn read_all(source: &mut Source<'_>, limits: &Limits) -> Result<(), Error> {
    let mut has_more = true;
    while has_more {
        let len = source.window().len();
        limits::check_len(len, limits).map_err(|kind| Error { kind, at: location(source, len) })?;
        let filled = source.fill(len + 1);
        has_more = filled.map_err(|error| Error { kind: error.into(), at: location(source, source.window().len()) })?;
    }
    Ok(())
}

/// Returns the start of another trace (row 8). In a file that strict reading accepts, bytes that look like a header are
/// part of a string of the traced program. In other files they may start another trace, whose events must never be
/// returned as events of this one.
fn other_trace(window: &[u8], version: Version, limits: &Limits) -> Option<usize> {
    header::find(window).next().filter(|_| !strict::accepts(window, version, *limits))
}

/// Returns the start of the next proven batch (see [`proof`]), or the end of the window.
fn next_batch(window: &[u8], from: usize) -> usize {
    let rest = window.get(from..).unwrap_or_default();
    let mut places = memchr_iter(BATCH, rest).map(|at| from + at);
    places.find(|at| proof::batch(window, *at) != Proof::None).unwrap_or(window.len())
}
