//! Compares an answer with the recorded one.

use super::ExplainedDecision;
use super::record_line::RecordedDecision;
use crate::cli::output::Paint;
use crate::model::{Decision, Explanation};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The note on a record whose last legs were not decided.
const UNASKED: &str = "the members behind the denied one were not asked then: what only their \
                       policies would have read is not in the record";

/// The note on a bundle that is asked for what a service decided.
const UNSTORED: &str = "the tuples that a service stores are not in a bundle: ask the service with \
                        `--url`, or add them with `--given`";

/// The end of the paths that hold the time, which is another at each decision.
const CLOCK: &str = ".context.now";

/// What an answer has in common with the recorded one.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    recorded: &'a RecordedDecision,
    /// Whether the decision and the code of its reason are the recorded ones.
    pub(super) is_same: bool,
    /// The ids of the policies that decide now.
    policies: BTreeSet<&'a str>,
    /// Whether a bundle decides now, and not a service.
    is_of_bundle: bool,
    /// The bundle and the revision that decide now.
    state: Option<(String, u64)>,
    /// Inputs that differ: the path, the value then, and the value now.
    inputs: Vec<(&'a str, Option<&'a str>, Option<&'a str>)>,
}

impl<'a> Comparison<'a> {
    /// Compares. `inputs` are those of the answer, where they are known.
    pub(super) fn new(
        recorded: &'a RecordedDecision,
        told: &'a ExplainedDecision,
        inputs: Option<&'a [(String, String)]>,
    ) -> Self {
        let code = told.reason.as_ref().map(|reason| reason.code.as_str());
        let state = told
            .explanation
            .as_ref()
            .map(|tree| (tree.bundle.to_string(), tree.revision.0));
        Self {
            is_same: told.decision.to_string() == recorded.line.decision && code == recorded.code(),
            is_of_bundle: inputs.is_some(),
            policies: determining(told),
            state,
            inputs: inputs
                .map(|now| differences(recorded, now))
                .unwrap_or_default(),
            recorded,
        }
    }

    /// Returns what the comparison could not take into account.
    fn notes(&self) -> Vec<&str> {
        let recorded = self.recorded.notes.iter().map(String::as_str);
        let mut notes: Vec<&str> = recorded.collect();
        if !self.is_same {
            notes.extend(self.recorded.has_unasked.then_some(UNASKED));
            notes.extend(self.is_of_bundle.then_some(UNSTORED));
        }
        notes
    }

    fn has_other_policies(&self) -> bool {
        let then: BTreeSet<&str> = self
            .recorded
            .line
            .policies
            .iter()
            .map(String::as_str)
            .collect();
        then != self.policies
    }

    /// Returns the lines for a person.
    pub(super) fn text(&self, paint: Paint) -> String {
        let line = &self.recorded.line;
        let was = recorded_answer(self.recorded);
        let at = self.recorded.at;
        let mut text = if self.is_same {
            format!(
                "{}: {was}, as at {at}\n",
                paint.good("still the recorded answer")
            )
        } else {
            let label = paint.bad("no longer the recorded answer");
            format!("{label}: it was {was} at {at}\n")
        };
        // Writing into a string cannot fail.
        if self.has_other_policies() {
            let _ = writeln!(text, "  by other policies: {} then", listed(&line.policies));
        }
        for (path, then, now) in &self.inputs {
            let value = |value: Option<&str>| value.unwrap_or("absent").to_owned();
            let _ = writeln!(
                text,
                "  {path} was {}, and is {}",
                value(*then),
                value(*now)
            );
        }
        if let Some((bundle, revision)) = &self.state {
            if *bundle != line.bundle {
                let then = line.bundle.get(..12).unwrap_or(&line.bundle);
                let _ = writeln!(text, "  the bundle is another: {then} then");
            }
            if *revision != line.revision && !self.is_of_bundle {
                let _ = writeln!(text, "  the revision is another: {} then", line.revision);
            }
        }
        for note in self.notes() {
            let _ = writeln!(text, "  {} {note}", paint.dim("note:"));
        }
        text
    }

    /// Returns the same for a script.
    pub(super) fn json(&self) -> Json {
        let line = &self.recorded.line;
        let inputs: Vec<Json> = self
            .inputs
            .iter()
            .map(|(path, then, now)| json!({"path": path, "then": then, "now": now}))
            .collect();
        json!({
            "id": line.id,
            "time": self.recorded.at.to_string(),
            "is_same": self.is_same,
            "decision": line.decision == "permit",
            "reason": self.recorded.code(),
            "policies": line.policies,
            "bundle": line.bundle,
            "revision": line.revision,
            "inputs": inputs,
            "notes": self.notes(),
        })
    }
}

fn recorded_answer(recorded: &RecordedDecision) -> String {
    match recorded.code() {
        Some(code) => format!("{} ({code})", recorded.line.decision),
        None => recorded.line.decision.clone(),
    }
}

fn listed(policies: &BTreeSet<String>) -> String {
    if policies.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = policies.iter().map(|id| format!("`{id}`")).collect();
    quoted.join(", ")
}

/// Returns the determining policies as the record has them: of every leg of a permit, of the first
/// leg that denies of a denial.
fn determining(told: &ExplainedDecision) -> BTreeSet<&str> {
    let legs = told
        .explanation
        .iter()
        .flat_map(|tree: &Explanation| &tree.legs);
    let decisive = legs.filter(|leg| leg.outcome.decision() == told.decision);
    let count = match told.decision {
        Decision::Permit => usize::MAX,
        Decision::Deny => 1,
    };
    decisive
        .take(count)
        .flat_map(|leg| &leg.determining)
        .map(|policy| policy.id.as_str())
        .collect()
}

fn differences<'a>(
    recorded: &'a RecordedDecision,
    now: &'a [(String, String)],
) -> Vec<(&'a str, Option<&'a str>, Option<&'a str>)> {
    let then = &recorded.line.inputs;
    let of_now = |path: &str| {
        now.iter()
            .find(|(known, _)| known == path)
            .map(|(_, value)| value)
    };
    let gone = then.iter().map(|(path, value)| {
        (
            path.as_str(),
            Some(value.as_str()),
            of_now(path).map(String::as_str),
        )
    });
    let new = now
        .iter()
        .filter(|(path, _)| !then.contains_key(path))
        .map(|(path, value)| (path.as_str(), None, Some(value.as_str())));
    gone.chain(new)
        .filter(|(path, then, now)| then != now && !path.ends_with(CLOCK))
        .collect()
}
