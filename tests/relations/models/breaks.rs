//! The ways in which a model is broken. Whether it is broken then, and where, says [`super::naive`].

use super::ast::{Allowed, Ast, Body, Form, Kind, Relation};
use super::naive::{condition, direct};
use support::dice::Dice;

/// Changes a model, or says that there is nothing to change.
pub(super) type Break = fn(&mut Ast, &mut Dice) -> Option<()>;

pub(super) const BREAKS: [(&str, Break); 36] = [
    ("a name that is not there", |ast, dice| {
        some_relation(ast, dice)?.body = Body::Named("nowhere".into());
        Some(())
    }),
    ("a part that is not there", |ast, dice| {
        let relation = some_relation(ast, dice)?;
        let body = relation.body.clone();
        relation.body = Body::Or(vec![body, Body::Named("nowhere".into())]);
        Some(())
    }),
    ("a type that is not there", |ast, dice| {
        some_allowed(ast, dice)?.kind = "nothing".into();
        Some(())
    }),
    ("a set that is not there", |ast, dice| {
        some_allowed(ast, dice)?.form = Form::Set("nowhere".into());
        Some(())
    }),
    ("a condition that is not there", |ast, dice| {
        some_allowed(ast, dice)?.condition = Some("never".into());
        Some(())
    }),
    ("a tupleset that is not there", |ast, dice| {
        arrow(ast, dice, "member", "nowhere")
    }),
    ("nothing at the tupleset's end", |ast, dice| {
        some_kind(ast, dice)?.relations.push(direct("way", "user"));
        arrow_of(ast, "nowhere", "way")
    }),
    ("a tupleset of more", |ast, dice| {
        let way = Relation {
            body: Body::Or(vec![Body::Direct, Body::Named("one".into())]),
            ..direct("way", "user")
        };
        let kind = some_kind(ast, dice)?;
        kind.relations.extend([direct("one", "user"), way]);
        arrow_of(ast, "one", "way")
    }),
    ("a tupleset of everyone", |ast, dice| {
        with_way(ast, dice, Form::Everyone)
    }),
    ("a tupleset of sets", |ast, dice| {
        with_way(ast, dice, Form::Set("one".into()))
    }),
    ("itself", |ast, dice| {
        let relation = some_relation(ast, dice)?;
        let body = relation.body.clone();
        relation.body = Body::Or(vec![body, Body::Named(relation.name.clone())]);
        Some(())
    }),
    ("a circle of two", |ast, dice| circle(ast, dice, 2)),
    ("a circle of five", |ast, dice| circle(ast, dice, 5)),
    ("a chain that is long enough", |ast, dice| {
        let kind = some_kind(ast, dice)?;
        kind.relations.push(direct("c0", "user"));
        chain(kind, 60);
        Some(())
    }),
    ("only itself, by tuples", |ast, dice| {
        let kind = some_kind(ast, dice)?;
        let own = set_of(&kind.name, "lone");
        kind.relations.push(Relation {
            allowed: vec![own],
            ..direct("lone", "user")
        });
        Some(())
    }),
    ("only each other, by tuples", |ast, dice| {
        let kind = some_kind(ast, dice)?;
        for (name, other) in [("lone", "pair"), ("pair", "lone")] {
            let allowed = vec![set_of(&kind.name, other)];
            kind.relations.push(Relation {
                allowed,
                ..direct(name, "user")
            });
        }
        Some(())
    }),
    ("and with nobody", |ast, dice| {
        nobody_in(ast, dice, |one, lone| Body::And(vec![one, lone]))
    }),
    ("or with nobody", |ast, dice| {
        nobody_in(ast, dice, |one, lone| Body::Or(vec![one, lone]))
    }),
    ("but not nobody", |ast, dice| {
        nobody_in(ast, dice, |one, lone| Body::ButNot(Box::new([one, lone])))
    }),
    ("a circle through objects", |ast, dice| {
        let kind = some_kind(ast, dice)?;
        let way = direct("way", &kind.name);
        let seen = Relation {
            body: Body::From {
                computed: "seen".into(),
                tupleset: "way".into(),
            },
            allowed: Vec::new(),
            ..direct("seen", "user")
        };
        kind.relations.extend([way, seen]);
        Some(())
    }),
    ("a type twice", |ast, dice| {
        let kind = some_kind(ast, dice)?.clone();
        ast.kinds.push(kind);
        Some(())
    }),
    ("a relation twice", |ast, dice| {
        let kind = some_kind(ast, dice)?;
        let relation = kind.relations.first()?.clone();
        kind.relations.push(relation);
        Some(())
    }),
    ("a condition twice", |ast, _| {
        ast.conditions
            .extend([condition("again"), condition("again")]);
        Some(())
    }),
    ("a reserved type", |ast, dice| {
        some_kind(ast, dice)?.name = (*dice.one(&["self", "this"])).into();
        Some(())
    }),
    ("a reserved relation", |ast, dice| {
        let name = *dice.one(&["self", "this"]);
        some_relation(ast, dice)?.name = name.into();
        Some(())
    }),
    ("a reserved condition", |ast, dice| {
        let name = *dice.one(&["self", "this"]);
        ast.conditions.push(condition(name));
        Some(())
    }),
    ("a long type", |ast, dice| {
        some_kind(ast, dice)?.name = "t".repeat(254 + dice.below(2));
        Some(())
    }),
    ("a long relation", |ast, dice| {
        let name = "r".repeat(50 + dice.below(2));
        some_relation(ast, dice)?.name = name;
        Some(())
    }),
    ("a long condition", |ast, dice| {
        ast.conditions
            .push(condition(&"c".repeat(50 + dice.below(2))));
        Some(())
    }),
    ("a name that nothing can have", |ast, dice| {
        let name = *dice.one(&["a b", "a:b", "a#b", "a@b", "a\u{a0}b", "", "a\tb"]);
        match dice.below(3) {
            0 => some_kind(ast, dice)?.name = name.into(),
            1 => some_relation(ast, dice)?.name = name.into(),
            _ => ast.conditions.push(condition(name)),
        }
        Some(())
    }),
    ("direct without types", |ast, dice| {
        some_relation(ast, dice)?.allowed.clear();
        Some(())
    }),
    ("types without direct", |ast, dice| {
        let allowed = direct("", &ast.kinds[0].name.clone()).allowed;
        let relation = some_relation(ast, dice)?;
        relation.allowed = allowed;
        Some(())
    }),
    ("an expression of nothing", |ast, dice| {
        let mut wrong = condition("wrong");
        let (expression, ty) = *dice.one(&[
            ("nowhere < 3", "int"),
            ("x + 1", "int"),
            ("x <", "int"),
            ("", "int"),
            ("x == 'a'", "int"),
            ("x.size()", "string"),
            ("x && 1", "bool"),
            ("x.in_cidr('10.0.0.0/8')", "string"),
        ]);
        wrong.expression = expression.into();
        wrong.parameters = vec![("x".into(), super::ast::Param::Scalar(ty))];
        wrong.is_wrong = true;
        ast.conditions.push(wrong);
        Some(())
    }),
    ("a parameter that none can be", |ast, dice| {
        let mut wrong = condition("wrong");
        let name = *dice.one(&["in", "true", "a-b", "1x", "int", "null", "a.b"]);
        wrong.parameters = vec![(name.into(), super::ast::Param::Scalar("int"))];
        wrong.is_wrong = true;
        ast.conditions.push(wrong);
        Some(())
    }),
    ("too many", |ast, dice| {
        if dice.chance(50) {
            let count = 99 + dice.below(3) - ast.kinds.len();
            ast.kinds.extend((0..count).map(|at| Kind {
                name: format!("k{at}"),
                module: 0,
                relations: Vec::new(),
            }));
        } else {
            let count = 24 + dice.below(3) - ast.conditions.len();
            ast.conditions
                .extend((0..count).map(|at| condition(&format!("n{at}"))));
        }
        Some(())
    }),
    ("something left out", |ast, dice| {
        match dice.below(3) {
            0 => {
                ast.kinds.remove(dice.below(ast.kinds.len()));
            }
            1 => {
                let kind = some_kind(ast, dice)?;
                if kind.relations.is_empty() {
                    return None;
                }
                kind.relations.remove(dice.below(kind.relations.len()));
            }
            _ => {
                ast.conditions.pop()?;
            }
        }
        Some(())
    }),
];

fn some_kind<'a>(ast: &'a mut Ast, dice: &mut Dice) -> Option<&'a mut Kind> {
    let at = dice.below(ast.kinds.len().max(1));
    ast.kinds.get_mut(at)
}

fn some_relation<'a>(ast: &'a mut Ast, dice: &mut Dice) -> Option<&'a mut Relation> {
    let mut all: Vec<&mut Relation> = Vec::new();
    for kind in &mut ast.kinds {
        all.extend(&mut kind.relations);
    }
    let at = dice.below(all.len().max(1));
    all.into_iter().nth(at)
}

fn some_allowed<'a>(ast: &'a mut Ast, dice: &mut Dice) -> Option<&'a mut Allowed> {
    some_relation(ast, dice)?.allowed.first_mut()
}

fn set_of(kind: &str, relation: &str) -> Allowed {
    Allowed {
        kind: kind.into(),
        form: Form::Set(relation.into()),
        condition: None,
    }
}

fn arrow(ast: &mut Ast, dice: &mut Dice, computed: &str, tupleset: &str) -> Option<()> {
    let relation = some_relation(ast, dice)?;
    relation.allowed.clear();
    relation.body = Body::From {
        computed: computed.into(),
        tupleset: tupleset.into(),
    };
    Some(())
}

/// Adds a relation that follows `tupleset` to the type that has one.
fn arrow_of(ast: &mut Ast, computed: &str, tupleset: &str) -> Option<()> {
    let has_it = |kind: &&mut Kind| kind.relations.iter().any(|it| it.name == tupleset);
    let kind = ast.kinds.iter_mut().find(has_it)?;
    kind.relations.push(Relation {
        allowed: Vec::new(),
        body: Body::From {
            computed: computed.into(),
            tupleset: tupleset.into(),
        },
        ..direct("followed", "user")
    });
    Some(())
}

/// Adds a tupleset that allows this form of its own type beside plain objects.
fn with_way(ast: &mut Ast, dice: &mut Dice, form: Form) -> Option<()> {
    let kind = some_kind(ast, dice)?;
    let mut way = direct("way", &kind.name);
    way.allowed.push(Allowed {
        kind: kind.name.clone(),
        form,
        condition: None,
    });
    let one = direct("one", &kind.name);
    kind.relations.extend([one, way]);
    arrow_of(ast, "one", "way")
}

fn chain(kind: &mut Kind, count: usize) {
    for at in 1..=count {
        kind.relations.push(Relation {
            allowed: Vec::new(),
            body: Body::Named(format!("c{}", at - 1)),
            ..direct(&format!("c{at}"), "user")
        });
    }
}

fn circle(ast: &mut Ast, dice: &mut Dice, count: usize) -> Option<()> {
    let name = ast.kinds[0].name.clone();
    let kind = some_kind(ast, dice)?;
    chain(kind, count);
    kind.relations.push(Relation {
        body: Body::ButNot(Box::new([Body::Direct, Body::Named(format!("c{count}"))])),
        ..direct("c0", &name)
    });
    Some(())
}

/// Adds a relation that nobody can be in, and one that is made of it and of another.
fn nobody_in(ast: &mut Ast, dice: &mut Dice, made: fn(Body, Body) -> Body) -> Option<()> {
    let user = ast.kinds[0].name.clone();
    let kind = some_kind(ast, dice)?;
    let mut lone = direct("lone", "user");
    lone.allowed = vec![set_of(&kind.name, "lone")];
    let both = Relation {
        body: made(Body::Direct, Body::Named("lone".into())),
        ..direct("both", &user)
    };
    kind.relations.extend([lone, both]);
    Some(())
}
