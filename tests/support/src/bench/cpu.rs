//! The processor time of one thread. On a shared machine it shows what an operation costs, while
//! wall-clock time also includes waiting for other processes.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Returns the processor time that this thread has used.
pub fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
