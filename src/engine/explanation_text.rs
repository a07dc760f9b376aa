//! Writes an explanation as text, for terminals and case reports.
//!
//! Values, ids and messages come from requests, so characters in them that are not printable are
//! escaped.
//!
//! INVARIANT: without its colours the text is the same everywhere: a terminal and a case report
//! show the same words.

use crate::model::{
    Condition, Decision, EntityRef, Explanation, LegExplanation, LegOutcome, PolicyRef, Reason,
    RelationLookup,
};
use crate::telemetry::printable;
use std::fmt::Write;

/// The kind of a piece of the text, by which it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRole {
    /// The word for a decision.
    Outcome(Decision),
    /// The principal whose leg it is.
    Principal,
    /// Details that support the line above: values, tuples.
    Detail,
}

/// Returns the decision, its reason, and the tree, indented by two spaces per level, without
/// colours.
#[must_use]
pub fn explanation_text(
    decision: Decision,
    reason: Option<&Reason>,
    explanation: Option<&Explanation>,
) -> String {
    painted_explanation(decision, reason, explanation, &|_, text| text.to_owned())
}

/// Returns the same text, with each piece as `paint` returns it.
#[must_use]
pub fn painted_explanation(
    decision: Decision,
    reason: Option<&Reason>,
    explanation: Option<&Explanation>,
    paint: &dyn Fn(TextRole, &str) -> String,
) -> String {
    let mut text = ExplanationText {
        text: paint(TextRole::Outcome(decision), &decision.to_string()),
        paint,
    };
    if let Some(reason) = reason {
        text.push(format_args!(
            ": {} ({})",
            printable(&reason.message),
            reason.code
        ));
    }
    for leg in explanation.iter().flat_map(|explanation| &explanation.legs) {
        text.leg(leg);
    }
    text.text
}

struct ExplanationText<'a> {
    text: String,
    paint: &'a dyn Fn(TextRole, &str) -> String,
}

impl ExplanationText<'_> {
    fn leg(&mut self, leg: &LegExplanation) {
        let decision = leg.outcome.decision();
        let principal = (self.paint)(TextRole::Principal, &printable(&leg.principal.to_string()));
        let outcome = (self.paint)(TextRole::Outcome(decision), &decision.to_string());
        self.push(format_args!("\n  {principal}: {outcome}"));
        if let LegOutcome::Deny(reason) = &leg.outcome {
            self.push(format_args!(" ({})", reason.code));
        }
        for policy in &leg.determining {
            self.push(format_args!("\n    by {}", place(policy)));
        }
        for error in &leg.errors {
            self.push(format_args!(
                "\n    failed {}: {}",
                place(&error.policy),
                printable(&error.message)
            ));
        }
        for miss in &leg.near_misses {
            self.push(format_args!("\n    not {}", place(&miss.policy)));
            self.condition(&miss.condition);
        }
        for lookup in &leg.relations {
            self.lookup(&leg.principal, lookup);
        }
        for dropped in &leg.dropped {
            self.push(format_args!(
                "\n    not seen: {} ({})",
                printable(&dropped.member),
                dropped.why
            ));
        }
        if leg.dropped.more() > 0 {
            self.push(format_args!(
                "\n    not seen: and {} more",
                leg.dropped.more()
            ));
        }
    }

    fn condition(&mut self, condition: &Condition) {
        let source = condition
            .source
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        self.push(format_args!(
            "\n      because this does not hold (line {}): {source}",
            condition.line
        ));
        for (access, value) in &condition.values {
            self.detail(8, &format!("{access} = {value}"));
        }
    }

    /// Writes a look-up of a relation, and the path of tuples from the userset to the user, if
    /// there is one. The user is usually the principal of the leg and is then not named again.
    fn lookup(&mut self, principal: &EntityRef, lookup: &RelationLookup) {
        let RelationLookup {
            user,
            userset,
            held,
            witness,
        } = lookup;
        let who = if *user == principal.to_string() {
            String::new()
        } else {
            format!("{} ", printable(user))
        };
        let is_in = if *held { "is in" } else { "is not in" };
        self.push(format_args!("\n    {who}{is_in} {}", printable(userset)));
        for tuple in witness {
            self.detail(6, tuple);
        }
    }

    fn detail(&mut self, indent: usize, text: &str) {
        let text = (self.paint)(TextRole::Detail, &printable(text));
        self.push(format_args!("\n{:indent$}{text}", ""));
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _written = self.text.write_fmt(arguments);
    }
}

fn place(policy: &PolicyRef) -> String {
    format!(
        "{} `{}` at {}:{}",
        policy.effect.verb(),
        policy.id,
        policy.file,
        policy.line
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, DroppedMembers, Revision, Timestamp};

    #[test]
    fn lookups_stand_below_the_leg_with_their_tuples() {
        let lookup = |user: &str, userset: &str, witness: &[&str]| RelationLookup {
            user: user.to_owned(),
            userset: userset.to_owned(),
            held: !witness.is_empty(),
            witness: witness.iter().map(ToString::to_string).collect(),
        };
        let leg = LegExplanation {
            principal: EntityRef::new("user", "ann"),
            outcome: LegOutcome::Permit,
            determining: Vec::new(),
            near_misses: Vec::new(),
            relations: vec![
                lookup(
                    "user:ann",
                    "doc:d#viewer",
                    &["doc:d#viewer@team:t#member", "team:t#member@user:ann"],
                ),
                lookup("user:ann", "platform:main#suspended", &[]),
                lookup(
                    "agent:a",
                    "platform:main#suspended",
                    &["platform:main#suspended@agent:a"],
                ),
            ],
            errors: Vec::new(),
            dropped: DroppedMembers::default(),
        };
        let bundle = Digest::new([0; 32]);
        let action = "read".to_owned();
        let tree = Explanation {
            bundle,
            revision: Revision(0),
            now: Timestamp(0),
            action,
            credentials: Vec::new(),
            asserted: Vec::new(),
            legs: vec![leg],
        };
        let expected = "permit\n  user:ann: permit\n    is in doc:d#viewer\n      doc:d#viewer@team:t#member\n      \
                        team:t#member@user:ann\n    is not in platform:main#suspended\n    agent:a is in \
                        platform:main#suspended\n      platform:main#suspended@agent:a";
        assert_eq!(
            explanation_text(Decision::Permit, None, Some(&tree)),
            expected
        );
        let tagged = |piece: TextRole, text: &str| match piece {
            TextRole::Outcome(_) => format!("!{text}"),
            TextRole::Principal => format!("*{text}"),
            TextRole::Detail => format!("-{text}"),
        };
        let painted = painted_explanation(Decision::Permit, None, Some(&tree), &tagged);
        assert!(
            painted.starts_with("!permit\n  *user:ann: !permit\n"),
            "{painted}"
        );
        assert_eq!(
            painted.replace(['!', '*', '-'], ""),
            expected.replace('-', "")
        );
    }
}
