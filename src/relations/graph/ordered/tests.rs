//! Tests of the ordered map against the standard library's.

use super::*;
use std::collections::BTreeMap;

/// A small generator (xorshift) with a fixed seed, so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(n)).unwrap()
    }
}

fn entries(tree: &Tree<u32>) -> Vec<(TreeKey, u32)> {
    tree.range(&[0; 3], &[u32::MAX; 3])
        .map(|(key, value)| (key, *value))
        .collect()
}

fn expected(map: &BTreeMap<TreeKey, u32>) -> Vec<(TreeKey, u32)> {
    map.iter().map(|(key, value)| (*key, *value)).collect()
}

#[test]
fn it_agrees_with_the_standard_map_under_any_history() {
    let mut dice = Dice(7);
    let (mut tree, mut map) = (Tree::default(), BTreeMap::new());
    for step in 0..12_000_u32 {
        // The tree grows, shrinks, and grows again, so that nodes are split and joined.
        let shrink = (step / 3_000) % 2 == 1;
        let key = [dice.below(4), dice.below(300), dice.below(3)];
        if dice.below(10) < if shrink { 8 } else { 2 } {
            assert_eq!(tree.remove(&key), map.remove(&key));
        } else {
            assert_eq!(tree.insert(key, step), map.insert(key, step));
        }
        if step % 500 == 0 {
            assert_eq!(entries(&tree), expected(&map));
        }
        let (a, b) = (
            [dice.below(4), dice.below(300), 0],
            [dice.below(4), dice.below(300), 2],
        );
        let (from, to) = (a.min(b), a.max(b));
        let wanted: Vec<_> = map
            .range(from..=to)
            .map(|(key, value)| (*key, *value))
            .collect();
        let found: Vec<_> = tree
            .range(&from, &to)
            .map(|(key, value)| (key, *value))
            .collect();
        assert_eq!(found, wanted);
        assert_eq!(tree.get(&key), map.get(&key));
    }
}

#[test]
fn a_version_never_changes() {
    let mut tree = Tree::from_entries((0..5_000).map(|n| ([n, 0, 0], n)).collect());
    let pinned = tree.clone();
    let before = entries(&pinned);
    for n in 0..5_000 {
        tree.remove(&[n, 0, 0]);
        tree.insert([n, 1, 0], n);
    }
    assert_eq!(entries(&pinned), before);
    assert_eq!(entries(&tree).len(), 5_000);
    assert_eq!(tree.get(&[17, 0, 0]), None);
    assert_eq!(pinned.get(&[17, 0, 0]), Some(&17));
}

#[test]
fn of_several_entries_with_one_key_the_last_stays() {
    let tree = Tree::from_entries(vec![
        ([1, 0, 0], 1),
        ([0, 0, 0], 2),
        ([1, 0, 0], 3),
        ([1, 0, 0], 4),
    ]);
    assert_eq!(entries(&tree), [([0, 0, 0], 2), ([1, 0, 0], 4)]);
}

#[test]
fn keys_in_ascending_order_leave_full_leaves() {
    fn leaves(node: &TreeNode<u32>) -> usize {
        match node {
            TreeNode::Leaf { .. } => 1,
            TreeNode::Inner { children, .. } => children.iter().map(|child| leaves(child)).sum(),
        }
    }
    let mut tree = Tree::default();
    for n in 0..10_000 {
        tree.insert([n, 0, 0], n);
    }
    assert!(leaves(&tree.root) <= 10_000 / MAX + 1);
}

#[test]
fn removing_everything_leaves_no_nodes_behind() {
    let mut tree = Tree::from_entries((0..20_000).map(|n| ([n, 0, 0], n)).collect());
    for n in (0..20_000).rev() {
        assert_eq!(tree.remove(&[n, 0, 0]), Some(n));
    }
    assert_eq!(entries(&tree), []);
    assert!(matches!(&*tree.root, TreeNode::Leaf { .. }));
}
