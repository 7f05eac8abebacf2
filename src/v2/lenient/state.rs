//! What lenient reading knows of the generation in hand and of the trace before it.

use crate::error::Error;
use crate::time::Frequency;

/// How sound the generation in hand is.
#[derive(Debug, Default)]
pub(super) enum Phase {
    /// It has no batch yet.
    #[default]
    Before,
    /// Nothing is missing.
    Sound,
    /// A part of it is missing, and that was reported.
    AfterHole,
    /// It can't be delivered: why.
    Unusable(Error),
}

/// What is known of the trace before the generation in hand.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The number of the last generation, 0 if there is none.
    pub number: u64,
    pub frequency: Option<Frequency>,
    /// A time on the clock, in its units.
    pub time: u64,
    pub border: Border,
}

/// What is before the place at which a generation should begin.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Border {
    /// The header of the file.
    #[default]
    Header,
    /// A generation of which nothing is missing.
    WholeGeneration,
    /// A generation of which a part is missing.
    DamagedGeneration,
    /// Damage that was reported, and that goes on.
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
