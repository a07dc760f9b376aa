//! Loads a bundle: reads it, checks it, runs its cases, and only then swaps it in.
//!
//! INVARIANT: a bundle with any problem, including a failing case, never becomes live. The live
//! bundle stays.

use super::coverage::{Coverage, measure};
use super::decide::{CaseOverrides, Circumstances, DecisionOptions, Verdict, decide};
use super::{Engine, Refusal, Snapshot, explanation_text};
use crate::bundle::{
    self, Bundle, BundleFiles, BundleSource, Case, CaseFailure, CaseReport, CaseResult, CheckStage,
    LocatedProblem, ObservedAnswer,
};
use crate::model::{Digest, Evidence, Problem, Problems, Revision, Timestamp};
use crate::policy::ListedClauses;
use crate::process::huge_pages::HugePages;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The live bundle, and the result of the last attempt to replace it.
#[derive(Clone, Debug, Default)]
pub struct BundleStatus {
    /// The live bundle and when it went live; `None` before the first.
    pub live: Option<(Digest, Timestamp)>,
    /// The last attempt, if it failed.
    pub last_failure: Option<FailedLoad>,
    /// When the live bundle was accepted, if it is the kept one, which decides because the bundle's
    /// own files were refused at start.
    pub kept: Option<Timestamp>,
    /// Where the last attempt read its bundle.
    pub source: Option<BundleSource>,
    /// The digest of the files from which the live bundle was made, without those of packs.
    pub live_files: Option<Digest>,
}

/// An attempt to replace the bundle that failed.
#[derive(Clone, Debug)]
pub struct FailedLoad {
    /// When it was.
    pub at: Timestamp,
    /// What was wrong.
    pub problems: Problems,
    /// The first problems with their positions, for people who may see the bundle.
    pub located: Vec<LocatedProblem>,
}

/// The result of a successful load.
#[derive(Debug)]
pub struct LoadReport {
    /// The bundle that is live now.
    pub digest: Digest,
    /// Whether it differs from the previous bundle.
    pub changed: bool,
    /// Its counts, for a log line.
    pub summary: String,
    /// The report of its cases.
    pub cases: CaseReport,
    /// Problems that do not prevent loading and are probably mistakes.
    pub warnings: Vec<Problem>,
}

/// A bundle that was refused. `files` allows the problems to be shown with their lines.
#[derive(Debug)]
pub struct BundleRefusal {
    /// All problems of the bundle; a failing case is one problem.
    pub problems: Problems,
    /// The files that were read.
    pub files: BundleFiles,
    /// How far the checks came.
    pub stage: CheckStage,
}

/// A bundle that compiles, before it is taken or refused.
#[derive(Clone, Copy, Debug)]
pub struct LoadedBundle<'a> {
    /// The bundle with its own tuples.
    pub snapshot: &'a Snapshot,
    /// The report of its cases.
    pub cases: &'a CaseReport,
    /// The files that were read.
    pub files: &'a BundleFiles,
}

impl Engine {
    /// Reads and checks a bundle, runs its cases, and swaps it in with one step; if there is any
    /// problem, the live bundle stays.
    pub fn load(&self, source: &BundleSource) -> Result<LoadReport, BundleRefusal> {
        self.load_and_look(source, |_| ())
    }

    /// Loads like [`Self::load`]. `look` sees the bundle and the report of its cases before it is
    /// taken, or refused because a case fails; it sees no bundle that does not compile.
    pub fn load_and_look(
        &self,
        source: &BundleSource,
        look: impl FnOnce(LoadedBundle<'_>),
    ) -> Result<LoadReport, BundleRefusal> {
        let _turn = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        self.with_status(|status| status.source = Some(source.clone()));
        let loaded = self.try_load(source, look);
        if let Err(refused) = &loaded {
            self.metrics.reload_failed(self.clock.now_ms());
            let failed = FailedLoad {
                at: Timestamp(self.clock.now_ms()),
                problems: refused.problems.clone(),
                located: bundle::located(&refused.problems.0, &refused.files, refused.stage),
            };
            self.with_status(|status| status.last_failure = Some(failed));
        }
        loaded
    }

    /// Returns the state of the bundle.
    #[must_use]
    pub fn status(&self) -> BundleStatus {
        self.with_status(|status| status.clone())
    }

    fn try_load(
        &self,
        source: &BundleSource,
        look: impl FnOnce(LoadedBundle<'_>),
    ) -> Result<LoadReport, BundleRefusal> {
        let files = bundle::read(source, self.quiet).map_err(|problems| BundleRefusal {
            problems,
            files: BundleFiles::default(),
            stage: self.uncompiled(),
        })?;
        let (loaded, files) = self.take(files, None, look)?;
        self.metrics.load_succeeded(self.clock.now_ms());
        self.keep(source, &files, &loaded);
        self.decide_by_own();
        Ok(loaded)
    }

    /// Checks files with the settings' facts, runs their cases, and swaps the bundle in, if it is
    /// the one that is `expected`. Returns the files with the packs that they name.
    pub(super) fn take(
        &self,
        mut files: BundleFiles,
        expected: Option<Digest>,
        look: impl FnOnce(LoadedBundle<'_>),
    ) -> Result<(LoadReport, BundleFiles), BundleRefusal> {
        let read = files.digest();
        files.add_token_facts(
            self.token_facts
                .iter()
                .map(|(name, kind)| (name.as_str(), *kind)),
        );
        let _for_relations = HugePages::huge();
        let checked = check_snapshot(&mut files, None).and_then(|checked| {
            let digest = checked.0.bundle().digest();
            match expected.filter(|expected| *expected != digest) {
                None => Ok(checked),
                Some(expected) => Err(another_bundle(digest, expected).into()),
            }
        });
        if let Ok((snapshot, cases)) = &checked {
            look(LoadedBundle {
                snapshot,
                cases,
                files: &files,
            });
        }
        let stage = match &checked {
            Ok(_) => CheckStage::Compiled,
            Err(_) => self.uncompiled(),
        };
        let taken = checked.and_then(|(snapshot, cases)| {
            let failing: Vec<Problem> = cases.failures().map(problem).collect();
            Problems(failing).into_result()?;
            self.swap(snapshot, cases)
        });
        match taken {
            Ok(loaded) => {
                self.with_status(|status| status.live_files = Some(read));
                Ok((loaded, files))
            }
            Err(problems) => Err(BundleRefusal {
                problems,
                files,
                stage,
            }),
        }
    }

    fn swap(&self, snapshot: Snapshot, cases: CaseReport) -> Result<LoadReport, Problems> {
        let bundle = snapshot.bundle();
        let digest = bundle.digest();
        let old = self
            .live
            .load()
            .as_ref()
            .map(|snapshot| snapshot.bundle().clone());
        let before = old.as_ref().map(|bundle| bundle.digest());
        let summary = bundle.summary();
        let warnings = bundle.warnings().to_vec();
        let changed = before != Some(digest);
        if changed {
            let snapshot = match &self.stores {
                Some(stores) => {
                    let (snapshot, tuples) = snapshot.without_relations();
                    let bundle = snapshot.bundle();
                    let layer =
                        stores.prepare_main(bundle.model(), tuples, bundle.allow_orphans())?;
                    stores.commit_main(layer, digest, Some(Arc::clone(bundle)))?;
                    snapshot
                }
                None => snapshot,
            };
            self.live.store(Some(Arc::new(snapshot)));
            old.into_iter().for_each(retire);
        }
        let now = self.clock.now_ms();
        if changed {
            self.metrics.bundle_loaded(&digest.to_string(), now);
        }
        self.with_status(|status| {
            status.last_failure = None;
            if changed {
                status.live = Some((digest, Timestamp(now)));
            }
        });
        Ok(LoadReport {
            digest,
            changed,
            summary,
            cases,
            warnings,
        })
    }

    pub(super) fn with_status<T>(&self, f: impl FnOnce(&mut BundleStatus) -> T) -> T {
        f(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How long to wait for requests that still use a replaced bundle, and how often to check.
const RETIREMENT: Duration = Duration::from_mins(1);
const RETIREMENT_STEP: Duration = Duration::from_millis(20);

/// Waits in a thread for the last request that uses a bundle. Whoever drops the last reference has
/// to free the bundle, which takes a few hundred milliseconds for ten thousand policies.
fn retire(bundle: Arc<Bundle>) {
    let wait = move || {
        let steps = RETIREMENT.as_millis() / RETIREMENT_STEP.as_millis();
        for _ in (0..steps).take_while(|_| Arc::strong_count(&bundle) > 1) {
            std::thread::sleep(RETIREMENT_STEP);
        }
    };
    // If no thread can be started, the last request frees the bundle.
    drop(
        std::thread::Builder::new()
            .name("retire".to_owned())
            .spawn(wait),
    );
}

/// Compiles files and runs their cases, without making the bundle live. Then each pack that the
/// bundle calls optional is added, and its cases are run. With a filter, runs only the cases whose
/// file and name match.
pub fn check(
    files: &mut BundleFiles,
    filter: Option<&regex::Regex>,
) -> Result<(Arc<Bundle>, CaseReport), Problems> {
    let (snapshot, report) = check_snapshot(files, filter)?;
    with_optional(files, &snapshot, report, filter)
}

/// Adds the cases of each pack that the bundle calls optional, run with the pack.
fn with_optional(
    files: &mut BundleFiles,
    snapshot: &Snapshot,
    mut report: CaseReport,
    filter: Option<&regex::Regex>,
) -> Result<(Arc<Bundle>, CaseReport), Problems> {
    let bundle = snapshot.bundle().clone();
    for name in bundle.optional() {
        let mut with_pack = files.with_pack(name);
        let found = try_pack(&mut with_pack, name, filter).inspect_err(|_| *files = with_pack)?;
        report.results.extend(found.results);
        report.undecided.extend(found.undecided);
    }
    Ok((bundle, report))
}

/// Does what [`check`] does without a filter, and measures what the cases reach.
pub fn check_covered(
    files: &mut BundleFiles,
) -> Result<(Arc<Bundle>, CaseReport, Coverage), Problems> {
    let (snapshot, report) = check_snapshot(files, None)?;
    let coverage = measure(&snapshot);
    let (bundle, report) = with_optional(files, &snapshot, report, None)?;
    Ok((bundle, report, coverage))
}

pub(super) fn check_snapshot(
    files: &mut BundleFiles,
    filter: Option<&regex::Regex>,
) -> Result<(Snapshot, CaseReport), Problems> {
    let small = HugePages::small();
    let bundle = bundle::compile(files)?;
    drop(small);
    let snapshot = Snapshot::hermetic(bundle, Revision(0))?;
    let bundle = snapshot.bundle();
    let report = run(
        &snapshot,
        bundle.cases(),
        bundle.policy_set().policy_ids(),
        filter,
    );
    Ok((snapshot, report))
}

/// Runs only the cases of one pack of these files, because the pack may deny what the rest of the
/// bundle permits.
fn try_pack(
    files: &mut BundleFiles,
    name: &str,
    filter: Option<&regex::Regex>,
) -> Result<CaseReport, Problems> {
    let snapshot = Snapshot::hermetic(bundle::compile(files)?, Revision(0))?;
    let bundle = snapshot.bundle();
    let of_pack = format!("pack:{name}/");
    let cases: Vec<Case> = bundle
        .cases()
        .iter()
        .filter(|case| case.file.starts_with(&of_pack))
        .cloned()
        .collect();
    let policies = bundle
        .policy_set()
        .policies()
        .filter(|policy| policy.file.starts_with(&of_pack));
    Ok(run(
        &snapshot,
        &cases,
        policies.map(|policy| policy.id.as_str()),
        filter,
    ))
}

fn run<'a>(
    snapshot: &Snapshot,
    cases: &[Case],
    policies: impl Iterator<Item = &'a str>,
    filter: Option<&regex::Regex>,
) -> CaseReport {
    let (decide, tell) = (
        |case: &Case| observe(snapshot, case),
        |case: &Case| explain(snapshot, case),
    );
    bundle::run_cases(cases, policies, filter, decide, tell)
}

/// Answers a case, with the clauses that are reached.
pub(super) fn answer_covered(snapshot: &Snapshot, case: &Case) -> Result<Verdict, Refusal> {
    let options = DecisionOptions {
        explanation: true,
        clauses: ListedClauses::Reached,
        ..DecisionOptions::default()
    };
    answer_with(snapshot, case, options)
}

fn answer(snapshot: &Snapshot, case: &Case, explanation: bool) -> Result<Verdict, Refusal> {
    let options = DecisionOptions {
        explanation,
        ..DecisionOptions::default()
    };
    answer_with(snapshot, case, options)
}

fn answer_with(
    snapshot: &Snapshot,
    case: &Case,
    options: DecisionOptions,
) -> Result<Verdict, Refusal> {
    let given = CaseOverrides {
        stored: case.stored.as_ref().unwrap_or(snapshot.bundle().stored()),
        tuples: &case.tuples,
        token: case.token.as_ref(),
    };
    let at = Circumstances {
        pinned: snapshot.pinned(),
        now: case.now,
        options,
        cache: None,
        given: Some(given),
    };
    decide(at, &case.request, &Evidence::default())
}

pub(super) fn observe(snapshot: &Snapshot, case: &Case) -> ObservedAnswer {
    match answer(snapshot, case, false) {
        Ok(verdict) => ObservedAnswer {
            decision: Some(verdict.decision),
            code: verdict.reason.map(|reason| reason.code),
            policies: verdict.policies.into_iter().collect(),
        },
        Err(_) => ObservedAnswer {
            decision: None,
            code: None,
            policies: BTreeSet::new(),
        },
    }
}

/// Explains no case: for trials, whose authors ask in another way.
pub(super) fn explain_nothing(_: &Case) -> String {
    String::new()
}

fn explain(snapshot: &Snapshot, case: &Case) -> String {
    match answer(snapshot, case, true) {
        Ok(told) => explanation_text(
            told.decision,
            told.reason.as_ref(),
            told.explanation.as_ref(),
        ),
        Err(Refusal::Malformed(malformed)) => malformed.to_string(),
        Err(Refusal::Fault(fault)) => fault.to_string(),
        Err(Refusal::TakesLong) => "it takes too long".to_owned(),
    }
}

fn problem((case, failure): (&CaseResult, &CaseFailure)) -> Problem {
    let message = format!(
        "the case `{}` fails: expected {}, found {}",
        case.title(),
        failure.expected,
        failure.found
    );
    Problem::new(message)
        .at(case.at.clone())
        .help(failure.explanation.clone())
}

/// Explains that a bundle is not the one that is expected.
fn another_bundle(found: Digest, expected: Digest) -> Problem {
    Problem::new(format!(
        "the files make the bundle {}, and {} is the last that decided",
        found.short(),
        expected.short()
    ))
    .help("mend the bundle's own files; facts of issuers that the settings define count, too")
}
