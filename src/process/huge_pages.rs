//! Which pages of memory the process gets, where Linux gives out transparent huge ones.
//!
//! **Problem.** What is read at random for as long as the service runs, the relations, is read
//! faster from huge pages: without them a check of two legs costs 8 % more (29.5 µs for 27.4).
//! Everything else is better off without:
//!
//! - While a bundle is compiled, most of what is allocated lives for a moment. The allocator asks
//!   for it 2 MiB at a time, and each time Linux clears 2 MiB that are used once; in a virtual
//!   machine that gives free memory back to its host, the host has to find them first.
//! - While requests are answered, `khugepaged` looks at the process every ten seconds and copies
//!   small pages together into huge ones. Whoever touches them meanwhile waits, which is the
//!   worker.
//!
//! **Decision.** Huge pages while relations are built, at the start and at every load; none while a
//! bundle is compiled, nor while the service serves. What is written while it does lies in small
//! pages until the next start.
//! **Measured** on two cores of a virtual machine with free page reporting. Ten thousand policies,
//! from the start of the process to its first answer: 1.6 s and 144 MiB with huge pages throughout,
//! 1.25 s and 136 MiB with none while they compile. The same service under 5,000 requests a second:
//! with `khugepaged` some 40 requests in a row were late by 8 to 10 ms about ten seconds after the
//! start, in three runs of three, and p99.9 over 8 s was 5.3 to 6.2 ms; without, 2.3 to 3.4 ms. A
//! server that does nothing had 1.2 to 2.7 ms beside it, of the machine's own pauses.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether [`settle_pages`] ended huge pages, and not whoever runs the service.
static SETTLED: AtomicBool = AtomicBool::new(false);

/// From now on the process gets no new huge pages, except for the relations of a bundle while it is
/// loaded. Those that it has stay. Where the system does not know huge pages, or whoever runs the
/// service has turned them off, it does nothing.
///
/// It is a setting of the whole process and meant for a program that starts to serve, not for a
/// library's caller.
pub fn settle_pages() {
    if !system::are_small() && system::make_small(true) {
        SETTLED.store(true, Ordering::Release);
    }
}

/// While it lives, this process gets pages of one kind; then those that it got before.
#[derive(Debug)]
pub(crate) struct Pages {
    /// What to go back to, where something was changed.
    were_small: Option<bool>,
}

impl Pages {
    /// No new huge pages.
    pub(crate) fn small() -> Self {
        Self::begin(!system::are_small(), true)
    }

    /// Huge pages also where the service has settled; whoever runs it may have turned them off for
    /// good.
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

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(small) = self.were_small {
            system::make_small(small);
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

    /// Also where the system does not say.
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
