//! The way of spans from where they are found to where they are kept: in blocks, to another thread if that pays.
//!
//! Finding a span takes the decoder, the scheduler's rules and lookups; keeping it takes memory that no cache holds. The two
//! take about as long, and nothing that keeping finds is needed for finding. So a long trace is read on one thread and kept on
//! another, whatever its format and wherever it comes from. Blocks go round, so there are no more than a few.

use std::mem;
use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::timeline::spans::{Spans, SpansBuilder, Step};

/// How many steps go at once: on one thread few enough for the first-level cache,
const SHORT_BLOCK: usize = 256;
/// to another one so many that handing them over is seldom, and few enough for the second-level cache.
const LONG_BLOCK: usize = 4096;
/// How many blocks go round.
const BLOCKS: usize = 8;
/// So many short blocks have to come before another thread is worth its start.
const PATIENCE: u32 = 128;

/// Takes spans in, in order of time.
#[derive(Debug)]
pub(super) struct Feed {
    block: Vec<Step>,
    len: usize,
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    /// So many blocks later it may be another thread.
    Here {
        spans: SpansBuilder,
        patience: Option<u32>,
    },
    There(Keeping),
}

/// Another thread that keeps spans.
#[derive(Debug)]
struct Keeping {
    full: Sender<Vec<Step>>,
    empty: Receiver<Vec<Step>>,
    thread: JoinHandle<SpansBuilder>,
}

impl Feed {
    /// With more than one thread, another one will keep what comes, if enough comes.
    pub fn new(threads: usize) -> Self {
        Self::with_patience((threads > 1).then_some(PATIENCE))
    }

    fn with_patience(patience: Option<u32>) -> Self {
        let keeper = Keeper::Here { spans: SpansBuilder::default(), patience };
        Feed { block: Vec::with_capacity(SHORT_BLOCK), len: SHORT_BLOCK, keeper }
    }

    /// Takes in the next step.
    #[inline(always)]
    pub fn push(&mut self, step: Step) {
        self.block.push(step);
        if self.block.len() == self.len {
            self.pass_on();
        }
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        match &mut self.keeper {
            Keeper::Here { spans, patience } => {
                spans.take_in(&self.block);
                self.block.clear();
                *patience = match patience {
                    Some(0) => return self.move_out(),
                    Some(left) => Some(*left - 1),
                    None => None,
                };
            }
            Keeper::There(keeping) => {
                // It is gone if it panicked, which is told at the end.
                let next = keeping.empty.recv().unwrap_or_default();
                let _ = keeping.full.send(mem::replace(&mut self.block, next));
            }
        }
    }

    /// Starts the other thread. Where there can be none, all stays as it is.
    fn move_out(&mut self) {
        let Keeper::Here { spans, patience } = &mut self.keeper else { return };
        *patience = None;
        let (full, blocks) = mpsc::channel();
        let (give_back, empty) = mpsc::channel();
        let (hand_over, begun) = mpsc::sync_channel(1);
        let Ok(thread) = thread::Builder::new()
            .name("timeline spans".to_owned())
            .spawn(move || keep(begun.recv().unwrap_or_default(), &blocks, &give_back))
        else {
            return;
        };
        let _ = hand_over.send(mem::take(spans));
        self.keeper = Keeper::There(Keeping { full, empty, thread });
        self.block = Vec::with_capacity(LONG_BLOCK);
        self.len = LONG_BLOCK;
    }

    /// All spans, of so many goroutines.
    pub fn finish(self, goroutines: usize) -> Spans {
        let mut spans = match self.keeper {
            Keeper::Here { spans, .. } => spans,
            Keeper::There(Keeping { full, thread, .. }) => {
                drop(full);
                thread.join().unwrap_or_else(|fault| panic::resume_unwind(fault))
            }
        };
        spans.take_in(&self.block);
        spans.finish(goroutines)
    }
}

/// Keeps what comes, and gives the blocks back.
fn keep(mut spans: SpansBuilder, blocks: &Receiver<Vec<Step>>, give_back: &Sender<Vec<Step>>) -> SpansBuilder {
    for _ in 0..BLOCKS {
        let _ = give_back.send(Vec::with_capacity(LONG_BLOCK));
    }
    for mut block in blocks {
        spans.take_in(&block);
        block.clear();
        let _ = give_back.send(block);
    }
    spans
}
