//! What generators made, and what came of it: a kind that never comes proves nothing.

use std::collections::BTreeMap;

/// How often each kind came.
#[derive(Default)]
pub(super) struct Census(BTreeMap<String, usize>);

impl Census {
    pub(super) fn note(&mut self, kind: impl Into<String>) {
        *self.0.entry(kind.into()).or_default() += 1;
    }

    /// Every one of these came, as often as it says.
    pub(super) fn check<'a>(&self, kinds: impl IntoIterator<Item = (&'a str, usize)>, seed: u64) {
        let count = |kind: &str| self.0.get(kind).copied().unwrap_or_default();
        let rare: Vec<String> = kinds
            .into_iter()
            .filter(|(kind, least)| count(kind) < *least)
            .map(|(kind, least)| format!("{kind}: {} of {least}", count(kind)))
            .collect();
        assert!(
            rare.is_empty(),
            "seed {seed}: these hardly ever come: {rare:#?}\n{:#?}",
            self.0
        );
    }
}
