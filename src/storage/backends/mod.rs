//! The databases that a store may lie in.

pub(super) mod memory;
mod redb;
#[cfg(feature = "store-sled")]
mod sled;

pub use memory::open_memory;
pub use redb::{DEFAULT_CACHE_BYTES, holds_redb, open_redb};
#[cfg(feature = "store-sled")]
pub use sled::open_sled;
