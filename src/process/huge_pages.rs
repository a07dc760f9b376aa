//! Controls when the process gets huge pages, on Linux systems with transparent huge pages.
//!
//! **Problem.** The relations are read at random for as long as the service runs, and they are read
//! faster from huge pages: without these, a check of two legs costs 8 % more (29.5 µs for 27.4).
//! Everything else is better off without huge pages:
//!
//! - While a bundle is compiled, most allocations are short-lived. The allocator requests 2 MiB at
//!   a time, and each time Linux clears 2 MiB that are used once; in a virtual machine that returns
//!   free memory to its host, the host has to find this memory first.
//! - While requests are answered, `khugepaged` scans the process every ten seconds and copies small
//!   pages together into huge ones. A worker that touches such a page meanwhile has to wait.
//!
//! **Decision.** Huge pages are on while relations are built, at the start and at every load. They
//! are off while a bundle is compiled, and while the service serves. Relations that are written
//! while it serves are in small pages until the next start.
//! **Measured** on two cores of a virtual machine with free page reporting. Ten thousand policies,
//! from the start of the process to its first answer: 1.6 s and 144 MiB with huge pages throughout,
//! 1.25 s and 136 MiB with none while they compile. The same service under 5,000 requests a second:
//! with `khugepaged` some 40 requests in a row were late by 8 to 10 ms about ten seconds after the
//! start, in three runs of three, and p99.9 over 8 s was 5.3 to 6.2 ms; without, 2.3 to 3.4 ms. On
//! the same machine, a server that does nothing had 1.2 to 2.7 ms, caused by pauses of the machine.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it was [`settle_pages`] that turned huge pages off, rather than the operator.
static SETTLED: AtomicBool = AtomicBool::new(false);

/// Stops giving new huge pages to the process, except for the relations of a bundle while it is
/// loaded. Existing huge pages remain. Does nothing if the system has no huge pages, or the
/// operator has turned them off.
///
/// This is a setting of the whole process, meant for a program that starts to serve rather than for
/// users of the library.
pub fn settle_pages() {
    if !system::are_small() && system::make_small(true) {
        SETTLED.store(true, Ordering::Release);
    }
}

/// A guard that changes which pages the process gets; dropping it restores the previous setting.
#[derive(Debug)]
pub(crate) struct HugePages {
    /// The setting to restore, if it was changed.
    were_small: Option<bool>,
}

impl HugePages {
    /// Turns huge pages off.
    pub(crate) fn small() -> Self {
        Self::begin(!system::are_small(), true)
    }

    /// Turns huge pages on if [`settle_pages`] turned them off; if the operator did, they stay off.
    pub(crate) fn huge() -> Self {
        Self::begin(
            SETTLED.load(Ordering::Acquire) && system::are_small(),
            false,
        )
    }

    fn begin(is_change: bool, small: bool) -> Self {
        Self {
            were_small: (is_change && system::make_small(small)).then_some(!small),
        }
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        if let Some(small) = self.were_small {
            system::make_small(small);
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

    /// Returns `true` also if the system does not say.
    pub(crate) fn are_small() -> bool {
        transparent_huge_pages_are_disabled().unwrap_or(true)
    }

    pub(crate) fn make_small(small: bool) -> bool {
        disable_transparent_huge_pages(small).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(crate) fn are_small() -> bool {
        true
    }

    pub(crate) fn make_small(_small: bool) -> bool {
        false
    }
}
