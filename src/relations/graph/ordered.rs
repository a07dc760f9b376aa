//! A persistent ordered map: a B+ tree whose nodes are shared between versions.
//!
//! It knows the shape of the tree and not its meaning: a key is three words, compared in order.
//!
//! INVARIANT: a clone of a tree never changes. A write copies only those nodes between the root and
//! one leaf that another version still holds, so a batch of writes copies each node at most once.

use smallvec::SmallVec;
use std::sync::Arc;

mod range;

pub(in crate::relations) use range::Range;

/// A key. The caller decides what the words mean.
pub(in crate::relations) type TreeKey = [u32; 3];

/// The number of entries that fit into a node. They lie in the node itself: in random look-ups
/// among a million tuples, each step to other memory misses the processor's cache. A node with 60
/// takes 1,250 bytes, for which allocators have a size class.
const PLACES: usize = 60;

/// Maximum number of entries of a leaf, and of children of an inner node. One more fits, because a
/// node is split after the insertion. A write copies one node per level; a tree of a million keys
/// has four levels.
const MAX: usize = PLACES - 1;

/// A node with fewer entries than this is joined to a neighbour if both together fill at most half
/// a node.
const SPARSE: usize = 16;

/// A persistent ordered map. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub(in crate::relations) struct Tree<V> {
    root: Arc<TreeNode<V>>,
}

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a node's places lie in it; leaves are as many as the rest is few"
)]
pub(in crate::relations) enum TreeNode<V> {
    Leaf {
        keys: NodeSlots<TreeKey>,
        values: NodeSlots<V>,
    },
    /// `firsts[i]` is not above any key of `children[i]`, and above every key of `children[i - 1]`.
    Inner {
        firsts: NodeSlots<TreeKey>,
        children: NodeSlots<Arc<TreeNode<V>>>,
    },
}

/// The entries of a node, stored in the node itself.
type NodeSlots<T> = SmallVec<[T; PLACES]>;

impl<V> Default for Tree<V> {
    fn default() -> Self {
        Self {
            root: Arc::new(TreeNode::Leaf {
                keys: NodeSlots::new(),
                values: NodeSlots::new(),
            }),
        }
    }
}

impl<V: Clone> Tree<V> {
    /// Builds a tree with full nodes. Of several entries with one key the last one counts.
    pub(super) fn from_entries(mut entries: Vec<(TreeKey, V)>) -> Self {
        sort_and_keep_last(&mut entries);
        let mut level: Vec<(TreeKey, Arc<TreeNode<V>>)> =
            Vec::with_capacity(entries.len().div_ceil(MAX));
        let mut entries = entries.into_iter().peekable();
        while let Some(&(first, _)) = entries.peek() {
            let (keys, values) = entries.by_ref().take(MAX).unzip();
            level.push((first, Arc::new(TreeNode::Leaf { keys, values })));
        }
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len().div_ceil(MAX));
            let mut nodes = level.into_iter().peekable();
            while let Some(&(first, _)) = nodes.peek() {
                let (firsts, children) = nodes.by_ref().take(MAX).unzip();
                above.push((first, Arc::new(TreeNode::Inner { firsts, children })));
            }
            level = above;
        }
        level
            .pop()
            .map_or_else(Self::default, |(_, root)| Self { root })
    }

    /// Returns the value at `key`.
    pub(super) fn get(&self, key: &TreeKey) -> Option<&V> {
        self.root.get(key)
    }

    /// Sets the value at `key`, and returns the previous one.
    pub(super) fn insert(&mut self, key: TreeKey, value: V) -> Option<V> {
        let (old, split) = insert(&mut self.root, key, value);
        if let Some((middle, right)) = split {
            let left = std::mem::replace(&mut self.root, Arc::clone(&right));
            self.root = Arc::new(TreeNode::Inner {
                firsts: [[0; 3], middle].into_iter().collect(),
                children: [left, right].into_iter().collect(),
            });
        }
        old
    }

    /// Removes the entry at `key`, and returns its value.
    pub(super) fn remove(&mut self, key: &TreeKey) -> Option<V> {
        // This is checked first, so that a missing key copies nothing.
        self.get(key)?;
        let old = remove(&mut self.root, key);
        while let TreeNode::Inner { children, .. } = &*self.root
            && let [only] = children.as_slice()
        {
            self.root = Arc::clone(only);
        }
        old
    }
}

/// Sorts entries by their keys, and keeps the last of several with one key.
pub(super) fn sort_and_keep_last<V>(entries: &mut Vec<(TreeKey, V)>) {
    entries.sort_by_key(|(key, _)| *key);
    // `dedup_by` drops the later of two neighbours, so the values are swapped first.
    entries.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(&mut later.1, &mut kept.1);
        }
        same
    });
}

/// Returns the index of the child whose range holds `key`.
fn child_of(firsts: &[TreeKey], key: &TreeKey) -> usize {
    firsts
        .partition_point(|first| first <= key)
        .saturating_sub(1)
}

/// The value that an insertion replaced, and the right half of the node if it was split.
type TreeInsertion<V> = (Option<V>, Option<(TreeKey, Arc<TreeNode<V>>)>);

fn insert<V: Clone>(node: &mut Arc<TreeNode<V>>, key: TreeKey, value: V) -> TreeInsertion<V> {
    match Arc::make_mut(node) {
        TreeNode::Leaf { keys, values } => {
            let at = match keys.binary_search(&key) {
                Ok(at) => {
                    return (
                        values.get_mut(at).map(|old| std::mem::replace(old, value)),
                        None,
                    );
                }
                Err(at) => at,
            };
            keys.insert(at, key);
            values.insert(at, value);
            if keys.len() <= MAX {
                return (None, None);
            }
            let cut = cut_at(at, keys.len());
            let (keys, values): (NodeSlots<TreeKey>, NodeSlots<V>) =
                (keys.drain(cut..).collect(), values.drain(cut..).collect());
            let split = keys
                .first()
                .copied()
                .map(|first| (first, Arc::new(TreeNode::Leaf { keys, values })));
            (None, split)
        }
        TreeNode::Inner { firsts, children } => {
            let at = child_of(firsts, &key);
            let Some(child) = children.get_mut(at) else {
                return (None, None);
            };
            // INVARIANT: a key below all others lowers the first bound; joining nodes later relies
            // on it.
            if let Some(first) = firsts.get_mut(at) {
                *first = key.min(*first);
            }
            let (old, split) = insert(child, key, value);
            let Some((first, right)) = split else {
                return (old, None);
            };
            firsts.insert(at + 1, first);
            children.insert(at + 1, right);
            if children.len() <= MAX {
                return (old, None);
            }
            let cut = cut_at(at + 1, children.len());
            let (firsts, children): (NodeSlots<TreeKey>, NodeSlots<_>) = (
                firsts.drain(cut..).collect(),
                children.drain(cut..).collect(),
            );
            let split = firsts
                .first()
                .copied()
                .map(|first| (first, Arc::new(TreeNode::Inner { firsts, children })));
            (old, split)
        }
    }
}

/// Returns where to split a node that is too large: in the middle, or before the last entry if that
/// was just inserted. So keys that arrive in ascending order (the tuples of ever new objects) leave
/// full nodes behind.
fn cut_at(inserted: usize, len: usize) -> usize {
    if inserted + 1 == len {
        len - 1
    } else {
        len / 2
    }
}

fn remove<V: Clone>(node: &mut Arc<TreeNode<V>>, key: &TreeKey) -> Option<V> {
    match Arc::make_mut(node) {
        TreeNode::Leaf { keys, values } => {
            let at = keys.binary_search(key).ok()?;
            keys.remove(at);
            Some(values.remove(at))
        }
        TreeNode::Inner { firsts, children } => {
            let at = child_of(firsts, key);
            let old = remove(children.get_mut(at)?, key);
            join_sparse(firsts, children, at);
            old
        }
    }
}

/// Joins the child at `at` to its right or left neighbour if it has become sparse.
fn join_sparse<V: Clone>(
    firsts: &mut NodeSlots<TreeKey>,
    children: &mut NodeSlots<Arc<TreeNode<V>>>,
    at: usize,
) {
    let size = |at: usize| children.get(at).map(|child| child.size());
    let Some(own) = size(at).filter(|own| *own < SPARSE) else {
        return;
    };
    let fits = |other: Option<usize>| other.is_some_and(|other| own + other <= MAX / 2 || own == 0);
    let left = if fits(size(at + 1)) {
        at
    } else if let Some(before) = at.checked_sub(1).filter(|before| fits(size(*before))) {
        before
    } else {
        return;
    };
    firsts.remove(left + 1);
    let right = children.remove(left + 1);
    if let Some(kept) = children.get_mut(left) {
        Arc::make_mut(kept).append(&right);
    }
}

impl<V> TreeNode<V> {
    fn get(&self, key: &TreeKey) -> Option<&V> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf { keys, values } => return values.get(keys.binary_search(key).ok()?),
                Self::Inner { firsts, children } => node = children.get(child_of(firsts, key))?,
            }
        }
    }
}

impl<V: Clone> TreeNode<V> {
    fn size(&self) -> usize {
        match self {
            Self::Leaf { keys, .. } => keys.len(),
            Self::Inner { children, .. } => children.len(),
        }
    }

    /// Appends the entries of the neighbour to the right. All children of a node are of one kind.
    fn append(&mut self, right: &Self) {
        match (self, right) {
            (
                Self::Leaf { keys, values },
                Self::Leaf {
                    keys: more_keys,
                    values: more_values,
                },
            ) => {
                keys.extend_from_slice(more_keys);
                values.extend(more_values.iter().cloned());
            }
            (
                Self::Inner { firsts, children },
                Self::Inner {
                    firsts: more_firsts,
                    children: more_children,
                },
            ) => {
                firsts.extend_from_slice(more_firsts);
                children.extend(more_children.iter().cloned());
            }
            (Self::Leaf { .. }, Self::Inner { .. }) | (Self::Inner { .. }, Self::Leaf { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests;
