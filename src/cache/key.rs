//! The keys of legs: what an outcome depends on, whole.
//!
//! A key begins with the bundle's generation and what is unknown; `policy` writes the rest, because
//! it knows what policies read. It is stored and compared whole: a hash alone never decides, so
//! nobody can make one leg's permit another's.

use crate::model::Canonical;
use std::cell::Cell;

/// Longest key. A key holds what policies read: some hundred bytes. One that holds a tool's
/// arguments at length is not worth its place.
pub const MAX_KEY_BYTES: usize = 8 << 10;

thread_local! {
    /// Keys are written into the buffer of the one before.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A key.
#[derive(Debug)]
pub struct Key(Canonical);

impl Key {
    /// Begins a key. No two bundles of a process have the same `generation`; `unknown` names, in
    /// order, what a question leaves open.
    #[must_use]
    pub fn begin(generation: u64, unknown: &[&str]) -> Self {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let mut key = Canonical::on(buffer);
        key.count(generation);
        key.count(u64::try_from(unknown.len()).unwrap_or(u64::MAX));
        unknown.iter().for_each(|name| key.text(name));
        Self(key)
    }

    /// Where the rest is written.
    pub fn rest(&mut self) -> &mut Canonical {
        &mut self.0
    }

    /// The key, unless it is too long to be kept.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.bytes()).filter(|bytes| bytes.len() <= MAX_KEY_BYTES)
    }
}

impl Drop for Key {
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
            Key::begin(generation, unknown).bytes().map(<[u8]>::to_vec)
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
        let mut key = Key::begin(1, &[]);
        key.rest().text(&"x".repeat(MAX_KEY_BYTES));
        assert_eq!(key.bytes(), None);
        drop(key);
        assert_eq!(of(1, &[]), keys[0]);
    }
}
