//! The models that are refused are those that the naive validator refuses, each problem at its
//! place.

use super::ast::Ast;
use super::breaks::BREAKS;
use super::make::make;
use super::naive::{self, Flaw, TWICE, Verdict};
use super::{dsl, forms, json};
use behest::relations::model::{AuthorizationModel, Element, ModelRefusal, from_json};
use std::collections::{BTreeMap, BTreeSet};
use support::dice::Dice;
use support::seed::seed;

/// Models, each of which is broken in every way.
const MODELS: u64 = 50;

/// Whether a problem of a refusal is this one.
fn is_of(message: &str, (element, says): &Flaw) -> bool {
    message.contains(element.as_str()) && message.contains(says)
}

/// Whether a refusal is what the validator says, and nothing else.
fn agrees(refusal: Option<&ModelRefusal>, verdict: &Verdict) -> bool {
    let problems = refusal.map_or(&[][..], |refusal| &refusal.problems.0);
    let has_help = problems.iter().all(|problem| problem.help.is_some());
    let each_is_of = |flaws: &BTreeSet<Flaw>| {
        let mut problems = problems.iter();
        problems.all(|problem| flaws.iter().any(|flaw| is_of(&problem.message, flaw)))
    };
    let has_code = |flaws: &BTreeSet<Flaw>| {
        let codes: BTreeSet<_> = flaws.iter().map(naive::code).collect();
        let is_limit = flaws.iter().any(|(_, says)| *says == naive::TOO_MANY);
        is_limit || refusal.is_none_or(|refusal| codes.contains(&refusal.code))
    };
    has_help
        && match verdict {
            Verdict::Valid => refusal.is_none(),
            Verdict::All(flaws) => {
                let is_said = |flaw: &Flaw| problems.iter().any(|it| is_of(&it.message, flaw));
                each_is_of(flaws) && flaws.iter().all(is_said) && has_code(flaws)
            }
            Verdict::One(flaws) => problems.len() == 1 && each_is_of(flaws) && has_code(flaws),
        }
}

/// Elements that are declared again, with the places of both.
fn again(declared: &[(Element, usize)]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, (element, place)) in declared.iter().enumerate() {
        let first = declared[..at].iter().find(|(known, _)| known == element);
        found.extend(first.map(|(_, first)| (element.to_string(), *place, *first)));
    }
    found
}

/// The refusal of a model in DSL, every problem of which stands where the element is declared.
fn in_dsl(said: &Ast, dice: &mut Dice, verdict: &Verdict) {
    let written = dsl::write(said, Some(dice));
    let shown = || format!("{verdict:?}\n{}", written.text);
    let again = again(&written.declared);
    if !again.is_empty() {
        let refusal = forms::read(&written.text).unwrap_err();
        let found = refusal.problems.0.iter().map(|problem| {
            let place = |place: &Option<behest::model::Place>| place.as_ref().unwrap().offset;
            let element = problem.message.strip_suffix(TWICE).unwrap().trim();
            (
                element.to_owned(),
                place(&problem.place),
                place(&problem.also),
            )
        });
        assert_eq!(found.collect::<Vec<_>>(), again, "{}", shown());
        return;
    }
    let source = forms::read(&written.text);
    let source = source.unwrap_or_else(|error| panic!("{error}: {}", shown()));
    let refusal = AuthorizationModel::of_source(source).err();
    assert!(
        agrees(refusal.as_ref(), verdict),
        "{refusal:?}\n{}",
        shown()
    );
    for problem in refusal.iter().flat_map(|refusal| &refusal.problems.0) {
        let Some(place) = &problem.place else {
            assert!(problem.message.starts_with("the model"), "{problem:?}");
            continue;
        };
        let mut at = written
            .declared
            .iter()
            .filter(|(_, at)| *at == place.offset);
        let (element, _) = at.next().unwrap();
        assert!(
            problem.message.contains(&element.to_string()),
            "{problem:?}"
        );
    }
}

/// Checks a model in every form in which it can be written.
fn check(ast: &Ast, dice: &mut Dice, verdict: &Verdict) -> &'static str {
    let refusal = AuthorizationModel::new(ast.definition(None)).err();
    assert!(
        agrees(refusal.as_ref(), verdict),
        "{verdict:?}\n{refusal:?}\n{ast:#?}"
    );
    let said = ast.in_dsl();
    if let Some(said) = &said {
        // An operand alone is no operator in DSL, and the model is none but for that.
        in_dsl(said, dice, verdict);
    }
    let definition = from_json(&json::write(ast, None, Some(dice)));
    // What JSON cannot repeat is not there twice.
    if let Ok(definition) = definition
        && definition == ast.definition(None)
    {
        let of_json = AuthorizationModel::new(definition).err();
        assert_eq!(of_json, refusal);
    }
    match (said, refusal) {
        (Some(_), Some(_)) => "refused in DSL",
        (None, Some(_)) => "refused in JSON",
        (_, None) => "valid",
    }
}

#[test]
fn what_is_refused_is_what_is_wrong() {
    let first = seed(50_000);
    let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut says: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in first..first + MODELS {
        let ast = make(seed);
        let mut dice = Dice::new(seed + 1);
        let found = check(&ast, &mut dice, &naive::verdict(&ast));
        *seen.entry(("nothing", found)).or_default() += 1;
        for (how, break_it) in BREAKS {
            let mut broken = ast.clone();
            if break_it(&mut broken, &mut dice).is_none() {
                continue;
            }
            let verdict = naive::verdict(&broken);
            if let Verdict::All(flaws) | Verdict::One(flaws) = &verdict {
                flaws
                    .iter()
                    .for_each(|(_, it)| *says.entry(it).or_default() += 1);
            }
            let found = check(&broken, &mut dice, &verdict);
            *seen.entry((how, found)).or_default() += 1;
        }
    }
    let count = |how, found| seen.get(&(how, found)).copied().unwrap_or_default();
    assert!(count("nothing", "valid") > 12, "{seen:#?}");
    for (how, _) in BREAKS {
        let refused = count(how, "refused in DSL") + count(how, "refused in JSON");
        let least = if how.contains("long enough") { 0 } else { 8 };
        assert!(refused >= least, "{how}: {seen:#?}");
    }
    // Each of the naive validator's sentences has been said.
    assert!(
        says.len() >= 17 && says.values().all(|count| *count >= 5),
        "{says:#?}"
    );
}
