//! Reading stretches of a tree: in key order, from one leaf where the stretch lies in one.

use super::{Key, Node, Tree, child_of};
use smallvec::SmallVec;
use std::sync::Arc;

/// A stretch of neighbouring keys, found by one descent.
///
/// Nearly every row of a relation is short and lies in one leaf; then whatever is asked of it next is a search in a
/// slice. A longer row is searched from the lowest node that it lies below.
#[derive(Debug)]
pub(in crate::relations) enum Row<'a, V> {
    /// The whole stretch.
    Near { keys: &'a [Key], values: &'a [V] },
    /// More than one leaf, below this node.
    Far(&'a Node<V>),
}

/// Copying a row copies two references, whatever the values are.
impl<V> Clone for Row<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Row<'_, V> {}

impl<V: Clone> Tree<V> {
    /// The entries from `from` to `to`, both included.
    pub(in crate::relations) fn row(&self, from: &Key, to: &Key) -> Row<'_, V> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf { keys, values } => {
                    let start = keys.partition_point(|key| key < from);
                    let end = keys.partition_point(|key| key <= to);
                    return match (keys.get(start..end), values.get(start..end)) {
                        (Some(keys), Some(values)) => Row::Near { keys, values },
                        _ => Row::Near { keys: &[], values: &[] },
                    };
                }
                Node::Inner { firsts, children } => {
                    let at = child_of(firsts, from);
                    if firsts.get(at + 1).is_some_and(|next| next <= to) {
                        return Row::Far(node);
                    }
                    match children.get(at) {
                        Some(child) => node = child,
                        None => return Row::Near { keys: &[], values: &[] },
                    }
                }
            }
        }
    }

    /// The entries from `from` to `to`, both included, in order.
    pub(in crate::relations) fn range(&self, from: &Key, to: &Key) -> Range<'_, V> {
        self.root.range(from, to)
    }

    /// Every entry, in order.
    pub(in crate::relations) fn iter(&self) -> Range<'_, V> {
        self.range(&[0; 3], &[u32::MAX; 3])
    }
}

impl<V> Node<V> {
    fn range(&self, from: &Key, to: &Key) -> Range<'_, V> {
        let mut range = Range { above: SmallVec::new(), keys: [].iter(), values: [].iter(), end: *to };
        let mut node = self;
        loop {
            match node {
                Self::Leaf { keys, values } => {
                    let start = keys.partition_point(|key| key < from);
                    range.keys = keys.get(start..).unwrap_or_default().iter();
                    range.values = values.get(start..).unwrap_or_default().iter();
                    return range;
                }
                Self::Inner { firsts, children } => {
                    let at = child_of(firsts, from);
                    range.above.push(children.get(at + 1..).unwrap_or_default().iter());
                    match children.get(at) {
                        Some(child) => node = child,
                        None => return range,
                    }
                }
            }
        }
    }
}

impl<'a, V: Clone> Row<'a, V> {
    /// The value at `key`, which must lie in the row.
    pub(in crate::relations) fn get(&self, key: &Key) -> Option<&'a V> {
        match self {
            Self::Near { keys, values } => values.get(keys.binary_search(key).ok()?),
            Self::Far(node) => node.get(key),
        }
    }

    /// The part of the row from `from` to `to`, both included; none where the row is long, and has to be found anew.
    pub(in crate::relations) fn part(&self, from: &Key, to: &Key) -> Option<Self> {
        let Self::Near { keys, values } = self else { return None };
        let start = keys.partition_point(|key| key < from);
        let end = keys.partition_point(|key| key <= to);
        Some(Self::Near { keys: keys.get(start..end)?, values: values.get(start..end)? })
    }

    /// The entries from `from` to `to`, both included and both in the row, in order.
    pub(in crate::relations) fn range(&self, from: &Key, to: &Key) -> Range<'a, V> {
        match self {
            Self::Near { keys, values } => {
                let start = keys.partition_point(|key| key < from);
                Range {
                    above: SmallVec::new(),
                    keys: keys.get(start..).unwrap_or_default().iter(),
                    values: values.get(start..).unwrap_or_default().iter(),
                    end: *to,
                }
            }
            Self::Far(node) => node.range(from, to),
        }
    }
}

/// Entries in order of their keys.
#[derive(Clone, Debug)]
pub(in crate::relations) struct Range<'a, V> {
    /// What is left of each inner node on the way to the leaf.
    above: SmallVec<[std::slice::Iter<'a, Arc<Node<V>>>; 4]>,
    keys: std::slice::Iter<'a, Key>,
    values: std::slice::Iter<'a, V>,
    end: Key,
}

impl<'a, V> Iterator for Range<'a, V> {
    type Item = (Key, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let (Some(key), Some(value)) = (self.keys.next(), self.values.next()) {
                if *key <= self.end {
                    return Some((*key, value));
                }
                self.above.clear();
                self.keys = [].iter();
                return None;
            }
            match self.above.last_mut()?.next() {
                None => {
                    self.above.pop();
                }
                Some(node) => self.descend(node),
            }
        }
    }
}

impl<'a, V> Range<'a, V> {
    /// Goes to the first leaf below `node`.
    fn descend(&mut self, mut node: &'a Arc<Node<V>>) {
        loop {
            match &**node {
                Node::Leaf { keys, values } => {
                    self.keys = keys.iter();
                    self.values = values.iter();
                    return;
                }
                Node::Inner { children, .. } => {
                    let mut rest = children.iter();
                    let Some(first) = rest.next() else { return };
                    self.above.push(rest);
                    node = first;
                }
            }
        }
    }
}
