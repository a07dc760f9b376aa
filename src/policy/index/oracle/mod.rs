//! Checks the index against evaluation without one (decision, determining policies, errors, reason
//! and near misses, over generated policies and requests) and against Cedar's own authorizer.

mod world;

use super::super::evaluate::{Leg, LegDepth, LegInput};
use super::super::schema::Schema;
use super::super::{CompiledPolicySet, DeclaredReasons};
use super::{AttributeValue, LegValues, PolicyIndex, ScopeEntity, Slice};
use crate::model::{Arguments, Code, Decision, EntityRef, LegOutcome, Timestamp};
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::load::source::SourceFile;
use crate::policy::load::stored::StoredEntities;
use crate::policy::port::{
    RelationAnswer, RelationFailure, RelationQuestion, RelationTypes, Relations,
};
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Effect, Entities, EntityUid, PolicySet, Request,
};
use cedar_policy_core::ast::{EntityUID, Literal};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value as Json, json};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;
use world::{SCHEMA, World, WorldQuestion, in_cedar, worlds};

/// Relations in which some users view some documents.
#[derive(Debug)]
struct Viewers;

impl Viewers {
    fn holds(user: &str, doc: &str) -> bool {
        (user.len() + doc.len() + usize::from(user.ends_with(doc))).is_multiple_of(2)
    }
}

impl Relations for Viewers {
    fn holds(&self, question: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        let held = Self::holds(&question.user.to_string(), &question.object.id);
        Ok(RelationAnswer {
            held,
            ..RelationAnswer::default()
        })
    }

    fn is_object(&self, _: &EntityRef) -> bool {
        true
    }
}

fn schema() -> Schema {
    let types = RelationTypes {
        parameters: std::collections::BTreeMap::default(),
        users: std::collections::BTreeMap::default(),
        relations: [("doc".into(), BTreeSet::from(["viewer".into()]))].into(),
        members: BTreeSet::from(["user".into(), "agent".into()]),
    };
    Schema::read(&[SourceFile::new("world.cedarschema", SCHEMA)], types).unwrap()
}

fn compiled(policies: &str) -> CompiledPolicySet {
    CompiledPolicySet::new(
        schema(),
        &[SourceFile::new("world.cedar", policies)],
        &[],
        DeclaredReasons::new(),
    )
    .unwrap()
}

/// Replaces each forbid that can never apply, which loading refuses, by a permit.
fn possible(mut world: World) -> (World, CompiledPolicySet) {
    let compile = |policies: &str| {
        CompiledPolicySet::new(
            schema(),
            &[SourceFile::new("world.cedar", policies)],
            &[],
            DeclaredReasons::new(),
        )
    };
    let report = match compile(&world.policies) {
        Ok(compiled) => return (world, compiled),
        Err(problems) => problems.to_string(),
    };
    let is_idle = |line: &str| {
        line.split('"').nth(1).is_some_and(|id| {
            report.contains(&format!("the policy `{id}` forbids nothing"))
                || report.contains(&format!("in the policy `{id}`,"))
        })
    };
    let of = |line: &str| {
        if is_idle(line) {
            line.replacen("forbid (", "permit (", 1)
        } else {
            line.to_owned()
        }
    };
    world.policies = world.policies.lines().map(|line| of(line) + "\n").collect();
    let compiled = compile(&world.policies).unwrap();
    (world, compiled)
}

fn stored(world: &World, compiled: &CompiledPolicySet) -> StoredEntities {
    let text = Json::Array(world.stored.clone()).to_string();
    StoredEntities::read(&[SourceFile::new("entities.json", text)], compiled.schema()).unwrap()
}

fn leg(
    compiled: &CompiledPolicySet,
    stored: &StoredEntities,
    asked: &WorldQuestion,
    depth: LegDepth,
) -> Leg {
    let question = asked.question();
    let input = LegInput {
        question: &question,
        leg: 0,
        now: Timestamp(0),
        token: None,
        stored,
        relations: &Viewers,
        conversions: None,
        arguments: Arguments::Known,
    };
    compiled.leg(&input, depth).unwrap()
}

fn told(leg: &Leg) -> (LegOutcome, Vec<String>, Vec<String>) {
    let explained = leg.explanation.as_ref();
    let near_misses = explained
        .map(|told| &told.near_misses)
        .into_iter()
        .flatten();
    (
        leg.outcome.clone(),
        leg.policies.clone(),
        near_misses.map(|miss| format!("{miss:?}")).collect(),
    )
}

fn config() -> ProptestConfig {
    // The seed is fixed, so that a failure is the same for everybody.
    ProptestConfig {
        cases: 120,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_704),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn indexed_unindexed_and_cedars_authorizer_agree(world in worlds()) {
        let (world, mut compiled) = possible(world);
        let stored = stored(&world, &compiled);
        let explaining = LegDepth { explanation: true, ..LegDepth::default() };
        let wants = [LegDepth::default(), explaining];
        let legs = |asked| wants.map(|depth| leg(&compiled, &stored, asked, depth));
        let indexed: Vec<[Leg; 2]> = world.asked.iter().map(legs).collect();
        compiled.index = PolicyIndex::unindexed(compiled.policies.clone(), &compiled.schema);
        let oracle = Oracle::new(&world);
        for (asked, found) in world.asked.iter().zip(&indexed) {
            let whole = wants.map(|depth| leg(&compiled, &stored, asked, depth));
            for (found, whole) in found.iter().zip(&whole) {
                prop_assert_eq!(told(found), told(whole), "{:?}\n{}", asked, world.policies);
            }
            let [lean, explained] = found;
            prop_assert_eq!(&lean.outcome, &explained.outcome);
            prop_assert_eq!(&lean.policies, &explained.policies);
            if lean.outcome.code() != Some(&Code::BadValue) {
                oracle.check(asked, lean, explained)?;
            }
        }
    }
}

/// Cedar's authorizer over all policies.
struct Oracle<'a> {
    world: &'a World,
    policies: PolicySet,
}

impl<'a> Oracle<'a> {
    fn new(world: &'a World) -> Self {
        let mut policies = PolicySet::new();
        let parsed: PolicySet = world.policies.parse().unwrap();
        for policy in parsed.policies() {
            let id = policy.annotation("id").unwrap().parse().unwrap();
            policies.add(policy.new_id(id)).unwrap();
        }
        Self { world, policies }
    }

    fn check(
        &self,
        asked: &WorldQuestion,
        lean: &Leg,
        explained: &Leg,
    ) -> Result<(), TestCaseError> {
        let uid =
            |kind: &str, id: &str| -> EntityUid { format!("{kind}::\"{id}\"").parse().unwrap() };
        let request = Request::new(
            uid(asked.principal.0, &asked.principal.1.to_string()),
            uid("Action", asked.action),
            uid(asked.resource.0, &asked.resource.1.to_string()),
            Context::from_json_value(in_cedar(&fitting(&asked.context)), None).unwrap(),
            None,
        );
        let entities = Entities::from_json_value(self.entities(asked), None).unwrap();
        let response =
            Authorizer::new().is_authorized(&request.unwrap(), &self.policies, &entities);
        let failed: BTreeSet<String> = response
            .diagnostics()
            .errors()
            .map(|AuthorizationError::PolicyEvaluationError(error)| error.policy_id().to_string())
            .collect();
        let forbids = |id: &String| {
            self.policies.policy(&id.parse().unwrap()).unwrap().effect() == Effect::Forbid
        };
        let permit =
            response.decision() == cedar_policy::Decision::Allow && !failed.iter().any(forbids);
        let about = || format!("{asked:?}\n{}", self.world.policies);
        prop_assert_eq!(
            lean.outcome.decision() == Decision::Permit,
            permit,
            "{}",
            about()
        );
        let errors = &explained.explanation.as_ref().unwrap().errors;
        let told: BTreeSet<String> = errors.iter().map(|error| error.policy.id.clone()).collect();
        prop_assert_eq!(&told, &failed, "{}", about());
        if !failed.iter().any(forbids) {
            let satisfied: BTreeSet<String> = response
                .diagnostics()
                .reason()
                .map(ToString::to_string)
                .collect();
            prop_assert_eq!(
                &lean.policies.iter().cloned().collect::<BTreeSet<_>>(),
                &satisfied,
                "{}",
                about()
            );
        }
        if !permit && failed.is_empty() && lean.policies.is_empty() {
            let misses = &explained.explanation.as_ref().unwrap().near_misses;
            let gives = |id: &str| {
                self.policies
                    .policy(&id.parse().unwrap())
                    .unwrap()
                    .annotation("reason")
                    .is_some()
            };
            let reason = if misses.iter().any(|miss| gives(&miss.policy.id)) {
                "told"
            } else {
                "not_permitted"
            };
            prop_assert_eq!(
                lean.outcome.code().map(Code::as_str),
                Some(reason),
                "{}",
                about()
            );
        }
        Ok(())
    }

    /// Returns the stored entities, with what was sent and is not stored, and the relations.
    fn entities(&self, asked: &WorldQuestion) -> Json {
        let mut all = self.world.stored.clone();
        let [principal, resource] = &asked.properties;
        for ((kind, id), sent) in [(asked.principal, principal), (asked.resource, resource)] {
            let at = at(&mut all, kind, &id.to_string());
            for (name, value) in in_cedar(&fitting(sent)).as_object().unwrap() {
                at["attrs"]
                    .as_object_mut()
                    .unwrap()
                    .entry(name)
                    .or_insert(value.clone());
            }
        }
        for action in ["read", "write"] {
            at(&mut all, "Action", action)["parents"] = json!([{"type": "Action", "id": "all"}]);
        }
        let user = format!("{}:{}", asked.principal.0, asked.principal.1);
        for doc in 0..4 {
            let userset = json!({"type": "Userset", "id": format!("doc:{doc}#viewer")});
            at(&mut all, "doc", &doc.to_string())["attrs"]["viewer"] =
                json!({"__entity": userset.clone()});
            if Viewers::holds(&user, &doc.to_string()) {
                let principal = at(&mut all, asked.principal.0, &asked.principal.1.to_string());
                principal["parents"].as_array_mut().unwrap().push(userset);
            }
        }
        Json::Array(all)
    }
}

/// Returns the members of a request that count in a leg which does not deny: members that do not
/// fit are left out.
fn fitting(members: &world::SentMembers) -> world::SentMembers {
    let fits = |name: &str, value: &Json| match name {
        "tenant" | "region" | "kind" => value.is_string(),
        "level" | "rank" | "tries" => value.is_i64(),
        "active" => value.is_boolean(),
        "profile" | "args" => value.is_object(),
        "roles" => value
            .as_array()
            .is_some_and(|roles| roles.iter().all(Json::is_string)),
        _ => value.get("type").is_some(),
    };
    members
        .iter()
        .filter(|(name, value)| fits(name, value))
        .cloned()
        .collect()
}

fn at<'a>(all: &'a mut Vec<Json>, kind: &str, id: &str) -> &'a mut Json {
    let uid = json!({"type": kind, "id": id});
    let at = all
        .iter()
        .position(|entity| entity["uid"] == uid)
        .unwrap_or_else(|| {
            all.push(json!({"uid": uid, "attrs": {}, "parents": []}));
            all.len() - 1
        });
    &mut all[at]
}

/// Returns the slice for `user::"0"` with these attributes, reading `doc::"0"`, which has none.
fn slice(index: &PolicyIndex, properties: &[(&str, AttributeValue)]) -> Arc<Slice> {
    let uid = |kind: &str, id: &str| EntityUID::with_eid_and_type(kind, id).unwrap();
    let (principal, resource) = (uid("user", "0"), uid("doc", "0"));
    let named = |uid| ScopeEntity { uid, stored: None };
    let scope = index.scope(&uid("Action", "read"), named(&principal), named(&resource));
    let value = |root: PathRoot, path: &[SmolStr]| {
        let found = properties
            .iter()
            .find(|(name, _)| root == PathRoot::Principal && path == [*name]);
        found.map_or(AttributeValue::Absent, |(_, value)| value.clone())
    };
    let kinds = (principal.entity_type(), resource.entity_type());
    index.slice(
        &scope,
        &LegValues {
            kinds,
            value: &value,
        },
    )
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::Is(Literal::String(value.into()))
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::Is(Literal::Long(value))
}

/// Cedar calls this forbid impossible, which is a warning; it must not deny because of its
/// relation.
#[test]
fn a_forbid_that_cannot_hold_for_a_type_does_not_fail_for_its_relation() {
    let compiled = compiled(
        r#"
        @id("all") permit (principal, action, resource);
        @id("never") forbid (principal, action, resource is doc)
        when { principal in resource.viewer && principal is user };
        "#,
    );
    let properties = [Vec::new(), Vec::new()];
    for doc in 0..4 {
        let (principal, resource) = (("agent", 0), ("doc", doc));
        let asked = WorldQuestion {
            principal,
            action: "read",
            resource,
            properties: properties.clone(),
            context: Vec::new(),
        };
        let leg = leg(
            &compiled,
            &StoredEntities::default(),
            &asked,
            LegDepth::default(),
        );
        assert_eq!(
            (leg.outcome, leg.policies),
            (LegOutcome::Permit, vec!["all".to_owned()]),
            "{doc}"
        );
    }
}

const POLICIES: &str = r#"
@id("a") permit (principal, action, resource) when {
  principal has tenant && principal.tenant == "a"
};
@id("b") permit (principal, action, resource) when {
  principal has tenant && "b" == principal.tenant
};
@id("fails") forbid (principal, action, resource) when {
  -principal.level < 0 && principal has tenant && principal.tenant == "a"
};
@id("level") forbid (principal, action, resource) when { principal.level == 1 };
@id("other") permit (principal == user::"1", action, resource);
@id("two") permit (principal, action, resource) when {
  principal.level == 2 && resource has tenant && resource.tenant == "a"
};
@id("type") permit (principal, action, resource) when {
  principal is agent && principal.level == 2
};
@id("viewer") permit (principal, action, resource is doc) when {
  principal in resource.viewer && principal has tenant && principal.tenant == "a"
};
"#;

#[test]
fn only_policies_that_can_have_a_say_are_selected() {
    let compiled = compiled(POLICIES);
    let of = |properties: &[(&str, AttributeValue)]| -> Vec<String> {
        slice(&compiled.index, properties)
            .policies
            .iter()
            .map(|policy| policy.id.to_string())
            .collect()
    };
    // The policy that needs the level is selected, since it fails.
    assert_eq!(of(&[]), ["fails", "level", "two", "viewer"]);
    assert_eq!(of(&[("level", number(3))]), ["fails", "viewer"]);
    assert_eq!(
        of(&[("level", number(1)), ("tenant", text("b"))]),
        ["b", "fails", "level", "viewer"]
    );
    assert_eq!(
        of(&[("level", number(2)), ("tenant", text("a"))]),
        ["a", "fails", "two", "viewer"]
    );
    // A value that is not known, or of a kind that no constant has, rules out nothing.
    let unknown = [("level", number(3)), ("tenant", AttributeValue::Unknown)];
    assert_eq!(of(&unknown), ["a", "b", "fails", "viewer"]);
    assert_eq!(
        of(&[("level", number(3)), ("tenant", AttributeValue::Other)]),
        ["a", "b", "fails", "viewer"]
    );
}

#[test]
fn a_slice_is_merged_once_and_has_what_its_policies_read() {
    let compiled = compiled(POLICIES);
    let [first, again, other] = ["a", "a", "b"].map(|tenant| {
        slice(
            &compiled.index,
            &[("level", number(3)), ("tenant", text(tenant))],
        )
    });
    assert!(Arc::ptr_eq(&first, &again));
    assert!(!Arc::ptr_eq(&first, &other));
    assert!(
        first
            .reads
            .attribute(Some(PathRoot::Resource), &["viewer".into()])
    );
    assert!(
        !first
            .reads
            .attribute(Some(PathRoot::Resource), &["tenant".into()])
    );
    assert_eq!(first.mentions.len(), 1);
}
