//! Defines the AuthZEN examples on the documentation page.
//!
//! INVARIANT: each example has its stated outcome with the default bundle; a test sends all of
//! them.

use crate::http::authzen::evaluation::ENDPOINT as EVALUATION;
use crate::http::authzen::evaluations::ENDPOINT as EVALUATIONS;
use crate::http::authzen::search::{ACTION, RESOURCE, SUBJECT};
use serde_json::{Value, json};

/// One example.
#[derive(Debug)]
pub struct AuthzenExample {
    /// The name, which begins with a digit because the page lists examples by name.
    pub name: &'static str,
    /// What the example shows, in a few words.
    pub summary: &'static str,
    /// What to pay attention to.
    pub description: &'static str,
    /// The path that it is sent to.
    pub path: &'static str,
    /// The body that is sent.
    pub body: Value,
    /// The outcome of each question: `permit`, or the code of the denial's reason. For a search,
    /// what it finds, as `type:id` or as an action's name, in alphabetical order.
    pub outcomes: &'static [&'static str],
}

/// The answer that the page shows for an example before it is sent.
#[derive(Debug)]
pub struct ExampleAnswer {
    /// The example's name.
    pub name: &'static str,
    /// The path that it is sent to.
    pub path: &'static str,
    /// The whole body of the answer.
    pub body: Value,
}

/// Returns whole answers. Those with explanations are left out: they hold the bundle's digest,
/// which changes with any of its files.
#[must_use]
pub fn answers() -> Vec<ExampleAnswer> {
    let over_cap = json!({
        "decision": false,
        "context": {"reason": {
            "code": "refund_over_cap",
            "message": "A refund above 500.00 is for a billing lead.",
            "principal": {"type": "user", "id": "alice"},
            "next_action": "request",
            "doc": "A billing lead can make this refund.",
        }},
    });
    let no_issuer = json!({
        "decision": false,
        "context": {"reason": {
            "code": "credential_invalid",
            "message": "`context.credentials[0]`: \
                no issuer is configured that could have issued the credential",
            "next_action": "none",
        }},
    });
    let answer = |name, path, body| ExampleAnswer { name, path, body };
    vec![
        answer(
            "1-agent-permitted",
            EVALUATION.path,
            json!({"decision": true}),
        ),
        answer(
            "2-user-may-not",
            EVALUATION.path,
            json!({"decision": false}),
        ),
        answer(
            "5-user-may-not-with-reason",
            EVALUATION.path,
            over_cap.clone(),
        ),
        answer("9a-whoever-the-token-names", EVALUATION.path, no_issuer),
        answer(
            "1-batch",
            EVALUATIONS.path,
            json!({"evaluations": [{"decision": true}, {"decision": false}, {"decision": true}]}),
        ),
        answer(
            "2-batch-with-reasons",
            EVALUATIONS.path,
            json!({"evaluations": [{"decision": true}, over_cap, {"decision": true}]}),
        ),
    ]
}

/// Returns all examples, in the order of the list.
#[must_use]
pub fn examples() -> Vec<AuthzenExample> {
    let mut examples = single();
    examples.extend(other_spellings());
    examples.extend(batches());
    examples.extend(searches());
    examples
}

fn single() -> Vec<AuthzenExample> {
    vec![
        AuthzenExample {
            name: "1-agent-permitted",
            summary: "An agent is permitted",
            description: "copilot acts for alice. She may refund up to 500.00, \
                and copilot may what its user may.",
            path: EVALUATION.path,
            body: refund(&json!(249.9)),
            outcomes: &["permit"],
        },
        AuthzenExample {
            name: "2-user-may-not",
            summary: "An agent is denied, because its user may not",
            description: "The same with 2490.00: alice may not, so nobody may for her.",
            path: EVALUATION.path,
            body: refund(&json!(2490)),
            outcomes: &["refund_over_cap"],
        },
        AuthzenExample {
            name: "3-agent-may-not",
            summary: "An agent is denied, although its user may",
            description: "alice may call this tool; orchestrator has a list of tools, \
                and this one is not on it.",
            path: EVALUATION.path,
            body: review(),
            outcomes: &["tool_not_listed"],
        },
        AuthzenExample {
            name: "4-missing-grant",
            summary: "An agent is denied, because its user did not let it act",
            description: "bob may query the knowledge base and copilot mirrors its user, \
                but bob never granted copilot anything.",
            path: EVALUATION.path,
            body: lookup(),
            outcomes: &["delegation_missing"],
        },
        AuthzenExample {
            name: "5-user-may-not-with-reason",
            summary: "… and why, for the agent: options.reason",
            description: "A code, a sentence, whose permission is missing, and what can be done.",
            path: EVALUATION.path,
            body: with_options(refund(&json!(2490)), json!({"reason": true})),
            outcomes: &["refund_over_cap"],
        },
        AuthzenExample {
            name: "6-agent-may-not-with-explanation",
            summary: "… and why, for the policy author: options.explain",
            description: "Each leg, the policies that decided it with file and line, \
                and what every permit was missing.",
            path: EVALUATION.path,
            body: with_options(review(), json!({"explain": true})),
            outcomes: &["tool_not_listed"],
        },
    ]
}

fn other_spellings() -> Vec<AuthzenExample> {
    vec![
        AuthzenExample {
            name: "7-agent-in-context",
            summary: "The agent in context.agent, as MCP servers send it",
            description: "The same chain, alice > copilot, in another spelling.",
            path: EVALUATION.path,
            body: json!({
                "subject": {"type": "user", "id": "alice"},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": "checkout"},
                "context": {"agent": "copilot"},
            }),
            outcomes: &["permit"],
        },
        AuthzenExample {
            name: "8-agent-as-subject",
            summary: "The agent as subject, as gateways send it",
            description: "The same chain again. \
                The repository belongs to another team than alice's.",
            path: EVALUATION.path,
            body: json!({
                "subject": {
                    "type": "agent",
                    "id": "copilot",
                    "properties": {"on_behalf_of": "alice"},
                },
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": "website"},
            }),
            outcomes: &["other_team"],
        },
        AuthzenExample {
            name: "9-agent-alone",
            summary: "An agent that acts for nobody",
            description: "nightly is stored as autonomous, and has the capability of its own.",
            path: EVALUATION.path,
            body: json!({
                "subject": {"type": "agent", "id": "nightly"},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": "checkout"},
            }),
            outcomes: &["permit"],
        },
        AuthzenExample {
            name: "9a-whoever-the-token-names",
            summary: "Whoever an access token names",
            description: "The token is verified, and the chain, its scopes and the rest \
                come from it. It denies until the token's issuer stands in the service's \
                settings, under [[issuers]].",
            path: EVALUATION.path,
            body: with_options(by_token(), json!({"reason": true})),
            outcomes: &["credential_invalid"],
        },
    ]
}

/// Returns a question with a credential in the place of the subject.
fn by_token() -> Value {
    // {"alg":"ES256","typ":"at+jwt","kid":"1"}
    // {"iss":"https://login.example","sub":"alice","act":{"sub":"copilot"}}
    let token = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.\
        eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJzdWIiOiJhbGljZSIsIm\
        FjdCI6eyJzdWIiOiJjb3BpbG90In19.\
        c2ln";
    json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": "write"},
        "resource": {"type": "repository", "id": "checkout"},
        "context": {"credentials": [{"type": "access_token", "value": token}]},
    })
}

fn batches() -> Vec<AuthzenExample> {
    vec![
        AuthzenExample {
            name: "1-batch",
            summary: "Several tools for one agent",
            description: "subject and action are defaults; \
                each item brings its tool and arguments.",
            path: EVALUATIONS.path,
            body: several(),
            outcomes: &["permit", "refund_over_cap", "permit"],
        },
        AuthzenExample {
            name: "2-batch-with-reasons",
            summary: "… with the reasons of the denials",
            description: "options.reason holds for all items.",
            path: EVALUATIONS.path,
            body: with_options(several(), json!({"reason": true})),
            outcomes: &["permit", "refund_over_cap", "permit"],
        },
        AuthzenExample {
            name: "3-batch-all-or-nothing",
            summary: "… up to the first denial",
            description: "For a plan whose steps are all needed: \
                the answer ends with the first step that is denied.",
            path: EVALUATIONS.path,
            body: with_options(
                several(),
                json!({"evaluations_semantic": "deny_on_first_deny"}),
            ),
            outcomes: &["permit", "refund_over_cap"],
        },
    ]
}

fn searches() -> Vec<AuthzenExample> {
    let mut searches = subject_searches();
    searches.extend(resource_searches());
    searches.push(AuthzenExample {
        name: "1-which-actions",
        summary: "What may an agent do for its user?",
        description: "Actions have a name and nothing else.",
        path: ACTION.path,
        body: json!({
            "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
            "resource": {"type": "repository", "id": "checkout"},
        }),
        outcomes: &["read", "write"],
    });
    searches
}

fn subject_searches() -> Vec<AuthzenExample> {
    vec![
        AuthzenExample {
            name: "1-who-may",
            summary: "Who may write to a repository?",
            description: "Users, each with their own authority. \
                The id of what is searched for is left out.",
            path: SUBJECT.path,
            body: json!({
                "subject": {"type": "user"},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": "checkout"},
            }),
            outcomes: &["user:alice"],
        },
        AuthzenExample {
            name: "2-for-whom",
            summary: "For whom may an agent do it?",
            description: "The carrier stands on the searched user: \
                whoever it is, copilot acts for them.",
            path: SUBJECT.path,
            body: json!({
                "subject": {"type": "user", "properties": {"act": {"sub": "copilot"}}},
                "action": {"name": "write"},
                "resource": {"type": "repository", "id": "checkout"},
            }),
            outcomes: &["user:alice"],
        },
    ]
}

fn resource_searches() -> Vec<AuthzenExample> {
    let tools = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool"},
    });
    vec![
        AuthzenExample {
            name: "1-which-tools",
            summary: "Which tools may an agent call for its user?",
            description: "Those that both may call without any arguments.",
            path: RESOURCE.path,
            body: tools.clone(),
            outcomes: &[
                "tool:argocd/logs",
                "tool:github/review",
                "tool:memory/update",
            ],
        },
        AuthzenExample {
            name: "2-which-tools-with-some-arguments",
            summary: "… with some arguments or other, for a list of tools",
            description: "A tool whose policies read its arguments is found if any arguments could \
                be permitted. The answer is marked: it permits no call.",
            path: RESOURCE.path,
            body: with_options(tools, json!({"unknown": ["arguments"]})),
            outcomes: &[
                "tool:argocd/logs",
                "tool:github/review",
                "tool:kb/query",
                "tool:memory/update",
                "tool:payments/refund",
            ],
        },
    ]
}

fn refund(amount: &Value) -> Value {
    json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "payments/refund"},
        "context": {"arguments": {"order": "o-17", "amount": amount}},
    })
}

fn review() -> Value {
    json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "orchestrator"}}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "github/review"},
    })
}

fn lookup() -> Value {
    json!({
        "subject": {"type": "user", "id": "bob", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "kb/query"},
        "context": {"arguments": {"query": "vat"}},
    })
}

fn several() -> Value {
    json!({
        "subject": {"type": "user", "id": "alice", "properties": {"act": {"sub": "copilot"}}},
        "action": {"name": "tools/call"},
        "evaluations": [
            {
                "resource": {"type": "tool", "id": "payments/refund"},
                "context": {"arguments": {"order": "o-17", "amount": 249.9}},
            },
            {
                "resource": {"type": "tool", "id": "payments/refund"},
                "context": {"arguments": {"order": "o-17", "amount": 2490}},
            },
            {
                "resource": {"type": "tool", "id": "kb/query"},
                "context": {"arguments": {"query": "vat"}},
            },
        ],
    })
}

fn with_options(mut body: Value, options: Value) -> Value {
    if let Value::Object(members) = &mut body {
        members.insert("options".to_owned(), options);
    }
    body
}
