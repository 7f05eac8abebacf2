//! Passes records to the keeper: directly, or in blocks to another thread once the trace is long
//! enough. Blocks are reused, so there are only a few.

use std::mem;
use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::has_text;
use super::keeper::Keeper;
use super::numbers::Numbers;
use crate::event::record::Record;

/// The number of events in a block: many enough that sending blocks is rare, and few enough to stay
/// in a cache.
const BLOCK: usize = 2048;
/// The number of blocks.
const BLOCKS: usize = 4;
/// The number of events after which starting another thread saves time.
const PATIENCE: usize = 1 << 15;

/// Passes events to the keeper, in order of time.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is only one value")]
pub(super) enum Feed {
    /// The keeper runs on this thread. After `patience` more events, another thread is started.
    Here {
        keeper: Keeper,
        patience: Option<usize>,
    },
    There(Thread),
}

/// Another thread that runs the keeper.
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
    /// The numbers of the generation that starts with this block, if a generation starts.
    numbers: Option<Box<Numbers>>,
    records: Vec<Record>,
}

impl Block {
    fn new() -> Self {
        Block { numbers: None, records: Vec::with_capacity(BLOCK + BLOCK / 4) }
    }
}

impl Feed {
    /// Creates a feed. With more than one thread, another thread runs the keeper once there are enough events.
    pub fn new(threads: usize) -> Self {
        Self::with_patience((threads > 1).then_some(PATIENCE))
    }

    pub fn with_patience(patience: Option<usize>) -> Self {
        Feed::Here { keeper: Keeper::default(), patience }
    }

    /// Starts a generation with these numbers.
    pub fn begin_generation(&mut self, numbers: Numbers) {
        match self {
            Feed::Here { keeper, .. } => keeper.begin_generation(numbers),
            Feed::There(thread) => {
                thread.send();
                thread.block.numbers = Some(Box::new(numbers));
            }
        }
    }

    /// Passes records to the keeper. Records that refer to strings are translated first.
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

    /// Starts the other thread. If it cannot be started, this thread continues.
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

    /// Returns the keeper, which has received all events.
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
    /// Sends the block and receives an empty block.
    fn send(&mut self) {
        // If the other thread has panicked, `finish` resumes the panic.
        let next = self.empty.recv().unwrap_or_default();
        let _ = self.full.send(mem::replace(&mut self.block, next));
    }
}

/// Adds the records of each block to the keeper, and returns the blocks.
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
