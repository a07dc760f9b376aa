//! Modules together are the one model, and modules that do not fit together are refused.

use super::ast::{Ast, Modules};
use super::dsl::{Written, write_modules};
use super::make::make;
use super::{forms, json};
use behest::relations::model::{
    ModelDefinition, ModelFile, ModelRefusal, ModelSource, ModuleOrigin, from_json, read_modules,
    to_dsl, to_json,
};
use std::collections::BTreeMap;
use support::dice::Dice;
use support::seed::seed;

fn shuffled(dice: &mut Dice, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, dice.below(at + 1));
    }
    order
}

fn modules(dice: &mut Dice) -> Modules {
    let named = ["core", "a-b", "module"]
        .iter()
        .zip(["core.fga", "x/b.fga", "x/y/c.fga"]);
    let named = named.map(|(name, file)| ((*name).to_owned(), file.to_owned()));
    Modules {
        named: named.collect(),
        order: shuffled(dice, 3),
    }
}

fn manifest(modules: &Modules) -> String {
    let lines = modules.order.iter().map(|at| {
        let (_, file) = &modules.named[*at];
        format!("  - {file}\n")
    });
    format!("schema: '1.2'\ncontents:\n{}", lines.collect::<String>())
}

/// Reads texts under the files' names, in an order of their own.
fn read(
    modules: &Modules,
    manifest: &str,
    texts: &[Written],
    dice: &mut Dice,
) -> Result<ModelSource, ModelRefusal> {
    let files: Vec<ModelFile<'_>> = shuffled(dice, texts.len())
        .into_iter()
        .map(|at| ModelFile {
            name: &modules.named[at].1,
            text: &texts[at].text,
        })
        .collect();
    let manifest = ModelFile {
        name: "fga.mod",
        text: manifest,
    };
    read_modules(manifest, &files)
}

/// The same without where it comes from.
fn without_origins(definition: &ModelDefinition) -> ModelDefinition {
    let mut plain = definition.clone();
    for kind in &mut plain.types {
        kind.origin = ModuleOrigin::default();
        for relation in &mut kind.relations {
            relation.origin = ModuleOrigin::default();
        }
    }
    for condition in &mut plain.conditions {
        condition.origin = ModuleOrigin::default();
    }
    plain
}

fn makes(first: u64, count: u64) -> impl Iterator<Item = (u64, Ast)> {
    (first..first + count).filter_map(|seed| Some((seed, make(seed).in_dsl()?)))
}

#[test]
fn modules_together_are_the_one_model() {
    let mut extended = 0;
    for (seed, ast) in makes(seed(20_000), 300) {
        let mut dice = Dice::new(seed + 1);
        let modules = modules(&mut dice);
        let joined = ast.joined(&modules);
        let texts = write_modules(&ast, &modules, &mut dice);
        let source = read(&modules, &manifest(&modules), &texts, &mut dice);
        let source = source.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(
            source.definition,
            joined.definition(Some(&modules)),
            "{seed}"
        );
        for (at, text) in texts.iter().enumerate() {
            for (element, offset) in &text.declared {
                let place = source.places.of(element).unwrap();
                let found = (place.file.as_str(), place.offset);
                assert_eq!(
                    found,
                    (modules.named[at].1.as_str(), *offset),
                    "{seed}: {element}"
                );
            }
        }
        // One text and one JSON of it are the same model; JSON keeps where it comes from.
        let one = forms::read(&to_dsl(&source.definition).unwrap()).unwrap();
        assert_eq!(
            one.definition,
            without_origins(&source.definition),
            "{seed}"
        );
        let written = json::write(&joined, Some(&modules), None);
        assert_eq!(to_json(&source.definition), written, "{seed}");
        assert_eq!(from_json(&written), Ok(source.definition), "{seed}");
        extended += ast
            .relations()
            .filter(|(kind, relation)| kind.module != relation.module)
            .count();
    }
    assert!(extended > 500, "{extended}");
}

fn add(text: &mut String, more: &str) {
    text.push_str(more);
}

/// Breaks modules in one way, and returns what the refusal says and the files of its place and of
/// the other that it speaks of; none where there is nothing to break.
fn break_modules(
    how: &str,
    ast: &Ast,
    modules: &Modules,
    texts: &mut [Written],
    manifest: &mut String,
    dice: &mut Dice,
) -> Option<(String, String, Option<String>)> {
    let file = |at: usize| modules.named[at].1.clone();
    let place = |module: usize| modules.order.iter().position(|at| *at == module).unwrap();
    let first_and_last = |one: usize, other: usize| {
        let [first, last] = if place(one) < place(other) {
            [one, other]
        } else {
            [other, one]
        };
        (file(last), Some(file(first)))
    };
    let other = dice.below(3);
    match how {
        "type twice" => {
            let kind = ast.kinds.iter().find(|kind| kind.module != other)?;
            add(&mut texts[other].text, &format!("type {}\n", kind.name));
            let (last, first) = first_and_last(kind.module, other);
            Some((
                format!("type `{}` is defined twice", kind.name),
                last,
                first,
            ))
        }
        "relation twice" => {
            let mut all = ast.relations();
            let (kind, relation) =
                all.find(|(kind, it)| kind.module != other && it.module != other)?;
            add(
                &mut texts[other].text,
                &format!(
                    "extend type {}\n  relations\n    define {}: [{}]\n",
                    kind.name, relation.name, kind.name
                ),
            );
            // What a type's own module defines comes before all extensions.
            let (last, first) = if relation.module == kind.module {
                (file(other), Some(file(kind.module)))
            } else {
                first_and_last(relation.module, other)
            };
            let what = format!("relation `{}` of `{}`", relation.name, kind.name);
            Some((format!("{what} is defined twice"), last, first))
        }
        "condition twice" => {
            let condition = ast.conditions.iter().find(|it| it.module != other)?;
            add(
                &mut texts[other].text,
                &format!("condition {}(x: int) {{ x < 1 }}\n", condition.name),
            );
            let (last, first) = first_and_last(condition.module, other);
            let what = format!("condition `{}` is defined twice", condition.name);
            Some((what, last, first))
        }
        "nothing to extend" => {
            texts[other].text += "extend type nowhere\n  relations\n    define r: [user]\n";
            Some(("there is no type `nowhere`".into(), file(other), None))
        }
        "a model among modules" => {
            texts[other].text = "model\n  schema 1.2\ntype lone\n".into();
            Some(("is made of modules".into(), file(other), None))
        }
        "not named" => {
            *manifest = manifest.replace(&format!("  - {}\n", file(other)), "");
            let what = format!("does not name `{}`", file(other));
            Some((what, file(other), None))
        }
        "named twice" => {
            add(manifest, &format!("  - {}\n", file(other)));
            let what = format!("`{}` is named twice", file(other));
            Some((what, "fga.mod".into(), Some("fga.mod".into())))
        }
        "not there" => {
            *manifest += "  - more.fga\n";
            Some(("there is no file `more.fga`".into(), "fga.mod".into(), None))
        }
        "outside" => {
            *manifest += "  - ../more.fga\n";
            Some(("is no module beside".into(), "fga.mod".into(), None))
        }
        _ => {
            *manifest = manifest.replace("'1.2'", "'1.1'");
            Some(("modules have schema 1.2".into(), "fga.mod".into(), None))
        }
    }
}

#[test]
fn modules_that_do_not_fit_together_are_refused() {
    let ways = [
        "type twice",
        "relation twice",
        "condition twice",
        "nothing to extend",
        "a model among modules",
        "not named",
        "named twice",
        "not there",
        "outside",
        "another schema",
    ];
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for (seed, ast) in makes(seed(30_000), 120) {
        for how in ways {
            let mut dice = Dice::new(seed + 1);
            let modules = modules(&mut dice);
            let mut texts = write_modules(&ast, &modules, &mut dice);
            let mut manifest = manifest(&modules);
            let broken = break_modules(how, &ast, &modules, &mut texts, &mut manifest, &mut dice);
            let Some((what, file, other)) = broken else {
                continue;
            };
            *seen.entry(how).or_default() += 1;
            let refusal = read(&modules, &manifest, &texts, &mut dice).unwrap_err();
            let found = refusal.problems.0.iter().any(|problem| {
                let in_file = |place: &Option<_>, file: &str| {
                    let place: &Option<behest::model::Place> = place;
                    place.as_ref().is_some_and(|place| place.file == file)
                };
                problem.message.contains(&what)
                    && problem.help.is_some()
                    && in_file(&problem.place, &file)
                    && other.iter().all(|other| in_file(&problem.also, other))
            });
            assert!(
                found,
                "{seed}, {how}: {what}, {file}, {other:?}\n{refusal:?}"
            );
        }
    }
    for how in ways {
        assert!(
            seen.get(how).is_some_and(|count| *count >= 20),
            "{how}: {seen:?}"
        );
    }
}
