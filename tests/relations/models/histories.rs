//! What a graph says of its tuples after long histories in which names go and come again.

use behest::model::{ObjectRef, Record, Revision, Tuple, TupleCondition, TupleKey, TupleUser};
use behest::relations::model::{AuthorizationModel, ModelDefinition, TypeDefinition};
use behest::relations::{Graph, ObjectPlace, TupleOrigin, order_of};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::dice::Dice;
use support::seed::seed;

/// Names that stand for a type, a relation and an id alike.
const NAMES: [&str; 6] = ["doc", "user", "team", "member", "a", "b-2"];

type Layer = BTreeMap<TupleKey, Option<String>>;

/// The tuples as they must be, and the graph.
#[derive(Clone, Default)]
struct Version {
    graph: Graph,
    bundle: Layer,
    stored: Layer,
}

fn some_object(dice: &mut Dice, ids: u64) -> ObjectRef {
    let id = if dice.chance(50) {
        (*dice.one(&NAMES)).to_owned()
    } else {
        format!("n{}", dice.below(usize::try_from(ids).unwrap()))
    };
    ObjectRef::new(*dice.one(&NAMES), id).unwrap()
}

fn some_user(dice: &mut Dice, ids: u64) -> TupleUser {
    match dice.below(4) {
        0 => TupleUser::Wildcard((*dice.one(&NAMES)).into()),
        1 => TupleUser::userset(some_object(dice, ids), *dice.one(&NAMES)).unwrap(),
        _ => some_object(dice, ids).into(),
    }
}

fn some_key(dice: &mut Dice, ids: u64) -> TupleKey {
    TupleKey {
        object: some_object(dice, ids),
        relation: (*dice.one(&NAMES)).into(),
        user: some_user(dice, ids),
    }
}

fn tuple(key: &TupleKey, condition: Option<&String>) -> Tuple {
    let condition = condition.map(|name| {
        Arc::new(TupleCondition {
            name: name.into(),
            context: Record::new(),
        })
    });
    Tuple {
        key: key.clone(),
        condition,
    }
}

fn tuples(layer: &Layer) -> impl Iterator<Item = Tuple> {
    layer.iter().map(|(key, name)| tuple(key, name.as_ref()))
}

fn sorted(tuples: impl IntoIterator<Item = Tuple>) -> Layer {
    let mut found = Layer::new();
    for tuple in tuples {
        let name = tuple.condition.map(|it| it.name.to_string());
        assert!(
            found.insert(tuple.key.clone(), name).is_none(),
            "{} twice",
            tuple.key
        );
    }
    found
}

impl Version {
    fn layer(&self, origin: TupleOrigin) -> &Layer {
        match origin {
            TupleOrigin::Bundle => &self.bundle,
            TupleOrigin::Store => &self.stored,
        }
    }

    /// Those tuples of a layer of which something is true.
    fn some(&self, origin: TupleOrigin, is_wanted: impl Fn(&TupleKey) -> bool) -> Layer {
        let all = self.layer(origin).iter();
        let some = all.filter(|(key, _)| is_wanted(key));
        some.map(|(key, name)| (key.clone(), name.clone()))
            .collect()
    }

    fn step(&mut self, dice: &mut Dice, step: u64) {
        let condition = |dice: &mut Dice| {
            let name = *dice.one(&["c", "d"]);
            dice.chance(30).then(|| name.to_owned())
        };
        // The names in use come and go: now few, now many.
        let ids = 2 + step / 40 % 20;
        if dice.chance(4) {
            self.bundle.clear();
            for _ in 0..dice.below(30) {
                self.bundle.insert(some_key(dice, ids), condition(dice));
            }
            let bundle: Vec<Tuple> = tuples(&self.bundle).collect();
            self.graph = self.graph.with_bundle(bundle, Revision(step)).unwrap();
            return;
        }
        if dice.chance(2) {
            let types = NAMES[..2].iter().map(|name| TypeDefinition {
                name: (*name).into(),
                ..TypeDefinition::default()
            });
            let types = types.collect();
            let model = AuthorizationModel::new(ModelDefinition {
                types,
                ..ModelDefinition::default()
            });
            self.graph = self.graph.renewed(&model.unwrap()).unwrap();
        }
        let mut deletes: Vec<TupleKey> = Vec::new();
        for _ in 0..dice.below(2 + self.stored.len() / 15) {
            let at = dice.below(self.stored.len().max(1));
            deletes.extend(self.stored.keys().nth(at).cloned());
        }
        deletes.push(some_key(dice, ids));
        let mut writes = Layer::new();
        for _ in 0..dice.below(5) {
            writes.insert(some_key(dice, ids), condition(dice));
        }
        let written: Vec<Tuple> = tuples(&writes).collect();
        self.graph = self
            .graph
            .apply(&deletes, &written, Revision(step))
            .unwrap();
        self.stored.retain(|key, _| !deletes.contains(key));
        self.stored.extend(writes);
    }

    /// The objects that tuples name, with everyone of a type as `type:*`.
    fn named(&self) -> BTreeSet<(String, String)> {
        let pair = |object: &ObjectRef| (object.kind().to_string(), object.id().to_string());
        let keys = self.bundle.keys().chain(self.stored.keys());
        keys.flat_map(|key| {
            let user = match &key.user {
                TupleUser::Object(object) | TupleUser::Userset { object, .. } => pair(object),
                TupleUser::Wildcard(kind) => (kind.to_string(), "*".to_owned()),
            };
            [pair(&key.object), user]
        })
        .collect()
    }

    fn check(&self, dice: &mut Dice, step: u64) {
        let graph = &self.graph;
        let lens = (graph.stored_len(), graph.bundle_len());
        assert_eq!(lens, (self.stored.len(), self.bundle.len()), "step {step}");
        for origin in [TupleOrigin::Bundle, TupleOrigin::Store] {
            assert_eq!(
                sorted(graph.tuples(origin)),
                *self.layer(origin),
                "step {step}"
            );
            for _ in 0..6 {
                self.check_object(dice, step, origin);
                self.check_user(dice, step, origin);
            }
            self.check_kinds(dice, step, origin);
        }
        let some: Vec<TupleKey> = (0..5).map(|_| some_key(dice, 3)).collect();
        for key in self.bundle.keys().chain(self.stored.keys()).chain(&some) {
            let origins = [TupleOrigin::Bundle, TupleOrigin::Store];
            let origin = origins
                .into_iter()
                .find(|it| self.layer(*it).contains_key(key));
            assert_eq!(graph.origin_of(key), origin, "step {step}: {key}");
            for origin in origins {
                let wanted = self.layer(origin).get(key);
                let wanted = wanted.map(|name| tuple(key, name.as_ref()));
                assert_eq!(graph.tuple(origin, key), wanted, "step {step}: {key}");
            }
        }
        self.check_order(dice, step);
        self.check_bundle(dice, step);
    }

    /// The tuples on an object and of one, some of them and how many more there are.
    fn check_object(&self, dice: &mut Dice, step: u64, origin: TupleOrigin) {
        let object = some_object(dice, 20);
        let on = self.some(origin, |key| key.object == object);
        let of = self.some(origin, |key| match &key.user {
            TupleUser::Object(own) | TupleUser::Userset { object: own, .. } => *own == object,
            TupleUser::Wildcard(_) => false,
        });
        let most = *dice.one(&[0, 1, 2, usize::MAX]);
        let found_on = self.graph.tuples_on(origin, &object, most);
        let found_of = self.graph.tuples_of(origin, &object, most);
        for ((some, others), wanted) in [(found_on, on), (found_of, of)] {
            assert_eq!(some.len(), wanted.len().min(most), "step {step}: {object}");
            assert_eq!(some.len() + others, wanted.len(), "step {step}: {object}");
            for (key, name) in sorted(some) {
                assert_eq!(wanted.get(&key), Some(&name), "step {step}: {key}");
            }
        }
        let named = self.named();
        let pair = (object.kind().to_string(), object.id().to_string());
        assert_eq!(
            self.graph.speaks_of(&object),
            named.contains(&pair),
            "step {step}: {object}"
        );
        let asked = [*dice.one(&NAMES), *dice.one(&NAMES), "nowhere"];
        let has_some = [TupleOrigin::Bundle, TupleOrigin::Store]
            .into_iter()
            .any(|origin| {
                let is_on =
                    |key: &TupleKey| key.object == object && asked.contains(&&*key.relation);
                !self.some(origin, is_on).is_empty()
            });
        assert_eq!(
            self.graph.has_tuples_on(&object, asked),
            has_some,
            "step {step}: {object}"
        );
    }

    /// The tuples with a user, of any type and relation or of one.
    fn check_user(&self, dice: &mut Dice, step: u64, origin: TupleOrigin) {
        let user = some_user(dice, 4);
        let kind = dice
            .chance(50)
            .then(|| *dice.one(&["doc", "user", "team", "nothing"]));
        let relation = dice
            .chance(50)
            .then(|| *dice.one(&["doc", "member", "a", "nowhere"]));
        let wanted = self.some(origin, |key| {
            key.user == user
                && kind.is_none_or(|kind| key.object.kind() == kind)
                && relation.is_none_or(|relation| key.relation == relation)
        });
        let found = self.graph.tuples_with(origin, &user, kind, relation);
        assert_eq!(
            sorted(found),
            wanted,
            "step {step}: {user}, {kind:?}, {relation:?}"
        );
    }

    /// The tuples of some kinds; each kind is asked about once.
    fn check_kinds(&self, dice: &mut Dice, step: u64, origin: TupleOrigin) {
        let kind_of = |tuple: &Tuple| {
            let (form, of) = match &tuple.key.user {
                TupleUser::Object(_) => ("object", String::new()),
                TupleUser::Userset { relation, .. } => ("userset", relation.to_string()),
                TupleUser::Wildcard(_) => ("everyone", String::new()),
            };
            let user = tuple.key.user.kind().to_string();
            let condition = tuple.condition.as_ref().map(|it| it.name.to_string());
            let object = tuple.key.object.kind().to_string();
            (
                object,
                tuple.key.relation.to_string(),
                form,
                user,
                of,
                condition,
            )
        };
        let salt = dice.below(3);
        let is_wanted = |kind: &(String, String, &str, String, String, Option<String>)| {
            (kind.0.len() + kind.1.len() * 2 + kind.2.len() + kind.4.len() + salt).is_multiple_of(3)
                || (kind.5.is_some() && salt == 0)
        };
        let mut asked = BTreeSet::new();
        let found = self.graph.tuples_of_kinds(origin, |tuple| {
            let kind = kind_of(tuple);
            let is_wanted = is_wanted(&kind);
            assert!(asked.insert(kind.clone()), "step {step}: {kind:?} again");
            is_wanted
        });
        let found = sorted(found);
        let wanted = tuples(self.layer(origin)).filter(|tuple| is_wanted(&kind_of(tuple)));
        assert_eq!(found, sorted(wanted), "step {step}");
    }

    /// Exactly the objects that tuples name are there, in an order that does not change.
    fn check_order(&self, dice: &mut Dice, step: u64) {
        let named = self.named();
        assert_eq!(
            self.graph.objects_len() as usize,
            named.len(),
            "step {step}"
        );
        for kind in NAMES.into_iter().chain(["nothing"]) {
            let of_kind = named.iter().filter(|(of, id)| of == kind && id != "*");
            let places: BTreeSet<ObjectPlace> =
                of_kind.map(|(_, id)| (order_of(id), id.into())).collect();
            let after = places.iter().nth(dice.below(places.len() + 1)).cloned();
            let wanted = places
                .iter()
                .filter(|place| after.as_ref().is_none_or(|it| *place > it));
            let found = self.graph.ordered_objects(kind, after.as_ref());
            assert!(
                found.eq(wanted.cloned()),
                "step {step}: {kind} after {after:?}"
            );
        }
    }

    /// The bundle's tuples in the order of their text.
    fn check_bundle(&self, dice: &mut Dice, step: u64) {
        let mut texts: Vec<String> = self.bundle.keys().map(ToString::to_string).collect();
        texts.sort();
        for _ in 0..4 {
            let prefix = match texts.get(dice.below(texts.len() + 1)) {
                Some(text) => text[..dice.below(text.len().min(12))].to_owned(),
                None => "user:".to_owned(),
            };
            let key = match self.bundle.keys().nth(dice.below(self.bundle.len() + 1)) {
                Some(key) => key.clone(),
                None => some_key(dice, 4),
            };
            let after = dice.chance(60).then_some(key);
            let text = after.as_ref().map(ToString::to_string).unwrap_or_default();
            let wanted = texts
                .iter()
                .filter(|it| it.starts_with(&prefix) && **it > text);
            let found = self.graph.bundle_from(&prefix, after.as_ref());
            let found: Vec<String> = found.map(|tuple| tuple.key.to_string()).collect();
            let wanted: Vec<String> = wanted.cloned().collect();
            assert_eq!(found, wanted, "step {step}: {prefix} after {text}");
        }
    }
}

#[test]
fn a_graph_says_what_was_written_after_any_history() {
    let first = seed(100_000);
    for seed in first..first + 4 {
        let mut dice = Dice::new(seed);
        let mut version = Version::default();
        let mut pinned = Vec::new();
        let mut most = 0;
        for step in 1..=700 {
            version.step(&mut dice, step);
            assert!(version.graph.revision() <= Revision(step), "seed {seed}");
            most = most.max(version.stored.len());
            if step % 20 == 0 {
                version.check(&mut dice, step);
            }
            if step % 90 == 0 {
                pinned.push(version.clone());
            }
        }
        // Whoever holds an old version sees it as it was.
        for (at, version) in pinned.iter().enumerate() {
            version.check(&mut dice, u64::try_from(at).unwrap());
        }
        assert!(most > 25, "seed {seed}: {most}");
    }
}
