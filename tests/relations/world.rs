//! Worlds: a model, tuples, a context, made from a seed.

use behest::model::{ObjectRef, Record, Tuple, TupleCondition, TupleKey, TupleUser, Value};
use behest::relations::condition::ParameterType;
use behest::relations::model::{
    AuthorizationModel, ConditionDefinition, ModelDefinition, ModuleOrigin, RelationDefinition,
    Restriction, RestrictionForm, Rewrite, TypeDefinition,
};
use smol_str::SmolStr;
use std::sync::Arc;
use support::dice::Dice;

/// Types with relations; `user` and `employee` have none.
const KINDS: [&str; 3] = ["group", "folder", "doc"];

const PEOPLE: [&str; 2] = ["user", "employee"];

/// Ids of every type.
pub(crate) const IDS: [&str; 3] = ["1", "spiffe%3A//a.b%25c%23d", LONG];

/// As long as an object's id can be for every type of [`KINDS`]: 256 characters with `employee:`.
const LONG: &str = concat!(
    "sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-",
    "sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-",
    "sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-sixteen-or-more-1234567"
);

/// Relations of every type of [`KINDS`], and `parent`, which is a tupleset.
pub(crate) const RELATIONS: [&str; 4] = ["r0", "r1", "r2", "r3"];

/// How tangled a world is: few types and objects with many tuples among them form circles.
#[derive(Clone, Copy)]
struct Shape {
    kinds: usize,
    ids: usize,
    tuples: usize,
    /// Whether intersections and differences occur.
    mixed: bool,
    /// In percent.
    conditions: usize,
}

pub(crate) struct World {
    shape: Shape,
    pub(crate) model: AuthorizationModel,
    /// The bundle's, the stored, the request's own.
    pub(crate) layers: [Vec<Tuple>; 3],
    pub(crate) context: Record,
    pub(crate) max_depth: u32,
}

impl World {
    /// None where the model that came out is refused: as one that no tuple can ever satisfy.
    pub(crate) fn make(seed: u64) -> Option<Self> {
        let mut dice = Dice::new(seed);
        let shape = Shape {
            kinds: 1 + dice.below(KINDS.len()),
            ids: 2 + dice.below(2),
            tuples: 6 + dice.below(24),
            mixed: dice.chance(65),
            conditions: *dice.one(&[0, 0, 15, 40]),
        };
        let model = AuthorizationModel::new(definition(&mut dice, shape)).ok()?;
        let mut layers = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..shape.tuples {
            let tuple = tuple(&mut dice, shape, &model);
            let same = |other: &Tuple| other.key == tuple.key;
            // A key stands once in the bundle and the store together; the request may repeat it.
            let taken = layers[0].iter().chain(&layers[1]).any(same);
            let layer = if taken {
                2
            } else {
                *dice.one(&[0, 1, 1, 1, 2])
            };
            if !layers[layer].iter().any(same) {
                layers[layer].push(tuple);
            }
        }
        // The request says of some that are there what they are for it: under another condition, or
        // none.
        for known in layers[..2].concat() {
            if dice.chance(20) && !layers[2].iter().any(|own| own.key == known.key) {
                let condition = stored(&mut dice, shape, condition_name);
                layers[2].push(Tuple {
                    key: known.key,
                    condition,
                });
            }
        }
        let context = context(&mut dice);
        let max_depth = *dice.one(&[25, 25, 25, 4, 3, 2, 1, 0]);
        Some(Self {
            shape,
            model,
            layers,
            context,
            max_depth,
        })
    }

    /// Every object that tuples can be on.
    pub(crate) fn objects(&self) -> Vec<ObjectRef> {
        let of_kind = |kind: &&str| {
            IDS.iter()
                .take(self.shape.ids)
                .map(|id| ObjectRef::new(*kind, *id).unwrap())
                .collect()
        };
        KINDS
            .iter()
            .take(self.shape.kinds)
            .flat_map(|kind: &&str| -> Vec<ObjectRef> { of_kind(kind) })
            .collect()
    }

    /// The types that have relations.
    pub(crate) fn kinds(&self) -> &'static [&'static str] {
        &KINDS[..self.shape.kinds]
    }

    /// A user of any form.
    pub(crate) fn user(&self, dice: &mut Dice) -> TupleUser {
        any_user(dice, self.shape)
    }

    /// The tuples that count: the request's own stand for those of their keys.
    pub(crate) fn tuples(&self) -> Vec<Tuple> {
        let [bundle, stored, own] = &self.layers;
        let is_own = |tuple: &&Tuple| own.iter().any(|own| own.key == tuple.key);
        let graph = bundle.iter().chain(stored).filter(|tuple| !is_own(tuple));
        graph.chain(own).cloned().collect()
    }
}

fn definition(dice: &mut Dice, shape: Shape) -> ModelDefinition {
    let conditions = CONDITIONS
        .iter()
        .map(|(name, expression, parameters)| ConditionDefinition {
            name: (*name).into(),
            expression: (*expression).into(),
            parameters: parameters
                .iter()
                .map(|(name, ty)| ((*name).into(), type_of(ty)))
                .collect(),
            ..ConditionDefinition::default()
        });
    let conditions = conditions.collect();
    let mut types: Vec<TypeDefinition> = PEOPLE
        .iter()
        .map(|name| TypeDefinition {
            name: (*name).into(),
            ..TypeDefinition::default()
        })
        .collect();
    for kind in KINDS.into_iter().take(shape.kinds) {
        let mut relations = vec![relation("parent", Rewrite::This, parents(dice, shape))];
        for (at, name) in RELATIONS.into_iter().enumerate() {
            let rewrite = rewrite(dice, at, shape.mixed, 2);
            let restrictions = if rewrite.is_assignable() {
                restrictions(dice, shape)
            } else {
                Vec::new()
            };
            relations.push(relation(name, rewrite, restrictions));
        }
        types.push(TypeDefinition {
            name: kind.into(),
            relations,
            ..TypeDefinition::default()
        });
    }
    ModelDefinition {
        types,
        conditions,
        ..ModelDefinition::default()
    }
}

/// Name, expression, parameters.
type Written = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Conditions over parameters of every kind of type.
const CONDITIONS: [Written; 7] = [
    ("small", "x < 10", &[("x", "int")]),
    ("ok", "yes", &[("yes", "bool")]),
    (
        "listed",
        "'a' in names && names.size() < 4",
        &[("names", "list<string>")],
    ),
    (
        "mapped",
        "marks.a > 1.5 || 'b' in marks",
        &[("marks", "map<double>")],
    ),
    (
        "timely",
        "at + span < timestamp('2026-10-01T00:00:00Z')",
        &[("at", "timestamp"), ("span", "duration")],
    ),
    (
        "near",
        "ip.in_cidr('10.0.0.0/8') || ip == ipaddress('::1')",
        &[("ip", "ipaddress")],
    ),
    (
        "alike",
        "names.exists(name, name.matches(pattern))",
        &[("names", "list<string>"), ("pattern", "string")],
    ),
];

fn type_of(text: &str) -> ParameterType {
    match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some(("list", element)) => ParameterType::List(Box::new(type_of(element))),
        Some((_, element)) => ParameterType::Map(Box::new(type_of(element))),
        None => ParameterType::scalar(text).unwrap(),
    }
}

fn relation(name: &str, rewrite: Rewrite, restrictions: Vec<Restriction>) -> RelationDefinition {
    RelationDefinition {
        name: name.into(),
        rewrite,
        restrictions,
        origin: ModuleOrigin::default(),
    }
}

/// Computed relations only lead to lesser ones, so that no model has a circle of them; tuples may
/// lead anywhere.
fn rewrite(dice: &mut Dice, at: usize, mixed: bool, depth: usize) -> Rewrite {
    let leaf = |dice: &mut Dice| match dice.below(5) {
        0 if at > 0 => Rewrite::Computed(RELATIONS[dice.below(at)].into()),
        1 => Rewrite::FromTupleset {
            tupleset: "parent".into(),
            computed: (*dice.one(&RELATIONS)).into(),
        },
        _ => Rewrite::This,
    };
    if depth == 0 || dice.chance(35) {
        return leaf(dice);
    }
    let mut operands: Vec<Rewrite> = (0..2 + dice.below(2))
        .map(|_| rewrite(dice, at, mixed, depth - 1))
        .collect();
    operands.dedup();
    match dice.below(if mixed { 4 } else { 1 }) {
        _ if operands.len() < 2 => operands.remove(0),
        0 | 1 => Rewrite::Union(operands),
        2 => Rewrite::Intersection(operands),
        _ => Rewrite::Difference {
            subtract: Box::new(operands.remove(1)),
            base: Box::new(operands.remove(0)),
        },
    }
}

fn restrictions(dice: &mut Dice, shape: Shape) -> Vec<Restriction> {
    let kinds = &KINDS[..shape.kinds];
    let mut found = Vec::new();
    for _ in 0..2 + dice.below(4) {
        let (kind, form) = match dice.below(6) {
            0 | 1 => (*dice.one(&PEOPLE), RestrictionForm::Object),
            2 => (*dice.one(&PEOPLE), RestrictionForm::Wildcard),
            3 => (*dice.one(kinds), RestrictionForm::Object),
            _ => (
                *dice.one(kinds),
                RestrictionForm::Userset((*dice.one(&RELATIONS)).into()),
            ),
        };
        let restriction = Restriction {
            kind: kind.into(),
            form,
            condition: condition_name(dice, shape),
        };
        if !found.contains(&restriction) {
            found.push(restriction);
        }
    }
    found
}

fn parents(dice: &mut Dice, shape: Shape) -> Vec<Restriction> {
    let mut found = Vec::new();
    for _ in 0..=dice.below(2) {
        let kind = if dice.chance(10) {
            "user"
        } else {
            *dice.one(&KINDS[..shape.kinds])
        };
        let kind = SmolStr::new(kind);
        let restriction = Restriction {
            kind,
            form: RestrictionForm::Object,
            condition: condition_name(dice, shape),
        };
        if !found.contains(&restriction) {
            found.push(restriction);
        }
    }
    found
}

fn condition_name(dice: &mut Dice, shape: Shape) -> Option<SmolStr> {
    let (name, ..) = *dice.one(&CONDITIONS);
    dice.chance(shape.conditions).then(|| name.into())
}

/// Mostly a tuple that the model allows; now and then any.
fn tuple(dice: &mut Dice, shape: Shape, model: &AuthorizationModel) -> Tuple {
    let kind = *dice.one(&KINDS[..shape.kinds]);
    let object = ObjectRef::new(kind, id(dice, shape)).unwrap();
    let assignable: Vec<&RelationDefinition> = model
        .type_named(kind)
        .unwrap()
        .relations
        .iter()
        .filter(|relation| !relation.restrictions.is_empty())
        .collect();
    let relation = *dice.one(&assignable);
    let restriction = dice.one(&relation.restrictions).clone();
    let (user, condition) = if dice.chance(90) {
        let user = match restriction.form {
            RestrictionForm::Object => {
                TupleUser::Object(ObjectRef::new(restriction.kind, id(dice, shape)).unwrap())
            }
            RestrictionForm::Wildcard => TupleUser::Wildcard(restriction.kind),
            RestrictionForm::Userset(name) => TupleUser::userset(
                ObjectRef::new(restriction.kind, id(dice, shape)).unwrap(),
                name,
            )
            .unwrap(),
        };
        (user, restriction.condition)
    } else {
        (any_user(dice, shape), condition_name(dice, shape))
    };
    let key = TupleKey {
        object,
        relation: relation.name.clone(),
        user,
    };
    let condition = stored(dice, shape, |_, _| condition);
    Tuple { key, condition }
}

/// A condition as a tuple has it, with values of its own or without.
fn stored(
    dice: &mut Dice,
    shape: Shape,
    name: impl FnOnce(&mut Dice, Shape) -> Option<SmolStr>,
) -> Option<Arc<TupleCondition>> {
    name(dice, shape).map(|name| {
        let context = if dice.chance(50) {
            context(dice)
        } else {
            Record::new()
        };
        Arc::new(TupleCondition { name, context })
    })
}

fn any_user(dice: &mut Dice, shape: Shape) -> TupleUser {
    let kinds = &KINDS[..shape.kinds];
    let object = |dice: &mut Dice, kinds: &[&str]| {
        ObjectRef::new(*dice.one(kinds), id(dice, shape)).unwrap()
    };
    match dice.below(8) {
        0 => TupleUser::Wildcard((*dice.one(&PEOPLE)).into()),
        1 | 2 => TupleUser::userset(object(dice, kinds), *dice.one(&RELATIONS)).unwrap(),
        3 => TupleUser::Object(object(dice, kinds)),
        _ => TupleUser::Object(object(dice, &PEOPLE)),
    }
}

fn id(dice: &mut Dice, shape: Shape) -> &'static str {
    IDS[dice.below(shape.ids)]
}

/// Each parameter is there or not, and makes its condition hold or not.
fn context(dice: &mut Dice) -> Record {
    let mut context = Record::new();
    if dice.chance(55) {
        context.insert("x", Value::from(*dice.one(&[1, 100])));
    }
    if dice.chance(55) {
        context.insert("yes", Value::from(dice.chance(60)));
    }
    let text = |text: &str| Value::text(text);
    let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::text(*item)).collect());
    let marks =
        |name: &str, mark: Value| Value::Record([(name.into(), mark)].into_iter().collect());
    let others: [(&str, [Value; 4]); 6] = [
        (
            "names",
            [
                list(&["a", "b"]),
                list(&["b"]),
                list(&["a", "a", "b", "c"]),
                text("a"),
            ],
        ),
        (
            "marks",
            [
                marks("a", 2.into()),
                marks("b", 0.into()),
                marks("c", 9.into()),
                marks("a", text("x")),
            ],
        ),
        (
            "at",
            [
                "2026-09-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
                "2026-09-30T23:30:00+02:00",
                "soon",
            ]
            .map(text),
        ),
        ("span", ["1h", "8760h", "-1h", "1 day"].map(text)),
        (
            "ip",
            ["10.1.2.3", "192.168.0.1", "::ffff:10.0.0.1", "10.0.0.256"].map(text),
        ),
        ("pattern", ["^[ab]$", "c", "(?i)A", "a**"].map(text)),
    ];
    for (name, values) in others {
        if dice.chance(60) {
            context.insert(name, dice.one(&values).clone());
        }
    }
    context
}
