//! A persistent array: values by number, in nodes that versions share.
//!
//! INVARIANT: a clone of an array never changes. A write copies one node per level, each with
//! [`FAN_OUT`] slots.

use std::sync::Arc;

/// The number of slots of a node. A write to an array of a million slots copies four nodes.
const FAN_OUT: usize = 64;

/// How many bits of a number select one of [`FAN_OUT`] slots.
const BITS: u32 = 6;

/// Slots by number. A slot that was never written is empty.
#[derive(Clone, Debug)]
pub(super) struct Array<T> {
    root: ArrayNode<T>,
    /// The number of levels of inner nodes above the leaves.
    levels: u32,
}

/// A node holds its slots inline, and a slot of an inner node is the child itself, so each level
/// costs one step in memory. In random look-ups among a million objects, each such step misses the
/// processor's cache.
#[derive(Clone, Debug)]
enum ArrayNode<T> {
    Leaf(Arc<[Option<T>; FAN_OUT]>),
    Inner(Arc<[Option<ArrayNode<T>>; FAN_OUT]>),
}

impl<T> Default for Array<T> {
    fn default() -> Self {
        Self {
            root: ArrayNode::empty(0),
            levels: 0,
        }
    }
}

impl<T: Clone> Array<T> {
    /// Returns the value in slot `at`.
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        if Self::levels_for(at) > self.levels {
            return None;
        }
        let mut level = self.levels;
        let mut node = &self.root;
        loop {
            match node {
                ArrayNode::Leaf(slots) => return slots.get(slot(at, 0))?.as_ref(),
                ArrayNode::Inner(slots) => {
                    node = slots.get(slot(at, level))?.as_ref()?;
                    level = level.saturating_sub(1);
                }
            }
        }
    }

    /// Returns slot `at` for writing.
    pub(super) fn slot(&mut self, at: u32) -> &mut Option<T> {
        while Self::levels_for(at) > self.levels {
            let mut below = Some(std::mem::replace(&mut self.root, ArrayNode::empty(0)));
            self.root = ArrayNode::Inner(Arc::new(std::array::from_fn(|_| below.take())));
            self.levels += 1;
        }
        let mut level = self.levels;
        let mut node = &mut self.root;
        loop {
            match node {
                ArrayNode::Leaf(slots) => return slot_mut(Arc::make_mut(slots), at, 0),
                ArrayNode::Inner(slots) => {
                    let below = slot_mut(Arc::make_mut(slots), at, level);
                    level = level.saturating_sub(1);
                    node = below.get_or_insert_with(|| ArrayNode::empty(level));
                }
            }
        }
    }

    /// Returns every slot that is not empty, with its number, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.root.iter(self.levels, 0)
    }

    fn levels_for(at: u32) -> u32 {
        (u32::BITS - at.leading_zeros()).saturating_sub(1) / BITS
    }
}

impl<T> ArrayNode<T> {
    fn empty(level: u32) -> Self {
        if level == 0 {
            Self::Leaf(none())
        } else {
            Self::Inner(none())
        }
    }

    /// Returns the values below a node at `level` whose first slot has the number `first`.
    fn iter(&self, level: u32, first: u32) -> Box<dyn Iterator<Item = (u32, &T)> + '_> {
        match self {
            Self::Leaf(slots) => {
                let numbered = (0..).zip(slots.iter());
                Box::new(
                    numbered
                        .filter_map(move |(at, slot): (u32, _)| Some((first | at, slot.as_ref()?))),
                )
            }
            Self::Inner(slots) => {
                let below = (0..)
                    .zip(slots.iter())
                    .filter_map(|(at, slot): (u32, _)| Some((at, slot.as_ref()?)));
                let first = move |at: u32| first | at.checked_shl(level * BITS).unwrap_or(0);
                Box::new(
                    below.flat_map(move |(at, node)| node.iter(level.saturating_sub(1), first(at))),
                )
            }
        }
    }
}

fn none<S>() -> Arc<[Option<S>; FAN_OUT]> {
    Arc::new(std::array::from_fn(|_| None))
}

/// Returns which slot of a node at `level` leads to number `at`.
fn slot(at: u32, level: u32) -> usize {
    let shifted = at.checked_shr(level * BITS).unwrap_or(0);
    usize::try_from(shifted).unwrap_or(usize::MAX) % FAN_OUT
}

#[expect(clippy::indexing_slicing, reason = "a remainder of the length")]
fn slot_mut<S>(slots: &mut [S; FAN_OUT], at: u32, level: u32) -> &mut S {
    &mut slots[slot(at, level)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_keep_what_was_written_near_and_far() {
        let mut array = Array::default();
        let numbers = [
            0,
            1,
            63,
            64,
            4_095,
            4_096,
            262_143,
            262_144,
            u32::MAX - 1,
            u32::MAX,
        ];
        for at in numbers {
            *array.slot(at) = Some(at);
        }
        for at in numbers {
            assert_eq!(array.get(at), Some(&at), "{at}");
        }
        assert!(array.iter().eq(numbers.iter().map(|at| (*at, at))));
        for at in [2, 65, 5_000, 1 << 30] {
            assert_eq!(array.get(at), None, "{at}");
        }
    }

    #[test]
    fn a_version_never_changes() {
        let mut array = Array::default();
        for at in 0..10_000 {
            *array.slot(at) = Some(at);
        }
        let pinned = array.clone();
        for at in 0..20_000 {
            *array.slot(at) = Some(at + 1);
        }
        assert!((0..10_000).all(|at| pinned.get(at) == Some(&at)));
        assert_eq!(pinned.get(10_000), None);
        assert!((0..20_000).all(|at| array.get(at) == Some(&(at + 1))));
    }
}
