//! Which entities can be permitted at all.

use super::page::Budget;
use super::universe::Universe;
use super::{Refusal, Task};
use smol_str::SmolStr;

/// The entities that a page goes through.
#[derive(Debug)]
pub(super) enum Candidates {
    /// Nothing but these can be permitted.
    Few(Vec<SmolStr>),
    /// Whatever is known.
    Any,
}

/// Narrows the known entities, unless a page before has found that there is no narrowing them.
pub(super) fn candidates(
    _task: &Task<'_>,
    _known: &Universe<'_>,
    _scans: bool,
    _budget: &Budget<'_>,
) -> Result<Candidates, Refusal> {
    Ok(Candidates::Any)
}
