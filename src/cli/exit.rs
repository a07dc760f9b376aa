//! Exit codes, so that a script can tell one failure from another.

use crate::model::Problem;
use std::process::ExitCode;

/// Why a command ends without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ExitReason {
    /// What was asked for was not done: a case fails, a line is wrong, a service refuses.
    Failed = 1,
    /// The command line, or a variable that it is completed from, makes no sense.
    Usage = 2,
    /// The request is denied, and the exit code was to tell.
    Denied = 3,
    /// The bundle cannot be read, or is refused.
    BrokenBundle = 4,
    /// The service does not answer.
    Unreachable = 5,
    /// The cases reach less of the policies than is required.
    LowCoverage = 6,
    /// A lint that is denied found something.
    Lint = 7,
}

impl From<ExitReason> for ExitCode {
    fn from(reason: ExitReason) -> Self {
        Self::from(reason as u8)
    }
}

/// A problem that ends a command, with its exit code.
#[derive(Clone, Debug)]
pub(super) struct CommandFailure {
    pub(super) problem: Problem,
    pub(super) reason: ExitReason,
}

impl CommandFailure {
    /// Creates the failure of a command line that makes no sense.
    pub(super) fn usage(problem: Problem) -> Self {
        Self {
            problem,
            reason: ExitReason::Usage,
        }
    }

    /// Creates the failure of a service that does not answer.
    pub(super) fn unreachable(problem: Problem) -> Self {
        Self {
            problem,
            reason: ExitReason::Unreachable,
        }
    }

    /// Changes the problem, and keeps the exit code.
    pub(super) fn map(self, change: impl FnOnce(Problem) -> Problem) -> Self {
        Self {
            problem: change(self.problem),
            reason: self.reason,
        }
    }
}

impl From<Problem> for CommandFailure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            reason: ExitReason::Failed,
        }
    }
}
