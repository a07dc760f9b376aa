//! The keys of legs: the whole encoding of what an outcome depends on.
//!
//! A key begins with the bundle's generation and the names of unknown parts; `policy` writes the
//! rest, because it knows what policies read. Keys are stored and compared whole. Equal hashes are
//! not enough, so nobody can craft a leg that finds another leg's permit.

use crate::model::CanonicalWriter;
use std::cell::Cell;

/// Maximum length of a key in bytes. A key holds what policies read, usually a few hundred bytes. A
/// longer one, such as with large arguments of a tool, is not worth its memory.
pub const MAX_KEY_BYTES: usize = 8 << 10;

thread_local! {
    /// The buffer of the previous key, which the next key reuses.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The cache key of a leg.
#[derive(Debug)]
pub struct CacheKey(CanonicalWriter);

impl CacheKey {
    /// Begins a key. No two bundles of a process have the same `generation`; `unknown` names, in
    /// order, the parts that the question leaves unknown.
    #[must_use]
    pub fn begin(generation: u64, unknown: &[&str]) -> Self {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let mut key = CanonicalWriter::on(buffer);
        key.count(generation);
        key.count(u64::try_from(unknown.len()).unwrap_or(u64::MAX));
        unknown.iter().for_each(|name| key.text(name));
        Self(key)
    }

    /// Returns the encoding, to which the rest is written.
    pub fn rest(&mut self) -> &mut CanonicalWriter {
        &mut self.0
    }

    /// Returns the key, unless it is too long to be stored.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.bytes()).filter(|bytes| bytes.len() <= MAX_KEY_BYTES)
    }
}

impl Drop for CacheKey {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0).into_bytes();
        if buffer.capacity() <= 2 * MAX_KEY_BYTES {
            BUFFER.set(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_and_what_is_unknown_tell_keys_apart_and_a_buffer_is_used_again() {
        let of = |generation, unknown: &[&str]| {
            CacheKey::begin(generation, unknown)
                .bytes()
                .map(<[u8]>::to_vec)
        };
        let keys = [
            of(1, &[]),
            of(2, &[]),
            of(1, &["arguments"]),
            of(1, &["a", "rguments"]),
            of(200, &[]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(key.is_some());
            assert!(!keys[..at].contains(key));
        }
        let mut key = CacheKey::begin(1, &[]);
        key.rest().text(&"x".repeat(MAX_KEY_BYTES));
        assert_eq!(key.bytes(), None);
        drop(key);
        assert_eq!(of(1, &[]), keys[0]);
    }
}
