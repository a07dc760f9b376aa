//! What is wrong with a model, said by walking it.

use super::ast::{Allowed, Ast, Body, Condition, Form, Kind, Relation};
use behest::relations::model::{Element, RefusalCode};
use std::collections::{BTreeSet, HashSet};

/// What is wrong: with which element, as messages name it, and what the message says.
pub(super) type Flaw = (String, &'static str);

#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Valid,
    /// All of these.
    All(BTreeSet<Flaw>),
    /// One of these: of a circle, one relation is reported.
    One(BTreeSet<Flaw>),
}

pub(super) const TWICE: &str = "is defined twice";
pub(super) const NO_NAME: &str = "has a name that nothing can have";
pub(super) const BAD_NAME: &str = "has a name that is too long";
pub(super) const TOO_MANY: &str = "are allowed";
pub(super) const NO_TYPE: &str = "the model defines no type";

/// A relation that its own tuples alone define.
pub(super) fn direct(name: &str, kind: &str) -> Relation {
    Relation {
        name: name.into(),
        module: 0,
        body: Body::Direct,
        allowed: vec![Allowed {
            kind: kind.into(),
            form: Form::One,
            condition: None,
        }],
    }
}

pub(super) fn condition(name: &str) -> Condition {
    Condition {
        name: name.into(),
        module: 0,
        expression: "1 < 2".into(),
        parameters: Vec::new(),
        is_wrong: false,
    }
}

/// The code of a refusal for one reason.
pub(super) fn code(flaw: &Flaw) -> RefusalCode {
    let (element, says) = flaw;
    match *says {
        NO_TYPE => RefusalCode::TypeDefinitionsTooFewItems,
        BAD_NAME if element.starts_with("type") => RefusalCode::TypeInvalidPattern,
        BAD_NAME if element.starts_with("relation") => RefusalCode::RelationsInvalidPattern,
        BAD_NAME => RefusalCode::ValidationError,
        _ => RefusalCode::InvalidAuthorizationModel,
    }
}

/// Decides about a model: first each declaration by itself, then circles, then whether anybody can
/// be in a relation.
pub(super) fn verdict(ast: &Ast) -> Verdict {
    let limits = limits(ast);
    if !limits.is_empty() {
        return Verdict::All(limits);
    }
    let declared = declared(ast);
    if !declared.is_empty() {
        return Verdict::All(declared);
    }
    let circles: BTreeSet<Flaw> = ast
        .relations()
        .filter(|(kind, relation)| leads_back(ast, kind, relation))
        .map(|(kind, it)| (name_of(kind, it), "is defined through itself"))
        .collect();
    if !circles.is_empty() {
        return Verdict::One(circles);
    }
    let entered = entered(ast);
    let empty: BTreeSet<Flaw> = ast
        .relations()
        .filter(|(kind, it)| !entered.contains(&(kind.name.as_str(), it.name.as_str())))
        .map(|(kind, it)| (name_of(kind, it), "nobody can ever be in"))
        .collect();
    if empty.is_empty() {
        Verdict::Valid
    } else {
        Verdict::All(empty)
    }
}

fn name_of(kind: &Kind, relation: &Relation) -> String {
    let element = Element::Relation((&kind.name).into(), (&relation.name).into());
    element.to_string()
}

fn limits(ast: &Ast) -> BTreeSet<Flaw> {
    let model = || Element::Model.to_string();
    let mut flaws = BTreeSet::new();
    if ast.kinds.is_empty() {
        flaws.insert((model(), NO_TYPE));
    }
    if ast.kinds.len() > 100 || ast.conditions.len() > 25 {
        flaws.insert((model(), TOO_MANY));
    }
    flaws
}

fn bad_name(name: &str, most: usize) -> Option<&'static str> {
    let is_bad = |c: char| ":#@ ".contains(c) || c.is_control();
    match name {
        "" | "self" | "this" => Some(NO_NAME),
        _ if name.chars().count() > most || name.contains(is_bad) => Some(BAD_NAME),
        _ => None,
    }
}

fn declared(ast: &Ast) -> BTreeSet<Flaw> {
    let mut flaws = BTreeSet::new();
    for (at, kind) in ast.kinds.iter().enumerate() {
        let element = Element::Type((&kind.name).into()).to_string();
        flaws.extend(bad_name(&kind.name, 254).map(|says| (element.clone(), says)));
        if ast.kinds[..at].iter().any(|it| it.name == kind.name) {
            flaws.insert((element, TWICE));
        }
        for (at, relation) in kind.relations.iter().enumerate() {
            let element = name_of(kind, relation);
            let is_again = kind.relations[..at]
                .iter()
                .any(|it| it.name == relation.name);
            let mut says: Vec<_> = bad_name(&relation.name, 50).into_iter().collect();
            says.extend(is_again.then_some(TWICE));
            says.extend(of_relation(ast, kind, relation));
            flaws.extend(says.into_iter().map(|says| (element.clone(), says)));
        }
    }
    for (at, condition) in ast.conditions.iter().enumerate() {
        let element = Element::Condition((&condition.name).into()).to_string();
        let again = ast.conditions[..at]
            .iter()
            .any(|it| it.name == condition.name);
        let mut says: Vec<_> = bad_name(&condition.name, 50).into_iter().collect();
        says.extend(again.then_some(TWICE));
        says.extend(condition.is_wrong.then_some(""));
        flaws.extend(says.into_iter().map(|says| (element.clone(), says)));
    }
    flaws
}

fn of_relation(ast: &Ast, kind: &Kind, relation: &Relation) -> Vec<&'static str> {
    let mut says = Vec::new();
    match (relation.body.has_direct(), relation.allowed.is_empty()) {
        (true, true) => says.push("does not say whom its tuples may name"),
        (false, false) => says.push("names types, but takes no tuples"),
        _ => {}
    }
    for allowed in &relation.allowed {
        let is_known = ast.kinds.iter().any(|kind| kind.name == allowed.kind);
        match &allowed.form {
            _ if !is_known => says.push("which is no type"),
            Form::Set(name) if ast.relation(&allowed.kind, name).is_none() => {
                says.push("has no relation");
            }
            _ => {}
        }
        if let Some(name) = &allowed.condition
            && ast.conditions.iter().all(|it| it.name != *name)
        {
            says.push("which is not defined");
        }
    }
    for part in relation.body.all() {
        match part {
            Body::Named(name) if *name == relation.name => says.push("is defined as itself"),
            Body::Named(name) if ast.relation(&kind.name, name).is_none() => {
                says.push("has no such relation");
            }
            Body::From { computed, tupleset } => {
                says.extend(of_arrow(ast, kind, computed, tupleset));
            }
            _ => {}
        }
    }
    says
}

fn of_arrow(ast: &Ast, kind: &Kind, computed: &str, tupleset: &str) -> Option<&'static str> {
    let Some(leads) = ast.relation(&kind.name, tupleset) else {
        return Some("has no such relation");
    };
    let targets = &leads.allowed;
    if leads.body != Body::Direct {
        Some("which is more than its own tuples")
    } else if targets.iter().any(|it| it.form != Form::One) {
        Some("which allows usersets or everyone")
    } else if targets
        .iter()
        .all(|it| ast.relation(&it.kind, computed).is_none())
    {
        Some("and no type there has it")
    } else {
        None
    }
}

/// Whether a relation is defined through itself, by relations of the same object.
fn leads_back(ast: &Ast, kind: &Kind, relation: &Relation) -> bool {
    let mut seen = BTreeSet::new();
    let mut left = vec![relation];
    while let Some(next) = left.pop() {
        for part in next.body.all() {
            let Body::Named(name) = part else { continue };
            if *name == relation.name {
                return true;
            }
            if seen.insert(name) {
                left.extend(ast.relation(&kind.name, name));
            }
        }
    }
    false
}

/// The relations from which a path of tuples leads to an object: none at first, and then all that
/// follow from those that are known, until nothing does.
fn entered(ast: &Ast) -> HashSet<(&str, &str)> {
    let mut known = HashSet::new();
    loop {
        let more: HashSet<(&str, &str)> = ast
            .relations()
            .filter(|(kind, it)| has_entry(ast, kind, it, &it.body, &known))
            .map(|(kind, it)| (kind.name.as_str(), it.name.as_str()))
            .collect();
        if more == known {
            return known;
        }
        known = more;
    }
}

fn has_entry(
    ast: &Ast,
    kind: &Kind,
    relation: &Relation,
    body: &Body,
    known: &HashSet<(&str, &str)>,
) -> bool {
    let part = |part: &Body| has_entry(ast, kind, relation, part, known);
    match body {
        Body::Direct => relation.allowed.iter().any(|it| match &it.form {
            Form::One | Form::Everyone => true,
            Form::Set(name) => known.contains(&(it.kind.as_str(), name.as_str())),
        }),
        Body::Named(name) => known.contains(&(kind.name.as_str(), name.as_str())),
        Body::From { computed, tupleset } => {
            let parents = ast.relation(&kind.name, tupleset).map(|it| &it.allowed);
            let mut parents = parents.into_iter().flatten();
            parents.any(|it| known.contains(&(it.kind.as_str(), computed.as_str())))
        }
        Body::Or(parts) => parts.iter().any(part),
        Body::And(parts) => parts.iter().all(part),
        Body::ButNot(parts) => parts.iter().all(part),
    }
}
