//! Tests of whole answers, byte for byte, and of answers that are cut to their limit.

use super::*;
use crate::model::{
    Code, Condition, CredentialKind, CredentialLine, DecisionId, Digest, DroppedMember,
    DroppedMembers, LegExplanation, LegOutcome, NearMiss, NextAction, PolicyError, PolicyRef,
    Proof, RelationLookup, Revision, Timestamp,
};
use serde_json::{Value, json};

fn text(body: io::Result<Bytes>) -> String {
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}

fn policy() -> PolicyRef {
    let file = "policies/a.cedar".to_owned();
    PolicyRef {
        id: "cap".to_owned(),
        effect: Decision::Deny,
        file,
        line: 3,
        doc: None,
    }
}

fn denial() -> Answer {
    let reason = model::Reason {
        code: Code::Forbidden,
        message: "a policy forbids it".to_owned(),
        principal: Some(model::EntityRef::new("user", "alice")),
        next_action: NextAction::Request,
        missing_scopes: Vec::new(),
        doc: None,
    };
    let condition = Condition {
        source: "principal has mfa".to_owned(),
        line: 5,
        values: vec![("principal.mfa".to_owned(), "false".to_owned())],
        error: None,
    };
    let leg = LegExplanation {
        principal: model::EntityRef::new("user", "alice"),
        outcome: LegOutcome::Deny(reason.clone()),
        determining: vec![policy()],
        forbids: Vec::new(),
        near_misses: vec![NearMiss {
            policy: PolicyRef {
                effect: Decision::Permit,
                doc: Some("why".to_owned()),
                ..policy()
            },
            condition,
        }],
        relations: vec![RelationLookup {
            user: "user:alice".to_owned(),
            userset: "team:sre#member".to_owned(),
            held: true,
            witness: vec!["user:alice member team:sre".to_owned()],
            unmet: Vec::new(),
        }],
        errors: vec![PolicyError {
            policy: policy(),
            message: "overflow".to_owned(),
        }],
        dropped: [DroppedMember {
            member: "context.x".to_owned(),
            why: "not declared".to_owned(),
        }]
        .into_iter()
        .collect(),
        reached: Vec::new(),
        unstored: Vec::new(),
    };
    let other = LegExplanation {
        principal: model::EntityRef::new("agent", "copilot"),
        outcome: LegOutcome::Permit,
        determining: Vec::new(),
        forbids: Vec::new(),
        near_misses: Vec::new(),
        relations: Vec::new(),
        errors: Vec::new(),
        dropped: DroppedMembers::default(),
        reached: Vec::new(),
        unstored: Vec::new(),
    };
    let explanation = model::Explanation {
        bundle: Digest::new([7; 32]),
        revision: Revision(4),
        now: Timestamp(1_790_845_200_123),
        action: "read".to_owned(),
        credentials: vec![CredentialLine {
            kind: CredentialKind::AccessToken,
            issuer: "https://login.example".to_owned(),
            chain: vec![model::EntityRef::new("user", "alice")],
            proof: Some(Proof::Dpop),
            until: Timestamp(1_790_845_260_000),
        }],
        asserted: vec![model::EntityRef::new("agent", "copilot")],
        legs: vec![leg, other],
    };
    Answer {
        id: DecisionId::new(255),
        decision: Decision::Deny,
        arguments: Arguments::Known,
        reason: Some(reason),
        explanation: Some(explanation),
        bundle: Digest::new([7; 32]),
        revision: Revision(4),
    }
}

fn permit() -> Answer {
    Answer {
        decision: Decision::Permit,
        reason: None,
        explanation: None,
        ..denial()
    }
}

const LIMIT: usize = 1 << 20;

#[test]
fn what_would_be_too_large_is_left_out_and_named() {
    let denial = denial();
    let cut = |depth, limit| text(write_answer(&denial, depth, limit));
    let explained = cut(AnswerDepth::Explain, LIMIT).len();
    assert_eq!(cut(AnswerDepth::Explain, explained).len(), explained);
    let reasoned = REASON.replace("}}}", r#"},"omitted":["explanation"]}}"#);
    assert_eq!(cut(AnswerDepth::Explain, explained - 1), reasoned);
    let bare = |omitted| format!(r#"{{"decision":false,"context":{{"omitted":[{omitted}]}}}}"#);
    assert_eq!(
        cut(AnswerDepth::Explain, reasoned.len() - 1),
        bare(r#""explanation","reason""#)
    );
    assert_eq!(cut(AnswerDepth::Reason, REASON.len()), REASON);
    assert_eq!(
        cut(AnswerDepth::Reason, REASON.len() - 1),
        bare(r#""reason""#)
    );
    // In a batch, later answers lose their contexts first.
    let mut body = BatchBody::new(3, AnswerDepth::Reason, OPENING.len() + REASON.len() + 10);
    body.push_decided(&denial).unwrap();
    body.push_decided(&denial).unwrap();
    body.push(&ItemAnswer::Malformed(MalformedMember::missing("resource")))
        .unwrap();
    let expected = format!(
        r#"{{"evaluations":[{REASON},{},{}]}}"#,
        bare(r#""reason""#),
        bare(r#""error""#)
    );
    assert_eq!(text(Ok(body.finish())), expected);
}

const REASON: &str = concat!(
    r#"{"decision":false,"context":{"reason":{"code":"forbidden","message":"a policy forbids it","#,
    r#""principal":{"type":"user","id":"alice"},"next_action":"request"}}}"#,
);

#[test]
fn each_depth_carries_its_own_and_nothing_more() {
    assert_eq!(
        text(write_answer(&permit(), AnswerDepth::Lean, LIMIT)),
        r#"{"decision":true}"#
    );
    assert_eq!(
        text(write_answer(&denial(), AnswerDepth::Lean, LIMIT)),
        r#"{"decision":false}"#
    );
    assert_eq!(
        text(write_answer(&permit(), AnswerDepth::Reason, LIMIT)),
        r#"{"decision":true}"#
    );
    assert_eq!(
        text(write_answer(&denial(), AnswerDepth::Reason, LIMIT)),
        REASON
    );
}

#[test]
fn a_batch_is_its_answers_in_order() {
    let decided = |answer| ItemAnswer::Decided(Box::new(answer));
    let items = [
        decided(permit()),
        ItemAnswer::Malformed(MalformedMember::missing("resource")),
        decided(denial()),
    ];
    let error = concat!(
        r#"{"decision":false,"context":"#,
        r#"{"error":{"status":400,"message":"`resource` is missing"}}}"#,
    );
    for (depth, last) in [
        (AnswerDepth::Lean, r#"{"decision":false}"#),
        (AnswerDepth::Reason, REASON),
    ] {
        let expected = format!(r#"{{"evaluations":[{{"decision":true}},{error},{last}]}}"#);
        let mut body = BatchBody::new(items.len(), depth, LIMIT);
        items.iter().for_each(|answer| body.push(answer).unwrap());
        assert_eq!(text(Ok(body.finish())), expected);
    }
}

#[test]
fn an_explanation_carries_the_whole_tree() {
    let body: Value =
        serde_json::from_str(&text(write_answer(&denial(), AnswerDepth::Explain, LIMIT))).unwrap();
    let at = |effect| json!({"id": "cap", "effect": effect, "file": "policies/a.cedar", "line": 3});
    let mut near = at("permit");
    near["doc"] = json!("why");
    let reason = body["context"]["reason"].clone();
    assert_eq!(
        body["context"]["explanation"],
        json!({
            "decision_id": "000000000000000000000000000000ff",
            "bundle": "07".repeat(32),
            "revision": 4,
            "now": "2026-10-01T09:00:00.123Z",
            "action": "read",
            "credentials": [{
                "type": "access_token",
                "issuer": "https://login.example",
                "chain": [{"type": "user", "id": "alice"}],
                "proof": "dpop",
                "until": "2026-10-01T09:01:00Z",
            }],
            "asserted": [{"type": "agent", "id": "copilot"}],
            "legs": [
                {
                    "principal": {"type": "user", "id": "alice"},
                    "outcome": "deny",
                    "reason": reason,
                    "determining": [at("forbid")],
                    "near_misses": [{
                        "policy": near,
                        "condition": {
                            "source": "principal has mfa",
                            "line": 5,
                            "values": [{"path": "principal.mfa", "value": "false"}],
                        },
                    }],
                    "relations": [{
                        "user": "user:alice",
                        "userset": "team:sre#member",
                        "held": true,
                        "witness": ["user:alice member team:sre"],
                    }],
                    "errors": [{"policy": at("forbid"), "message": "overflow"}],
                    "dropped": [{"member": "context.x", "why": "not declared"}],
                },
                {
                    "principal": {"type": "agent", "id": "copilot"},
                    "outcome": "permit",
                    "determining": [],
                    "near_misses": [],
                    "relations": [],
                    "errors": [],
                    "dropped": [],
                },
            ],
        })
    );
}
