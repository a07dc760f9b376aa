//! How long one call may think.

use std::time::{Duration, Instant};

/// Time for a check, a batch of them, or an expansion. A check that is still busy after it would be
/// of no use to whoever waits for it: OpenFGA's own deadline for a request.
const CHECK_TIME: Duration = Duration::from_secs(3);

/// Time for a list (OpenFGA's `listObjectsDeadline` and `listUsersDeadline`). What was found by
/// then is the answer, and it says that it was cut.
const LIST_TIME: Duration = Duration::from_secs(3);

/// The end of a call's time. Measured with the monotonic clock: this is a duration, and no answer
/// depends on the date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// For a check.
    pub(super) fn of_check() -> Self {
        Self(Instant::now() + CHECK_TIME)
    }

    /// For a list.
    pub(super) fn of_list() -> Self {
        Self(Instant::now() + LIST_TIME)
    }

    /// Whether the time is up.
    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}
