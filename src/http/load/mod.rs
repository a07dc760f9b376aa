//! Decides which work a worker accepts, and which it refuses because it could not do it in time.
//!
//! **Problem.** A worker is one thread. A batch of a thousand evaluations holds it for
//! milliseconds. At three times the load that it can handle, requests wait unseen in the kernel,
//! each is answered long after its client has left, and nobody is served in time.
//! **Decision.** Work that takes long has turns ([`worker_turn`]): each worker runs one batch at a
//! time, in slices, so that it goes on reading meanwhile. The work that waits for its turn is
//! counted, and bounded by the time that it would wait; any more is refused at once (503,
//! `Retry-After`). Small requests run at once; they are refused only while the worker's own queue
//! of tasks is long, lap after lap ([`lag`]).
//! **Trade-off.** The time of work is estimated from its size and from earlier work. The estimate
//! is wrong for the first request of another kind, and corrects itself: a request that has waited
//! too long is refused when its turn comes.
//!
//! INVARIANT: requests that withdraw access (a write to the relations, an administrator's call) and
//! those by which operators watch the service are never refused for load.

pub(super) mod apart;
pub(in crate::http) mod budget;
mod estimate;
pub(super) mod lag;
pub(in crate::http) mod places;
pub(in crate::http) mod revision_wait;
pub(super) mod worker_turn;
