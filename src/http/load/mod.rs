//! What a worker takes on, and what it refuses because it could not do it in time.
//!
//! **Problem.** A worker is one thread. A batch of a thousand evaluations holds it for
//! milliseconds; at three times what it can do, requests wait in the kernel where nobody sees them,
//! each is answered when its client has long left, and nobody is served in time.
//! **Decision.** Work that takes long has turns ([`turn`]): one batch of a worker runs at a time,
//! in slices, so that the worker reads on meanwhile, and whatever waits for its turn is seen,
//! counted and bounded by the time that it would wait. What exceeds it is refused at once (503,
//! `Retry-After`). Small requests run at once; they are refused only while the worker's own queue
//! of tasks is long, lap after lap ([`lag`]).
//! **Trade-off.** How long work takes is estimated from its size and from what came before it. The
//! estimate is wrong for the first request of another kind, and corrects itself: who has waited too
//! long when the turn comes is refused then.
//!
//! INVARIANT: what ends something (a write to the relations, an administrator's call) and what
//! operators watch the service by is never refused for load.

pub(super) mod apart;
pub(in crate::http) mod budget;
mod estimate;
pub(super) mod lag;
pub(in crate::http) mod revision_wait;
pub(super) mod worker_turn;
