//! What one request writes and deletes, and what that must do to the tuples before it.

use super::tuples::{Tuples, some_tuple};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::random::Random;

/// Most tuples that a batch puts on an object of its own: with the rest, a request stays below its
/// limit of 100.
const MAX_PILE: u64 = 40;

/// Piles that each writer leaves standing.
const PILES: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The tuple by which the batch is found again: no other batch writes it, and none deletes it.
    pub(crate) mark: String,
    pub(crate) writes: Tuples,
    pub(crate) deletes: BTreeSet<String>,
    pub(crate) on_duplicate: &'static str,
    pub(crate) ignores_missing: bool,
}

impl Batch {
    /// A batch of one tuple.
    pub(crate) fn marked(number: u64) -> Self {
        let mark = format!("document:mark#viewer@user:n{number}");
        let writes = [(mark.clone(), None)].into_iter().collect();
        Self {
            mark,
            writes,
            deletes: BTreeSet::new(),
            on_duplicate: "error",
            ignores_missing: false,
        }
    }

    /// What `writer` does to the tuples that it believes to be there: some that others write too,
    /// some that nobody else touches, so that most batches are taken and some are not.
    pub(crate) fn at_random(
        random: &mut Random,
        number: u64,
        writer: u64,
        believed: &Tuples,
    ) -> Self {
        let mut batch = Self::marked(number);
        batch.on_duplicate =
            ["error", "ignore", "replace"][usize::try_from(random.below(3)).unwrap()];
        batch.ignores_missing = random.below(3) == 0;
        for _ in 0..=random.below(5) {
            let (key, limit) = some_tuple(random);
            let is_mistaken = random.below(10) == 0;
            if believed.contains_key(&key) != is_mistaken {
                if !batch.writes.contains_key(&key) {
                    batch.deletes.insert(key);
                }
            } else if !batch.deletes.contains(&key) {
                batch.writes.insert(key, limit);
            }
        }
        if random.below(2) == 0 {
            batch.deletes.extend(oldest_pile(writer, believed));
            let pile = (0..=random.below(MAX_PILE))
                .map(|at| (format!("{}{number}#viewer@user:f{at}", pile(writer)), None));
            batch.writes.extend(pile);
        }
        batch
    }

    /// Does to `tuples` what the service must do: all of it, or nothing and `false`.
    pub(crate) fn apply(&self, tuples: &mut Tuples) -> bool {
        let is_missing = |key: &String| !tuples.contains_key(key);
        let is_refused = |(key, limit): (&String, &Option<i64>)| {
            tuples
                .get(key)
                .is_some_and(|known| match self.on_duplicate {
                    "replace" => false,
                    "ignore" => known != limit,
                    _ => true,
                })
        };
        if (!self.ignores_missing && self.deletes.iter().any(is_missing))
            || self.writes.iter().any(is_refused)
        {
            return false;
        }
        self.force(tuples);
        true
    }

    /// Does it without asking.
    pub(crate) fn force(&self, tuples: &mut Tuples) {
        tuples.retain(|key, _| !self.deletes.contains(key));
        tuples.extend(self.writes.clone());
    }

    /// The body of the request.
    pub(crate) fn body(&self) -> Value {
        let written = |(key, limit): (&String, &Option<i64>)| {
            let mut body = key_body(key);
            if let Some(limit) = limit {
                body["condition"] = json!({"name": "small", "context": {"limit": limit}});
            }
            body
        };
        let mode = |ignores| if ignores { "ignore" } else { "error" };
        let writes: Vec<Value> = self.writes.iter().map(written).collect();
        let deletes: Vec<Value> = self.deletes.iter().map(|key| key_body(key)).collect();
        let mut body = json!({"writes": {"tuple_keys": writes, "on_duplicate": self.on_duplicate}});
        if !deletes.is_empty() {
            body["deletes"] =
                json!({"tuple_keys": deletes, "on_missing": mode(self.ignores_missing)});
        }
        body
    }
}

/// A key in the parts that the API wants.
pub(crate) fn key_body(key: &str) -> Value {
    let (object, rest) = key.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    json!({"object": object, "relation": relation, "user": user})
}

/// All tuples of the oldest of a writer's own objects, where there are enough of these.
fn oldest_pile(writer: u64, believed: &Tuples) -> Vec<String> {
    let own = pile(writer);
    let keys = || believed.keys().filter(|key| key.starts_with(&own));
    let number = |key: &str| {
        key[own.len()..]
            .split('#')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let numbers: BTreeSet<u64> = keys().map(|key| number(key)).collect();
    match numbers.first() {
        Some(oldest) if numbers.len() >= PILES => keys()
            .filter(|key| number(key) == *oldest)
            .cloned()
            .collect(),
        _ => Vec::new(),
    }
}

fn pile(writer: u64) -> String {
    format!("document:pile-{writer}-")
}
