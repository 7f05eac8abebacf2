//! The memory of the process as the operating system sees it.

use crate::time::WallTime;

/// The memory of the process at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessMemory {
    /// When it was measured. `None` if that is not known.
    pub time: Option<WallTime>,
    /// The resident memory (RSS), in bytes.
    pub resident: u64,
    /// The memory that was moved to swap space, in bytes. 0 if that is not known.
    pub swapped: u64,
    /// The ID of the process. `None` if that is not known.
    pub pid: Option<u32>,
    /// The part of the resident memory that files back, in bytes: mapped files and the program's code. The system
    /// can take it back at any time. `None` if that is not known.
    pub file: Option<u64>,
}

impl ProcessMemory {
    /// Reads the text of Linux's `/proc/PID/status`: `VmRSS` and, since Linux 4.5, `RssFile` and
    /// `RssShmem`. `None` if it is another text.
    ///
    /// ```
    /// use gotrace::diagnose::ProcessMemory;
    ///
    /// let text = "Name:\tshop\nVmRSS:\t  20480 kB\nRssFile:\t   8192 kB\n";
    /// let memory = ProcessMemory::from_status(text);
    /// assert_eq!(memory.map(|memory| memory.resident), Some(20 << 20));
    /// ```
    pub fn from_status(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            kilobytes.checked_mul(1024)
        };
        let resident = value("VmRSS")?;
        let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
        let swapped = value("VmSwap").unwrap_or(0);
        Some(ProcessMemory { time: None, resident, swapped, pid, file: value("RssFile") })
    }

    /// Sets when it was measured.
    #[must_use]
    pub fn at(mut self, time: impl Into<Option<WallTime>>) -> Self {
        self.time = time.into();
        self
    }

    /// Returns the memory that no file backs, swap space included, in bytes.
    pub(super) fn private(&self) -> u64 {
        self.resident.saturating_sub(self.file.unwrap_or(0)).saturating_add(self.swapped)
    }
}
