//! The trait of single-pass analyses, and the function that runs them.

use crate::error::Error;
use crate::event::Event;
use crate::event::record::{Record, Sink};
use crate::event::tables::Symbols;
use crate::reader::Reader;

/// An analysis that receives the events of a trace in order.
///
/// A tuple of observers, a `Vec` of observers and an `Option` of an observer are observers too, so
/// several observers can share a pass.
pub trait Observer {
    /// The result of the analysis.
    type Output;

    /// Processes the next event.
    fn event(&mut self, event: &Event<'_>);

    /// Returns the result. Called when the trace has ended or cannot be read any further.
    fn finish(self) -> Self::Output;
}

/// Passes all remaining events of the reader to an observer, and returns the result of the
/// observer.
///
/// If the trace is damaged, this returns the result up to the damage, and the error. A lenient
/// reader skips the damaged part and continues. What happened in this gap is unknown, so no time in
/// it counts as running, waiting or any other known state.
pub fn run<O: Observer>(reader: &mut Reader<'_>, mut observer: O) -> (O::Output, Option<Error>) {
    let error = reader.drain(&mut ObserverSink(&mut observer)).err();
    (observer.finish(), error)
}

/// Converts records to events and passes them to an observer.
struct ObserverSink<'a, O>(&'a mut O);

impl<O: Observer> Sink for ObserverSink<'_, O> {
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

macro_rules! impl_observer_for_tuple {
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

impl_observer_for_tuple!(A);
impl_observer_for_tuple!(A B);
impl_observer_for_tuple!(A B C);
impl_observer_for_tuple!(A B C D);
impl_observer_for_tuple!(A B C D E);
impl_observer_for_tuple!(A B C D E F);
impl_observer_for_tuple!(A B C D E F G);
impl_observer_for_tuple!(A B C D E F G H);
