//! Tries edits of a bundle that nobody saved: what is wrong with them, which cases fail, and which
//! decisions would be others.
//!
//! **Problem.** An author wants to see what an edit would do before it is anybody's bundle.
//! **Decision.** The edits are laid over the files that the service reads its bundle from. What
//! comes of it is compiled, its cases are run, and a survey of it is compared with one of the files
//! as they are, which is kept. Nothing is stored: each trial brings its edits with it.
//! **Trade-off.** A survey rests on the bundle alone, and not on relations that were written while
//! the service runs.
//!
//! INVARIANT: a trial sees no value that is marked `@secret`, whatever the edits say of it
//! ([`crate::bundle::BundleFiles::without_secrets`]), and never becomes the live bundle.

use super::load::{explain_nothing, observe};
use super::survey::{ComparedPart, DecisionChange, SurveyedOutcome};
use super::{Engine, Snapshot, Survey};
use crate::bundle::{
    self, Bundle, BundleFiles, BundleSource, CaseReport, CheckStage, LocatedProblem,
    ObservedAnswer, ScratchEdits, may_hold_secrets,
};
use crate::model::{Digest, Fault, PolicyRef, Problem, Problems, Revision};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// LIMIT: milliseconds for the cases of a trial, after which the remaining ones are left out.
const MAX_CASES_MS: i64 = 10_000;

/// How many cases are run between two looks at the clock.
const CHUNK: usize = 32;

/// LIMIT: names of cases that are listed for a policy, failures, and policies that decide nothing.
const MAX_NAMED: usize = 20;
const MAX_FAILURES: usize = 200;
const MAX_UNDECIDED: usize = 500;

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFileEntry {
    /// Its path in the bundle; one of a pack begins with `pack:`.
    pub path: String,
    /// Its length in bytes.
    pub bytes: usize,
    /// Its text; `None` if it may hold values that are marked `@secret`.
    pub text: Option<Arc<str>>,
}

/// Edits that are to be tried.
#[derive(Clone, Debug, Default)]
pub struct ScratchCopy {
    /// The edited files.
    pub edits: ScratchEdits,
    /// The file of whose policies it is wanted which cases they decide.
    pub file: Option<String>,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct ScratchReport {
    /// Whether the files without the edits are what decides now.
    pub is_of_live: bool,
    /// Whether the files without the edits do not compile: then the problems are theirs.
    pub is_base_broken: bool,
    /// The number of problems.
    pub total: usize,
    /// The first problems; there are none if the copy compiles.
    pub problems: Vec<LocatedProblem>,
    /// Problems that do not prevent loading and are probably mistakes.
    pub warnings: Vec<LocatedProblem>,
    /// The cases; `None` if the copy does not compile.
    pub cases: Option<ScratchCases>,
    /// The decisions that would be others; `None` if the copy does not compile.
    pub changes: Option<Vec<DecisionChange>>,
    /// How much of what both bundles are asked was compared.
    pub compared: ComparedPart,
    /// Files that are left out because they may hold secrets.
    pub left_out: Vec<String>,
}

/// The cases of a trial.
#[derive(Clone, Debug, Default)]
pub struct ScratchCases {
    /// How many were run.
    pub ran: usize,
    /// How many failed.
    pub failed: usize,
    /// Whether the time did not suffice for all of them.
    pub is_cut: bool,
    /// The first that failed.
    pub failures: Vec<FailedCase>,
    /// The first policies that decided no case.
    pub undecided: Vec<PolicyRef>,
    /// How many policies decided no case.
    pub idle: usize,
    /// The policies of the file that was asked for.
    pub decided: Vec<DecidedCases>,
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCase {
    /// The file that contains it.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The line on which it stands, from 1.
    pub line: Option<usize>,
    /// What it expects.
    pub expected: String,
    /// What was decided.
    pub found: String,
}

/// The cases that a policy decided.
#[derive(Clone, Debug)]
pub struct DecidedCases {
    /// The policy.
    pub policy: PolicyRef,
    /// How many they are.
    pub count: usize,
    /// The file and the name of the first of them.
    pub first: Vec<(String, String)>,
}

/// The files without edits.
#[derive(Debug)]
pub(super) struct ScratchBase {
    /// The digests of the files, and of the bundle that was live.
    key: (Digest, Option<Digest>),
    /// The names of members that are marked `@secret` in them or in the live bundle.
    secrets: BTreeSet<String>,
    /// The files of packs.
    packs: Vec<BundleFileEntry>,
    survey: Survey,
    is_live: bool,
}

/// Why there is nothing to compare with.
enum BaseRefusal {
    Broken(Problems, Box<BundleFiles>),
    Secrets,
}

impl Engine {
    /// Returns the files of the bundle as they are now, those of packs last. If they do not
    /// compile, nobody knows what is secret in them, and none of their data is shown.
    pub fn bundle_files(&self) -> Result<Vec<BundleFileEntry>, Fault> {
        let Ok(raw) = bundle::read_as_is(&self.source()?) else {
            return Ok(Vec::new());
        };
        let base = self.scratch_base(&raw);
        let base = base.as_ref().ok();
        let hides = |path: &str, text: &str| match base {
            Some(base) => may_hold_secrets(path, text, &base.secrets),
            None => bundle::holds_data(path),
        };
        let own = raw.all().map(|file| BundleFileEntry {
            path: file.path.clone(),
            bytes: file.text.len(),
            text: (!hides(&file.path, &file.text)).then(|| Arc::from(&*file.text)),
        });
        let packs = base.iter().flat_map(|base| base.packs.clone());
        Ok(own.chain(packs).collect())
    }

    /// Tries a scratch copy.
    pub fn try_scratch(&self, copy: &ScratchCopy) -> Result<ScratchReport, Fault> {
        let raw = match bundle::read_as_is(&self.source()?) {
            Ok(raw) => raw,
            Err(problems) => {
                return Ok(broken_base(
                    &problems,
                    &BundleFiles::default(),
                    self.uncompiled(),
                ));
            }
        };
        let base = match self.scratch_base(&raw) {
            Ok(base) => base,
            Err(BaseRefusal::Broken(problems, files)) => {
                return Ok(broken_base(&problems, &files, self.uncompiled()));
            }
            Err(BaseRefusal::Secrets) => {
                let told = "the bundle holds values marked `@secret` that cannot be replaced, so \
                            that no edits of it are tried here";
                let problem = Problem::new(told).help("edit it under `behest dev`");
                return Ok(broken_base(
                    &problem.into(),
                    &BundleFiles::default(),
                    CheckStage::Compiled,
                ));
            }
        };
        let edited = raw.with_edits(&copy.edits);
        let (mut files, left_out) = edited.without_secrets(&base.secrets, &copy.edits);
        self.add_facts(&mut files);
        let mut report = ScratchReport {
            left_out,
            ..ScratchReport::of_nothing(base.is_live)
        };
        let compiled = bundle::compile(&mut files);
        let snapshot = compiled.and_then(|bundle| Snapshot::hermetic(bundle, Revision(0)));
        match snapshot {
            Err(problems) => report.add_problems(&problems, &files, CheckStage::Compiled),
            Ok(snapshot) => {
                let warnings = snapshot.bundle().warnings();
                report.warnings = bundle::located(warnings, &files, CheckStage::Compiled);
                let (cases, mut survey) = self.run_cases(&snapshot, &files, copy.file.as_deref());
                report.cases = Some(cases);
                survey.add_matrix(&snapshot, &*self.clock);
                let mut changes = survey.changes_since(&base.survey);
                changes.retain(|change| change.now != SurveyedOutcome::DeniedOtherwise);
                report.changes = Some(changes);
                report.compared = survey.compared_with(&base.survey);
            }
        }
        Ok(report)
    }

    fn source(&self) -> Result<BundleSource, Fault> {
        self.status().source.ok_or(Fault::NoBundle)
    }

    fn add_facts(&self, files: &mut BundleFiles) {
        let facts = self.token_facts.iter();
        files.add_token_facts(facts.map(|(name, kind)| (name.as_str(), *kind)));
    }

    /// Returns what edits of these files are compared with, made anew if the files are others.
    fn scratch_base(&self, raw: &BundleFiles) -> Result<Arc<ScratchBase>, BaseRefusal> {
        let live = self.snapshot();
        let live = live.as_ref().map(|live| live.bundle().as_ref());
        let key = (raw.digest(), live.map(Bundle::digest));
        let mut kept = self
            .scratch_base
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = kept.as_ref().filter(|base| base.key == key) {
            return Ok(Arc::clone(base));
        }
        let (secrets, is_live) = self.secrets_in(raw, live)?;
        let (mut files, _) = raw.without_secrets(&secrets, &ScratchEdits::new());
        self.add_facts(&mut files);
        let compiled = bundle::compile(&mut files);
        let snapshot = compiled.and_then(|bundle| Snapshot::hermetic(bundle, Revision(0)));
        let snapshot = snapshot.map_err(|_| BaseRefusal::Secrets)?;
        let packs = files.all().filter(|file| file.path.starts_with("pack:"));
        let base = Arc::new(ScratchBase {
            key,
            packs: packs
                .map(|file| BundleFileEntry {
                    path: file.path.clone(),
                    bytes: file.text.len(),
                    text: Some(Arc::from(&*file.text)),
                })
                .collect(),
            survey: Survey::of(&snapshot, &*self.clock),
            secrets,
            is_live,
        });
        *kept = Some(Arc::clone(&base));
        Ok(base)
    }

    /// Returns the names of members that are marked `@secret` in these files or in the live bundle,
    /// and whether the files are what is live.
    fn secrets_in(
        &self,
        raw: &BundleFiles,
        live: Option<&Bundle>,
    ) -> Result<(BTreeSet<String>, bool), BaseRefusal> {
        let of_live = live.map(secrets_of).unwrap_or_default();
        // INVARIANT: both are of one moment. A reload in between may have marked more as secret
        // than the bundle that was live before.
        let status = self.status();
        let is_same = status.live.map(|(digest, _)| digest) == live.map(Bundle::digest);
        if live.is_some() && is_same && status.live_files == Some(raw.digest()) {
            return Ok((of_live.into_iter().collect(), true));
        }
        let mut plain = raw.clone();
        self.add_facts(&mut plain);
        match bundle::compile(&mut plain) {
            Ok(bundle) => {
                let is_live = live.map(Bundle::digest) == Some(bundle.digest());
                let secrets = secrets_of(&bundle).into_iter().chain(of_live);
                Ok((secrets.collect(), is_live))
            }
            Err(problems) => Err(BaseRefusal::Broken(problems, Box::new(plain))),
        }
    }

    /// Runs the cases, a few at a time, as long as there is time. Returns a survey that has them.
    fn run_cases(
        &self,
        snapshot: &Snapshot,
        files: &BundleFiles,
        file: Option<&str>,
    ) -> (ScratchCases, Survey) {
        let bundle = snapshot.bundle();
        let survey = RefCell::new(Survey::default());
        let end = self.clock.monotonic_ms().saturating_add(MAX_CASES_MS);
        let decided: RefCell<BTreeMap<String, DecidedNames>> = RefCell::default();
        let decide = |case: &bundle::Case| {
            let found: ObservedAnswer = observe(snapshot, case);
            survey.borrow_mut().add_case(bundle, case, &found);
            let mut decided = decided.borrow_mut();
            for id in &found.policies {
                decided.entry(id.clone()).or_default().add(case);
            }
            found
        };
        let mut report = CaseReport::default();
        let mut is_cut = false;
        for chunk in bundle.cases().chunks(CHUNK) {
            is_cut = self.clock.monotonic_ms() > end;
            if is_cut {
                break;
            }
            let nothing = std::iter::empty();
            let found = bundle::run_cases(chunk, nothing, None, decide, explain_nothing);
            report.results.extend(found.results);
        }
        let decided = decided.into_inner();
        let mut survey = survey.into_inner();
        if is_cut {
            survey.cut_cases();
        }
        let cases = cases_of(bundle, (&report, is_cut), &decided, (files, file));
        (cases, survey)
    }
}

/// How many cases a policy decided, and the first of them.
#[derive(Default)]
struct DecidedNames {
    count: usize,
    first: Vec<(String, String)>,
}

impl DecidedNames {
    fn add(&mut self, case: &bundle::Case) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push((case.file.clone(), case.name.clone()));
        }
    }
}

fn cases_of(
    bundle: &Bundle,
    (report, is_cut): (&CaseReport, bool),
    decided: &BTreeMap<String, DecidedNames>,
    (files, file): (&BundleFiles, Option<&str>),
) -> ScratchCases {
    let policies = || bundle.policy_set().policies();
    // Of a policy whose cases were not run, nobody knows.
    let is_idle = |policy: &&PolicyRef| !is_cut && !decided.contains_key(&policy.id);
    let idle = || policies().filter(is_idle);
    let failures = report.failures().take(MAX_FAILURES);
    let of_file = policies().filter(|policy| file == Some(policy.file.as_str()));
    ScratchCases {
        ran: report.ran(),
        failed: report.failures().count(),
        is_cut,
        failures: failures
            .map(|(case, failure)| FailedCase {
                file: case.file.clone(),
                name: case.name.clone(),
                line: files.position(&case.at).map(|(line, _)| line),
                expected: failure.expected.to_string(),
                found: failure.found.to_string(),
            })
            .collect(),
        undecided: idle().take(MAX_UNDECIDED).cloned().collect(),
        idle: idle().count(),
        decided: of_file
            .map(|policy| {
                let names = decided.get(&policy.id);
                DecidedCases {
                    policy: policy.clone(),
                    count: names.map_or(0, |names| names.count),
                    first: names.map_or_else(Vec::new, |names| names.first.clone()),
                }
            })
            .collect(),
    }
}

fn secrets_of(bundle: &Bundle) -> Vec<String> {
    let vocabulary = &bundle.policy_set().schema().vocabulary;
    vocabulary.secrets().map(ToString::to_string).collect()
}

fn broken_base(problems: &Problems, files: &BundleFiles, stage: CheckStage) -> ScratchReport {
    let mut report = ScratchReport::of_nothing(false);
    report.is_base_broken = true;
    report.add_problems(problems, files, stage);
    report
}

impl ScratchReport {
    fn of_nothing(is_of_live: bool) -> Self {
        Self {
            is_of_live,
            is_base_broken: false,
            total: 0,
            problems: Vec::new(),
            warnings: Vec::new(),
            cases: None,
            changes: None,
            compared: ComparedPart::default(),
            left_out: Vec::new(),
        }
    }

    fn add_problems(&mut self, problems: &Problems, files: &BundleFiles, stage: CheckStage) {
        self.total = problems.0.len();
        self.problems = bundle::located(&problems.0, files, stage);
    }
}
