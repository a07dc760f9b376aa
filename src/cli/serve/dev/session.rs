//! Loads the bundle at each change, and compares what it decides with what it decided before.

use crate::bundle::{self, BundleSource, CaseReport, Lint};
use crate::clock::{Clock as _, SystemClock};
use crate::engine::{
    BundleRefusal, ComparedPart, DecisionChange, Engine, LoadReport, LoadedBundle, Survey,
};
use crate::model::Problem;
use std::sync::Arc;
use std::time::Duration;

/// The bundle of a session, and what the live one decides.
pub(super) struct DevSession {
    engine: Arc<Engine>,
    source: BundleSource,
    survey: Option<Survey>,
}

/// What came of a load.
#[derive(Debug)]
pub(super) struct DevLoad {
    /// The bundle that decides now, or the problems of one that does not.
    pub(super) outcome: Result<LoadReport, BundleRefusal>,
    /// The report of the cases; `None` if the bundle does not compile.
    pub(super) cases: Option<CaseReport>,
    /// The warnings of a bundle that compiles, also of one whose cases fail.
    pub(super) warnings: Vec<Problem>,
    /// The decisions that differ from those of the bundle that was live before; `None` if there was
    /// none, or if the bundle does not compile.
    pub(super) changes: Option<Vec<DecisionChange>>,
    /// Whether some case asks what was not asked before, so that it is compared with nothing.
    pub(super) asks_more: bool,
    /// How much was compared, if it was not all.
    pub(super) compared: Option<ComparedPart>,
    /// Whether a bundle decides now: this one or one before it.
    pub(super) is_deciding: bool,
    /// How long the load took.
    pub(super) took: Duration,
}

impl DevSession {
    pub(super) fn new(engine: Arc<Engine>, source: BundleSource) -> Self {
        Self {
            engine,
            source,
            survey: None,
        }
    }

    /// Loads the bundle. It is compared with the live one even if its cases fail, so that its
    /// author sees what it would change.
    pub(super) fn load(&mut self) -> DevLoad {
        let before = SystemClock.monotonic_ms();
        let mut seen = None;
        // The default bundle never changes: there is nothing to compare it with.
        let is_compared = matches!(self.source, BundleSource::Dir(_));
        let mut warnings = Vec::new();
        let outcome = self.engine.load_and_look(&self.source, |loaded| {
            let survey = is_compared.then(|| Survey::of(loaded.snapshot, &SystemClock));
            seen = Some((survey, loaded.cases.clone()));
            warnings = warnings_of(&loaded);
        });
        let (survey, cases) = seen.unzip();
        let survey = survey.flatten();
        let changes = match (&survey, &self.survey) {
            (Some(now), Some(before)) => Some(now.changes_since(before)),
            _ => None,
        };
        let asks_more = match (&survey, &self.survey) {
            (Some(now), Some(before)) => now.asks_more_than(before),
            _ => false,
        };
        let compared = match (&survey, &self.survey) {
            (Some(now), Some(before)) => Some(now.compared_with(before)),
            _ => None,
        };
        let compared = compared.filter(|part| part.is_cut);
        if outcome.is_ok() {
            self.survey = survey;
        }
        let took = SystemClock.monotonic_ms().saturating_sub(before);
        DevLoad {
            outcome,
            cases,
            warnings,
            changes,
            asks_more,
            compared,
            is_deciding: self.engine.snapshot().is_some(),
            took: Duration::from_millis(u64::try_from(took).unwrap_or(0)),
        }
    }
}

/// Returns the warnings of a bundle, and what the lint of misspelt ids finds: such an id is mended
/// while it is typed.
fn warnings_of(loaded: &LoadedBundle<'_>) -> Vec<Problem> {
    let bundle = loaded.snapshot.bundle();
    let found = bundle::lint(bundle, loaded.files, &[]).into_iter();
    let misspelt = found.filter(|(lint, _)| *lint == Lint::MisspeltId);
    let named = misspelt.map(|(lint, problem)| Problem {
        message: format!("{}: {}", lint.name(), problem.message),
        ..problem
    });
    bundle.warnings().iter().cloned().chain(named).collect()
}
