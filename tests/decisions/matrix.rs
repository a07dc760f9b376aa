//! The default bundle's decisions: subject × actor × action × resource, as a committed file. A
//! change of a policy is reviewed as a change of decisions.

use behest::bundle::BundleSource;
use behest::engine::Engine;
use behest::model::{AnswerDepth, Decision, EntityRef};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use support::engines;
use support::golden;

/// What the matrix leaves out, and why. The test fails where an entry is no longer true.
const LEFT_OUT: [(&str, &str); 4] = [
    (
        "arguments",
        "every call is asked without `context.arguments`; cases cover thresholds",
    ),
    (
        "time",
        "every question is asked at 2026-06-01T00:00:00Z; cases cover windows",
    ),
    (
        "longer chains",
        "at most one actor; cases and properties cover more hops",
    ),
    (
        "request attributes",
        "no properties are sent; cases cover what a request may claim",
    ),
];

/// Types that the matrix has no row or column for, and why.
const TYPES_LEFT_OUT: [(&str, &str); 2] = [
    ("role", "only ever part of a relation"),
    ("team", "only ever part of a relation, or an owner"),
];

#[test]
fn the_default_bundle_decides_as_committed() {
    let engine = engines::empty();
    if let Err(refused) = engine.load(&BundleSource::Embedded) {
        panic!("{}", refused.problems);
    }
    golden::check("tests/golden/matrix.txt", &matrix(&engine));
}

fn matrix(engine: &Engine) -> String {
    let snapshot = engine.snapshot().expect("it is loaded");
    let refs = snapshot.bundle().stored().refs();
    let vocabulary = &snapshot.bundle().policy_set().schema().vocabulary;
    let of = |kind: &str| {
        refs.iter()
            .filter(|uid| uid.kind == kind)
            .cloned()
            .collect::<Vec<_>>()
    };
    let (users, agents) = (of("user"), [of("agent"), of("service")].concat());
    let mut text = String::from(
        "# Who may do what, alone and through each agent. Rewrite with BEHEST_BLESS=1.\n",
    );
    for (what, why) in LEFT_OUT {
        writeln!(text, "# left out: {what}: {why}").expect("a string takes it");
    }
    let mut seen: BTreeSet<String> = users
        .iter()
        .chain(&agents)
        .map(|uid| uid.kind.to_string())
        .collect();
    let mut asked = 0;
    for action in vocabulary.actions() {
        for resource in &refs {
            let rows = rows(engine, action, resource, &users, &agents);
            if rows
                .iter()
                .all(|(_, cells)| cells.keys().all(|code| code == "not_applicable"))
            {
                continue;
            }
            seen.insert(resource.kind.to_string());
            writeln!(text, "\n{action} on {resource}").expect("a string takes it");
            for (who, cells) in rows {
                let cells: Vec<String> = cells
                    .iter()
                    .map(|(code, who)| format!("{code}: {}", who.join(" ")))
                    .collect();
                writeln!(text, "  {who:<12} {}", cells.join("; ")).expect("a string takes it");
                asked += 1;
            }
        }
    }
    assert!(asked > 300, "only {asked} rows");
    for kind in vocabulary.types() {
        let excused = TYPES_LEFT_OUT.iter().any(|(left_out, _)| left_out == kind);
        assert!(
            seen.contains(kind.as_str()) != excused,
            "`{kind}` is missing, or is excused and there"
        );
    }
    text
}

type Cells = BTreeMap<String, Vec<String>>;

/// A row for each user, and one for agents on their own; in each, the outcomes and through whom.
fn rows(
    engine: &Engine,
    action: &str,
    resource: &EntityRef,
    users: &[EntityRef],
    agents: &[EntityRef],
) -> Vec<(String, Cells)> {
    let mut rows = Vec::new();
    for user in users {
        let mut cells = Cells::new();
        cells
            .entry(outcome(engine, &[user], action, resource))
            .or_default()
            .push("alone".to_owned());
        for agent in agents {
            cells
                .entry(outcome(engine, &[user, agent], action, resource))
                .or_default()
                .push(agent.id.to_string());
        }
        rows.push((user.id.to_string(), cells));
    }
    let mut cells = Cells::new();
    for agent in agents {
        cells
            .entry(outcome(engine, &[agent], action, resource))
            .or_default()
            .push(agent.id.to_string());
    }
    rows.push(("(nobody)".to_owned(), cells));
    rows
}

fn outcome(engine: &Engine, chain: &[&EntityRef], action: &str, resource: &EntityRef) -> String {
    let entity = |uid: &EntityRef| json!({"type": uid.kind.as_str(), "id": uid.id.as_str()});
    let mut subject = entity(chain.last().expect("a chain has a member"));
    if let [first, _] = chain {
        subject["delegation_chain"] = json!([entity(first)]);
    }
    let body =
        json!({"subject": subject, "action": {"name": action}, "resource": entity(resource)});
    let answer = engines::decide(engine, &body, AnswerDepth::Reason);
    match (answer.decision, answer.reason) {
        (Decision::Permit, _) => "permit".to_owned(),
        (Decision::Deny, reason) => reason.expect("a denial has a reason").code.to_string(),
    }
}
