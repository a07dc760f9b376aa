//! Builds the facts of credentials that legs read as `context.token`.
//!
//! INVARIANT: a leg sees the facts of credentials that name its member, and of no others. If
//! several credentials name the member, the leg is decided once with the facts of each, so that a
//! scope of one is never combined with a proof of another.

use crate::model::{
    Arguments, Credential, CredentialError, CredentialLine, ProvenIdentity, Question, Record,
    Timestamp, Value, covering,
};
use smallvec::SmallVec;
use std::ops::Range;

/// The facts of a question's credentials.
pub(super) struct TokenFacts<'a> {
    /// The facts that a case supplies instead.
    given: Option<&'a Record>,
    granted: SmallVec<[CredentialFacts; 1]>,
}

/// The facts of one credential.
struct CredentialFacts {
    /// The index of the credential in the request.
    credential: usize,
    legs: Range<usize>,
    facts: Record,
}

/// The index and the facts of each credential with which one leg is decided, one after the other.
type LegCredentials<'a> = SmallVec<[(usize, Option<&'a Record>); 1]>;

impl<'a> TokenFacts<'a> {
    /// Collects the facts of all credentials. `properties` returns the properties of the resource
    /// as policies see them.
    pub(super) fn of(
        question: &Question,
        arguments: Arguments,
        given: Option<&'a Record>,
        properties: impl Fn() -> Record,
    ) -> Self {
        let credentials = question
            .credentials
            .iter()
            .enumerate()
            .filter(|_| given.is_none());
        let granted = credentials.filter_map(|(credential, Credential { proven, legs })| {
            Some(CredentialFacts {
                credential,
                legs: legs.clone(),
                facts: facts_of(proven, question, arguments, &properties)?,
            })
        });
        Self {
            given,
            granted: granted.collect(),
        }
    }

    /// Returns the credentials with which a leg is decided, each with its facts; never empty.
    pub(super) fn of_leg(&self, leg: usize) -> LegCredentials<'_> {
        let naming = self
            .granted
            .iter()
            .filter(|granted| granted.legs.contains(&leg));
        let mut turns: LegCredentials<'_> = naming
            .map(|granted| (granted.credential, Some(&granted.facts)))
            .collect();
        if turns.is_empty() {
            turns.push((0, self.given));
        }
        turns
    }
}

/// Returns a credential's facts, with the one object of its details that covers the question.
fn facts_of(
    proven: &ProvenIdentity,
    question: &Question,
    arguments: Arguments,
    properties: impl Fn() -> Record,
) -> Option<Record> {
    let mut facts = proven.facts.clone()?;
    if proven.details.is_empty() || proven.rules.is_empty() {
        return Some(facts);
    }
    if let Some(detail) = covering(
        &proven.details,
        &proven.rules,
        question,
        &properties(),
        arguments,
    ) {
        let lists = ["actions", "identifiers", "locations"];
        let mut shown: Record = lists
            .iter()
            .map(|name| {
                (
                    (*name).into(),
                    detail
                        .get_present(name)
                        .cloned()
                        .unwrap_or(Value::List(Vec::new())),
                )
            })
            .collect();
        shown.insert("type", detail.get("type").cloned().unwrap_or(Value::Null));
        if let Some(one) = detail.get_present("identifier") {
            let others = shown
                .get("identifiers")
                .and_then(Value::as_list)
                .unwrap_or_default();
            let all = others
                .iter()
                .filter(|other| *other != one)
                .chain([one])
                .cloned()
                .collect();
            shown.insert("identifiers", Value::List(all));
        }
        facts.insert("detail", Value::Record(shown));
    }
    Some(facts)
}

/// Refuses a credential that has expired since it was verified, as it may while the service waits
/// to verify another one.
pub(super) fn check_times(question: &Question, now: Timestamp) -> Result<(), CredentialError> {
    if question
        .credentials
        .iter()
        .any(|credential| credential.proven.until <= now)
    {
        return Err(CredentialError::expired(
            "a credential has expired: send a fresh one",
        ));
    }
    Ok(())
}

/// Describes the credentials for an explanation.
pub(super) fn lines(credentials: &[Credential]) -> Vec<CredentialLine> {
    let line = |Credential { proven, .. }: &Credential| CredentialLine {
        kind: proven.kind,
        issuer: proven.issuer.to_string(),
        chain: proven.chain.clone(),
        proof: proven.proof,
        until: proven.until,
    };
    credentials.iter().map(line).collect()
}
