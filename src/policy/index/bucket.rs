//! Divides the policies of one scope by the equalities among their leading conjuncts.

use super::conditions::{AccessPath, EqualityKey, GuardStep};
use super::{AttributeValue, LegValues};
use cedar_policy_core::ast::Literal;
use foldhash::{HashMap, HashMapExt, HashSet};

/// A policy, by its position in the list of all policies, which is in the order of their ids.
pub(super) type PolicyPosition = u32;

/// Lists of policies; each list has a number, which is unique in the whole index.
#[derive(Debug, Default)]
pub(super) struct PositionLists {
    lists: Vec<Box<[PolicyPosition]>>,
}

impl PositionLists {
    pub(super) fn policies(&self, cell: u32) -> &[PolicyPosition] {
        self.lists
            .get(cell as usize)
            .map(AsRef::as_ref)
            .unwrap_or_default()
    }

    /// Returns the number of lists; they are numbered from 0.
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    fn add(&mut self, policies: Vec<PolicyPosition>) -> u32 {
        self.lists.push(policies.into_boxed_slice());
        u32::try_from(self.lists.len() - 1).unwrap_or(u32::MAX)
    }
}

/// The policies of one scope.
#[derive(Debug)]
pub(super) struct PolicyBucket {
    /// The policies without a leading equality, which are always selected. `None` if there are
    /// none; so if each policy of a bucket names one tenant, a selection is a single cell.
    always: Option<u32>,
    groups: Box<[EqualityGroup]>,
}

/// Policies with a leading equality of the same attribute, after the same steps.
#[derive(Debug)]
struct EqualityGroup {
    before: Box<[GuardStep]>,
    path: AccessPath,
    whole: u32,
    by_value: HashMap<Literal, u32>,
}

/// What the policies of a group have in common. Groups are found by hash, not by order: Cedar's
/// names may be equal and yet be ordered, because ordering compares their positions in the text.
type GroupKey<'a> = (&'a [GuardStep], &'a AccessPath);

fn place(key: &EqualityKey) -> GroupKey<'_> {
    (&key.before, &key.path)
}

/// The policies of a group that are selected.
enum GroupChoice {
    None,
    One(u32),
    Whole,
}

impl PolicyBucket {
    /// Divides policies by their keys. Each policy is put in the group of the key whose attribute
    /// is compared with most constants.
    pub(super) fn new(
        policies: &[(PolicyPosition, Vec<EqualityKey>)],
        cells: &mut PositionLists,
    ) -> Self {
        let mut constants: HashMap<GroupKey<'_>, HashSet<&Literal>> = HashMap::new();
        for key in policies.iter().flat_map(|(_, keys)| keys) {
            constants
                .entry(place(key))
                .or_default()
                .insert(&key.constant);
        }
        let mut always = Vec::new();
        let mut groups: HashMap<GroupKey<'_>, HashMap<&Literal, Vec<PolicyPosition>>> =
            HashMap::new();
        for (position, keys) in policies {
            let told_apart =
                |key: &&EqualityKey| constants.get(&place(key)).map_or(0, HashSet::len);
            // `max_by_key` returns the last maximum, so the keys are reversed and the earliest
            // conjunct wins.
            match keys.iter().rev().max_by_key(told_apart) {
                None => always.push(*position),
                Some(key) => {
                    groups
                        .entry(place(key))
                        .or_default()
                        .entry(&key.constant)
                        .or_default()
                        .push(*position);
                }
            }
        }
        let always = (!always.is_empty()).then(|| cells.add(always));
        let groups = groups
            .into_iter()
            .map(|((before, path), values)| EqualityGroup {
                before: before.into(),
                path: path.clone(),
                whole: cells.add(values.values().flatten().copied().collect()),
                by_value: values
                    .into_iter()
                    .map(|(value, policies)| (value.clone(), cells.add(policies)))
                    .collect(),
            });
        Self {
            always,
            groups: groups.collect(),
        }
    }

    /// Returns every policy of the bucket, as cells.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        self.always
            .into_iter()
            .chain(self.groups.iter().map(|group| group.whole))
    }

    /// Passes to `take` the policies that these values do not rule out, as cells.
    pub(super) fn select(&self, values: &LegValues<'_>, mut take: impl FnMut(u32)) {
        self.always.into_iter().for_each(&mut take);
        for group in &self.groups {
            match group.choose(values) {
                GroupChoice::None => {}
                GroupChoice::One(cell) => take(cell),
                GroupChoice::Whole => take(group.whole),
            }
        }
    }
}

impl EqualityGroup {
    fn choose(&self, values: &LegValues<'_>) -> GroupChoice {
        for step in &self.before {
            match step {
                GuardStep::Has(path) => match values.at(path) {
                    AttributeValue::Absent => return GroupChoice::None,
                    AttributeValue::Unknown => return GroupChoice::Whole,
                    AttributeValue::Is(_) | AttributeValue::Other => {}
                },
                GuardStep::Needs(path) => match values.at(path) {
                    AttributeValue::Absent | AttributeValue::Unknown => return GroupChoice::Whole,
                    AttributeValue::Is(_) | AttributeValue::Other => {}
                },
                GuardStep::Is(root, kind) => {
                    if values.kind(*root) != Some(kind) {
                        return GroupChoice::None;
                    }
                }
            }
        }
        match values.at(&self.path) {
            AttributeValue::Is(value) => self
                .by_value
                .get(&value)
                .map_or(GroupChoice::None, |cell| GroupChoice::One(*cell)),
            AttributeValue::Absent | AttributeValue::Other | AttributeValue::Unknown => {
                GroupChoice::Whole
            }
        }
    }
}
