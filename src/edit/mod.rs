//! Examines damaged traces and saves their undamaged parts.
//!
//! [`examine`] reads a trace leniently and reports what could be read, what is lost and the
//! probable cause. [`survey`] reads the damaged parts again and counts the batches, events and
//! threads in them. [`repair`] writes the undamaged parts as traces that Go's tools accept.
//!
//! ```
//! use std::io::Cursor;
//!
//! use gotrace::edit::{TraceStatus, examine, repair, survey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/traces/go1.26/generations.trace");
//! # let mut bytes = std::fs::read(path)?;
//! # bytes.truncate(bytes.len() - 1);
//! let mut report = examine(&bytes[..]);
//! survey(&mut report, &mut Cursor::new(&bytes))?;
//! assert_eq!(report.status, TraceStatus::Damaged);
//! if let Some(cause) = &report.cause {
//!     println!("{cause}");
//! }
//! // Each part is a whole trace. Here, the parts are kept in memory.
//! for part in repair(&mut Cursor::new(&bytes), &report, || Ok(Vec::new()))? {
//!     println!("{} bytes, generations {:?}", part.trace.len(), part.report.generations);
//! }
//! # Ok(())
//! # }
//! ```

mod cause;
mod examine;
mod misuse;
mod repair;
mod report;
mod rewrite;
mod rewrite_old;
mod survey;

pub use cause::{Cause, Remedy, probable_cause};
pub use examine::{examine, unreadable};
pub use repair::{Draft, RepairError, Repaired, repair};
pub use report::{DamageReport, GenerationReport, LeftOut, RepairedReport, TraceStatus};
pub use survey::survey;
