//! Histories of writes, deletions, bundles, clock moves and questions, told to an engine with a cache and to one without:
//! no answer differs, and no record.

use crate::dice::Dice;
use crate::pair::{Service, told};
use crate::seed::seed;
use crate::world;
use behest::clock::FixedClock;
use behest::model::Arguments;
use behest::storage::{Batch, OnDuplicate, OnMissing};
use behest::stores::About;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Histories, and steps of each: in these every way to break the cache shows that `tests/mutants/` has.
const HISTORIES: u64 = 24;
const STEPS: usize = 700;

/// Families of questions in one history, apart from what each request has of its own.
const FAMILIES: usize = 5;

#[test]
fn what_is_kept_never_differs_from_what_is_evaluated() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let first = seed(0);
    for seed in first..first + HISTORIES {
        for (name, count) in history(seed, false) {
            *counts.entry(name).or_default() += count;
        }
    }
    // A cache that is never asked, or never wrong to be asked, would prove nothing.
    let expected =
        [("hits", 2_000), ("known", 200), ("absent", 150), ("stale", 500), ("time", 100), ("uncacheable", 300)];
    for (name, least) in expected {
        assert!(counts[name] >= least, "{counts:?}");
    }
}

#[test]
fn records_of_kept_outcomes_show_the_same_policies_and_inputs() {
    let first = seed(0) + 1_000;
    for seed in first..first + HISTORIES / 8 {
        history(seed, true);
    }
}

fn history(seed: u64, recorded: bool) -> Vec<(&'static str, u64)> {
    let mut dice = Dice::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(world::NOON));
    let record = |name: &str| recorded.then(|| folder.path().join(name));
    let [cached, plain] =
        [(true, "cached.jsonl"), (false, "plain.jsonl")].map(|(cache, name)| Service::new(&clock, cache, record(name)));
    // Of two bundles with one plan each leg has the same key, but for the bundle.
    let rich = seed % 2 == 1;
    let first = world::plan(&mut dice, rich);
    let plans = [first.clone(), world::turned(&mut dice, &first), world::plan(&mut dice, rich)];
    let bundles: Vec<PathBuf> = (0..)
        .zip(&plans)
        .map(|(at, plan)| {
            let root = folder.path().join(at.to_string());
            let files = world::bundle(&mut dice, plan);
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            crate::engines::write(&root, &files);
            root
        })
        .collect();
    let load = |at: usize| [&cached, &plain].map(|service| service.load(&bundles[at]));
    load(0);
    let questions = world::questions(&mut dice, FAMILIES, rich);
    let evidence = world::evidence();
    let (mut now, mut told_so_far) = (world::NOON, Vec::new());
    for step in 0..STEPS {
        let done = match dice.below(250) {
            0..38 => {
                let batch = batch(&mut dice, rich);
                let done = [&cached, &plain].map(|service| service.write(batch.clone()));
                assert_eq!(done[0], done[1]);
                format!("{batch:?}")
            }
            38..41 => {
                let somebody = world::somebody(&mut dice);
                let about = if dice.chance(50) { About::Object(somebody) } else { About::User(somebody) };
                let done = [&cached, &plain].map(|service| service.clear(&about));
                assert_eq!(done[0], done[1]);
                format!("{about:?}")
            }
            41..43 => {
                let at = dice.below(bundles.len());
                load(at);
                format!("bundle {at}")
            }
            43..58 => {
                // To a mark, or a step on or back from where it stands.
                now = if dice.chance(35) { now + dice.one(&[1, 1, -1]) } else { world::time(&mut dice) };
                clock.set(now);
                format!("clock {now}")
            }
            _ => {
                let mut question = dice.one(&questions).clone();
                // One half comes in the same words again, the other never does.
                if dice.chance(50) {
                    question["context"]["request_id"] = Json::from(step.to_string());
                }
                if rich && dice.chance(50) {
                    question["context"]["credentials"] = world::credentials(&mut dice, &question);
                }
                let unknown = rich && dice.chance(10);
                let arguments = if unknown { Arguments::Unknown } else { Arguments::Known };
                let ask = |service: &Service| told(&service.ask_with(&question, Some(&evidence), arguments));
                let answers = [&cached, &plain].map(ask);
                assert_eq!(
                    answers[0], answers[1],
                    "seed {seed}, step {step}: kept, evaluated\n{question}\nafter {told_so_far:#?}"
                );
                continue;
            }
        };
        told_so_far.push(done);
    }
    let counts = if recorded {
        Vec::new()
    } else {
        let missed = |cause: &str| cached.count(&format!("behest_cache_misses_total{{cause=\"{cause}\"}}"));
        let mut counts = vec![("hits", cached.count("behest_cache_hits_total"))];
        counts.push(("known", cached.recalled()));
        counts.extend(["absent", "stale", "time", "uncacheable"].map(|cause| (cause, missed(cause))));
        counts
    };
    let [kept, evaluated] = [cached, plain].map(Service::close);
    for (at, (kept, evaluated)) in kept.iter().zip(&evaluated).enumerate() {
        assert_eq!(kept, evaluated, "seed {seed}, record {at}");
    }
    assert_eq!(kept.len(), evaluated.len());
    assert_eq!(recorded, !kept.is_empty());
    counts
}

/// Some tuples that are put in, and some that are taken out where they are there.
fn batch(dice: &mut Dice, rich: bool) -> Batch {
    let mut tuples: BTreeMap<_, _> = BTreeMap::new();
    for _ in 0..=dice.below(3) {
        let tuple = world::tuple(dice, rich);
        tuples.insert(tuple.key.clone(), tuple);
    }
    // A tuple that is there keeps its row, and holds under another condition from then on.
    let on_duplicate = if rich { OnDuplicate::Replace } else { OnDuplicate::Error };
    let mut batch = Batch { on_missing: OnMissing::Ignore, on_duplicate, ..Batch::default() };
    for (key, tuple) in tuples {
        if dice.chance(40) { batch.deletes.push(key) } else { batch.writes.push(tuple) }
    }
    batch
}
