//! The explanation of a decision as JSON: written by the service, and read by its command line.
//!
//! A reader ignores members that it does not know, because a newer service may send more.

mod read;

use crate::http::authzen::wire::answer::{EntityJson, ReasonJson};
use crate::model::{self, Decision, DecisionId, LegOutcome};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Maximum text of dropped members in one leg, in bytes. It consists of the request's own words,
/// repeated for each leg of each item of a batch; about forty members are enough to show what is
/// misspelt.
const DROPPED_BYTES: usize = 2048;

/// The tree behind a decision, written by the evaluation that made it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub struct ExplanationJson<'a> {
    /// The decision's name, as the header `Behest-Decision` and the decision record have it.
    decision_id: String,
    /// The digest of the bundle that decided.
    bundle: String,
    /// The revision of the relations.
    revision: u64,
    /// The time that policies saw (RFC 3339).
    now: String,
    /// The action that was evaluated; a specialised one where the schema declares it.
    action: Cow<'a, str>,
    /// The credentials that were verified, in the request's order.
    credentials: Vec<CredentialJson<'a>>,
    /// The members of the chain that no credential proves: the caller says so, and is believed.
    asserted: Vec<EntityJson<'a>>,
    /// One per member of the chain, in order, and for each of them one per granting credential that
    /// names it; empty where the chain itself was refused.
    legs: Vec<LegJson<'a>>,
}

/// What a credential was seen to prove.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Credential)]
pub(in crate::http) struct CredentialJson<'a> {
    /// `access_token`, `id_token`, `jwt_svid` or `x509_svid`.
    #[schema(example = "access_token")]
    r#type: Cow<'a, str>,
    /// The issuer that signed it, or answered for it.
    issuer: Cow<'a, str>,
    /// The members of the chain that it names, the subject first.
    chain: Vec<EntityJson<'a>>,
    /// `dpop` or `mtls`; absent for a bearer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Cow<'a, str>>,
    /// Until when it may be used (RFC 3339).
    until: String,
}

/// One leg: whether this member of the chain may do it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Leg)]
pub(in crate::http) struct LegJson<'a> {
    /// The member of the chain whose leg this is.
    principal: EntityJson<'a>,
    /// The outcome of the leg: `permit` or `deny`.
    #[schema(example = "deny")]
    outcome: Cow<'a, str>,
    /// Why the leg does not permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonJson<'a>>,
    /// The policies that decided.
    determining: Vec<PolicyJson<'a>>,
    /// The forbids among them that were satisfied, each with the conditions by which it applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forbids: Vec<ForbidJson<'a>>,
    /// Without a permit: each permit whose scope matched, with what was missing.
    near_misses: Vec<NearMissJson<'a>>,
    /// The relations that were looked up.
    relations: Vec<RelationJson<'a>>,
    /// The policies that failed.
    errors: Vec<PolicyErrorJson<'a>>,
    /// Members of the request that no policy could see.
    dropped: Vec<DroppedMemberJson<'a>>,
    /// The principal and the resource, where the bundle stores entities of the type and not this
    /// one: policies see none of its attributes but those that the request says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unstored: Vec<UnstoredJson<'a>>,
}

/// An entity that nobody stored.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Unstored)]
pub(in crate::http) struct UnstoredJson<'a> {
    /// The entity that nobody stored.
    entity: EntityJson<'a>,
    /// A stored entity with a similar id, which may be meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<EntityJson<'a>>,
}

/// A forbid that was satisfied.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Forbid)]
pub(in crate::http) struct ForbidJson<'a> {
    /// The forbid that was satisfied.
    policy: PolicyJson<'a>,
    /// Its conditions, all of which were true.
    conditions: Vec<ConditionJson<'a>>,
}

/// A policy, and where it stands.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Policy)]
pub(in crate::http) struct PolicyJson<'a> {
    /// The id of the policy, from its `@id`.
    id: Cow<'a, str>,
    /// The effect of the policy: `permit` or `forbid`.
    #[schema(example = "forbid")]
    effect: Cow<'a, str>,
    /// The file, relative to the bundle.
    file: Cow<'a, str>,
    /// The line, from 1.
    line: usize,
    /// What the policy says of itself in its `@doc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<Cow<'a, str>>,
}

/// A permit that almost was.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = NearMiss)]
pub(in crate::http) struct NearMissJson<'a> {
    /// The permit that was not satisfied.
    policy: PolicyJson<'a>,
    /// The first of its conditions that was not true.
    condition: ConditionJson<'a>,
}

/// A condition of a policy.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Condition)]
pub(in crate::http) struct ConditionJson<'a> {
    /// The source text of the condition.
    source: Cow<'a, str>,
    /// The line, from 1.
    line: usize,
    /// What the attributes in it were, as Cedar writes values.
    values: Vec<AttributeJson<'a>>,
    /// What the evaluator said, where the condition failed rather than being false.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
}

/// What an attribute was.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Attribute)]
pub(in crate::http) struct AttributeJson<'a> {
    /// Its path, such as `principal.email`.
    path: Cow<'a, str>,
    /// Its value, as Cedar writes it.
    value: Cow<'a, str>,
}

/// A relation that a policy asked about.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Relation)]
pub(in crate::http) struct RelationJson<'a> {
    /// The user that was looked for.
    user: Cow<'a, str>,
    /// The userset in which it was looked for: `type:id#relation`.
    userset: Cow<'a, str>,
    /// Whether the user is in the userset.
    held: bool,
    /// One path of tuples that shows it.
    #[schema(value_type = Vec<String>)]
    witness: Cow<'a, [String]>,
    /// Tuples by which the user would be in it, if their conditions were true; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unmet: Vec<UnmetJson<'a>>,
}

/// A tuple that does not count because of its condition.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = UnmetTuple)]
pub(in crate::http) struct UnmetJson<'a> {
    /// The tuple that would have counted: `object#relation@user`.
    #[schema(example = "tool:payments/refund#caller@user:ann")]
    tuple: Cow<'a, str>,
    /// The name of its condition.
    condition: Cow<'a, str>,
    /// Why the condition could not be evaluated; absent where it is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    /// The values of the condition's parameters, but for those that have none.
    values: Vec<ParameterJson<'a>>,
}

/// The value of a condition's parameter.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = ConditionParameter)]
pub(in crate::http) struct ParameterJson<'a> {
    /// The name of the parameter.
    parameter: Cow<'a, str>,
    /// Its value as the text of JSON, cut if it is long; `(secret)` or `(hidden)` where it may not
    /// be shown.
    value: Cow<'a, str>,
    /// Where the value comes from: `tuple`, `request` or `service`.
    #[schema(example = "request")]
    from: Cow<'a, str>,
}

/// A policy that failed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Failure)]
pub(in crate::http) struct PolicyErrorJson<'a> {
    /// The policy that failed.
    policy: PolicyJson<'a>,
    /// What the evaluator said.
    message: Cow<'a, str>,
}

/// A member of the request that no policy could see; as the last of many, `and N more`.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Dropped)]
pub(in crate::http) struct DroppedMemberJson<'a> {
    /// The path of the member.
    member: Cow<'a, str>,
    /// Why no policy could see it.
    why: Cow<'a, str>,
}

impl<'a> ExplanationJson<'a> {
    pub(super) fn new(id: DecisionId, tree: &'a model::Explanation) -> Self {
        Self {
            decision_id: id.to_string(),
            bundle: tree.bundle.to_string(),
            revision: tree.revision.0,
            now: tree.now.to_string(),
            action: tree.action.as_str().into(),
            credentials: tree.credentials.iter().map(CredentialJson::from).collect(),
            asserted: tree.asserted.iter().map(EntityJson::from).collect(),
            legs: tree.legs.iter().map(LegJson::from).collect(),
        }
    }
}

impl<'a> From<&'a model::CredentialLine> for CredentialJson<'a> {
    fn from(line: &'a model::CredentialLine) -> Self {
        Self {
            r#type: line.kind.as_str().into(),
            issuer: line.issuer.as_str().into(),
            chain: line.chain.iter().map(EntityJson::from).collect(),
            proof: line.proof.map(|proof| proof.as_str().into()),
            until: line.until.to_string(),
        }
    }
}

impl<'a> From<&'a model::LegExplanation> for LegJson<'a> {
    fn from(leg: &'a model::LegExplanation) -> Self {
        let (outcome, reason) = match &leg.outcome {
            LegOutcome::Permit => ("permit", None),
            LegOutcome::Deny(reason) => ("deny", Some(ReasonJson::from(reason))),
        };
        Self {
            principal: EntityJson::from(&leg.principal),
            outcome: outcome.into(),
            reason,
            determining: leg.determining.iter().map(PolicyJson::from).collect(),
            forbids: leg.forbids.iter().map(ForbidJson::from).collect(),
            near_misses: leg.near_misses.iter().map(NearMissJson::from).collect(),
            relations: leg.relations.iter().map(RelationJson::from).collect(),
            errors: leg.errors.iter().map(PolicyErrorJson::from).collect(),
            dropped: first_dropped(&leg.dropped),
            unstored: leg.unstored.iter().map(UnstoredJson::from).collect(),
        }
    }
}

/// Returns as many dropped members as fit, and how many more there are.
fn first_dropped(all: &model::DroppedMembers) -> Vec<DroppedMemberJson<'_>> {
    let mut left = DROPPED_BYTES;
    let fits = |it: &&model::DroppedMember| {
        let after = left.checked_sub(it.member.len() + it.why.len());
        left = after.unwrap_or(left);
        after.is_some()
    };
    let mut told: Vec<_> = all
        .iter()
        .take_while(fits)
        .map(DroppedMemberJson::from)
        .collect();
    let more = (all.iter().len() + all.more()).saturating_sub(told.len());
    if more > 0 {
        told.push(DroppedMemberJson {
            member: format!("and {more} more").into(),
            why: "the list is cut here".into(),
        });
    }
    told
}

impl<'a> From<&'a model::PolicyRef> for PolicyJson<'a> {
    fn from(policy: &'a model::PolicyRef) -> Self {
        let effect = match policy.effect {
            Decision::Permit => "permit",
            Decision::Deny => "forbid",
        };
        Self {
            id: policy.id.as_str().into(),
            effect: effect.into(),
            file: policy.file.as_str().into(),
            line: policy.line,
            doc: policy.doc.as_deref().map(Cow::from),
        }
    }
}

impl<'a> From<&'a model::NearMiss> for NearMissJson<'a> {
    fn from(miss: &'a model::NearMiss) -> Self {
        Self {
            policy: PolicyJson::from(&miss.policy),
            condition: ConditionJson::from(&miss.condition),
        }
    }
}

impl<'a> From<&'a model::AppliedForbid> for ForbidJson<'a> {
    fn from(forbid: &'a model::AppliedForbid) -> Self {
        Self {
            policy: PolicyJson::from(&forbid.policy),
            conditions: forbid.conditions.iter().map(ConditionJson::from).collect(),
        }
    }
}

impl<'a> From<&'a model::Condition> for ConditionJson<'a> {
    fn from(condition: &'a model::Condition) -> Self {
        Self {
            source: condition.source.as_str().into(),
            line: condition.line,
            values: condition
                .values
                .iter()
                .map(|(path, value)| AttributeJson {
                    path: path.as_str().into(),
                    value: value.as_str().into(),
                })
                .collect(),
            error: condition.error.as_deref().map(Cow::from),
        }
    }
}

impl<'a> From<&'a model::UnstoredEntity> for UnstoredJson<'a> {
    fn from(unstored: &'a model::UnstoredEntity) -> Self {
        Self {
            entity: EntityJson::from(&unstored.uid),
            nearest: unstored.nearest.as_ref().map(EntityJson::from),
        }
    }
}

impl<'a> From<&'a model::RelationLookup> for RelationJson<'a> {
    fn from(lookup: &'a model::RelationLookup) -> Self {
        Self {
            user: lookup.user.as_str().into(),
            userset: lookup.userset.as_str().into(),
            held: lookup.held,
            witness: lookup.witness.as_slice().into(),
            unmet: lookup.unmet.iter().map(UnmetJson::from).collect(),
        }
    }
}

impl<'a> From<&'a model::UnmetCondition> for UnmetJson<'a> {
    fn from(unmet: &'a model::UnmetCondition) -> Self {
        let value = |value: &'a model::ParameterValue| ParameterJson {
            parameter: value.parameter.as_str().into(),
            value: value.value.as_str().into(),
            from: value.origin.as_str().into(),
        };
        Self {
            tuple: unmet.tuple.as_str().into(),
            condition: unmet.condition.as_str().into(),
            error: unmet.error.as_deref().map(Cow::from),
            values: unmet.values.iter().map(value).collect(),
        }
    }
}

impl<'a> From<&'a model::PolicyError> for PolicyErrorJson<'a> {
    fn from(error: &'a model::PolicyError) -> Self {
        Self {
            policy: PolicyJson::from(&error.policy),
            message: error.message.as_str().into(),
        }
    }
}

impl<'a> From<&'a model::DroppedMember> for DroppedMemberJson<'a> {
    fn from(dropped: &'a model::DroppedMember) -> Self {
        Self {
            member: dropped.member.as_str().into(),
            why: dropped.why.as_str().into(),
        }
    }
}
