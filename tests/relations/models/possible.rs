//! Which users can be in a relation at all, against all that tuples can say.

use super::ast::{Allowed, Ast, Body, Form, Kind, Relation};
use super::make::make;
use super::naive::{self, Verdict, direct};
use crate::oracle::{Oracle, Value};
use behest::model::{ModelType, ObjectRef, Record, Tuple, TupleKey, TupleUser};
use behest::relations::model::AuthorizationModel;
use behest::relations::{Graph, Rules};
use std::cell::Cell;
use std::collections::BTreeSet;
use support::dice::Dice;
use support::seed::seed;

fn rules(model: &AuthorizationModel) -> Rules {
    Rules::compile(model, &Graph::default()).unwrap()
}

fn is_positive(body: &Body) -> bool {
    let all = body.all();
    all.iter().all(|part| !matches!(part, Body::ButNot(_)))
}

/// Relations of one object: the first are their own tuples alone, others are made of them.
fn of_one_object(dice: &mut Dice) -> Ast {
    let mut relations: Vec<Relation> = Vec::new();
    for at in 0..4 {
        let mut relation = direct(&format!("r{at}"), dice.one::<&str>(&["user", "robot"]));
        if dice.chance(50) {
            relation.allowed = ["user", "robot"]
                .map(|kind| direct("", kind).allowed.remove(0))
                .into();
        }
        relations.push(relation);
    }
    for at in 4..10 {
        let body = combined(dice, at, 2);
        let allowed = if body.has_direct() {
            direct("", "user").allowed
        } else {
            Vec::new()
        };
        relations.push(Relation {
            body,
            allowed,
            ..direct(&format!("r{at}"), "user")
        });
    }
    let kind = |name: &str, relations| Kind {
        name: name.into(),
        module: 0,
        relations,
    };
    Ast {
        schema: "1.1",
        kinds: vec![
            kind("user", Vec::new()),
            kind("robot", Vec::new()),
            kind("doc", relations),
        ],
        conditions: Vec::new(),
    }
}

fn combined(dice: &mut Dice, before: usize, depth: usize) -> Body {
    if depth == 0 || dice.chance(20) {
        return match dice.below(10) {
            0 => Body::Direct,
            _ => Body::Named(format!("r{}", dice.below(before))),
        };
    }
    let [one, other] = [0, 1].map(|_| combined(dice, before, depth - 1));
    match dice.below(3) {
        0 => Body::Or(vec![one, other]),
        1 => Body::And(vec![one, other]),
        _ => Body::ButNot(Box::new([one, other])),
    }
}

/// Whether a user of the object's type is in a part, where a bit says for each relation whether its
/// own tuples name the user.
fn holds(ast: &Ast, at: usize, body: &Body, tuples: usize, user: &str) -> bool {
    let relations = &ast.kinds[2].relations;
    let part = |part: &Body| holds(ast, at, part, tuples, user);
    match body {
        Body::Direct => {
            tuples & (1 << at) != 0 && relations[at].allowed.iter().any(|it| it.kind == user)
        }
        Body::Named(name) => {
            let at = relations.iter().position(|it| it.name == *name).unwrap();
            holds(ast, at, &relations[at].body, tuples, user)
        }
        Body::From { .. } => false,
        Body::Or(parts) => parts.iter().any(part),
        Body::And(parts) => parts.iter().all(part),
        Body::ButNot(parts) => part(&parts[0]) && !part(&parts[1]),
    }
}

#[test]
fn what_some_tuples_on_one_object_say_is_possible() {
    let first = seed(70_000);
    let (mut possible_ones, mut missed, mut impossible) = (0, 0, 0);
    for seed in first..first + 300 {
        let ast = of_one_object(&mut Dice::new(seed));
        let model = AuthorizationModel::new(ast.definition(None)).unwrap();
        let rules = rules(&model);
        let doc = ModelType::new("doc");
        let relations = &ast.kinds[2].relations;
        for user in ["user", "robot"] {
            let possible = rules.possible(&ModelType::new(user));
            let mut are_positive: Vec<bool> = Vec::new();
            for (at, relation) in relations.iter().enumerate() {
                let below = relation.body.all().into_iter().all(|part| match part {
                    Body::Named(name) => {
                        let at = relations.iter().position(|it| it.name == *name).unwrap();
                        are_positive[at]
                    }
                    _ => true,
                });
                are_positive.push(is_positive(&relation.body) && below);
                let is_ever =
                    (0..1 << relations.len()).any(|set| holds(&ast, at, &relation.body, set, user));
                match (possible.has(&doc, &relation.name), is_ever) {
                    (true, true) => possible_ones += 1,
                    (false, false) => impossible += 1,
                    (false, true) => panic!("seed {seed}: {user} in {relation:?}\n{ast:#?}"),
                    (true, false) => {
                        // Only where something is taken away may more be thought possible.
                        assert!(!are_positive[at], "seed {seed}: {user} in {relation:?}");
                        missed += 1;
                    }
                }
            }
        }
    }
    let counts = format!("{possible_ones} possible, {impossible} impossible, {missed} missed");
    assert!(possible_ones > 2_000 && impossible > 300, "{counts}");
    assert!(missed < impossible, "{counts}");
}

/// The same model without conditions, which tuples may make true.
fn without_conditions(mut ast: Ast) -> Ast {
    ast.conditions.clear();
    for kind in &mut ast.kinds {
        for relation in &mut kind.relations {
            let mut plain: Vec<Allowed> = Vec::new();
            for mut allowed in std::mem::take(&mut relation.allowed) {
                allowed.condition = None;
                if !plain.contains(&allowed) {
                    plain.push(allowed);
                }
            }
            relation.allowed = plain;
        }
    }
    ast
}

/// Every tuple that the model allows between the objects of its types called `1`.
fn all_tuples(ast: &Ast) -> Vec<Tuple> {
    let object = |kind: &str| ObjectRef::new(kind, "1").unwrap();
    let all = ast.relations().flat_map(|(kind, relation)| {
        relation.allowed.iter().map(|allowed| TupleKey {
            object: object(&kind.name),
            relation: (&relation.name).into(),
            user: match &allowed.form {
                Form::One => object(&allowed.kind).into(),
                Form::Everyone => TupleUser::Wildcard((&allowed.kind).into()),
                Form::Set(name) => TupleUser::userset(object(&allowed.kind), name).unwrap(),
            },
        })
    });
    all.filter(|key| !key.is_implicit())
        .map(Tuple::from)
        .collect()
}

/// Which types of users are in which relations by these tuples.
fn members(
    ast: &Ast,
    model: &AuthorizationModel,
    tuples: &[Tuple],
    has_given_up: &mut bool,
) -> BTreeSet<[String; 3]> {
    let context = Record::new();
    let oracle = Oracle {
        model,
        tuples,
        context: &context,
        max_depth: 100,
        patience: Cell::new(0),
    };
    let mut found = BTreeSet::new();
    for user in &ast.kinds {
        let of = TupleUser::Object(ObjectRef::new(user.name.as_str(), "1").unwrap());
        for (kind, relation) in ast.relations() {
            oracle.patience.set(300);
            let object = ObjectRef::new(kind.name.as_str(), "1").unwrap();
            let sub = (object, (&relation.name).into());
            let value = oracle.check(&of, &sub);
            if oracle.patience.get() == 0 {
                *has_given_up = true;
            } else if value == Value::Holds {
                found.insert([&user.name, &kind.name, &relation.name].map(Clone::clone));
            }
        }
    }
    found
}

#[test]
fn what_some_tuples_between_objects_say_is_possible() {
    let first = seed(80_000);
    let (mut exact, mut held, mut impossible) = (0, 0, 0);
    for seed in first..first + 80 {
        let ast = without_conditions(make(seed));
        if naive::verdict(&ast) != Verdict::Valid {
            continue;
        }
        let mut dice = Dice::new(seed + 1);
        let model = AuthorizationModel::new(ast.definition(None)).unwrap();
        let rules = rules(&model);
        let all = all_tuples(&ast);
        let mut has_given_up = false;
        let of_all = members(&ast, &model, &all, &mut has_given_up);
        let is_known = !has_given_up;
        let mut ever = of_all.clone();
        for _ in 0..5 {
            let percent = *dice.one(&[30, 60, 85]);
            let some: Vec<Tuple> = all
                .iter()
                .filter(|_| dice.chance(percent))
                .cloned()
                .collect();
            ever.extend(members(&ast, &model, &some, &mut has_given_up));
        }
        // All tuples at once are the most that a model says which takes nothing away.
        let is_exact = ast
            .relations()
            .all(|(_, relation)| is_positive(&relation.body));
        for user in &ast.kinds {
            let possible = rules.possible(&ModelType::new(&user.name));
            for (kind, relation) in ast.relations() {
                let asked = [&user.name, &kind.name, &relation.name].map(Clone::clone);
                let is_possible = possible.has(&ModelType::new(&kind.name), &relation.name);
                assert!(
                    is_possible || !ever.contains(&asked),
                    "{seed}: {asked:?}\n{ast:#?}"
                );
                if is_exact && is_known {
                    assert_eq!(
                        is_possible,
                        of_all.contains(&asked),
                        "{seed}: {asked:?}\n{ast:#?}"
                    );
                    exact += 1;
                }
                held += usize::from(ever.contains(&asked));
                impossible += usize::from(!is_possible);
            }
        }
    }
    let counts = format!("{exact} exact, {held} held, {impossible} impossible");
    assert!(exact > 100 && held > 100 && impossible > 100, "{counts}");
}

/// The conditions of a relation and of all that it is made of.
fn conditions<'a>(
    ast: &'a Ast,
    kind: &'a str,
    name: &'a str,
    seen: &mut BTreeSet<(&'a str, &'a str)>,
    found: &mut BTreeSet<String>,
) {
    let Some(relation) = ast
        .relation(kind, name)
        .filter(|_| seen.insert((kind, name)))
    else {
        return;
    };
    for allowed in &relation.allowed {
        found.extend(allowed.condition.clone());
        if let Form::Set(name) = &allowed.form {
            conditions(ast, &allowed.kind, name, seen, found);
        }
    }
    for part in relation.body.all() {
        match part {
            Body::Named(name) => conditions(ast, kind, name, seen, found),
            Body::From { computed, tupleset } => {
                conditions(ast, kind, tupleset, seen, found);
                for parent in &ast.relation(kind, tupleset).unwrap().allowed {
                    conditions(ast, &parent.kind, computed, seen, found);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_conditions_of_a_relation_are_those_of_all_that_it_is_made_of() {
    let first = seed(90_000);
    let (mut with, mut without) = (0, 0);
    for seed in first..first + 200 {
        let ast = make(seed);
        if naive::verdict(&ast) != Verdict::Valid {
            continue;
        }
        let model = AuthorizationModel::new(ast.definition(None)).unwrap();
        let rules = rules(&model);
        for (kind, relation) in ast.relations() {
            let mut wanted = BTreeSet::new();
            let mut seen = BTreeSet::new();
            conditions(&ast, &kind.name, &relation.name, &mut seen, &mut wanted);
            let asked = ModelType::new(&kind.name);
            let found = rules.conditions_of(&asked, &relation.name);
            let found: BTreeSet<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(
                found, wanted,
                "seed {seed}: {} of {}",
                relation.name, kind.name
            );
            assert_eq!(
                rules.reads_context(&asked, &relation.name),
                !wanted.is_empty()
            );
            if wanted.is_empty() {
                without += 1;
            } else {
                with += 1;
            }
        }
    }
    assert!(with > 200 && without > 50, "{with}, {without}");
}
