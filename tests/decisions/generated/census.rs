//! What generators made: a kind that stays away would be proven nothing about.

use std::collections::BTreeMap;

/// How often a kind has to come.
const LEAST: usize = 1;

/// How often each kind came.
#[derive(Debug, Default)]
pub(super) struct Census(BTreeMap<String, usize>);

impl Census {
    pub(super) fn count(&mut self, kind: impl Into<String>) {
        *self.0.entry(kind.into()).or_default() += 1;
    }

    /// Every one of these kinds came.
    pub(super) fn check(&self, kinds: impl IntoIterator<Item = String>) {
        let came = |kind: &String| self.0.get(kind).copied().unwrap_or_default();
        let rare: Vec<String> = kinds
            .into_iter()
            .filter(|kind| came(kind) < LEAST)
            .map(|kind| format!("{kind}: {}", came(&kind)))
            .collect();
        assert!(
            rare.is_empty(),
            "these hardly ever come: {rare:#?}\n{:#?}",
            self.0
        );
    }
}
