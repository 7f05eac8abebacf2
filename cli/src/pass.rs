//! Runs analyses that need no timeline, in one pass over the trace.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use gotrace::analysis::{Observer, run};
use gotrace::{Error, Event, EventKind, Reader, Time};

use crate::failure::Failure;
use crate::input;
use crate::select::Window;
use crate::terminal::TimeStyle;
use crate::view::clock::Clock;

/// What an analysis found.
pub struct Found<T> {
    /// Its report.
    pub report: T,
    /// The trace's clock.
    pub clock: Clock,
    /// Why the trace could not be read to its end.
    pub error: Option<Error>,
}

/// Passes all events of a file, or of standard input for `-`, to an observer.
pub fn observe<O: Observer>(path: &Path, times: TimeStyle, observer: O) -> Result<Found<O::Output>, Failure> {
    observe_within(path, times, &Window::default(), |_| observer)
}

/// Like [`observe`], for an observer of a part of the trace. `make` creates the observer at the
/// first event, because `--from` and `--to` may be relative to the start of the trace.
///
/// # Errors
///
/// If the file cannot be read at all, or the window does not fit the trace.
pub fn observe_within<O: Observer>(
    path: &Path,
    times: TimeStyle,
    window: &Window,
    make: impl FnOnce(Range<Time>) -> O,
) -> Result<Found<O::Output>, Failure> {
    observe_input(path, input::open_trace(path)?, times, window, make)
}

/// Like [`observe_within`], for a trace that is already open.
pub fn observe_input<O: Observer>(
    path: &Path,
    input: Box<dyn Read + Send>,
    times: TimeStyle,
    window: &Window,
    make: impl FnOnce(Range<Time>) -> O,
) -> Result<Found<O::Output>, Failure> {
    let mut reader = Reader::from_reader(input).map_err(|error| Failure::trace(path, &error))?;
    let lazy = LazyObserver { make: Some(make), window, times, end: Time(i64::MIN), state: None };
    let (state, error) = run(&mut reader, lazy);
    match (state, error) {
        (Some(Ok((clock, end, report))), error) => match (window.within(end, &clock), error) {
            // If the trace is damaged, the requested part may be after the damage, so this reports
            // the damage.
            (Err(failure), None) => Err(failure),
            (_, error) => Ok(Found { report, clock, error }),
        },
        (Some(Err(failure)), _) => Err(failure),
        (None, Some(error)) => Err(Failure::trace(path, &error)),
        (None, None) => {
            Err(Failure::Input { path: path.into(), error: "the trace has no events".into(), hint: "".into() })
        }
    }
}

/// Fails if the trace could not be read to its end. Commands call this after they print their
/// report.
pub fn check_read_to_end(path: &Path, error: Option<&Error>) -> Result<(), Failure> {
    error.map_or(Ok(()), |error| Err(Failure::trace(path, error)))
}

/// An observer that is created at the first event.
struct LazyObserver<'w, F, O> {
    make: Option<F>,
    window: &'w Window,
    times: TimeStyle,
    end: Time,
    state: Option<Result<(Clock, O), Failure>>,
}

impl<F: FnOnce(Range<Time>) -> O, O> LazyObserver<'_, F, O> {
    /// Creates the observer at the first event.
    #[cold]
    fn start(&mut self, event: &Event<'_>) {
        let Some(make) = self.make.take() else { return };
        let snapshot = match event.kind() {
            EventKind::Sync(sync) => sync.clock,
            _ => None,
        };
        let clock = Clock::new(event.time(), snapshot, self.times);
        self.state = Some(self.window.on(&clock).map(|range| (clock, make(range))));
    }
}

impl<F: FnOnce(Range<Time>) -> O, O: Observer> Observer for LazyObserver<'_, F, O> {
    type Output = Option<Result<(Clock, Time, O::Output), Failure>>;

    #[inline]
    fn event(&mut self, event: &Event<'_>) {
        if self.state.is_none() {
            self.start(event);
        }
        self.end = event.time();
        if let Some(Ok((_, observer))) = &mut self.state {
            observer.event(event);
        }
    }

    fn finish(self) -> Self::Output {
        self.state.map(|state| state.map(|(clock, observer)| (clock, self.end, observer.finish())))
    }
}
