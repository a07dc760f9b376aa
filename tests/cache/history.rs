//! Histories of writes, deletions, bundles, clock moves and questions, told to an engine with a
//! cache and to one without: no answer differs, and no record.

use crate::pair::{Service, told};
use crate::questions;
use crate::world;
use behest::clock::FixedClock;
use behest::model::{Arguments, Evidence};
use behest::storage::{OnDuplicate, OnMissing, TupleBatch};
use behest::stores::ClearTarget;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::dice::Dice;
use support::seed::seed;

/// Histories, and steps of each: in these every way to break the cache shows that `tests/mutants/`
/// has.
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
    let expected = [
        ("hits", 2_000),
        ("known", 200),
        ("absent", 150),
        ("stale", 500),
        ("time", 100),
        ("uncacheable", 300),
    ];
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
    let mut history = History::begin(seed, recorded);
    let mut told_so_far = Vec::new();
    for step in 0..STEPS {
        let done = match history.dice.below(250) {
            0..38 => history.write(),
            38..41 => history.clear(),
            41..43 => history.load(),
            43..58 => history.move_clock(),
            _ => {
                let (question, answers) = history.ask(step);
                assert_eq!(
                    answers[0], answers[1],
                    "seed {seed}, step {step}: kept, evaluated\n{question}\nafter {told_so_far:#?}"
                );
                continue;
            }
        };
        told_so_far.push(done);
    }
    history.end(seed, recorded)
}

/// Two services that are told the same.
struct History {
    dice: Dice,
    rich: bool,
    clock: Arc<FixedClock>,
    now: i64,
    /// One with a cache, and one without.
    services: [Service; 2],
    bundles: Vec<PathBuf>,
    questions: Vec<Json>,
    evidence: Evidence,
    _folder: tempfile::TempDir,
}

impl History {
    fn begin(seed: u64, recorded: bool) -> Self {
        let mut dice = Dice::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(world::NOON));
        let record = |name: &str| recorded.then(|| folder.path().join(name));
        let services = [(true, "cached.jsonl"), (false, "plain.jsonl")]
            .map(|(cache, name)| Service::new(&clock, cache, record(name)));
        let rich = seed % 2 == 1;
        let bundles = bundles(&mut dice, rich, folder.path());
        services
            .iter()
            .for_each(|service| service.load(&bundles[0]));
        let questions = questions::questions(&mut dice, FAMILIES, rich);
        let evidence = questions::evidence();
        Self {
            dice,
            rich,
            clock,
            now: world::NOON,
            services,
            bundles,
            questions,
            evidence,
            _folder: folder,
        }
    }

    fn write(&mut self) -> String {
        let batch = batch(&mut self.dice, self.rich);
        let done = self
            .services
            .each_ref()
            .map(|service| service.write(batch.clone()));
        assert_eq!(done[0], done[1]);
        format!("{batch:?}")
    }

    fn clear(&mut self) -> String {
        let somebody = world::somebody(&mut self.dice);
        let about = if self.dice.chance(50) {
            ClearTarget::Object(somebody)
        } else {
            ClearTarget::User(somebody)
        };
        let done = self
            .services
            .each_ref()
            .map(|service| service.clear(&about));
        assert_eq!(done[0], done[1]);
        format!("{about:?}")
    }

    fn load(&mut self) -> String {
        let at = self.dice.below(self.bundles.len());
        self.services
            .iter()
            .for_each(|service| service.load(&self.bundles[at]));
        format!("bundle {at}")
    }

    /// To a mark, or a step on or back from where it stands.
    fn move_clock(&mut self) -> String {
        let is_step = self.dice.chance(35);
        self.now = if is_step {
            self.now + self.dice.one(&[1, 1, -1])
        } else {
            world::time(&mut self.dice)
        };
        self.clock.set(self.now);
        format!("clock {}", self.now)
    }

    fn ask(&mut self, step: usize) -> (Json, [String; 2]) {
        let mut question = self.dice.one(&self.questions).clone();
        // One half comes in the same words again, the other never does.
        if self.dice.chance(50) {
            question["context"]["request_id"] = Json::from(step.to_string());
        }
        if self.rich && self.dice.chance(50) {
            question["context"]["credentials"] = questions::credentials(&mut self.dice, &question);
        }
        let unknown = self.rich && self.dice.chance(10);
        let arguments = if unknown {
            Arguments::Unknown
        } else {
            Arguments::Known
        };
        let ask =
            |service: &Service| told(&service.ask_with(&question, Some(&self.evidence), arguments));
        let answers = self.services.each_ref().map(ask);
        (question, answers)
    }

    /// What was counted, unless it was recorded: then the records are compared.
    fn end(self, seed: u64, recorded: bool) -> Vec<(&'static str, u64)> {
        let counts = if recorded {
            Vec::new()
        } else {
            counts(&self.services[0])
        };
        let [kept, evaluated] = self.services.map(Service::close);
        for (at, (kept, evaluated)) in kept.iter().zip(&evaluated).enumerate() {
            assert_eq!(kept, evaluated, "seed {seed}, record {at}");
        }
        assert_eq!(kept.len(), evaluated.len());
        assert_eq!(recorded, !kept.is_empty());
        counts
    }
}

/// Three bundles. Of the two with one plan each leg has the same key, but for the bundle.
fn bundles(dice: &mut Dice, rich: bool, folder: &Path) -> Vec<PathBuf> {
    let first = world::plan(dice, rich);
    let plans = [
        first.clone(),
        world::turned(dice, &first),
        world::plan(dice, rich),
    ];
    let mut bundles = Vec::new();
    for (at, plan) in plans.iter().enumerate() {
        let root = folder.join(at.to_string());
        let files = world::bundle(dice, plan);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        support::engines::write(&root, &files);
        bundles.push(root);
    }
    bundles
}

fn counts(cached: &Service) -> Vec<(&'static str, u64)> {
    let missed =
        |cause: &str| cached.count(&format!("behest_cache_misses_total{{cause=\"{cause}\"}}"));
    let mut counts = vec![("hits", cached.count("behest_cache_hits_total"))];
    counts.push(("known", cached.recalled()));
    counts.extend(["absent", "stale", "time", "uncacheable"].map(|cause| (cause, missed(cause))));
    counts
}

/// Some tuples that are put in, and some that are taken out where they are there.
fn batch(dice: &mut Dice, rich: bool) -> TupleBatch {
    let mut tuples: BTreeMap<_, _> = BTreeMap::new();
    for _ in 0..=dice.below(3) {
        let tuple = world::tuple(dice, rich);
        tuples.insert(tuple.key.clone(), tuple);
    }
    // A tuple that is there keeps its row, and holds under another condition from then on.
    let on_duplicate = if rich {
        OnDuplicate::Replace
    } else {
        OnDuplicate::Error
    };
    let mut batch = TupleBatch {
        on_missing: OnMissing::Ignore,
        on_duplicate,
        ..TupleBatch::default()
    };
    for (key, tuple) in tuples {
        if dice.chance(40) {
            batch.deletes.push(key);
        } else {
            batch.writes.push(tuple);
        }
    }
    batch
}
