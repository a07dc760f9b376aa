//! Every user in every relation under every condition: which tuples a model allows.

use super::ast::{Ast, Form};
use super::make::make;
use super::naive::{self, Verdict};
use behest::model::{ObjectRef, Record, Tuple, TupleCondition, TupleKey, TupleUser, Value};
use behest::relations::model::{AuthorizationModel, MAX_TUPLE_CONTEXT_BYTES, TupleRefusal};
use std::collections::BTreeMap;
use std::sync::Arc;
use support::dice::Dice;
use support::seed::seed;

fn object(kind: &str, id: &str) -> ObjectRef {
    ObjectRef::new(kind, id).unwrap()
}

/// All forms of user of all types, and of one that there is not.
fn users(ast: &Ast) -> Vec<TupleUser> {
    let mut users = vec![
        object("nothing", "1").into(),
        TupleUser::Wildcard("nothing".into()),
        TupleUser::userset(object("nothing", "1"), "r").unwrap(),
    ];
    for kind in &ast.kinds {
        users.push(object(&kind.name, "1").into());
        users.push(TupleUser::Wildcard((&kind.name).into()));
        let names = kind.relations.iter().map(|it| it.name.as_str());
        for name in names.chain(["nowhere"]) {
            users.push(TupleUser::userset(object(&kind.name, "1"), name).unwrap());
        }
    }
    users
}

/// A context that no condition can be stored with, and what is said of it.
fn bad_context(dice: &mut Dice, parameter: &str) -> (Record, &'static str) {
    match dice.below(4) {
        0 => (
            [("nowhere".into(), Value::from(1))].into_iter().collect(),
            "condition",
        ),
        1 => {
            let text = "a".repeat(MAX_TUPLE_CONTEXT_BYTES + 1);
            (
                [(parameter.into(), Value::text(text))]
                    .into_iter()
                    .collect(),
                "too large",
            )
        }
        2 => (
            [(parameter.into(), Value::text("a\u{7}"))]
                .into_iter()
                .collect(),
            "control",
        ),
        _ => {
            let list = Value::List([Value::text("\u{0}")].into_iter().collect());
            ([(parameter.into(), list)].into_iter().collect(), "control")
        }
    }
}

/// What the model says of a key under a condition, straight from its definition.
fn said(ast: &Ast, key: &TupleKey, condition: Option<&str>) -> &'static str {
    let kind = |name: &str| ast.kinds.iter().any(|kind| kind.name == name);
    if !kind(key.object.kind()) {
        return "type";
    }
    let Some(relation) = ast.relation(key.object.kind(), &key.relation) else {
        return "relation";
    };
    if !kind(key.user.kind()) {
        return "type";
    }
    if let TupleUser::Userset { object, relation } = &key.user {
        if ast.relation(object.kind(), relation).is_none() {
            return "relation";
        }
        if *object == key.object && *relation == key.relation {
            return "implicit";
        }
    }
    if !relation.body.has_direct() {
        return "takes none";
    }
    let of_form: Vec<_> = relation
        .allowed
        .iter()
        .filter(|it| it.kind == *key.user.kind())
        .filter(|it| match (&it.form, &key.user) {
            (Form::One, TupleUser::Object(_)) | (Form::Everyone, TupleUser::Wildcard(_)) => true,
            (Form::Set(name), TupleUser::Userset { relation, .. }) => relation == name,
            _ => false,
        })
        .collect();
    if of_form.is_empty() {
        "user"
    } else if of_form
        .iter()
        .all(|it| it.condition.as_deref() != condition)
    {
        "other condition"
    } else {
        "allowed"
    }
}

fn found(result: &Result<(), TupleRefusal>) -> &'static str {
    match result {
        Ok(()) => "allowed",
        Err(TupleRefusal::UnknownType(_)) => "type",
        Err(TupleRefusal::UnknownRelation { .. }) => "relation",
        Err(TupleRefusal::NotAssignable { .. }) => "takes none",
        Err(TupleRefusal::UserNotAllowed { .. }) => "user",
        Err(TupleRefusal::WrongCondition { .. }) => "other condition",
        Err(TupleRefusal::Implicit(_)) => "implicit",
        Err(TupleRefusal::Condition(_)) => "condition",
        Err(TupleRefusal::ContextTooLarge(_)) => "too large",
        Err(TupleRefusal::ControlCharacter(_)) => "control",
    }
}

/// Asks about a key under every condition, none, and one that there is not; with nothing stored
/// beside it, and with something that must not be.
fn ask(
    ast: &Ast,
    model: &AuthorizationModel,
    key: &TupleKey,
    dice: &mut Dice,
    seen: &mut BTreeMap<&'static str, u32>,
) {
    let names = ast.conditions.iter().map(|it| Some(it.name.as_str()));
    for name in names.chain([None, Some("never")]) {
        let tuple = |context: Record| Tuple {
            key: key.clone(),
            condition: name.map(|name| {
                let name = name.into();
                Arc::new(TupleCondition { name, context })
            }),
        };
        let wanted = said(ast, key, name);
        let plain = found(&model.check_tuple(&tuple(Record::new())));
        assert_eq!(plain, wanted, "{key} with {name:?}: {ast:#?}");
        // What may not be written does not count where it is stored; and what is true without a
        // tuple, or names what there is not, counts no more than the restrictions say.
        let allows = model.allows(key, name);
        match wanted {
            "allowed" => assert!(allows, "{key} with {name:?}"),
            "implicit" => {}
            _ => assert!(!allows, "{key} with {name:?}"),
        }
        *seen.entry(wanted).or_default() += 1;
        let condition = ast
            .conditions
            .iter()
            .find(|it| Some(it.name.as_str()) == name);
        let Some(condition) = condition.filter(|_| wanted == "allowed") else {
            continue;
        };
        let parameter = condition.parameters.first().map_or("x", |(name, _)| name);
        let (context, wanted) = bad_context(dice, parameter);
        assert_eq!(
            found(&model.check_tuple(&tuple(context))),
            wanted,
            "{condition:?}"
        );
        *seen.entry(wanted).or_default() += 1;
    }
}

#[test]
fn a_model_allows_the_tuples_that_its_definition_names() {
    let first = seed(60_000);
    let mut seen = BTreeMap::new();
    for seed in first..first + 140 {
        let ast = make(seed);
        if naive::verdict(&ast) != Verdict::Valid {
            continue;
        }
        let mut dice = Dice::new(seed + 1);
        let model = AuthorizationModel::new(ast.definition(None)).unwrap();
        let users = users(&ast);
        let mut rows = vec![("nothing", "r")];
        for kind in &ast.kinds {
            let names = kind.relations.iter().map(|it| it.name.as_str());
            rows.extend(
                names
                    .chain(["nowhere"])
                    .map(|name| (kind.name.as_str(), name)),
            );
        }
        for (kind, relation) in rows {
            for user in &users {
                let key = TupleKey {
                    object: object(kind, "1"),
                    relation: relation.into(),
                    user: user.clone(),
                };
                ask(&ast, &model, &key, &mut dice, &mut seen);
            }
        }
    }
    let all = [
        "allowed",
        "type",
        "relation",
        "takes none",
        "user",
        "other condition",
    ];
    for kind in all
        .into_iter()
        .chain(["implicit", "condition", "too large", "control"])
    {
        assert!(
            seen.get(kind).is_some_and(|count| *count >= 20),
            "{kind}: {seen:?}"
        );
    }
}
