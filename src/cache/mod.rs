//! Outcomes of legs that were decided before.
//!
//! **Problem.** A chain's legs are asked for again and again, while relations are written to,
//! bundles are replaced and time passes; and one answer that is older than an acknowledged write
//! may be a permit of somebody who was just suspended. A cache with a time to live is wrong by
//! design for as long as it says.
//! **Decision.** What is kept is exact. A [`Key`] holds everything that an outcome depends on, but
//! for relations and the clock. For relations an entry names the rows that its evaluation read,
//! found or not, and each row's [`Stripes`] say when it was last written to: set before the write
//! can be seen, so that an entry is served only where nothing that it read has changed between its
//! revision and the reader's. For the clock it has the time for which it holds. Everything else (a
//! fault, a clock read in ways that nobody can foresee) is evaluated every time. Reading a request
//! costs more than finding its legs, so bodies are kept too, with the keys of their legs, in the
//! same kind of table ([`Shards`]); `engine/leg_keys.rs` and `http/authzen/cached_answers.rs` say
//! when they answer.
//! **Trade-off.** A user's leg is kept once for all of its agents, but an outcome that rests on
//! what is written all the time is evaluated all the time. Rows that share a stripe cost each other
//! misses, and what rests on more than [`MAX_ROWS`] is missed after any write, which a metric
//! counts; never an answer.
//!
//! Why an entry that was evaluated at revision `e` may serve a reader at `r`: let `w` be a write,
//! between the two or after both, to a row that the entry rests on. If `w` is not after `r`, the
//! reader has pinned a version that was published after the stripe was raised to `w`, and sees it.
//! If `w` is not after `e`, the reader has found an entry that was made from such a version, and
//! sees it too. In both cases the stripe is above the earlier of `e` and `r`, and the entry is not
//! served. A write after both is no reason not to serve it, and one that is seen already is a miss
//! more. `tests/cache/protocol.rs` walks through all orders of two writers and two readers.

mod key;
mod legs;
mod shards;
mod stripes;

pub use key::{Key, MAX_KEY_BYTES};
pub use legs::{Basis, Kept, LegCache, MAX_ROWS, Pinned};
pub use shards::{Put, Shards, Weighed};
pub use stripes::{Cell, Row, Since, Stripes};
