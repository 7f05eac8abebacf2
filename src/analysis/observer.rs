//! The trait of analyses that need one pass, and the function that makes the pass.

use crate::error::Error;
use crate::event::Event;
use crate::event::record::{Record, Sink};
use crate::event::tables::Symbols;
use crate::reader::Reader;

/// An analysis that is shown the events of a trace in order and keeps what it needs of them.
///
/// A tuple of observers, a `Vec` of them and an `Option` of one are observers: that is how several share a pass.
pub trait Observer {
    /// What it finds.
    type Output;

    /// The next event.
    fn event(&mut self, event: &Event<'_>);

    /// The trace has ended, or cannot be read any further. Returns what was found.
    fn finish(self) -> Self::Output;
}

/// Shows an observer all events that the reader still has, and returns what it found.
///
/// If the trace is damaged, this returns what was found before the damage, and the error. A lenient reader continues after the
/// damage; no analysis counts anything across the gap.
pub fn run<O: Observer>(reader: &mut Reader<'_>, mut observer: O) -> (O::Output, Option<Error>) {
    let error = reader.drain(&mut Showing(&mut observer)).err();
    (observer.finish(), error)
}

/// Shows records to an observer as events.
struct Showing<'a, O>(&'a mut O);

impl<O: Observer> Sink for Showing<'_, O> {
    #[inline]
    fn add(&mut self, records: &[Record], symbols: Symbols<'_>) {
        for record in records {
            self.0.event(&Event::new(record, symbols));
        }
    }
}

impl<O: Observer> Observer for Vec<O> {
    type Output = Vec<O::Output>;

    fn event(&mut self, event: &Event<'_>) {
        self.iter_mut().for_each(|observer| observer.event(event));
    }

    fn finish(self) -> Self::Output {
        self.into_iter().map(O::finish).collect()
    }
}

impl<O: Observer> Observer for Option<O> {
    type Output = Option<O::Output>;

    fn event(&mut self, event: &Event<'_>) {
        self.iter_mut().for_each(|observer| observer.event(event));
    }

    fn finish(self) -> Self::Output {
        self.map(O::finish)
    }
}

macro_rules! observe_together {
    ($($name:ident)+) => {
        impl<$($name: Observer),+> Observer for ($($name,)+) {
            type Output = ($($name::Output,)+);

            #[inline]
            #[allow(non_snake_case, reason = "a variable is named as its type")]
            fn event(&mut self, event: &Event<'_>) {
                let ($($name,)+) = self;
                $($name.event(event);)+
            }

            #[allow(non_snake_case, reason = "a variable is named as its type")]
            fn finish(self) -> Self::Output {
                let ($($name,)+) = self;
                ($($name.finish(),)+)
            }
        }
    };
}

observe_together!(A);
observe_together!(A B);
observe_together!(A B C);
observe_together!(A B C D);
observe_together!(A B C D E);
observe_together!(A B C D E F);
observe_together!(A B C D E F G);
observe_together!(A B C D E F G H);
