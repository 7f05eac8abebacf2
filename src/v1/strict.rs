//! Strict reading, which stops at the first error. All events before it are returned.

use super::emitter::{Emitter, Progress};
use super::found::{FaultPolicy, Found, location};
use super::limits;
use super::parse::MAX_RECORD;
use super::scan::Scan;
use super::spec;
use crate::error::{Error, ErrorKind, Flaw};
use crate::limits::Limits;
use crate::wire::header::Version;
use crate::wire::source::Source;

/// The number of bytes to read before the first pass continues.
const READ_AHEAD: usize = 4 << 20;

/// The progress of strict reading.
#[derive(Debug, Default)]
pub(super) enum Strict {
    /// Nothing was read.
    #[default]
    Unread,
    /// The file was scanned, and the first Sync was returned.
    Emitting,
    /// The error is returned after the events of the current block.
    Failing(Error),
    Ended,
}

impl Strict {
    /// Fills the next block, or fails.
    pub fn step(&mut self, emitter: &mut Emitter, source: &mut Source<'_>) -> Result<Progress, Error> {
        let made = match std::mem::replace(self, Strict::Ended) {
            Strict::Unread => open(emitter, source),
            Strict::Emitting => emitter.fill(source),
            Strict::Failing(error) => return Err(error),
            Strict::Ended => return Ok(Progress::End),
        };
        match made {
            Ok(Progress::Block) => *self = Strict::Emitting,
            Ok(Progress::End) => {
                emitter.warn_of_end(source);
                emitter.close();
            }
            Err(error) if emitter.out.is_ready() => *self = Strict::Failing(error),
            Err(error) => return Err(error),
        }
        Ok(Progress::Block)
    }
}

/// Returns whether strict reading accepts a whole file, given without its header.
pub(super) fn accepts(window: &[u8], version: Version, limits: Limits) -> bool {
    let (mut emitter, mut strict, mut source) =
        (Emitter::new(version, limits), Strict::default(), Source::slice(window));
    loop {
        match emitter.clear(&source).and_then(|()| strict.step(&mut emitter, &mut source)) {
            Ok(Progress::Block) => {}
            Ok(Progress::End) => return true,
            Err(_) => return false,
        }
    }
}

/// Scans the file and fills the first Sync.
fn open(emitter: &mut Emitter, source: &mut Source<'_>) -> Result<Progress, Error> {
    emitter.found = walk(source, emitter.version, &emitter.limits)?;
    if emitter.found.walked == 0 {
        return Err(Error { kind: ErrorKind::EmptyTrace, at: location(source, 0) });
    }
    let end = location(source, source.window().len());
    let missing = Error { kind: ErrorKind::BadFrequency(Flaw::Missing), at: end };
    let rate = emitter.found.ticks_per_second.ok_or(missing)?;
    emitter.found.tables.seal().map_err(|kind| Error { kind, at: end })?;
    emitter.begin(rate, source)
}

/// Reads and scans the file, one part at a time, so that a file that is not a trace is not read
/// completely.
fn walk(source: &mut Source<'_>, version: Version, limits: &Limits) -> Result<Found, Error> {
    let mut scan = Scan::new(spec::minor(version), FaultPolicy::Fail);
    loop {
        let wanted = scan.pos().saturating_add(MAX_RECORD + READ_AHEAD);
        let has_more = source
            .fill(wanted)
            .map_err(|error| Error { kind: error.into(), at: location(source, source.window().len()) })?;
        let window = source.window();
        check_limits(&scan, source, limits)?;
        let until = match has_more {
            true => window.len() - MAX_RECORD,
            false => window.len(),
        };
        scan.walk(window, until).map_err(|fault| fault.located(source))?;
        if !has_more {
            break;
        }
    }
    check_limits(&scan, source, limits)?;
    Ok(scan.finish())
}

fn check_limits(scan: &Scan, source: &Source<'_>, limits: &Limits) -> Result<(), Error> {
    limits::check_len(source.window().len(), limits)
        .and_then(|()| limits::check_found(scan, limits))
        .map_err(|kind| Error { kind, at: location(source, scan.pos()) })
}
