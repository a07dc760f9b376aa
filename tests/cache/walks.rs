//! Walks: each question is the last one with one part set, changed or taken away, and now and then
//! an old one again. Two questions that differ in one part alone are what a key that leaves that
//! part out takes for one.

use crate::pair::{Service, told};
use crate::world;
use behest::clock::FixedClock;
use behest::model::Arguments;
use behest::storage::{OnDuplicate, OnMissing, TupleBatch};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use support::dice::Dice;
use support::lab::vocabulary::{ABOUT_DOCS, ABOUT_TIMES};
use support::lab::{self, Bundle, Question};
use support::seed::seed;

/// Walks, and steps of each.
const WALKS: u64 = 16;
const STEPS: usize = 600;

/// Walks among points in time.
const FINE_WALKS: u64 = 4;

const HITS: &str = "behest_cache_hits_total";

#[test]
fn a_step_that_changes_one_part_never_finds_the_answer_to_another() {
    let mut hits = 0;
    let mut turns = 0;
    let first = seed(0);
    for seed in first..first + WALKS {
        let walked = walk(seed, &ABOUT_DOCS);
        hits += walked.hits;
        turns += walked.turns;
    }
    // Steps that are all evaluated, or all decided alike, would prove nothing.
    assert!(hits > 5_000, "{hits} hits");
    assert!(turns > 500, "{turns} steps that turned the answer");
}

/// Points in time between two milliseconds are decided where nothing depends on them, and either is
/// kept: for another time, another clock and another point it is not the answer.
#[test]
fn a_point_in_time_between_milliseconds_is_kept_for_itself_alone() {
    let mut fine: BTreeMap<&str, u64> = BTreeMap::new();
    let first = seed(0) + 100;
    for seed in first..first + FINE_WALKS {
        for (kind, count) in walk(seed, &ABOUT_TIMES).fine {
            *fine.entry(kind).or_default() += count;
        }
    }
    for kind in FINE_KINDS {
        let is_common = fine.get(kind).is_some_and(|count| *count > 10);
        assert!(is_common, "{kind}: {fine:?}");
    }
}

/// What has to come of points in time between two milliseconds.
const FINE_KINDS: [&str; 4] = [
    "evaluated, and nothing depends on them",
    "evaluated, and the decision depends on them",
    "kept, and nothing depends on them",
    "kept, and the decision depends on them",
];

fn fine_kind(evaluated: &str, was_kept: bool) -> &'static str {
    let depends = evaluated.contains("more precise than a millisecond");
    FINE_KINDS[2 * usize::from(was_kept) + usize::from(depends)]
}

struct Walked {
    hits: u64,
    turns: usize,
    fine: BTreeMap<&'static str, u64>,
}

fn walk(seed: u64, about: &[&str]) -> Walked {
    let mut dice = Dice::new(5_000 + seed);
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(world::NOON));
    let services = [true, false].map(|cache| Service::new(&clock, cache, None));
    let namespaced = seed % 3 != 2;
    let bundles: Vec<(Bundle, PathBuf)> = [namespaced, namespaced, !namespaced]
        .into_iter()
        .enumerate()
        .map(|(at, namespaced)| {
            let bundle = lab::bundle_about(&mut dice, namespaced, about);
            let root = folder.path().join(at.to_string());
            let files: Vec<(&str, &str)> = bundle
                .files
                .iter()
                .map(|(path, text)| (*path, text.as_str()))
                .collect();
            support::engines::write(&root, &files);
            (bundle, root)
        })
        .collect();
    let mut at = 0;
    services
        .iter()
        .for_each(|service| service.load(&bundles[at].1));
    for _ in 0..25 {
        write(&mut dice, &services, &bundles[at].0);
    }
    let mut question = Question::first(&mut dice, &bundles[at].0);
    let mut old = vec![question.clone()];
    let mut last = String::new();
    let mut turns = 0;
    let mut is_stuck = false;
    let mut fine: BTreeMap<&str, u64> = BTreeMap::new();
    for step in 0..STEPS {
        match dice.below(100) {
            0..8 => write(&mut dice, &services, &bundles[at].0),
            8..12 => clock.set(lab::time(&mut dice)),
            12 => {
                at = dice.below(bundles.len());
                services
                    .iter()
                    .for_each(|service| service.load(&bundles[at].1));
            }
            // Where a value does not fit, nothing else decides any more.
            13..28 => question = dice.one(&old).clone(),
            28..70 if is_stuck => question = dice.one(&old).clone(),
            _ => {
                question.change(&mut dice, &bundles[at].0);
                if !is_stuck {
                    old.push(question.clone());
                }
            }
        }
        let body = question.body(&bundles[at].0, dice.chance(10));
        let unknown = dice.chance(5);
        let arguments = if unknown {
            Arguments::Unknown
        } else {
            Arguments::Known
        };
        let text = body.to_string();
        let is_fine = lab::FINE_TIMES.iter().any(|time| text.contains(time));
        let hits = is_fine.then(|| services[0].count(HITS));
        let [kept, evaluated] = services
            .each_ref()
            .map(|service| told(&service.ask_with(&body, None, arguments)));
        assert_eq!(
            kept,
            evaluated,
            "seed {seed}, step {step}: kept, evaluated\n{body}\n{}",
            bundles[at].0.policies()
        );
        if let Some(hits) = hits {
            let was_kept = services[0].count(HITS) > hits;
            *fine.entry(fine_kind(&evaluated, was_kept)).or_default() += 1;
        }
        let decision = evaluated.split(' ').next().unwrap_or_default().to_owned();
        is_stuck = ["BadValue", "Conflict", "NotApplicable"]
            .iter()
            .any(|code| evaluated.contains(code));
        turns += usize::from(decision != last);
        last = decision;
    }
    Walked {
        hits: services[0].count(HITS),
        turns,
        fine,
    }
}

/// Writes or deletes a tuple or two.
fn write(dice: &mut Dice, services: &[Service; 2], bundle: &Bundle) {
    let mut tuples: BTreeMap<_, _> = BTreeMap::new();
    for _ in 0..=dice.below(2) {
        let tuple = lab::tuple(dice, bundle);
        tuples.insert(tuple.key.clone(), tuple);
    }
    let mut batch = TupleBatch {
        on_missing: OnMissing::Ignore,
        on_duplicate: OnDuplicate::Error,
        ..TupleBatch::default()
    };
    for (key, tuple) in tuples {
        if dice.chance(30) {
            batch.deletes.push(key);
        } else {
            batch.writes.push(tuple);
        }
    }
    let done = services
        .each_ref()
        .map(|service| service.write(batch.clone()));
    assert_eq!(done[0], done[1]);
}
