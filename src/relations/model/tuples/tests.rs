//! Tests of which tuples may be written, and which stored tuples count.

use super::super::{ModelFile, read_dsl};
use super::*;
use std::sync::Arc;

const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user, team#member]
type doc
  relations
    define owner: [user]
    define viewer: [user, user:*, team#member with in_hours, user with in_hours]
    define reader: viewer or owner
condition in_hours(hour: int) { hour > 8 }
";

fn model() -> AuthorizationModel {
    AuthorizationModel::of_source(
        read_dsl(ModelFile {
            name: "m.fga",
            text: MODEL,
        })
        .unwrap(),
    )
    .unwrap()
}

fn tuple(key: &str, condition: Option<(&str, Record)>) -> Tuple {
    let condition = condition.map(|(name, context)| {
        Arc::new(TupleCondition {
            name: name.into(),
            context,
        })
    });
    Tuple {
        key: key.parse().unwrap(),
        condition,
    }
}

fn hour(value: Value) -> Record {
    [(SmolStr::new("hour"), value)].into_iter().collect()
}

#[test]
fn what_the_restrictions_name_can_be_written() {
    let model = model();
    for (key, condition) in [
        ("doc:1#viewer@user:a", None),
        ("doc:1#viewer@user:*", None),
        ("doc:1#viewer@user:a", Some(("in_hours", Record::new()))),
        (
            "doc:1#viewer@team:a#member",
            Some(("in_hours", hour(Value::from(9)))),
        ),
        ("team:a#member@team:b#member", None),
    ] {
        let tuple = tuple(key, condition);
        assert_eq!(model.check_tuple(&tuple), Ok(()), "{key}");
        assert!(
            model.allows(
                &tuple.key,
                tuple.condition.as_ref().map(|it| it.name.as_str())
            ),
            "{key}"
        );
    }
}

#[test]
fn what_they_do_not_name_is_refused_and_does_not_count() {
    let model = model();
    for (key, condition, message) in [
        (
            "dok:1#viewer@user:a",
            None,
            "the model has no type `dok`: correct the type, or define it",
        ),
        (
            "doc:1#viewer@usr:a",
            None,
            "the model has no type `usr`: correct the type, or define it",
        ),
        (
            "doc:1#vievver@user:a",
            None,
            "type `doc` has no relation `vievver`: correct the relation, or define it",
        ),
        (
            "doc:1#viewer@team:a#boss",
            None,
            "type `team` has no relation `boss`: correct the relation, or define it",
        ),
        (
            "doc:1#reader@user:a",
            None,
            "relation `reader` of `doc` takes no tuples: it is defined by others; \
             write to one of those, or allow types in it",
        ),
        (
            "doc:1#owner@user:*",
            None,
            "relation `owner` of `doc` does not allow the user `user:*`: it allows `user`",
        ),
        (
            "doc:1#viewer@team:a",
            None,
            "relation `viewer` of `doc` does not allow the user `team:a`: \
             it allows `user` or `user:*` or `team#member with in_hours` or `user with in_hours`",
        ),
        (
            "doc:1#viewer@team:a#member",
            None,
            "relation `viewer` of `doc` allows `team:a#member` with `in_hours`, \
             not without a condition",
        ),
        (
            "doc:1#viewer@user:a",
            Some("other"),
            "relation `viewer` of `doc` allows `user:a` without a condition or with \
             `in_hours`, not with `other`",
        ),
        (
            "doc:1#owner@user:a",
            Some("in_hours"),
            "relation `owner` of `doc` allows `user:a` without a condition, not with `in_hours`",
        ),
    ] {
        let tuple = tuple(key, condition.map(|name| (name, Record::new())));
        assert_eq!(model.check_tuple(&tuple).unwrap_err().to_string(), message);
        assert!(!model.allows(&tuple.key, condition), "{key}");
    }
    let implicit = tuple("team:a#member@team:a#member", None);
    assert_eq!(
        model.check_tuple(&implicit).unwrap_err().to_string(),
        "`team:a#member@team:a#member` is true without a tuple: do not write it"
    );
}

#[test]
fn stored_contexts_fit_their_condition() {
    let model = model();
    let check = |context| {
        model
            .check_tuple(&tuple("doc:1#viewer@user:a", Some(("in_hours", context))))
            .map_err(|it| it.to_string())
    };
    assert_eq!(check(hour("9".into())), Ok(()));
    assert_eq!(
        check(hour("nine".into())),
        Err(
            "condition `in_hours` has a bad value for `hour`: expected a whole number of 64 bits \
             (or its digits in a string), found a string that is none"
                .into()
        )
    );
    assert_eq!(
        check(
            [(SmolStr::new("day"), Value::from(1))]
                .into_iter()
                .collect()
        ),
        Err("condition `in_hours` has no parameter `day`: remove the value from the tuple's context"
            .into())
    );
    assert_eq!(
        check(hour("9\u{7}".into())),
        Err("the context of condition `in_hours` has a control character: remove it".into())
    );
    let zeros = |bytes: usize| hour(Value::text("0".repeat(bytes - "hour".len() - 6)));
    assert_eq!(check(zeros(MAX_TUPLE_CONTEXT_BYTES)), Ok(()));
    assert_eq!(
        check(zeros(MAX_TUPLE_CONTEXT_BYTES + 1)),
        Err(
            "the context of condition `in_hours` has more than 32768 bytes: \
             store less beside the tuple"
                .into()
        )
    );
}
