//! Tests what is evaluated again for points in time, and what is not: no outcome shows a leg's
//! cost.

use super::*;
use crate::model::{Action, Arguments, Chain, Entity, EntityRef, Question, Record, Timestamp};
use crate::policy::load::source::SourceFile;
use crate::policy::load::stored::StoredEntities;
use crate::policy::port::{
    RelationAnswer, RelationFailure, RelationQuestion, RelationTypes, Relations,
};
use crate::policy::schema::Schema;
use crate::policy::{CompiledPolicySet, Conversions, DeclaredReasons};
use smol_str::SmolStr;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

const SCHEMA: &str = "entity user; entity doc { @request seen?: datetime, tags?: Set<String> };
action read appliesTo { principal: user, resource: doc, context: {
  arguments?: { at?: datetime, items?: Set<String>, times?: Set<datetime> } } };";

const POLICIES: &str = r#"
@id("p") permit (principal, action, resource) when {
  context has arguments.at && context.arguments.at != datetime("1999-01-01") &&
  !(resource has seen && resource.seen == datetime("1999-01-01")) };
@id("f") forbid (principal, action, resource) when { principal in resource.viewer };
@id("g") forbid (principal, action, resource)
when { context has arguments.times && context.arguments.times.contains(datetime("1999-01-01")) };
@id("h") forbid (principal, action, resource)
when { context has arguments.items && context.arguments.items.contains("none") };
"#;

/// Relations in which nobody is, and which count the questions.
#[derive(Debug, Default)]
struct Counter(Cell<usize>);

impl Relations for Counter {
    fn holds(&self, _: &RelationQuestion<'_>) -> Result<RelationAnswer, RelationFailure> {
        self.0.set(self.0.get() + 1);
        Ok(RelationAnswer::default())
    }

    fn is_object(&self, _: &EntityRef) -> bool {
        true
    }
}

fn compiled() -> CompiledPolicySet {
    let types = RelationTypes {
        parameters: BTreeMap::default(),
        users: BTreeMap::default(),
        relations: [("doc".into(), BTreeSet::from(["viewer".into()]))].into(),
        members: BTreeSet::from(["user".into()]),
    };
    let schema = Schema::read(&[SourceFile::new("s.cedarschema", SCHEMA)], types).unwrap();
    let policies = [SourceFile::new("p.cedar", POLICIES)];
    CompiledPolicySet::new(schema, &policies, &[], DeclaredReasons::new()).unwrap()
}

fn record(members: Vec<(&str, crate::model::Value)>) -> Record {
    let members = members.into_iter();
    members
        .map(|(name, value)| (SmolStr::new(name), value))
        .collect()
}

fn texts(texts: &[String]) -> crate::model::Value {
    let texts = texts.iter().map(String::as_str);
    crate::model::Value::List(texts.map(crate::model::Value::from).collect())
}

fn question(times: &[String]) -> Question {
    let items: Vec<String> = (0..100).map(|at| format!("i{at}")).collect();
    let arguments = record(vec![
        ("at", "2026-01-01T00:00:00.0001Z".into()),
        ("items", texts(&items)),
        ("times", texts(times)),
    ]);
    let mut resource = Entity::from(EntityRef::new("doc", "d"));
    resource.properties = record(vec![
        ("seen", "2026-01-01T00:00:01.0002Z".into()),
        ("tags", texts(&items)),
    ]);
    let subject = Entity::from(EntityRef::new("user", "u"));
    Question {
        chain: Chain::alone(subject),
        action: Action {
            name: "read".into(),
            properties: Record::new(),
        },
        resource,
        context: record(vec![("arguments", arguments.into())]),
        credentials: Vec::new(),
        dropped: Vec::new(),
        asked: Vec::new(),
    }
}

fn with<T>(
    question: &Question,
    relations: &Counter,
    conversions: Option<&Conversions>,
    then: impl FnOnce(&CompiledPolicySet, &LegInput<'_>) -> T,
) -> T {
    let compiled = compiled();
    let stored = StoredEntities::read(&[], compiled.schema()).unwrap();
    let input = LegInput {
        question,
        leg: 0,
        now: Timestamp(0),
        token: None,
        stored: &stored,
        relations,
        conversions,
        arguments: Arguments::Known,
    };
    then(&compiled, &input)
}

#[test]
fn relations_are_looked_up_once_however_many_points_there_are() {
    let times = ["2026-01-01T00:00:02.0003Z".to_owned()];
    let relations = Counter::default();
    let leg = with(&question(&times), &relations, None, |compiled, input| {
        compiled.leg(input, LegDepth::default()).unwrap()
    });
    assert_eq!(leg.policies, ["p"]);
    assert_eq!(relations.0.get(), 1);
}

/// Returns the set that a path leads to.
fn set<'c>(context: &'c Context, name: &str) -> &'c Arc<BTreeSet<Cedar>> {
    let Context::Value(members) = context else {
        panic!("no context")
    };
    let ValueKind::Record(arguments) = members["arguments"].value_kind() else {
        panic!("no arguments")
    };
    match arguments[name].value_kind() {
        ValueKind::Set(set) => &set.authoritative,
        _ => panic!("no set"),
    }
}

#[test]
fn what_holds_no_point_is_converted_once_and_legs_share_the_rest() {
    let times: Vec<String> = (0..9)
        .map(|at| format!("2026-01-01T00:00:0{at}.000{}Z", u8::from(at == 1)))
        .collect();
    let question = question(&times);
    let conversions = Conversions::default();
    let relations = Counter::default();
    with(
        &question,
        &relations,
        Some(&conversions),
        |compiled, input| {
            let again = || {
                let found =
                    compiled.with_inputs(input, LegDepth::default(), |_, _, inputs, points| {
                        let points = points.expect("points");
                        let up: Vec<EpochNanos> =
                            points.all.iter().map(|point| point.instant).collect();
                        assert_eq!(up.len(), 3);
                        // The weights of the record, the point in it, the set of nine, and the
                        // resource's point.
                        assert_eq!(points.weight(), 1 + 1 + (1 + 9) + 1);
                        let rounded = points.rounded(inputs, &up).expect("the same, rounded");
                        assert!(rounded.entities.is_some());
                        let items = [&inputs.context, &rounded.context]
                            .map(|context| set(context, "items"));
                        assert!(Arc::ptr_eq(items[0], items[1]));
                        let times = [&inputs.context, &rounded.context]
                            .map(|context| set(context, "times"));
                        assert_ne!(times[0], times[1]);
                        Arc::clone(times[1])
                    });
                found.ok().and_then(Result::ok).expect("inputs")
            };
            assert!(Arc::ptr_eq(&again(), &again()));
        },
    );
}

#[test]
fn what_takes_long_is_left_to_another_thread() {
    let times = |count: usize| -> Vec<String> {
        let nanos = |at: usize| if at == 1 { "0005" } else { "0000" };
        (0..count)
            .map(|at| format!("2026-01-01T00:00:{at:02}.{}Z", nanos(at)))
            .collect()
    };
    for (count, time, is_left) in [
        (60, LegTime::Brief, true),
        (60, LegTime::Any, false),
        (2, LegTime::Brief, false),
    ] {
        let depth = LegDepth {
            time,
            ..LegDepth::default()
        };
        let relations = Counter::default();
        let leg = with(
            &question(&times(count)),
            &relations,
            None,
            |compiled, input| compiled.leg(input, depth),
        );
        let is_permitted = leg.is_ok_and(|leg| leg.policies == ["p"]);
        assert_eq!(is_permitted, !is_left, "{count} {time:?}");
    }
}
