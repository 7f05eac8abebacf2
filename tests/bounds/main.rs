//! Bounds on the memory and time of reading.

mod floods;
mod memory;

use std::sync::RwLock;

/// Held for writing by the test that measures memory, since allocations of other tests would count.
static ALONE: RwLock<()> = RwLock::new(());
