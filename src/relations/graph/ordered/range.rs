//! Reads ranges of a tree in the order of keys.

use super::{Tree, TreeKey, TreeNode, child_of};
use smallvec::SmallVec;
use std::sync::Arc;

impl<V: Clone> Tree<V> {
    /// Returns the entries from `from` to `to`, both included, in order.
    pub(in crate::relations) fn range(&self, from: &TreeKey, to: &TreeKey) -> Range<'_, V> {
        self.root.range(from, to)
    }
}

impl<V> TreeNode<V> {
    fn range(&self, from: &TreeKey, to: &TreeKey) -> Range<'_, V> {
        let mut range = Range {
            above: SmallVec::new(),
            keys: [].iter(),
            values: [].iter(),
            end: *to,
        };
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
                    range
                        .above
                        .push(children.get(at + 1..).unwrap_or_default().iter());
                    match children.get(at) {
                        Some(child) => node = child,
                        None => return range,
                    }
                }
            }
        }
    }
}

/// An iterator over entries in the order of their keys.
#[derive(Clone, Debug)]
pub(in crate::relations) struct Range<'a, V> {
    /// The remaining children of each inner node on the path to the leaf.
    above: SmallVec<[std::slice::Iter<'a, Arc<TreeNode<V>>>; 4]>,
    keys: std::slice::Iter<'a, TreeKey>,
    values: std::slice::Iter<'a, V>,
    end: TreeKey,
}

impl<'a, V> Iterator for Range<'a, V> {
    type Item = (TreeKey, &'a V);

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
    /// Moves to the first leaf below `node`.
    fn descend(&mut self, mut node: &'a Arc<TreeNode<V>>) {
        loop {
            match &**node {
                TreeNode::Leaf { keys, values } => {
                    self.keys = keys.iter();
                    self.values = values.iter();
                    return;
                }
                TreeNode::Inner { children, .. } => {
                    let mut rest = children.iter();
                    let Some(first) = rest.next() else { return };
                    self.above.push(rest);
                    node = first;
                }
            }
        }
    }
}
