//! Bounds the time of one call.

use std::time::{Duration, Instant};

/// Time for a check, a batch of checks, or an expansion. Later the answer would be of no use to its
/// client: this is OpenFGA's own deadline for a request.
const CHECK_TIME: Duration = Duration::from_secs(3);

/// Time for a list (OpenFGA's `listObjectsDeadline` and `listUsersDeadline`). The answer then holds
/// what was found so far, and says that it was cut.
const LIST_TIME: Duration = Duration::from_secs(3);

/// The end of a call's time. It uses the system's monotonic clock: it is a duration, and no answer
/// depends on the date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline of a check that begins now.
    pub(super) fn of_check() -> Self {
        Self(Instant::now() + CHECK_TIME)
    }

    /// Returns the deadline of a list that begins now.
    pub(super) fn of_list() -> Self {
        Self(Instant::now() + LIST_TIME)
    }

    /// Returns `true` if the time is up.
    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}
