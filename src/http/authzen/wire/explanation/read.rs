//! Turns an explanation that was read back into the model's.

use super::{
    ConditionJson, CredentialJson, DroppedMemberJson, ExplanationJson, ForbidJson, LegJson,
    NearMissJson, ParameterJson, PolicyErrorJson, PolicyJson, RelationJson, UnmetJson,
    UnstoredJson,
};
use crate::http::authzen::wire::answer::{EntityJson, ReasonJson};
use crate::model::{
    AppliedForbid, Condition, CredentialKind, CredentialLine, Decision, DroppedMember, Explanation,
    LegExplanation, LegOutcome, NearMiss, ParameterOrigin, ParameterValue, PolicyError, PolicyRef,
    Proof, RelationLookup, Revision, UnmetCondition, UnstoredEntity,
};

impl ExplanationJson<'_> {
    /// Returns the explanation, or `None` if a digest, a time or a kind of credential is no such
    /// thing.
    #[must_use]
    pub fn into_model(self) -> Option<Explanation> {
        let credentials = self.credentials.into_iter();
        let asserted = self.asserted.into_iter();
        let legs = self.legs.into_iter();
        Some(Explanation {
            bundle: self.bundle.parse().ok()?,
            revision: Revision(self.revision),
            now: self.now.parse().ok()?,
            action: self.action.into_owned(),
            credentials: credentials
                .map(CredentialJson::into_model)
                .collect::<Option<_>>()?,
            asserted: asserted.map(EntityJson::into_model).collect(),
            legs: legs.map(LegJson::into_model).collect(),
        })
    }
}

impl CredentialJson<'_> {
    fn into_model(self) -> Option<CredentialLine> {
        let chain = self.chain.into_iter();
        Some(CredentialLine {
            kind: CredentialKind::from_word(&self.r#type)?,
            issuer: self.issuer.into_owned(),
            chain: chain.map(EntityJson::into_model).collect(),
            proof: [Proof::Dpop, Proof::Mtls]
                .into_iter()
                .find(|proof| Some(proof.as_str()) == self.proof.as_deref()),
            until: self.until.parse().ok()?,
        })
    }
}

impl LegJson<'_> {
    fn into_model(self) -> LegExplanation {
        let outcome = match self.reason.map(ReasonJson::into_model) {
            Some(reason) => LegOutcome::Deny(reason),
            None => LegOutcome::Permit,
        };
        let determining = self.determining.into_iter();
        let near_misses = self.near_misses.into_iter();
        let relations = self.relations.into_iter();
        let errors = self.errors.into_iter();
        let dropped = self.dropped.into_iter();
        let forbids = self.forbids.into_iter();
        let unstored = self.unstored.into_iter();
        LegExplanation {
            principal: self.principal.into_model(),
            outcome,
            determining: determining.map(PolicyJson::into_model).collect(),
            forbids: forbids.map(ForbidJson::into_model).collect(),
            near_misses: near_misses.map(NearMissJson::into_model).collect(),
            relations: relations.map(RelationJson::into_model).collect(),
            errors: errors.map(PolicyErrorJson::into_model).collect(),
            dropped: dropped.map(DroppedMemberJson::into_model).collect(),
            reached: Vec::new(),
            unstored: unstored.map(UnstoredJson::into_model).collect(),
        }
    }
}

impl PolicyJson<'_> {
    fn into_model(self) -> PolicyRef {
        let effect = if self.effect == "permit" {
            Decision::Permit
        } else {
            Decision::Deny
        };
        PolicyRef {
            id: self.id.into_owned(),
            effect,
            file: self.file.into_owned(),
            line: self.line,
            doc: self.doc.map(Into::into),
        }
    }
}

impl NearMissJson<'_> {
    fn into_model(self) -> NearMiss {
        NearMiss {
            policy: self.policy.into_model(),
            condition: self.condition.into_model(),
        }
    }
}

impl ForbidJson<'_> {
    fn into_model(self) -> AppliedForbid {
        let conditions = self.conditions.into_iter();
        AppliedForbid {
            policy: self.policy.into_model(),
            conditions: conditions.map(ConditionJson::into_model).collect(),
        }
    }
}

impl UnstoredJson<'_> {
    fn into_model(self) -> UnstoredEntity {
        UnstoredEntity {
            uid: self.entity.into_model(),
            nearest: self.nearest.map(EntityJson::into_model),
        }
    }
}

impl ConditionJson<'_> {
    fn into_model(self) -> Condition {
        let values = self.values.into_iter();
        Condition {
            source: self.source.into_owned(),
            line: self.line,
            values: values
                .map(|attribute| (attribute.path.into_owned(), attribute.value.into_owned()))
                .collect(),
            error: self.error.map(Into::into),
        }
    }
}

impl RelationJson<'_> {
    fn into_model(self) -> RelationLookup {
        RelationLookup {
            user: self.user.into_owned(),
            userset: self.userset.into_owned(),
            held: self.held,
            witness: self.witness.into_owned(),
            unmet: self.unmet.into_iter().map(UnmetJson::into_model).collect(),
        }
    }
}

impl UnmetJson<'_> {
    fn into_model(self) -> UnmetCondition {
        UnmetCondition {
            tuple: self.tuple.into_owned(),
            condition: self.condition.into_owned(),
            error: self.error.map(Into::into),
            values: self
                .values
                .into_iter()
                .filter_map(ParameterJson::into_model)
                .collect(),
        }
    }
}

impl ParameterJson<'_> {
    /// Returns `None` for an origin that only a newer service knows.
    fn into_model(self) -> Option<ParameterValue> {
        let mut origins = ParameterOrigin::ALL.into_iter();
        Some(ParameterValue {
            origin: origins.find(|origin| origin.as_str() == self.from)?,
            parameter: self.parameter.into_owned(),
            value: self.value.into_owned(),
        })
    }
}

impl PolicyErrorJson<'_> {
    fn into_model(self) -> PolicyError {
        PolicyError {
            policy: self.policy.into_model(),
            message: self.message.into_owned(),
        }
    }
}

impl DroppedMemberJson<'_> {
    fn into_model(self) -> DroppedMember {
        DroppedMember {
            member: self.member.into_owned(),
            why: self.why.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::authzen::wire::explanation::ExplanationJson;
    use crate::model::{DecisionId, Explanation};
    use serde_json::{Value, json};

    /// Returns an explanation in which every member that can be left out is there.
    fn full() -> Value {
        let alice = json!({"type": "user", "id": "alice"});
        let policy =
            json!({"id": "a", "effect": "permit", "file": "p.cedar", "line": 3, "doc": "why"});
        let condition = json!({
            "source": "true",
            "line": 4,
            "values": [{"path": "principal.mfa", "value": "false"}],
            "error": "overflow",
        });
        json!({
            "decision_id": "00000000000000000000000000000000",
            "bundle": "07".repeat(32),
            "revision": 4,
            "now": "2026-10-01T09:00:00.123Z",
            "action": "read",
            "credentials": [{
                "type": "access_token",
                "issuer": "https://login.example",
                "chain": [alice],
                "proof": "dpop",
                "until": "2026-10-01T09:01:00Z",
            }],
            "asserted": [{"type": "agent", "id": "m%20n", "tuple": "agent:m%2520n"}],
            "legs": [{
                "principal": alice,
                "outcome": "deny",
                "reason": {
                    "code": "forbidden",
                    "message": "a policy forbids it",
                    "principal": alice,
                    "next_action": "request",
                },
                "determining": [
                    {"id": "b", "effect": "forbid", "file": "p.cedar", "line": 1},
                ],
                "forbids": [{
                    "policy": {"id": "b", "effect": "forbid", "file": "p.cedar", "line": 1},
                    "conditions": [{"source": "true", "line": 2, "values": []}],
                }],
                "near_misses": [{"policy": policy, "condition": condition}],
                "relations": [{
                    "user": "user:alice",
                    "userset": "team:sre#member",
                    "held": true,
                    "witness": ["user:alice member team:sre"],
                    "unmet": [{
                        "tuple": "team:sre#member@user:alice",
                        "condition": "soon",
                        "error": "it failed",
                        "values": [{"parameter": "until", "value": "\"x\"", "from": "tuple"}],
                    }],
                }],
                "errors": [{"policy": policy, "message": "overflow"}],
                "dropped": [{"member": "context.x", "why": "not declared"}],
                "unstored": [{"entity": alice, "nearest": {"type": "user", "id": "alicia"}}],
            }],
        })
    }

    fn read(json: &Value) -> Option<Explanation> {
        serde_json::from_value::<ExplanationJson<'_>>(json.clone())
            .unwrap()
            .into_model()
    }

    #[test]
    fn an_explanation_that_is_read_is_written_alike() {
        let tree = read(&full()).unwrap();
        let written = ExplanationJson::new(DecisionId::new(0), &tree);
        assert_eq!(serde_json::to_value(&written).unwrap(), full());
    }

    #[test]
    fn members_of_a_newer_service_are_ignored_and_other_words_are_not() {
        let mut newer = full();
        newer["legs"][0]["newer"] = json!([1]);
        assert!(read(&newer).is_some());
        for (member, value) in [("bundle", "07"), ("now", "yesterday")] {
            let mut other = full();
            other[member] = json!(value);
            assert!(read(&other).is_none(), "{member}");
        }
        let mut other = full();
        other["credentials"][0]["type"] = json!("newer");
        assert!(read(&other).is_none());
    }
}
