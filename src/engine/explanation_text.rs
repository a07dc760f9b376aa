//! Writes an explanation as text, for terminals and case reports.
//!
//! Values, ids and messages come from requests, so characters in them that are not printable are
//! escaped.
//!
//! INVARIANT: without its colours the text is the same everywhere: a terminal and a case report
//! show the same words.

use crate::model::{
    Condition, CredentialLine, Decision, EntityRef, Explanation, LegExplanation, LegOutcome,
    ParameterOrigin, PolicyRef, Reason, RelationLookup, UnmetCondition, UnstoredEntity,
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
    if let Some(explanation) = explanation {
        text.evidence(explanation);
        for leg in &explanation.legs {
            text.leg(leg);
        }
    }
    text.text
}

struct ExplanationText<'a> {
    text: String,
    paint: &'a dyn Fn(TextRole, &str) -> String,
}

impl ExplanationText<'_> {
    /// Writes what credentials prove, and what the caller merely asserts.
    fn evidence(&mut self, explanation: &Explanation) {
        for credential in &explanation.credentials {
            let CredentialLine {
                kind,
                issuer,
                chain,
                proof,
                until: _,
            } = credential;
            let held = match proof {
                Some(proof) => format!(", held as {} shows", proof.as_str()),
                None => String::new(),
            };
            self.push(format_args!(
                "\n  proven by {} of {}{held}: {}",
                kind.as_str(),
                printable(issuer),
                printable(&listed(chain, " > "))
            ));
        }
        if !explanation.asserted.is_empty() {
            self.push(format_args!(
                "\n  asserted, not proven: {}",
                printable(&listed(&explanation.asserted, ", "))
            ));
        }
    }

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
            let forbid = leg.forbids.iter().find(|forbid| forbid.policy == *policy);
            for condition in forbid.iter().flat_map(|forbid| &forbid.conditions) {
                self.condition("because", condition);
            }
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
            self.condition("because this does not hold", &miss.condition);
        }
        for lookup in &leg.relations {
            self.lookup(&leg.principal, lookup);
        }
        for unstored in &leg.unstored {
            self.unstored(unstored);
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

    fn unstored(&mut self, unstored: &UnstoredEntity) {
        let UnstoredEntity { uid, nearest } = unstored;
        let meant = nearest
            .as_ref()
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default();
        self.push(format_args!(
            "\n    not stored: {}{}",
            printable(&uid.to_string()),
            printable(&meant)
        ));
    }

    fn condition(&mut self, how: &str, condition: &Condition) {
        let source = condition
            .source
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        self.push(format_args!(
            "\n      {how} (line {}): {source}",
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
            unmet,
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
        for unmet in unmet {
            self.unmet(unmet);
        }
    }

    /// Writes a tuple that does not count because of its condition, and the condition's values.
    fn unmet(&mut self, unmet: &UnmetCondition) {
        let UnmetCondition {
            tuple,
            condition,
            error,
            values,
        } = unmet;
        let why = match error {
            Some(error) => error.clone(),
            None => format!("condition `{condition}` is false"),
        };
        self.push(format_args!(
            "\n      {} does not count: {}",
            printable(tuple),
            printable(&why)
        ));
        for value in values {
            let origin = match value.origin {
                ParameterOrigin::Tuple => "stored with the tuple",
                ParameterOrigin::Request => "from the request",
                ParameterOrigin::Service => "from the service",
            };
            self.detail(
                8,
                &format!("{} = {} ({origin})", value.parameter, value.value),
            );
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

fn listed(entities: &[EntityRef], between: &str) -> String {
    let names: Vec<String> = entities.iter().map(ToString::to_string).collect();
    names.join(between)
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
    use crate::model::{CredentialKind, Digest, DroppedMembers, Proof, Revision, Timestamp};

    #[test]
    fn what_is_proven_and_what_is_asserted_stand_before_the_legs() {
        let copilot = EntityRef::new("agent", "copilot");
        let line = |proof| CredentialLine {
            kind: CredentialKind::AccessToken,
            issuer: "https://login.example".to_owned(),
            chain: vec![EntityRef::new("user", "alice"), copilot.clone()],
            proof,
            until: Timestamp(0),
        };
        let tree = |credentials, asserted| Explanation {
            bundle: Digest::new([0; 32]),
            revision: Revision(0),
            now: Timestamp(0),
            action: "read".to_owned(),
            credentials,
            asserted,
            legs: Vec::new(),
        };
        let bound = line(Some(Proof::Dpop));
        let of_both = tree(
            vec![line(None), bound],
            vec![EntityRef::new("agent", "a\nb"), copilot.clone()],
        );
        assert_eq!(
            explanation_text(Decision::Permit, None, Some(&of_both)),
            "permit\n  \
             proven by access_token of https://login.example: user:alice > agent:copilot\n  \
             proven by access_token of https://login.example, held as dpop shows: \
             user:alice > agent:copilot\n  \
             asserted, not proven: agent:a\\nb, agent:copilot"
        );
        let proven = tree(vec![line(None)], Vec::new());
        let text = explanation_text(Decision::Permit, None, Some(&proven));
        assert!(!text.contains("asserted"), "{text}");
    }

    #[test]
    fn lookups_stand_below_the_leg_with_their_tuples() {
        let lookup = |user: &str, userset: &str, witness: &[&str]| RelationLookup {
            user: user.to_owned(),
            userset: userset.to_owned(),
            held: !witness.is_empty(),
            witness: witness.iter().map(ToString::to_string).collect(),
            unmet: Vec::new(),
        };
        let leg = LegExplanation {
            principal: EntityRef::new("user", "ann"),
            outcome: LegOutcome::Permit,
            determining: Vec::new(),
            forbids: Vec::new(),
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
            reached: Vec::new(),
            unstored: Vec::new(),
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
        let expected = "permit\n  \
            user:ann: permit\n    \
            is in doc:d#viewer\n      \
            doc:d#viewer@team:t#member\n      \
            team:t#member@user:ann\n    \
            is not in platform:main#suspended\n    \
            agent:a is in platform:main#suspended\n      \
            platform:main#suspended@agent:a";
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
