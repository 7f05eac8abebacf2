//! The way to the keeper: at once, or in blocks to another thread if that pays. Blocks go round, so
//! there are no more than a few.

use std::mem;
use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::has_text;
use super::keeper::Keeper;
use super::numbers::Numbers;
use crate::event::record::Record;

/// How many events go at once to another thread: so many that handing them over is seldom, and few
/// enough to stay in a cache.
const BLOCK: usize = 2048;
/// How many blocks go round.
const BLOCKS: usize = 4;
/// So many events have to come before another thread is worth its start.
const PATIENCE: usize = 1 << 15;

/// Passes events on, in order of time.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one")]
pub(super) enum Feed {
    /// After so many events it may be another thread.
    Here {
        keeper: Keeper,
        patience: Option<usize>,
    },
    There(Thread),
}

/// Another thread that keeps what comes.
#[derive(Debug)]
pub(super) struct Thread {
    block: Block,
    full: Sender<Block>,
    empty: Receiver<Block>,
    handle: JoinHandle<Keeper>,
}

/// Consecutive events.
#[derive(Debug, Default)]
struct Block {
    /// A generation's numbers, which are in force from here on.
    numbers: Option<Box<Numbers>>,
    records: Vec<Record>,
}

impl Block {
    fn new() -> Self {
        Block { numbers: None, records: Vec::with_capacity(BLOCK + BLOCK / 4) }
    }
}

impl Feed {
    /// With more than one thread, another one will keep what comes, if enough comes.
    pub fn new(threads: usize) -> Self {
        Self::with_patience((threads > 1).then_some(PATIENCE))
    }

    pub fn with_patience(patience: Option<usize>) -> Self {
        Feed::Here { keeper: Keeper::default(), patience }
    }

    /// These numbers are in force from now on.
    pub fn begin_generation(&mut self, numbers: Numbers) {
        match self {
            Feed::Here { keeper, .. } => keeper.begin_generation(numbers),
            Feed::There(thread) => {
                thread.send();
                thread.block.numbers = Some(Box::new(numbers));
            }
        }
    }

    /// Passes records on; those that have text are translated.
    #[inline]
    pub fn pass_on(&mut self, records: &[Record], mut translate: impl FnMut(&Record) -> Record) {
        match self {
            Feed::Here { keeper, patience } => {
                for record in records {
                    match has_text(record.what) {
                        false => keeper.add(record),
                        true => keeper.add(&translate(record)),
                    }
                }
                match patience {
                    Some(left) if *left < records.len() => self.move_out(),
                    Some(left) => *left -= records.len(),
                    None => {}
                }
            }
            Feed::There(thread) => {
                let block = &mut thread.block.records;
                let first = block.len();
                block.extend_from_slice(records);
                for record in block.iter_mut().skip(first).filter(|record| has_text(record.what)) {
                    *record = translate(record);
                }
                if block.len() >= BLOCK {
                    thread.send();
                }
            }
        }
    }

    /// Starts the other thread. Where there can be none, all stays as it is.
    #[cold]
    fn move_out(&mut self) {
        let Feed::Here { keeper, patience } = self else { return };
        *patience = None;
        let (full, blocks) = mpsc::channel();
        let (give_back, empty) = mpsc::channel();
        let (hand_over, handed) = mpsc::sync_channel(1);
        let keep = move || keep(handed.recv().unwrap_or_default(), &blocks, &give_back);
        let Ok(handle) = thread::Builder::new().name("gotrace keeper".to_owned()).spawn(keep) else { return };
        let _ = hand_over.send(mem::take(keeper));
        *self = Feed::There(Thread { block: Block::new(), full, empty, handle });
    }

    /// The keeper, who has it all.
    pub fn finish(self) -> Keeper {
        match self {
            Feed::Here { keeper, .. } => keeper,
            Feed::There(mut thread) => {
                thread.send();
                drop(thread.full);
                thread.handle.join().unwrap_or_else(|fault| panic::resume_unwind(fault))
            }
        }
    }
}

impl Thread {
    /// Hands the block over, and goes on with an empty one.
    fn send(&mut self) {
        // It is gone if it panicked, which is told at the end.
        let next = self.empty.recv().unwrap_or_default();
        let _ = self.full.send(mem::replace(&mut self.block, next));
    }
}

/// Keeps what comes, and gives the blocks back.
fn keep(mut keeper: Keeper, blocks: &Receiver<Block>, give_back: &Sender<Block>) -> Keeper {
    for _ in 0..BLOCKS {
        let _ = give_back.send(Block::new());
    }
    for mut block in blocks {
        if let Some(numbers) = block.numbers.take() {
            keeper.begin_generation(*numbers);
        }
        block.records.iter().for_each(|record| keeper.add(record));
        block.records.clear();
        let _ = give_back.send(block);
    }
    keeper
}
