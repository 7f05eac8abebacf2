//! The judgement on leaks, from all files of a session.

use gotrace::diagnose::{Options, Verdict, diagnose};

use super::charts::Charts;
use super::session::Loaded;
use super::source::{Content, Source, open};
use super::trace::Trace;
use crate::capture::{Captured, Expected};
use crate::failure::Failure;

/// The judgement on leaks.
pub struct Leak {
    /// The same as that of `gotrace diagnose`.
    pub verdict: Verdict,
    pub charts: Charts,
}

impl Leak {
    /// Reads the files that have not been read, and judges.
    pub fn new(sources: Vec<Source>, loaded: &Loaded) -> Result<Self, String> {
        let mut captured = Captured::default();
        for source in sources {
            add(&mut captured, source, loaded).map_err(|failure| failure.to_string())?;
        }
        let verdict = diagnose(&captured.inputs, &Options::default());
        Ok(Leak { verdict, charts: Charts::new(&captured.inputs) })
    }
}

fn add(captured: &mut Captured, source: Source, loaded: &Loaded) -> Result<(), Failure> {
    let Source { path, kind, content } = source;
    let added = match content {
        Content::Unusable(failure) => Err(failure),
        Content::Profile(number) => captured.add_profile(&path, &loaded.profiles[number].profile),
        Content::Unread(input) => open(&path, input).and_then(|input| captured.add(&path, input, Expected::Anything)),
        Content::Timeline => match loaded.trace().ok().map(Trace::reports) {
            Some(Ok(reports)) => {
                captured.add_trace(&path, reports.evidence.clone(), reports.damage.clone());
                Ok(())
            }
            Some(Err(error)) => Err(Failure::Input { path: path.clone(), error, hint: "".into() }),
            None => Ok(()),
        },
    };
    added.or_else(|failure| captured.unusable(kind, &path, failure))
}
