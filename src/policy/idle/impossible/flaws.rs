//! Says why a test never holds, and what follows from it.

use super::polarity::Polarity;
use crate::model::{Decision, Problem, nearest, shown};
use crate::policy::load::policies::ParsedPolicy;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// LIMIT: types that a message names.
const MAX_SHOWN: usize = 3;

/// What becomes of a bundle in which a test never holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Refused,
    Told,
}

/// The reason why a test is false in one environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TestFlaw {
    /// The holder declares no attribute or member of this name.
    Undeclared {
        name: SmolStr,
        holder: String,
        known: Vec<SmolStr>,
        is_carrier: bool,
    },
    /// The type has no tags.
    NoTags { holder: String },
    /// The two sides are of types that are never equal.
    Unequal,
    /// The types of the left side lie in none of the right side.
    Outside,
    /// No user of this type is in the relation.
    NeverHeld,
    /// It is of another type.
    OtherType,
}

/// Writes the problem of a test that never holds.
pub(super) fn told(
    parsed: &ParsedPolicy,
    text: &str,
    flaws: &BTreeSet<TestFlaw>,
    polarity: Polarity,
) -> (Problem, Severity) {
    let (id, effect) = (&parsed.policy.id, parsed.policy.effect);
    let near = flaws.iter().find_map(|flaw| Some((flaw, flaw.nearest()?)));
    let told = near.map(|(flaw, _)| flaw).or_else(|| flaws.first());
    let near = near.map(|(_, near)| near);
    let is_idle_type = flaws.contains(&TestFlaw::OtherType);
    let (severity, so) = match (effect, polarity) {
        (Decision::Deny, Polarity::Positive | Polarity::Either) if !is_idle_type => {
            (Severity::Refused, ", and what rests on it is not forbidden")
        }
        (Decision::Permit, Polarity::Negative | Polarity::Either) if near.is_some() => (
            Severity::Refused,
            ", and what it should keep out is permitted",
        ),
        (Decision::Deny | Decision::Permit, _) => (Severity::Told, ""),
    };
    let (why, help) = told.map(|flaw| flaw.words(flaws)).unwrap_or_default();
    let message = format!(
        "in the policy `{id}`, `{}` never holds{so}: {why}",
        shown(text)
    );
    let problem = Problem::new(message);
    let problem = match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if flaws.iter().any(TestFlaw::is_of_a_carrier) => problem.help(
            "in a request it says who acts, and no policy sees it: write the policy about the \
             actor (`principal is agent`), or read `context.delegation`",
        ),
        None => problem.help(help),
    };
    (problem, severity)
}

impl TestFlaw {
    /// Returns `true` if the test names what is not declared.
    pub(super) fn is_of_a_name(&self) -> bool {
        match self {
            Self::Undeclared { .. } | Self::NoTags { .. } => true,
            Self::Unequal | Self::Outside | Self::NeverHeld | Self::OtherType => false,
        }
    }

    /// Returns the holders that lack the same name.
    fn holders(&self, flaws: &BTreeSet<Self>) -> String {
        let lacking = flaws.iter().filter_map(|flaw| match (self, flaw) {
            (
                Self::Undeclared { name, .. },
                Self::Undeclared {
                    name: other,
                    holder,
                    ..
                },
            ) if name == other => Some(holder.as_str()),
            (Self::NoTags { .. }, Self::NoTags { holder }) => Some(holder.as_str()),
            _ => None,
        });
        let holders: BTreeSet<&str> = lacking.collect();
        let mut shown: Vec<&str> = holders.iter().copied().take(MAX_SHOWN).collect();
        if holders.len() > MAX_SHOWN {
            shown.push("others");
        }
        shown.join(" or ")
    }

    /// Returns the declared name that was probably meant.
    fn nearest(&self) -> Option<&str> {
        match self {
            Self::Undeclared { name, known, .. } => {
                nearest(name, known.iter().map(SmolStr::as_str))
            }
            _ => None,
        }
    }

    fn is_of_a_carrier(&self) -> bool {
        matches!(
            self,
            Self::Undeclared {
                is_carrier: true,
                ..
            }
        )
    }

    /// Says why the test is false, and what helps; `flaws` are those of all environments.
    fn words(&self, flaws: &BTreeSet<Self>) -> (String, &'static str) {
        let holders = self.holders(flaws);
        match self {
            Self::Undeclared { name, .. } => (
                format!("the schema declares no `{}` for {holders}", shown(name)),
                "declare it there, or remove the test",
            ),
            Self::NoTags { .. } => (
                format!("the schema declares no tags for {holders}"),
                "declare them (`entity … tags String;`), or remove the test",
            ),
            Self::Unequal => (
                "by the schema the two are never the same".to_owned(),
                "name what is meant, or remove the test",
            ),
            Self::Outside => (
                "by the schema what is on the left is never in what is on the right".to_owned(),
                "declare what is in what (`entity … in […];`), or remove the test",
            ),
            Self::NeverHeld => (
                "by the relation model nobody of that type can be in that relation".to_owned(),
                "add the type to the relation, as in `define relation: [user, agent]`, or remove \
                 the test",
            ),
            Self::OtherType => (
                "by the schema it is of another type here".to_owned(),
                "let an action of the scope apply to that type, or remove the test",
            ),
        }
    }
}
