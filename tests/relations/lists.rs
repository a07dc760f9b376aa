//! What the engine lists is what naive walks over the same tuples find.

use super::oracle::{Oracle, Sub, Value, foremost, names};
use super::scene::{LISTS, PATIENCE, value_of, worlds};
use super::world::{IDS, RELATIONS};
use behest::model::{ObjectRef, TupleKey, TupleUser};
use behest::relations::model::{RelationDefinition, RestrictionForm, Rewrite};
use behest::relations::{Failure, RelationError, UserFilter};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use support::dice::Dice;

#[test]
fn lists_of_objects_agree_with_a_naive_walk_and_with_checks() {
    let mut seen = [0; 3];
    for (seed, scene) in worlds() {
        let mut dice = Dice::new(seed + 3_000_000);
        let oracle = scene.oracle();
        for _ in 0..LISTS {
            let (kind, relation) = (*dice.one(scene.world.kinds()), *dice.one(&RELATIONS));
            let user = scene.world.user(&mut dice);
            let found = scene
                .reader(false)
                .list_objects(&user, relation, kind, usize::MAX);
            let found = found.map(|listed| {
                assert_eq!(listed.cut, None);
                listed.found.into_iter().collect::<BTreeSet<_>>()
            });
            oracle.patience.set(PATIENCE);
            let wanted = objects(&oracle, &user, kind, relation);
            if oracle.patience.get() == 0 {
                continue;
            }
            let question = format!("world {seed}: {user} {relation} {kind}");
            assert_eq!(
                found,
                wanted.map_err(Failure::Error),
                "{question}\n{}",
                scene.show()
            );
            seen[match &found {
                Err(_) => 0,
                Ok(found) if found.is_empty() => 1,
                Ok(_) => 2,
            }] += 1;
            let Ok(found) = found else { continue };
            for object in IDS.map(|id| ObjectRef::new(kind, id).unwrap()) {
                let key = TupleKey {
                    object: object.clone(),
                    relation: relation.into(),
                    user: user.clone(),
                };
                let holds = value_of(&scene.reader(false).check(&key)) == Value::Holds;
                assert_eq!(
                    found.contains(&object),
                    holds,
                    "{question} {object}\n{}",
                    scene.show()
                );
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

/// The objects that a user comes to, walking over tuples against the direction of the model until
/// nothing new is met.
fn objects(
    oracle: &Oracle<'_>,
    user: &TupleUser,
    kind: &str,
    relation: &str,
) -> Result<BTreeSet<ObjectRef>, RelationError> {
    let target = (SmolStr::new(kind), SmolStr::new(relation));
    let leading = leading(oracle, &target);
    let mut errors = Vec::new();
    let mut reached: BTreeMap<Sub, u32> = BTreeMap::new();
    let relation_of = |sub: &Sub| (sub.0.kind().clone(), sub.1.clone());
    if let TupleUser::Userset { object, relation } = user {
        reached.insert((object.clone(), relation.clone()), 0);
    }
    let meet = |tuple: &behest::model::Tuple, errors: &mut Vec<Value>| match oracle.applies(tuple) {
        Ok(holds) => holds,
        Err(error) => {
            errors.push(Value::Error(error));
            false
        }
    };
    for tuple in oracle
        .tuples
        .iter()
        .filter(|tuple| oracle.admits(tuple) && names(&tuple.key.user, user))
    {
        let sub = (tuple.key.object.clone(), tuple.key.relation.clone());
        if leading.contains(&relation_of(&sub)) && meet(tuple, &mut errors) {
            reached.insert(sub, 0);
        }
    }
    reached.retain(|sub, _| leading.contains(&relation_of(sub)));
    loop {
        let mut next = reached.clone();
        for (sub, distance) in reached
            .iter()
            .filter(|(_, distance)| **distance <= oracle.max_depth)
        {
            for (to, how) in &leading_edges(oracle, &leading) {
                for (object, cost, by) in arrivals(oracle, sub, to, how) {
                    if by.is_none_or(|tuple| meet(tuple, &mut errors)) {
                        let entry = next
                            .entry((object, to.1.clone()))
                            .or_insert(distance + cost);
                        *entry = (distance + cost).min(*entry);
                    }
                }
            }
        }
        if next == reached {
            break;
        }
        reached = next;
    }
    if reached
        .values()
        .any(|distance| *distance > oracle.max_depth)
    {
        errors.push(Value::Error(RelationError::TooDeep(oracle.max_depth)));
    }
    let mut found = BTreeSet::new();
    let near = reached
        .iter()
        .filter(|(_, distance)| **distance <= oracle.max_depth);
    for (sub, _) in near.filter(|(sub, _)| relation_of(sub) == target) {
        match oracle.check(user, sub) {
            Value::Holds => {
                found.insert(sub.0.clone());
            }
            error @ Value::Error(_) => errors.push(error),
            Value::Lacks | Value::Cycle => {}
        }
    }
    foremost(&errors).map_or(Ok(found), Err)
}

type Name = (SmolStr, SmolStr);

/// The leaves among whose members all members of the rewrite are.
fn generators(rewrite: &Rewrite) -> Vec<&Rewrite> {
    match rewrite {
        Rewrite::Union(children) => children.iter().flat_map(generators).collect(),
        Rewrite::Intersection(children) => generators(&children[0]),
        Rewrite::Difference { base, .. } => generators(base),
        leaf => vec![leaf],
    }
}

/// The relations from which one can come to the target.
fn leading(oracle: &Oracle<'_>, target: &Name) -> BTreeSet<Name> {
    let mut found = BTreeSet::from([target.clone()]);
    loop {
        let mut next = found.clone();
        for (to, leaf) in leading_edges(oracle, &found) {
            let relation = oracle.relation(&to.0, &to.1).unwrap();
            match leaf {
                Rewrite::This => next.extend(usersets(relation)),
                Rewrite::Computed(name) => {
                    next.insert((to.0.clone(), name));
                }
                Rewrite::FromTupleset { tupleset, computed } => {
                    let parents = oracle
                        .relation(&to.0, &tupleset)
                        .unwrap()
                        .restrictions
                        .iter();
                    next.extend(parents.map(|parent| (parent.kind.clone(), computed.clone())));
                }
                _ => unreachable!("a leaf"),
            }
        }
        next.retain(|(kind, relation)| oracle.relation(kind, relation).is_some());
        if next == found {
            return found;
        }
        found = next;
    }
}

fn usersets(relation: &RelationDefinition) -> Vec<Name> {
    let of = |it: &behest::relations::model::Restriction| match &it.form {
        RestrictionForm::Userset(name) => Some((it.kind.clone(), name.clone())),
        _ => None,
    };
    relation.restrictions.iter().filter_map(of).collect()
}

fn leading_edges(oracle: &Oracle<'_>, leading: &BTreeSet<Name>) -> Vec<(Name, Rewrite)> {
    let leaves = |name: &Name| -> Vec<(Name, Rewrite)> {
        let relation = oracle.relation(&name.0, &name.1).unwrap();
        generators(&relation.rewrite)
            .into_iter()
            .map(|leaf| (name.clone(), leaf.clone()))
            .collect()
    };
    leading.iter().flat_map(leaves).collect()
}

/// The objects of `to`'s type to whose relation a leaf leads up from `sub`; what that costs, and
/// the tuple.
fn arrivals<'o>(
    oracle: &'o Oracle<'_>,
    sub: &Sub,
    to: &Name,
    leaf: &Rewrite,
) -> Vec<(ObjectRef, u32, Option<&'o behest::model::Tuple>)> {
    let by = |relation: &SmolStr, user: TupleUser| {
        let is = move |tuple: &&behest::model::Tuple| {
            let key = &tuple.key;
            *key.object.kind() == to.0
                && key.relation == *relation
                && key.user == user
                && oracle.admits(tuple)
        };
        let tuples = oracle.tuples.iter().filter(is);
        tuples
            .map(|tuple| (tuple.key.object.clone(), 1, Some(tuple)))
            .collect::<Vec<_>>()
    };
    match leaf {
        Rewrite::This => by(
            &to.1,
            TupleUser::Userset {
                object: sub.0.clone(),
                relation: sub.1.clone(),
            },
        ),
        Rewrite::Computed(name) if *name == sub.1 && *sub.0.kind() == to.0 => {
            vec![(sub.0.clone(), 0, None)]
        }
        Rewrite::FromTupleset { tupleset, computed } if *computed == sub.1 => {
            by(tupleset, TupleUser::Object(sub.0.clone()))
        }
        _ => Vec::new(),
    }
}

#[test]
fn lists_of_users_agree_with_a_naive_expansion_and_with_checks() {
    let mut seen = [0; 3];
    for (seed, scene) in worlds() {
        let mut dice = Dice::new(seed + 4_000_000);
        let oracle = scene.oracle();
        for _ in 0..LISTS {
            let object = dice.one(&scene.world.objects()).clone();
            let relation = *dice.one(&RELATIONS);
            let filter = if dice.chance(70) {
                UserFilter {
                    kind: (*dice.one(&["user", "user", "employee", "group"])).into(),
                    relation: None,
                }
            } else {
                UserFilter {
                    kind: (*dice.one(scene.world.kinds())).into(),
                    relation: Some((*dice.one(&RELATIONS)).into()),
                }
            };
            let found = scene
                .reader(false)
                .list_users(&object, relation, &filter, usize::MAX);
            let found = found.map(|listed| {
                assert_eq!(listed.cut, None);
                listed.found.into_iter().collect::<BTreeSet<_>>()
            });
            oracle.patience.set(PATIENCE);
            let wanted = users(&oracle, &object, relation, &filter);
            if oracle.patience.get() == 0 {
                continue;
            }
            let question = format!("world {seed}: {object}#{relation} {filter:?}");
            assert_eq!(
                found,
                wanted.map_err(Failure::Error),
                "{question}\n{}",
                scene.show()
            );
            seen[match &found {
                Err(_) => 0,
                Ok(found) if found.is_empty() => 1,
                Ok(_) => 2,
            }] += 1;
            // Who is in by name is listed by name. Who is in as one of everyone need not be.
            let everyone = oracle
                .tuples
                .iter()
                .any(|tuple| matches!(tuple.key.user, TupleUser::Wildcard(_)));
            if let (Ok(found), false, None) = (found, everyone, &filter.relation) {
                for id in IDS {
                    let user = TupleUser::Object(ObjectRef::new(filter.kind.clone(), id).unwrap());
                    let key = TupleKey {
                        object: object.clone(),
                        relation: relation.into(),
                        user: user.clone(),
                    };
                    let holds = value_of(&scene.reader(false).check(&key)) == Value::Holds;
                    assert_eq!(
                        found.contains(&user),
                        holds,
                        "{question} {user}\n{}",
                        scene.show()
                    );
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

/// The users whom the whole relation names, and whose check holds.
fn users(
    oracle: &Oracle<'_>,
    object: &ObjectRef,
    relation: &str,
    filter: &UserFilter,
) -> Result<BTreeSet<TupleUser>, RelationError> {
    // Any user of the form tells where that form can be found at all.
    let some = ObjectRef::new(filter.kind.clone(), "some").unwrap();
    let probe = match &filter.relation {
        Some(relation) => TupleUser::userset(some, relation.clone()).unwrap(),
        None => TupleUser::Object(some),
    };
    let root = (object.clone(), SmolStr::new(relation));
    let mut errors = Vec::new();
    let mut candidates = BTreeSet::new();
    let distances = if oracle.finds_at(&probe, &root) {
        oracle.expansion(&probe, &root)
    } else {
        BTreeMap::new()
    };
    if distances
        .values()
        .any(|distance| *distance > oracle.max_depth)
    {
        errors.push(Value::Error(RelationError::TooDeep(oracle.max_depth)));
    }
    for (sub, _) in distances
        .iter()
        .filter(|(_, distance)| **distance <= oracle.max_depth)
    {
        if sub.0.kind() == &filter.kind && Some(&sub.1) == filter.relation.as_ref() {
            candidates.insert(TupleUser::Userset {
                object: sub.0.clone(),
                relation: sub.1.clone(),
            });
        }
        for (tuple, is_own) in oracle.tuples_met(&probe, sub) {
            match oracle.applies(tuple) {
                Err(error) => errors.push(Value::Error(error)),
                Ok(true) if is_own && fits(&tuple.key.user, filter) => {
                    candidates.insert(tuple.key.user.clone());
                }
                Ok(_) => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    for user in candidates {
        match oracle.check(&user, &root) {
            Value::Holds => {
                found.insert(user);
            }
            error @ Value::Error(_) => errors.push(error),
            Value::Lacks | Value::Cycle => {}
        }
    }
    foremost(&errors).map_or(Ok(found), Err)
}

fn fits(user: &TupleUser, filter: &UserFilter) -> bool {
    *user.kind() == filter.kind
        && match user {
            TupleUser::Userset { relation, .. } => filter.relation.as_ref() == Some(relation),
            TupleUser::Object(_) | TupleUser::Wildcard(_) => filter.relation.is_none(),
        }
}
