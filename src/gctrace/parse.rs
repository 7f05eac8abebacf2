//! The grammar of a collection's line.
//!
//! ```text
//! gc # @#s #%[ (checking for goroutine leaks)]: #+#+# ms clock, #+#/#/#+# ms cpu, #->#-># MB, # MB goal,
//!     [# MB stacks, # MB globals, ]# P[ (forced)]
//! ```
//!
//! Go 1.18 added stacks and globals, and Go 1.26 the check for leaks. The rest has been the same since Go 1.6.
//! In Go 1.5, a collection has two more phases after the first one, scanning and installing write barriers
//! (`src/runtime/mgc.go`, `gcMarkTermination`):
//!
//! ```text
//! gc # @#s #%: #+#+#+#+# ms clock, #+#+#+#/#/#+# ms cpu, #->#-># MB, # MB goal, # P
//! ```
//!
//! The runtime prints a line in pieces, so another process or a C library can write in between.
//! Only lines that have exactly this form, to their end, are accepted.

use std::time::Duration;

use super::cycle::{Clock, Cpu, Cycle};

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;
const BYTES_PER_MB: u64 = 1 << 20;

/// A goal of this size or more means that there is no goal. Under `GOGC=off`, the log contains 2⁶⁴ − 1 until Go 1.18.
/// Later versions write the goal that the memory limit allows, which is 2⁶³ − 1 if no limit is set
/// (`src/runtime/mgcpacer.go`, `memoryLimitHeapGoal`).
const NO_GOAL: u64 = 1 << 62;

/// Returns whether the text starts with a collection's line, by its first two fields.
pub(super) fn is_head(text: &[u8]) -> bool {
    let mut text = Text(text);
    text.literal(b"gc ").and_then(|()| text.integer()).and_then(|_| text.literal(b" @")).is_some()
}

/// Parses a line that starts with `gc `, without its line end. `None` if it is incomplete.
pub(super) fn cycle(line: &[u8]) -> Option<Cycle> {
    let mut text = Text(line);
    text.literal(b"gc ")?;
    let n = u32::try_from(text.integer()?).ok()?;
    text.literal(b" @")?;
    let start = Duration::from_nanos(text.decimal(NANOS_PER_SECOND)?);
    text.literal(b"s ")?;
    let gc_cpu_percent = u32::try_from(text.integer()?).ok()?;
    text.literal(b"%")?;
    let leak_check = text.literal(b" (checking for goroutine leaks)").is_some();
    text.literal(b": ")?;
    let (clock, has_scan) = text.clock()?;
    let cpu = text.cpu(has_scan)?;
    let heap_start = text.megabytes()?;
    text.arrow()?;
    let heap_end = text.megabytes()?;
    text.arrow()?;
    let heap_live = text.megabytes()?;
    text.literal(b" MB, ")?;
    let goal = Some(text.megabytes()?).filter(|&goal| goal < NO_GOAL);
    text.literal(b" MB goal, ")?;
    let mut procs = text.integer()?;
    let (mut stacks, mut globals) = (None, None);
    if text.literal(b" MB stacks, ").is_some() {
        stacks = Some(procs.checked_mul(BYTES_PER_MB)?);
        globals = Some(text.megabytes()?);
        text.literal(b" MB globals, ")?;
        procs = text.integer()?;
    }
    let procs = u32::try_from(procs).ok()?;
    text.literal(b" P")?;
    let forced = text.literal(b" (forced)").is_some();
    text.at_end().then_some(Cycle {
        n,
        start,
        gc_cpu_percent,
        clock,
        cpu,
        heap_start,
        heap_end,
        heap_live,
        goal,
        stacks,
        globals,
        procs,
        forced,
        leak_check,
    })
}

/// Returns whether a line describes a collection of Go 1.4 or older, such as `gc7(2): 4+0+183+0 us, …`.
pub(super) fn is_before_go15(line: &[u8]) -> bool {
    let mut text = Text(line);
    let mut head = || {
        text.literal(b"gc")?;
        text.integer()?;
        text.literal(b"(")?;
        text.integer()?;
        text.literal(b"): ")
    };
    head().is_some()
}

/// The unparsed rest of a line.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Parses the durations of the phases. Returns whether they are those of Go 1.5, which scans before it marks. Its
    /// scan and its installation of write barriers count as marking: they run while the program does.
    #[inline(always)]
    fn clock(&mut self) -> Option<(Clock, bool)> {
        let sweep_term = self.millis(b"+")?;
        let mark = self.millis(b"+")?;
        let third = Duration::from_nanos(self.decimal(NANOS_PER_MILLI)?);
        if self.literal(b" ms clock, ").is_some() {
            return Some((Clock { sweep_term, mark, mark_term: third }, false));
        }
        self.literal(b"+")?;
        let mark = mark.checked_add(third)?.checked_add(self.millis(b"+")?)?;
        Some((Clock { sweep_term, mark, mark_term: self.millis(b" ms clock, ")? }, true))
    }

    /// Parses the CPU times of the phases. With `has_scan`, those of Go 1.5: its scan and its installation of write
    /// barriers count as marking in the background.
    #[inline(always)]
    fn cpu(&mut self, has_scan: bool) -> Option<Cpu> {
        let sweep_term = self.millis(b"+")?;
        let mut scan = Duration::ZERO;
        if has_scan {
            scan = self.millis(b"+")?.checked_add(self.millis(b"+")?)?;
        }
        Some(Cpu {
            sweep_term,
            assist: self.millis(b"/")?,
            background: self.millis(b"/")?.checked_add(scan)?,
            idle: self.millis(b"+")?,
            mark_term: self.millis(b" ms cpu, ")?,
        })
    }

    /// Skips these bytes if the text starts with them.
    #[inline(always)]
    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(literal)?;
        Some(())
    }

    /// Skips the arrow between heap sizes. Docker's JSON log escapes `>`, because it is special in HTML.
    #[inline(always)]
    fn arrow(&mut self) -> Option<()> {
        self.literal(b"->").or_else(|| self.literal(br"-\u003e"))
    }

    #[inline(always)]
    fn integer(&mut self) -> Option<u64> {
        let mut value = 0u64;
        let mut len = 0;
        while let Some(digit) = self.digit(len) {
            value = value.checked_mul(10)?.checked_add(digit)?;
            len += 1;
        }
        self.0 = &self.0[len..];
        (len > 0).then_some(value)
    }

    #[inline(always)]
    fn digit(&self, at: usize) -> Option<u64> {
        self.0.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10).map(u64::from)
    }

    /// Parses a number with decimals, times `unit`, which is a power of ten.
    #[inline(always)]
    fn decimal(&mut self, unit: u64) -> Option<u64> {
        let whole = self.integer()?.checked_mul(unit)?;
        if self.literal(b".").is_none() {
            return Some(whole);
        }
        let mut fraction = 0;
        let mut place = unit;
        let mut len = 0;
        while let Some(digit) = self.digit(len) {
            place /= 10;
            fraction += digit * place;
            len += 1;
        }
        self.0 = &self.0[len..];
        // No runtime writes more decimals than nanoseconds.
        if len == 0 || place == 0 { None } else { whole.checked_add(fraction) }
    }

    /// Parses milliseconds and the bytes that follow them.
    #[inline(always)]
    fn millis(&mut self, end: &[u8]) -> Option<Duration> {
        let nanos = self.decimal(NANOS_PER_MILLI)?;
        self.literal(end)?;
        Some(Duration::from_nanos(nanos))
    }

    #[inline(always)]
    fn megabytes(&mut self) -> Option<u64> {
        self.integer()?.checked_mul(BYTES_PER_MB)
    }

    /// Returns whether the line ends here. Blanks may follow, or the end of a JSON string that contains the line.
    fn at_end(&self) -> bool {
        let blank = self.0.iter().position(|byte| !b" \t\r".contains(byte));
        blank.is_none_or(|at| matches!(&self.0[at..], [b'"', ..] | [b'\\', b'n' | b'r', ..]))
    }
}
