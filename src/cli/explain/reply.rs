//! Reads a service's answer back into the model.
//!
//! Unknown members are ignored, because a newer service may send more.

use super::ExplainedDecision;
use crate::model::{
    Code, Condition, CredentialKind, CredentialLine, Decision, DroppedMember, EntityRef,
    Explanation, LegExplanation, LegOutcome, NearMiss, NextAction, PolicyError, PolicyRef, Problem,
    Proof, Reason, RelationLookup, Revision,
};
use serde::Deserialize;

/// Reads an answer with its explanation.
pub(super) fn read(json: Vec<u8>) -> Result<ExplainedDecision, Problem> {
    let foreign = |what: &str| {
        Problem::new(format!("the answer is not one of behest: {what}"))
            .help("check that the address is a service's")
    };
    let answer: AnswerReply =
        serde_json::from_slice(&json).map_err(|error| foreign(&error.to_string()))?;
    let context = answer.context.unwrap_or_default();
    let explanation = match context.explanation {
        Some(tree) => Some(
            tree.into_model()
                .ok_or_else(|| foreign("its explanation has another form"))?,
        ),
        None => None,
    };
    Ok(ExplainedDecision {
        decision: if answer.decision {
            Decision::Permit
        } else {
            Decision::Deny
        },
        reason: context.reason.map(ReasonReply::into_model),
        explanation,
        json,
    })
}

#[derive(Deserialize)]
#[serde(expecting = "struct Answer")]
struct AnswerReply {
    decision: bool,
    context: Option<ContextReply>,
}

#[derive(Default, Deserialize)]
#[serde(expecting = "struct Context")]
struct ContextReply {
    reason: Option<ReasonReply>,
    explanation: Option<ExplanationReply>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct ReasonText")]
struct ReasonReply {
    code: String,
    message: String,
    principal: Option<EntityReply>,
    next_action: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Named")]
struct EntityReply {
    r#type: String,
    id: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Tree")]
struct ExplanationReply {
    bundle: String,
    revision: u64,
    now: String,
    action: String,
    #[serde(default)]
    credentials: Vec<CredentialReply>,
    #[serde(default)]
    asserted: Vec<EntityReply>,
    legs: Vec<LegReply>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Credential")]
struct CredentialReply {
    r#type: String,
    issuer: String,
    chain: Vec<EntityReply>,
    proof: Option<String>,
    until: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Leg")]
struct LegReply {
    principal: EntityReply,
    reason: Option<ReasonReply>,
    #[serde(default)]
    determining: Vec<PolicyReply>,
    #[serde(default)]
    near_misses: Vec<NearMissReply>,
    #[serde(default)]
    relations: Vec<RelationReply>,
    #[serde(default)]
    errors: Vec<PolicyErrorReply>,
    #[serde(default)]
    dropped: Vec<DroppedMemberReply>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Policy")]
struct PolicyReply {
    id: String,
    effect: String,
    file: String,
    line: usize,
    doc: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Miss")]
struct NearMissReply {
    policy: PolicyReply,
    condition: ConditionReply,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Unmet")]
struct ConditionReply {
    source: String,
    line: usize,
    #[serde(default)]
    values: Vec<AttributeReply>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Attribute")]
struct AttributeReply {
    path: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Lookup")]
struct RelationReply {
    user: String,
    userset: String,
    held: bool,
    #[serde(default)]
    witness: Vec<String>,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Failure")]
struct PolicyErrorReply {
    policy: PolicyReply,
    message: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Unseen")]
struct DroppedMemberReply {
    member: String,
    why: String,
}

impl ExplanationReply {
    fn into_model(self) -> Option<Explanation> {
        Some(Explanation {
            bundle: self.bundle.parse().ok()?,
            revision: Revision(self.revision),
            now: self.now.parse().ok()?,
            action: self.action,
            credentials: self
                .credentials
                .into_iter()
                .map(CredentialReply::into_model)
                .collect::<Option<_>>()?,
            asserted: self
                .asserted
                .into_iter()
                .map(EntityReply::into_model)
                .collect(),
            legs: self.legs.into_iter().map(LegReply::into_model).collect(),
        })
    }
}

impl CredentialReply {
    fn into_model(self) -> Option<CredentialLine> {
        Some(CredentialLine {
            kind: CredentialKind::from_word(&self.r#type)?,
            issuer: self.issuer,
            chain: self
                .chain
                .into_iter()
                .map(EntityReply::into_model)
                .collect(),
            proof: [Proof::Dpop, Proof::Mtls]
                .into_iter()
                .find(|proof| Some(proof.as_str()) == self.proof.as_deref()),
            until: self.until.parse().ok()?,
        })
    }
}

impl LegReply {
    fn into_model(self) -> LegExplanation {
        LegExplanation {
            principal: self.principal.into_model(),
            outcome: self.reason.map_or(LegOutcome::Permit, |reason| {
                LegOutcome::Deny(reason.into_model())
            }),
            determining: self
                .determining
                .into_iter()
                .map(PolicyReply::into_model)
                .collect(),
            near_misses: self
                .near_misses
                .into_iter()
                .map(NearMissReply::into_model)
                .collect(),
            relations: self
                .relations
                .into_iter()
                .map(
                    |RelationReply {
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
                .map(|DroppedMemberReply { member, why }| DroppedMember { member, why })
                .collect(),
        }
    }
}

impl PolicyReply {
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

impl NearMissReply {
    fn into_model(self) -> NearMiss {
        let ConditionReply {
            source,
            line,
            values,
            error,
        } = self.condition;
        let values = values
            .into_iter()
            .map(|AttributeReply { path, value }| (path, value))
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

impl ReasonReply {
    fn into_model(self) -> Reason {
        let reserved = Code::RESERVED
            .into_iter()
            .find(|code| code.as_str() == self.code);
        Reason {
            code: reserved.unwrap_or_else(|| Code::Pack(self.code.into())),
            message: self.message,
            principal: self.principal.map(EntityReply::into_model),
            next_action: NextAction::from_word(&self.next_action).unwrap_or(NextAction::None),
        }
    }
}

impl EntityReply {
    fn into_model(self) -> EntityRef {
        EntityRef::new(self.r#type, self.id)
    }
}
