//! What must hold of every bundle, chain and request, tried on generated ones.

use behest::engine::{Engine, Semantic};
use behest::model::{AnswerDepth, Decision};
use cedar_policy::{Authorizer, Context, Effect, Entities, EntityUid, PolicySet, Request};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;
use support::engines;
use support::seed::seed;
use support::spellings::{SPELLINGS, STRAYS, is_carriers_own, put};
use support::values;
use support::worlds;
use support::worlds::{SCHEMA, World};

fn engine(world: &World) -> Engine {
    engines::engine(&[
        ("schemas/world.cedarschema", SCHEMA),
        ("policies/world.cedar", &world.policies),
        ("policies/entities.json", &world.entities.to_string()),
    ])
}

fn config() -> ProptestConfig {
    // Seeded: a failure is the same for everybody.
    ProptestConfig {
        cases: 120,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed(20_260_601)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// An agent never exceeds its user, nor anyone before it.
    #[test]
    fn a_chain_never_permits_what_a_prefix_denies(
        world in worlds::worlds(),
        chain in worlds::members(),
        asked in prop::collection::vec(worlds::requests(), 4),
        spellings in prop::collection::vec(prop::sample::select(SPELLINGS.to_vec()), 4),
    ) {
        let engine = engine(&world);
        for body in asked {
            let mut before = Decision::Permit;
            for end in 1..=chain.len() {
                let body = worlds::of_chain(&body, &chain[..end], spellings[end - 1]);
                let now = engines::decide(&engine, &body, AnswerDepth::Lean).decision;
                prop_assert!(!(before == Decision::Deny && now == Decision::Permit), "{body}\n{}", world.policies);
                before = now;
            }
        }
    }

    /// A chain is one chain in every spelling, and whatever is said of a member counts.
    #[test]
    fn each_spelling_of_a_chain_is_decided_alike(
        world in worlds::worlds(), chain in worlds::members(), asked in prop::collection::vec(worlds::requests(), 4),
    ) {
        let engine = engine(&world);
        for body in asked {
            let of = |spelling| {
                let body = worlds::of_chain(&body, &chain, spelling);
                (engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Reason)), body)
            };
            let (expected, _) = of(SPELLINGS[0]);
            for spelling in SPELLINGS {
                let (found, body) = of(spelling);
                prop_assert_eq!(&found, &expected, "{:?}: {}\n{}", spelling, body, world.policies);
            }
        }
    }

    /// Whoever names an actor where nobody would read it is told so, and is never taken for nobody.
    #[test]
    fn nothing_that_names_an_actor_is_overlooked(
        world in worlds::worlds(),
        body in worlds::requests(),
        value in prop::sample::select(vec![
            json!("evil"), json!({"sub": "evil"}), json!({"type": "agent", "id": "evil"}), json!({}), json!([]), json!(7),
            json!([{"type": "agent", "id": "evil"}]), json!({"delegator_type": "agent", "delegator_id": "evil"}),
        ]),
    ) {
        let engine = engine(&world);
        let plain = engines::verdict(&engines::decide(&engine, &body, AnswerDepth::Reason));
        for (place, name) in STRAYS.iter().flat_map(|(place, names)| names.iter().map(move |name| (place, name))) {
            let mut stray = body.clone();
            put(&mut stray, place, name, &value);
            let found = engines::verdict(&engines::decide(&engine, &stray, AnswerDepth::Reason));
            prop_assert_eq!(&found, "deny chain_invalid", "{}", stray);
            // An object among the properties that holds a null is a property.
            if is_carriers_own(name) && !place.starts_with("/subject/properties/") {
                put(&mut stray, place, name, &Json::Null);
                let found = engines::verdict(&engines::decide(&engine, &stray, AnswerDepth::Reason));
                prop_assert_eq!(&found, &plain, "null is not sent: {}", stray);
            }
        }
    }

    /// Whoever asks why gets the same answer as who does not, and the tree agrees with it.
    #[test]
    fn lean_and_explained_answers_agree(world in worlds::worlds(), asked in prop::collection::vec(worlds::requests(), 8)) {
        let engine = engine(&world);
        for body in asked {
            let lean = engines::decide(&engine, &body, AnswerDepth::Lean);
            let told = engines::decide(&engine, &body, AnswerDepth::Explain);
            prop_assert_eq!((lean.decision, &lean.reason), (told.decision, &told.reason), "{}", body);
            let tree = told.explanation.expect("it was asked for");
            let first = tree.legs.iter().find(|leg| leg.outcome.decision() == Decision::Deny);
            prop_assert_eq!(first.map_or(Decision::Permit, |_| Decision::Deny), told.decision);
            if let (Some(leg), Some(reason)) = (first, &told.reason) {
                prop_assert_eq!(leg.outcome.code(), Some(&reason.code));
            }
        }
    }

    #[test]
    fn a_batch_equals_its_single_evaluations(world in worlds::worlds(), asked in prop::collection::vec(worlds::requests(), 1..8)) {
        let engine = engine(&world);
        let singles: Vec<String> =
            asked.iter().map(|body| engines::verdict(&engines::decide(&engine, body, AnswerDepth::Reason))).collect();
        let items: Vec<_> = asked.iter().map(|body| Ok(values::request(body))).collect();
        for (semantic, until) in [
            (Semantic::ExecuteAll, None),
            (Semantic::DenyOnFirstDeny, Some("deny")),
            (Semantic::PermitOnFirstPermit, Some("permit")),
        ] {
            let ask = engines::ask(AnswerDepth::Reason);
            let answers = engine.decide_batch(&ask, items.iter().cloned(), semantic, Duration::MAX).expect("a bundle");
            let found: Vec<String> = answers.map(|item| match item.expect("an answer") {
                behest::engine::ItemAnswer::Decided(answer) => engines::verdict(&answer),
                behest::engine::ItemAnswer::Malformed(malformed) => malformed.to_string(),
            }).collect();
            let last = until.and_then(|word| singles.iter().position(|verdict| verdict.starts_with(word)));
            prop_assert_eq!(&found[..], &singles[..last.map_or(singles.len(), |at| at + 1)]);
        }
    }

    /// The evaluation and its explanation, held to Cedar's own authorizer: the same satisfied
    /// policies, the same failed ones; and where no permit holds, every permit in scope is
    /// explained by the condition that stopped it.
    #[test]
    fn each_leg_agrees_with_cedars_authorizer(world in worlds::worlds(), chain in worlds::chains(), action in 0usize..2, doc in 0usize..4, limit in prop::option::of(0i64..6)) {
        let chain: Vec<_> = chain.into_iter().filter(|(kind, _)| *kind != "spaceship").collect();
        prop_assume!(!chain.is_empty());
        let engine = engine(&world);
        let action = ["read", "write"][action];
        let body = json!({
            "subject": worlds::subject(&chain, &json!({})), "action": {"name": action},
            "resource": {"type": "doc", "id": format!("d{doc}")}, "context": {"limit": limit},
        });
        let tree = engines::decide(&engine, &body, AnswerDepth::Explain).explanation.expect("it was asked for");
        let cedar = Oracle::new(&world);
        for (index, leg) in tree.legs.iter().enumerate() {
            let expected = cedar.leg(&chain, index, action, doc, limit);
            let found = Found {
                permit: leg.outcome.decision() == Decision::Permit,
                failed: leg.errors.iter().map(|error| error.policy.id.clone()).collect(),
            };
            prop_assert_eq!(&found, &expected.found, "leg {} of {}\n{}", index, body, world.policies);
            if found.failed.is_empty() {
                let determining: BTreeSet<String> = leg.determining.iter().map(|policy| policy.id.clone()).collect();
                prop_assert_eq!(&determining, &expected.satisfied);
            }
            let missed: BTreeSet<String> = leg.near_misses.iter().map(|miss| miss.policy.id.clone()).collect();
            prop_assert_eq!(&missed, &expected.missed, "leg {} of {}\n{}", index, body, world.policies);
        }
    }
}

#[derive(Debug, PartialEq)]
struct Found {
    permit: bool,
    failed: BTreeSet<String>,
}

struct Expected {
    found: Found,
    satisfied: BTreeSet<String>,
    /// Where no permit holds: those whose scope matches.
    missed: BTreeSet<String>,
}

/// Cedar's authorizer over the whole policy set, with the facts written by hand.
struct Oracle {
    policies: PolicySet,
    /// The same policies without their conditions: satisfied where the scope matches.
    scopes: PolicySet,
    entities: Entities,
}

impl Oracle {
    fn new(world: &World) -> Self {
        let scopes: String = world.policies.lines().map(scope_of).collect();
        let touch = json!([{"type": "Action", "id": "touch"}]);
        let action =
            |id: &str| json!({"uid": {"type": "Action", "id": id}, "attrs": {}, "parents": touch});
        let mut entities = world.entities.clone();
        entities
            .as_array_mut()
            .expect("a list")
            .extend(["read", "write"].map(action));
        Self {
            policies: by_id(&world.policies),
            scopes: by_id(&scopes),
            entities: Entities::from_json_value(entities, None).expect("the entities parse"),
        }
    }

    fn effect(&self, id: &str) -> Effect {
        self.policies
            .policy(&id.parse().expect("an id"))
            .expect("a policy")
            .effect()
    }

    fn leg(
        &self,
        chain: &[(&str, String)],
        index: usize,
        action: &str,
        doc: usize,
        limit: Option<i64>,
    ) -> Expected {
        let entity = |(kind, id): &(&str, String)| json!({"__entity": {"type": kind, "id": id}});
        let place = |member: &(&str, String)| json!({ member.0: entity(member) });
        let mut delegation = json!({"subject": place(&chain[0]), "depth": index});
        if index > 0 {
            delegation["from"] = place(&chain[index - 1]);
            let mut earlier = json!({});
            for member in &chain[..index] {
                match earlier[member.0].as_array_mut() {
                    Some(list) => list.push(entity(member)),
                    None => earlier[member.0] = Json::Array(vec![entity(member)]),
                }
            }
            delegation["earlier"] = earlier;
        }
        let mut context = json!({
            "delegation": delegation,
            "now": {"__extn": {"fn": "datetime", "arg": "2026-06-01T00:00:00.000Z"}},
        });
        if let Some(limit) = limit {
            context["limit"] = json!(limit);
        }
        let uid = |kind: &str, id: &str| {
            EntityUid::from_str(&format!("{kind}::\"{id}\"")).expect("a uid")
        };
        let request = Request::new(
            uid(chain[index].0, &chain[index].1),
            uid("Action", action),
            uid("doc", &format!("d{doc}")),
            Context::from_json_value(context, None).expect("a context"),
            None,
        )
        .expect("a request");
        let response = Authorizer::new().is_authorized(&request, &self.policies, &self.entities);
        let failed: BTreeSet<String> = response
            .diagnostics()
            .errors()
            .map(|error| {
                let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
                error.policy_id().to_string()
            })
            .collect();
        let satisfied: BTreeSet<String> = response
            .diagnostics()
            .reason()
            .map(ToString::to_string)
            .collect();
        // Cedar's reasons are of the deciding effect only, so each permit is asked by itself.
        let alone = |set: &PolicySet, id: &str| {
            let policy = set
                .policy(&id.parse().expect("an id"))
                .expect("a policy")
                .clone();
            let set = PolicySet::from_policies([policy]).expect("one policy");
            Authorizer::new()
                .is_authorized(&request, &set, &self.entities)
                .diagnostics()
                .reason()
                .next()
                .is_some()
        };
        let ids: Vec<String> = self
            .policies
            .policies()
            .map(|policy| policy.id().to_string())
            .collect();
        let in_scope = ids
            .into_iter()
            .filter(|id| self.effect(id) == Effect::Permit && alone(&self.scopes, id));
        let (held, missed): (Vec<String>, Vec<String>) =
            in_scope.partition(|id| alone(&self.policies, id));
        let missed = if held.is_empty() {
            missed.into_iter().collect()
        } else {
            BTreeSet::new()
        };
        let forbid = |id: &String| self.effect(id) == Effect::Forbid;
        let permit =
            response.decision() == cedar_policy::Decision::Allow && !failed.iter().any(forbid);
        Expected {
            found: Found { permit, failed },
            satisfied,
            missed,
        }
    }
}

fn by_id(text: &str) -> PolicySet {
    let mut policies = PolicySet::new();
    for policy in PolicySet::from_str(text)
        .expect("the policies parse")
        .policies()
    {
        let id = policy
            .annotation("id")
            .expect("each has an id")
            .parse()
            .expect("an id");
        policies.add(policy.new_id(id)).expect("ids are unique");
    }
    policies
}

/// A policy of a generated world without its condition.
fn scope_of(line: &str) -> String {
    let end = line.find(") when ").or_else(|| line.find(") unless "));
    end.map_or_else(
        || format!("{line}\n"),
        |end| format!("{});\n", &line[..end]),
    )
}
