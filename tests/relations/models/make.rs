//! Makes models from seeds.

use super::ast::{Allowed, Ast, Body, Condition, Form, Kind, Param, Relation};
use std::collections::BTreeMap;
use support::dice::Dice;

/// Names of types: keywords of the language are names, too.
const KINDS: [&str; 12] = [
    "user",
    "team",
    "doc",
    "type",
    "model",
    "with",
    "a-b",
    "x/y.z",
    "Relations",
    "or",
    "from",
    "9",
];

const RELATIONS: [&str; 20] = [
    "viewer",
    "editor",
    "owner",
    "member",
    "define",
    "or",
    "and",
    "from",
    "but",
    "not",
    "type",
    "relations",
    "a.b",
    "x/y",
    "r-1",
    "with",
    "A",
    "extend",
    "condition",
    "_",
];

const CONDITIONS: [&str; 6] = ["in_hours", "with", "c-1", "condition", "x.y", "or"];

/// Names that JSON can write, and DSL cannot.
const STRANGE: [&str; 4] = ["ü", "a$b", "日本", "a+b"];

pub(super) const SCALARS: [&str; 9] = [
    "any",
    "bool",
    "string",
    "int",
    "uint",
    "double",
    "duration",
    "timestamp",
    "ipaddress",
];

struct Maker {
    dice: Dice,
    /// Whether the model may say what only JSON can.
    is_wild: bool,
}

/// The names that there are, before anything is defined by them.
struct Known {
    /// Each type with its relations; the first of a type that has any leads to other objects.
    kinds: Vec<(String, Vec<String>)>,
    conditions: Vec<String>,
    /// The types to which the first relation of each leads.
    parents: BTreeMap<String, Vec<String>>,
}

/// Makes a model. Most are valid; those that are not, are so because nobody can be in a relation.
pub(super) fn make(seed: u64) -> Ast {
    let mut dice = Dice::new(seed);
    let is_wild = dice.chance(25);
    let mut maker = Maker { dice, is_wild };
    let known = maker.known();
    let kinds = known.kinds.iter().map(|(name, relations)| Kind {
        name: name.clone(),
        module: maker.dice.below(3),
        relations: (0..relations.len())
            .map(|at| maker.relation(&known, name, relations, at))
            .collect(),
    });
    let kinds = kinds.collect();
    let conditions = known.conditions.iter();
    let conditions = conditions.map(|name| maker.condition(name)).collect();
    Ast {
        schema: if maker.dice.chance(50) { "1.1" } else { "1.2" },
        kinds,
        conditions,
    }
}

impl Maker {
    fn some(&mut self, of: &[&str], count: usize) -> Vec<String> {
        let mut left = of.to_vec();
        if self.is_wild && self.dice.chance(50) {
            left.extend(STRANGE);
        }
        let take = |_| left.swap_remove(self.dice.below(left.len())).to_owned();
        (0..count).map(take).collect()
    }

    fn known(&mut self) -> Known {
        let count = 2 + self.dice.below(4);
        let names = self.some(&KINDS, count);
        let mut kinds = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let relations = if at == 0 { 0 } else { self.dice.below(7) };
            kinds.push((name.clone(), self.some(&RELATIONS, relations)));
        }
        let count = self.dice.below(5);
        let conditions = self.some(&CONDITIONS, count);
        let mut parents = BTreeMap::new();
        for (name, _) in &kinds {
            let mut leads: Vec<String> = (0..=self.dice.below(2))
                .map(|_| self.dice.one(&names).clone())
                .collect();
            leads.sort();
            leads.dedup();
            parents.insert(name.clone(), leads);
        }
        Known {
            kinds,
            conditions,
            parents,
        }
    }

    fn relation(&mut self, known: &Known, kind: &str, names: &[String], at: usize) -> Relation {
        let module = self.dice.below(3);
        let name = names[at].clone();
        if at == 0 {
            let leads = known.parents[kind].iter().map(|kind| Allowed {
                kind: kind.clone(),
                form: Form::One,
                condition: self.named_condition(known),
            });
            return Relation {
                name,
                module,
                body: Body::Direct,
                allowed: leads.collect(),
            };
        }
        let body = self.body(known, kind, &names[..at], true, 3);
        let body = body.unwrap_or(Body::Direct);
        let allowed = if body.has_direct() {
            self.allowed(known)
        } else {
            Vec::new()
        };
        Relation {
            name,
            module,
            body,
            allowed,
        }
    }

    fn named_condition(&mut self, known: &Known) -> Option<String> {
        let has_one = !known.conditions.is_empty() && self.dice.chance(35);
        has_one.then(|| self.dice.one(&known.conditions).clone())
    }

    fn allowed(&mut self, known: &Known) -> Vec<Allowed> {
        let mut allowed: Vec<Allowed> = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let (kind, relations) = self.dice.one(&known.kinds).clone();
            let form = match self.dice.below(4) {
                0 => Form::Everyone,
                1 | 2 if !relations.is_empty() => Form::Set(self.dice.one(&relations).clone()),
                _ => Form::One,
            };
            let condition = self.named_condition(known);
            let one = Allowed {
                kind,
                form,
                condition,
            };
            if !allowed.contains(&one) {
                allowed.push(one);
            }
        }
        allowed
    }

    /// Makes a rewrite of relations that stand before it, so that no relation is its own; none
    /// where there is nothing that may stand here.
    fn body(
        &mut self,
        known: &Known,
        kind: &str,
        before: &[String],
        is_front: bool,
        depth: usize,
    ) -> Option<Body> {
        if depth == 0 || self.dice.chance(30) {
            return self.leaf(known, kind, before, is_front);
        }
        let count = 1 + self.dice.below(3);
        let count = if self.is_wild { count } else { count.max(2) };
        let mut parts = Vec::new();
        for at in 0..count {
            let is_front = is_front && at == 0;
            parts.extend(self.body(known, kind, before, is_front, depth - 1));
        }
        if parts.len() < 2 && !self.is_wild {
            return parts.pop();
        }
        match self.dice.below(3) {
            _ if parts.is_empty() => None,
            0 => Some(Body::Or(parts)),
            1 => Some(Body::And(parts)),
            _ if parts.len() < 2 => parts.pop(),
            _ => {
                parts.truncate(2);
                let parts: [Body; 2] = parts.try_into().unwrap();
                Some(Body::ButNot(Box::new(parts)))
            }
        }
    }

    fn leaf(
        &mut self,
        known: &Known,
        kind: &str,
        before: &[String],
        is_front: bool,
    ) -> Option<Body> {
        let is_direct = is_front || (self.is_wild && self.dice.chance(30));
        match self.dice.below(3) {
            0 if is_direct => Some(Body::Direct),
            1 => {
                let leads = &known.parents[kind];
                let there = known.kinds.iter().filter(|(name, _)| leads.contains(name));
                let there: Vec<&String> = there.flat_map(|(_, relations)| relations).collect();
                (!there.is_empty()).then(|| Body::From {
                    computed: (*self.dice.one(&there)).clone(),
                    tupleset: before[0].clone(),
                })
            }
            _ => Some(Body::Named(self.dice.one(before).clone())),
        }
    }

    fn condition(&mut self, name: &str) -> Condition {
        let mut parameters = Vec::new();
        let mut tests = Vec::new();
        for at in 0..=self.dice.below(4) {
            let name = format!("{}{at}", self.dice.one(&["x", "_p", "Of_"]));
            let scalar = Param::Scalar(self.dice.one::<&'static str>(&SCALARS));
            let (ty, test) = match self.dice.below(5) {
                0 => (Param::List(Box::new(scalar)), format!("{name}.size() < 3")),
                1 => (Param::Map(Box::new(scalar)), format!("size({name}) == 0")),
                2 if self.is_wild => {
                    let ty = Param::Map(Box::new(Param::List(Box::new(scalar))));
                    (ty, format!("{name}.size() == 2"))
                }
                _ => {
                    let test = test_of(&scalar, &name);
                    (scalar, test)
                }
            };
            tests.push(test);
            parameters.push((name, ty));
        }
        if self.dice.chance(30) {
            let odd = ["'}' != \"{\"", "'a#b' != ' # c'", r"'it\'s }' != '//'"];
            tests.push((*self.dice.one(&odd)).to_owned());
        }
        let join = *self.dice.one(&[" && ", " ||\n    ", " &&\n  "]);
        Condition {
            name: name.to_owned(),
            module: self.dice.below(3),
            expression: tests.join(join),
            parameters,
            is_wrong: false,
        }
    }
}

/// An expression that a value of the type decides.
fn test_of(ty: &Param, name: &str) -> String {
    let Param::Scalar(scalar) = ty else {
        return format!("{name}.size() > 1");
    };
    match *scalar {
        "bool" => name.to_owned(),
        "string" => format!("{name} == 'a b'"),
        "int" => format!("{name} < 3"),
        "uint" => format!("{name} > uint(2)"),
        "double" => format!("{name} < 1.5"),
        "duration" => format!("{name} < duration('1h')"),
        "timestamp" => format!("{name} < timestamp('2026-01-01T00:00:00Z')"),
        "ipaddress" => format!("{name}.in_cidr('10.0.0.0/8')"),
        _ => format!("{name} == 'x'"),
    }
}

/// What occurs in a model, for a census.
pub(super) fn kinds_of(ast: &Ast) -> Vec<&'static str> {
    let mut seen = vec![if ast.schema == "1.1" { "1.1" } else { "1.2" }];
    for (kind, relation) in ast.relations() {
        if kind.module != relation.module {
            seen.push("extended");
        }
        for (part, inside) in relation
            .body
            .all()
            .into_iter()
            .map(|part| (part, part.parts().iter().any(|part| part.parts().len() > 1)))
        {
            seen.push(match (part, inside) {
                (Body::Direct, _) => "direct",
                (Body::Named(_), _) => "named",
                (Body::From { .. }, _) => "from",
                (Body::Or(_), false) => "or",
                (Body::Or(_), true) => "or of others",
                (Body::And(_), false) => "and",
                (Body::And(_), true) => "and of others",
                (Body::ButNot(_), false) => "but not",
                (Body::ButNot(_), true) => "but not of others",
            });
        }
        for allowed in &relation.allowed {
            seen.push(match (&allowed.form, &allowed.condition) {
                (Form::One, None) => "one",
                (Form::One, Some(_)) => "one with",
                (Form::Everyone, None) => "everyone",
                (Form::Everyone, Some(_)) => "everyone with",
                (Form::Set(_), None) => "set",
                (Form::Set(_), Some(_)) => "set with",
            });
        }
    }
    let parameters = ast.conditions.iter().flat_map(|it| &it.parameters);
    for (_, ty) in parameters {
        seen.push(match ty {
            Param::Scalar(name) => name,
            Param::List(_) => "list",
            Param::Map(_) if ty.depth() > 1 => "deep map",
            Param::Map(_) => "map",
        });
    }
    if ast.in_dsl().is_none() {
        seen.push("JSON alone");
    }
    seen
}
