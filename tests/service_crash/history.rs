//! What happened, as far as the clients know, and whether what is found afterwards can come of it.

use super::batch::Batch;
use super::client::Client;
use super::tuples::Tuples;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a client knows of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was carried out, and made this revision.
    Acknowledged(u64),
    /// It was not.
    Refused,
    /// The service was gone before it answered.
    Lost,
}

/// What is known to be stored, and what was sent since.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) tuples: Tuples,
    pub(crate) acknowledged: usize,
    pub(crate) refused: usize,
    /// Of the requests without an answer, those that were carried out and those that were not.
    pub(crate) lost: (usize, usize),
    revision: u64,
    sent: Vec<(Batch, Outcome)>,
}

impl History {
    pub(crate) fn add(&mut self, sent: impl IntoIterator<Item = (Batch, Outcome)>) {
        self.sent.extend(sent);
    }

    /// Explains what the service holds now by what was sent to it: every acknowledged batch at its
    /// revision, each of the others at one of the revisions between them or not at all, each of
    /// them whole, one after the other.
    pub(crate) fn settle(&mut self, client: &Client) {
        let (found, revision) = (client.read(&Value::Null), client.revision());
        let sent = std::mem::take(&mut self.sent);
        let mut order = BTreeMap::new();
        let (mut lost, mut refused) = (Vec::new(), Vec::new());
        for (batch, outcome) in &sent {
            match outcome {
                Outcome::Acknowledged(at) => {
                    assert!(
                        self.revision < *at && *at <= revision,
                        "{at} was acknowledged, and {revision} is found"
                    );
                    assert!(
                        found.contains_key(&batch.mark),
                        "{} was acknowledged at {at} and is lost",
                        batch.mark
                    );
                    assert!(
                        order.insert(*at, batch).is_none(),
                        "two batches made revision {at}"
                    );
                    self.acknowledged += 1;
                }
                Outcome::Refused => refused.push(batch),
                Outcome::Lost if found.contains_key(&batch.mark) => lost.push(batch),
                Outcome::Lost => self.lost.1 += 1,
            }
        }
        let open = (self.revision + 1..=revision)
            .filter(|at| self.revision > 0 && !order.contains_key(at));
        let open: Vec<u64> = open.collect();
        assert!(
            open.len() == lost.len() || self.revision == 0,
            "revisions {open:?} are nobody's: {lost:?}"
        );
        let explained = permutations(&lost).into_iter().find_map(|lost| {
            let mut order = order.clone();
            order.extend(open.iter().copied().zip(lost));
            self.versions(order.values().copied())
                .filter(|versions| versions.last() == Some(&found))
        });
        let versions = explained.unwrap_or_else(|| {
            panic!(
                "no order of {} lost batches leads to what is found at {revision}",
                lost.len()
            );
        });
        for batch in &refused {
            assert!(
                !found.contains_key(&batch.mark),
                "{} was refused and is stored",
                batch.mark
            );
            assert!(
                versions
                    .iter()
                    .any(|before| !batch.apply(&mut before.clone())),
                "no reason to refuse {batch:?}"
            );
        }
        self.refused += refused.len();
        self.lost.0 += lost.len();
        (self.tuples, self.revision) = (found, revision);
    }

    /// The tuples before, after the first batch, after the second; `None` where one of them had to
    /// be refused.
    fn versions<'a>(&self, batches: impl Iterator<Item = &'a Batch>) -> Option<Vec<Tuples>> {
        let mut versions = vec![self.tuples.clone()];
        for batch in batches {
            let mut next = versions.last()?.clone();
            if !batch.apply(&mut next) {
                return None;
            }
            versions.push(next);
        }
        Some(versions)
    }
}

/// All orders. There are as many lost batches as writers, at most.
fn permutations<'a>(items: &[&'a Batch]) -> Vec<Vec<&'a Batch>> {
    let Some((first, rest)) = items.split_first() else {
        return vec![Vec::new()];
    };
    let insert = |order: Vec<&'a Batch>| {
        (0..=order.len())
            .map(move |at| [&order[..at], &[*first], &order[at..]].concat())
            .collect::<Vec<_>>()
    };
    permutations(rest).into_iter().flat_map(insert).collect()
}
