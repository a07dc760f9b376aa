//! A model is the same however it is written, and is written as it is read.

use super::ast::{Ast, Body, Param};
use super::make::{kinds_of, make};
use super::{dsl, json};
use behest::relations::model::{
    InexpressibleError, MAX_REWRITE_DEPTH, ModelDefinition, ModelFile, ModelRefusal, ModelSource,
    from_json, read_dsl, to_dsl, to_json,
};
use std::collections::BTreeMap;
use support::dice::Dice;
use support::seed::seed;

/// Models that are tried.
const MODELS: u64 = 600;

pub(super) fn read(text: &str) -> Result<ModelSource, ModelRefusal> {
    let name = "model.fga";
    read_dsl(ModelFile { name, text })
}

/// A hundred and more of the kinds that the generator can make must occur.
pub(super) const KINDS: [&str; 32] = [
    "1.1",
    "1.2",
    "extended",
    "direct",
    "named",
    "from",
    "or",
    "or of others",
    "and",
    "and of others",
    "but not",
    "but not of others",
    "one",
    "one with",
    "everyone",
    "everyone with",
    "set",
    "set with",
    "any",
    "bool",
    "string",
    "int",
    "uint",
    "double",
    "duration",
    "timestamp",
    "ipaddress",
    "list",
    "map",
    "deep map",
    "JSON alone",
    "in DSL",
];

#[test]
fn a_model_is_the_same_in_every_form() {
    let first = seed(10_000);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in first..first + MODELS {
        let ast = make(seed);
        let mut dice = Dice::new(seed + 1);
        for kind in kinds_of(&ast) {
            *seen.entry(kind).or_default() += 1;
        }
        let meant = ast.definition(None);
        let written = json::write(&ast, None, None);
        assert_eq!(to_json(&meant), written, "seed {seed}");
        assert_eq!(from_json(&written).as_ref(), Ok(&meant), "seed {seed}");
        let spelled = json::write(&ast, None, Some(&mut dice));
        assert_eq!(from_json(&spelled), Ok(meant.clone()), "{seed}: {spelled}");
        match ast.in_dsl() {
            Some(said) => {
                *seen.entry("in DSL").or_default() += 1;
                same_in_dsl(seed, &said, &meant, &mut dice);
            }
            None => no_dsl(seed, &ast, &meant),
        }
    }
    for kind in KINDS {
        let count = seen.get(kind).copied().unwrap_or_default();
        assert!(count >= 40, "{kind}: {seen:?}");
    }
}

/// What DSL can say is written in one way, which is read as the model; and any other way is, too,
/// with every name in its place.
fn same_in_dsl(seed: u64, said: &Ast, meant: &ModelDefinition, dice: &mut Dice) {
    let canonical = dsl::write(said, None).text;
    let of_said = said.definition(None);
    let canonical = canonical.trim_end();
    for definition in [meant, &of_said] {
        let written = to_dsl(definition).unwrap();
        assert_eq!(written.trim_end(), canonical, "seed {seed}");
    }
    let read_again = read(canonical).unwrap().definition;
    assert_eq!(read_again, of_said, "seed {seed}:\n{canonical}");
    for _ in 0..3 {
        let scattered = dsl::write(said, Some(dice));
        let source = read(&scattered.text);
        let source = source.unwrap_or_else(|error| panic!("{seed}: {error}\n{}", scattered.text));
        assert_eq!(source.definition, of_said, "{seed}:\n{}", scattered.text);
        for (element, at) in &scattered.declared {
            let place = source.places.of(element).unwrap();
            assert_eq!(place.offset, *at, "{seed}: {element}\n{}", scattered.text);
            let named = &scattered.text[place.offset..place.offset + place.len];
            let shown = element.to_string();
            assert!(shown.contains(&format!("`{named}`")), "{shown}: {named}");
        }
    }
}

/// What DSL cannot say is refused where it would be written, with the part that it cannot say.
fn no_dsl(seed: u64, ast: &Ast, meant: &ModelDefinition) {
    let error = to_dsl(meant).unwrap_err();
    let is_true = match &error {
        InexpressibleError::Name(name) => !name.chars().all(|c| c.is_ascii_alphanumeric()),
        InexpressibleError::Direct { kind, relation } => {
            let all = ast.relation(kind, relation).unwrap().body.all();
            let is_mixed = |part: &&Body| matches!(part, Body::ButNot(_));
            let count = all.iter().filter(|part| ***part == Body::Direct).count();
            count > 1 || all.iter().any(is_mixed)
        }
        InexpressibleError::Condition(_) => {
            let mut all = ast.conditions.iter().flat_map(|it| &it.parameters);
            all.any(|(_, ty)| ty.depth() > 1)
        }
    };
    assert!(is_true, "seed {seed}: {error}");
}

/// Operators nest as deep in one form as in the other.
#[test]
fn operators_nest_as_deep_in_either_form() {
    for depth in 0..MAX_REWRITE_DEPTH + 4 {
        for shape in 0..3 {
            let mut ast = make(seed(3));
            let mut body = Body::Direct;
            for _ in 0..depth {
                let other = Body::Named("other".into());
                body = match shape {
                    0 => Body::Or(vec![body, other]),
                    1 => Body::And(vec![body, other]),
                    _ => Body::ButNot(Box::new([body, other])),
                };
            }
            ast.conditions.clear();
            ast.kinds = vec![super::ast::Kind {
                name: "user".into(),
                module: 0,
                relations: vec![
                    super::naive::direct("other", "user"),
                    super::ast::Relation {
                        body,
                        ..super::naive::direct("deep", "user")
                    },
                ],
            }];
            let fits = depth <= MAX_REWRITE_DEPTH;
            let in_json = from_json(&json::write(&ast, None, None));
            assert_eq!(in_json.is_ok(), fits, "{depth} in JSON");
            let written = dsl::write(&ast, None);
            let in_dsl = read(&written.text);
            assert_eq!(in_dsl.is_ok(), fits, "{depth} in DSL\n{}", written.text);
            match in_dsl {
                Ok(source) => assert_eq!(Ok(source.definition), in_json),
                Err(refusal) => {
                    let place = refusal.problems.0[0].place.clone().unwrap();
                    assert_eq!(&written.text[place.offset..=place.offset], "(");
                }
            }
        }
    }
}

/// Types of parameters nest in JSON alone, and not without end.
#[test]
fn types_of_parameters_nest_to_a_bound() {
    let mut ast = make(seed(5));
    let mut ty = Param::Scalar("int");
    for depth in 0..12 {
        let mut condition = super::naive::condition("nested");
        condition.parameters = vec![("x".into(), ty.clone())];
        condition.expression = "true".into();
        ast.conditions = vec![condition];
        let read = from_json(&json::write(&ast, None, None));
        assert_eq!(read.is_ok(), depth <= 8, "{depth}");
        if let Ok(definition) = read {
            assert_eq!(definition, ast.definition(None));
        }
        ty = Param::List(Box::new(ty));
    }
}
