//! `behest validate`: shows every problem of a bundle, underlined.

use super::args::{LintArguments, TakerArguments};
use super::exit::ExitReason;
use super::lints::{self, LintFinding};
use super::output::{Paint, fail, fail_with_lines, print, warn_with_lines};
use super::would_take;
use crate::bundle::{self, AT_ONCE, Bundle, BundleFiles, BundleSource, Lint};
use crate::clock::SystemClock;
use crate::engine::Engine;
use crate::record::Recorder;
use crate::telemetry::Metrics;
use std::process::ExitCode;
use std::sync::Arc;

/// Reads and checks a bundle, and says whether it would go live where `taker` says. Its cases are
/// run there, and otherwise by `behest test`.
pub(super) fn run(
    source: &BundleSource,
    arguments: &LintArguments,
    taker: &TakerArguments,
) -> ExitCode {
    let place = match taker.place() {
        Ok(place) => place,
        Err(failure) => return fail(failure),
    };
    let untested = (
        Lint::UntestedPolicy,
        "`untested-policy` needs the cases to be run: `behest test --deny untested-policy`",
    );
    if let Err(failure) = lints::check(arguments, Some(untested)) {
        return fail(failure);
    }
    let mut files = match read(source) {
        Ok(files) => files,
        Err(code) => return code,
    };
    match bundle::compile(&mut files) {
        Ok(bundle) => {
            warn_with_lines(bundle.warnings(), &files);
            let findings = lints::found(&bundle, &files, None, arguments);
            lints::show(&findings, &files);
            if findings.iter().any(LintFinding::is_denied) {
                return ExitReason::Lint.into();
            }
            let ok = Paint::for_results().good("ok");
            print(&format!("{ok}: {}\n", describe(source, &bundle)));
            match place {
                Some(place) => would_take::check(source, &place),
                None => {
                    print(&unrun_cases(source, bundle.cases().len()));
                    ExitCode::SUCCESS
                }
            }
        }
        Err(problems) => fail_with_lines(&problems, &files),
    }
}

/// Says that cases were not run: a bundle with a case that fails is valid, and does not load.
fn unrun_cases(source: &BundleSource, cases: usize) -> String {
    let directory = match source {
        BundleSource::Embedded => String::new(),
        BundleSource::Dir(dir) => format!(" --bundle {}", dir.display()),
    };
    match cases {
        0 => String::new(),
        1 => format!("its case was not run: `behest test{directory}` does that\n"),
        _ => format!("its {cases} cases were not run: `behest test{directory}` does that\n"),
    }
}

/// Reads and checks a bundle. If it returns `Err`, the problems are already printed.
pub(super) fn compile(source: &BundleSource) -> Result<Bundle, ExitCode> {
    let mut files = read(source)?;
    bundle::compile(&mut files).map_err(|problems| fail_with_lines(&problems, &files))
}

/// Loads a bundle with its cases, as the service does, for one command. If it returns `Err`, the
/// problems are already printed.
pub(super) fn load(source: &BundleSource) -> Result<Engine, ExitCode> {
    let clock = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::default());
    let engine = Engine::new(clock, metrics, Recorder::default()).with_quiet(AT_ONCE);
    engine
        .load(source)
        .map_err(|refused| fail_with_lines(&refused.problems, &refused.files))?;
    Ok(engine)
}

/// Reads a bundle's files. If it returns `Err`, the problems are already printed.
pub(super) fn read(source: &BundleSource) -> Result<BundleFiles, ExitCode> {
    bundle::read(source, AT_ONCE)
        .map_err(|problems| fail_with_lines(&problems, &BundleFiles::default()))
}

/// Describes a bundle by its name, digest and counts.
pub(super) fn describe(source: &BundleSource, bundle: &Bundle) -> String {
    format!(
        "{} {}, {}",
        name(source),
        bundle.digest().short(),
        bundle.summary()
    )
}

/// Names a bundle, for a person.
pub(super) fn name(source: &BundleSource) -> String {
    match source {
        BundleSource::Embedded => "the default bundle".to_owned(),
        BundleSource::Dir(dir) => format!("the bundle in `{}`", dir.display()),
    }
}
