//! Reads a service's answer back into the model.
//!
//! Unknown members are ignored, because a newer service may send more.

use super::Told;
use crate::model::{
    Code, Condition, CredentialKind, CredentialLine, Decision, Digest, DroppedMember, EntityRef,
    Explanation, LegExplanation, LegOutcome, NearMiss, NextAction, PolicyError, PolicyRef, Problem,
    Proof, Reason, RelationLookup, Revision, Timestamp,
};
use serde::Deserialize;

/// Reads an answer with its explanation.
pub(super) fn read(json: Vec<u8>) -> Result<Told, Problem> {
    let foreign = |what: &str| {
        Problem::new(format!("the answer is not one of behest: {what}"))
            .help("check that the address is a service's")
    };
    let answer: Answer =
        serde_json::from_slice(&json).map_err(|error| foreign(&error.to_string()))?;
    let context = answer.context.unwrap_or_default();
    let explanation = match context.explanation {
        Some(tree) => Some(
            tree.into_model()
                .ok_or_else(|| foreign("its explanation has another form"))?,
        ),
        None => None,
    };
    Ok(Told {
        decision: if answer.decision {
            Decision::Permit
        } else {
            Decision::Deny
        },
        reason: context.reason.map(ReasonText::into_model),
        explanation,
        json,
    })
}

#[derive(Deserialize)]
struct Answer {
    decision: bool,
    context: Option<Context>,
}

#[derive(Default, Deserialize)]
struct Context {
    reason: Option<ReasonText>,
    explanation: Option<Tree>,
}

#[derive(Deserialize)]
struct ReasonText {
    code: String,
    message: String,
    principal: Option<Named>,
    next_action: String,
}

#[derive(Deserialize)]
struct Named {
    r#type: String,
    id: String,
}

#[derive(Deserialize)]
struct Tree {
    bundle: String,
    revision: u64,
    now: String,
    action: String,
    #[serde(default)]
    credentials: Vec<Credential>,
    #[serde(default)]
    asserted: Vec<Named>,
    legs: Vec<Leg>,
}

#[derive(Deserialize)]
struct Credential {
    r#type: String,
    issuer: String,
    chain: Vec<Named>,
    proof: Option<String>,
    until: String,
}

#[derive(Deserialize)]
struct Leg {
    principal: Named,
    reason: Option<ReasonText>,
    #[serde(default)]
    determining: Vec<Policy>,
    #[serde(default)]
    near_misses: Vec<Miss>,
    #[serde(default)]
    relations: Vec<Lookup>,
    #[serde(default)]
    errors: Vec<Failure>,
    #[serde(default)]
    dropped: Vec<Unseen>,
}

#[derive(Deserialize)]
struct Policy {
    id: String,
    effect: String,
    file: String,
    line: usize,
    doc: Option<String>,
}

#[derive(Deserialize)]
struct Miss {
    policy: Policy,
    condition: Unmet,
}

#[derive(Deserialize)]
struct Unmet {
    source: String,
    line: usize,
    #[serde(default)]
    values: Vec<Attribute>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Attribute {
    path: String,
    value: String,
}

#[derive(Deserialize)]
struct Lookup {
    user: String,
    userset: String,
    held: bool,
    #[serde(default)]
    witness: Vec<String>,
}

#[derive(Deserialize)]
struct Failure {
    policy: Policy,
    message: String,
}

#[derive(Deserialize)]
struct Unseen {
    member: String,
    why: String,
}

impl Tree {
    fn into_model(self) -> Option<Explanation> {
        Some(Explanation {
            bundle: digest(&self.bundle)?,
            revision: Revision(self.revision),
            now: time(&self.now)?,
            action: self.action,
            credentials: self
                .credentials
                .into_iter()
                .map(Credential::into_model)
                .collect::<Option<_>>()?,
            asserted: self.asserted.into_iter().map(Named::into_model).collect(),
            legs: self.legs.into_iter().map(Leg::into_model).collect(),
        })
    }
}

impl Credential {
    fn into_model(self) -> Option<CredentialLine> {
        Some(CredentialLine {
            kind: CredentialKind::from_word(&self.r#type)?,
            issuer: self.issuer,
            chain: self.chain.into_iter().map(Named::into_model).collect(),
            proof: [Proof::Dpop, Proof::Mtls]
                .into_iter()
                .find(|proof| Some(proof.as_str()) == self.proof.as_deref()),
            until: time(&self.until)?,
        })
    }
}

impl Leg {
    fn into_model(self) -> LegExplanation {
        LegExplanation {
            principal: self.principal.into_model(),
            outcome: self.reason.map_or(LegOutcome::Permit, |reason| {
                LegOutcome::Deny(reason.into_model())
            }),
            determining: self
                .determining
                .into_iter()
                .map(Policy::into_model)
                .collect(),
            near_misses: self.near_misses.into_iter().map(Miss::into_model).collect(),
            relations: self
                .relations
                .into_iter()
                .map(
                    |Lookup {
                         user,
                         userset,
                         held,
                         witness,
                     }| RelationLookup {
                        user,
                        userset,
                        held,
                        witness,
                    },
                )
                .collect(),
            errors: self
                .errors
                .into_iter()
                .map(|failure| PolicyError {
                    policy: failure.policy.into_model(),
                    message: failure.message,
                })
                .collect(),
            dropped: self
                .dropped
                .into_iter()
                .map(|Unseen { member, why }| DroppedMember { member, why })
                .collect(),
        }
    }
}

impl Policy {
    fn into_model(self) -> PolicyRef {
        let effect = if self.effect == "permit" {
            Decision::Permit
        } else {
            Decision::Deny
        };
        PolicyRef {
            id: self.id,
            effect,
            file: self.file,
            line: self.line,
            doc: self.doc,
        }
    }
}

impl Miss {
    fn into_model(self) -> NearMiss {
        let Unmet {
            source,
            line,
            values,
            error,
        } = self.condition;
        let values = values
            .into_iter()
            .map(|Attribute { path, value }| (path, value))
            .collect();
        NearMiss {
            policy: self.policy.into_model(),
            condition: Condition {
                source,
                line,
                values,
                error,
            },
        }
    }
}

impl ReasonText {
    fn into_model(self) -> Reason {
        let reserved = Code::RESERVED
            .into_iter()
            .find(|code| code.as_str() == self.code);
        Reason {
            code: reserved.unwrap_or_else(|| Code::Pack(self.code.into())),
            message: self.message,
            principal: self.principal.map(Named::into_model),
            next_action: NextAction::from_word(&self.next_action).unwrap_or(NextAction::None),
        }
    }
}

impl Named {
    fn into_model(self) -> EntityRef {
        EntityRef::new(self.r#type, self.id)
    }
}

fn time(text: &str) -> Option<Timestamp> {
    Some(Timestamp(
        text.parse::<jiff::Timestamp>().ok()?.as_millisecond(),
    ))
}

fn digest(hex: &str) -> Option<Digest> {
    let mut sha256 = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (byte, at) in sha256.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(Digest::new(sha256))
}
