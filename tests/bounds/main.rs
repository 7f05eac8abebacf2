//! What reading costs, in memory and in time.

mod floods;
mod memory;

use std::sync::RwLock;

/// Held for writing by the test that measures memory: what the others allocate would count.
static ALONE: RwLock<()> = RwLock::new(());
