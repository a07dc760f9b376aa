//! The cache of outcomes of legs.
//!
//! **Problem.** The same legs are evaluated again and again, while relations are written, bundles
//! are replaced and time passes. An answer that is older than an acknowledged write may permit
//! somebody who was just suspended. A cache with a time to live is wrong by design for as long as
//! that time. **Decision.** Cached outcomes are exact. A [`CacheKey`] holds everything that an
//! outcome depends on, except for relations and the clock. For relations an entry holds the rows
//! that its evaluation read, whether they exist or not, and the [`Stripes`] hold when rows were
//! last written to. A write raises the stripes before it can be seen, so an entry is served only if
//! nothing that it read has changed between its revision and the reader's. For the clock an entry
//! has the time during which it holds. Everything else (a fault, a use of the clock that cannot be
//! bounded) is evaluated every time. Parsing a request costs more than looking up its legs, so
//! whole bodies are cached too, with the keys of their legs, in the same kind of table
//! ([`Shards`]); `engine/leg_keys.rs` and `http/authzen/cached_answers.rs` say when a request is
//! answered from a cached body. **Trade-off.** A user's leg is cached once for all of its agents,
//! but an outcome that depends on rows that are written all the time is evaluated all the time.
//! Rows that share a stripe cause each other misses, and an outcome that depends on more than
//! [`MAX_ROWS`] rows is missed after any write. Both cost time, which a metric counts, but never a
//! wrong answer.
//!
//! Why an entry that was evaluated at revision `e` may serve a reader at `r`: let `w` be a write to
//! a row that the entry depends on, between `e` and `r` or after both. If `w` is not after `r`, the
//! reader has pinned a version that was published after the stripe was raised to `w`, so it sees
//! the raised stripe. If `w` is not after `e`, the reader has found an entry that was made from
//! such a version, so it sees the raised stripe too. In both cases the stripe is above the earlier
//! of `e` and `r`, and the entry is not served. A write after both does not make the entry wrong;
//! if the reader already sees its stripe, there is one more miss. `tests/cache/protocol.rs`
//! explores all orders of two writers and two readers.

mod key;
mod legs;
mod shards;
mod stripes;

pub use key::{CacheKey, MAX_KEY_BYTES};
pub use legs::{CachedOutcome, Dependencies, LegCache, MAX_ROWS, ReadPoint};
pub use shards::{MemorySize, PutOutcome, Shards};
pub use stripes::{RowFreshness, StripeCell, StripeRow, Stripes};
