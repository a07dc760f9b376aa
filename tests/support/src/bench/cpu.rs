//! The processor time of one thread: on a machine that others use too, it says what an operation
//! costs where the clock on the wall says how long the others took.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// How long this thread has run.
pub fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
