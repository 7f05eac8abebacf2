//! The state of lenient reading.

use crate::error::Error;
use crate::time::Frequency;

/// The state of the current generation.
#[derive(Debug, Default)]
pub(super) enum Phase {
    /// The generation has no batch yet.
    #[default]
    Before,
    /// No part of the generation is missing.
    Sound,
    /// A part is missing, which was reported.
    AfterHole,
    /// The generation cannot be delivered, because of this error.
    Unusable(Error),
}

/// The known properties of earlier generations.
#[derive(Debug, Default)]
pub(super) struct EarlierGenerations {
    /// The number of the last generation, or 0 if there was no generation.
    pub number: u64,
    pub frequency: Option<Frequency>,
    /// A time on the clock, in units of the clock.
    pub time: u64,
    pub preceding: Preceding,
}

/// The data before the place where a generation should start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Preceding {
    /// The header of the file.
    #[default]
    Header,
    /// A whole generation.
    WholeGeneration,
    /// A generation with a missing part.
    DamagedGeneration,
    /// Damage that was reported.
    Damage,
}

impl Phase {
    pub fn has_hole(&self) -> bool {
        matches!(self, Phase::AfterHole)
    }

    pub fn mark_hole(&mut self) {
        if let Phase::Sound = self {
            *self = Phase::AfterHole;
        }
    }
}
