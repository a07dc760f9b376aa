//! What policies say about who or what can be permitted, before any candidate is known.

mod index;
mod literals;

pub(super) use index::{KindIndex, StoredIndex};
pub(super) use literals::Literals;
