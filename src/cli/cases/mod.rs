//! `behest test`: runs a bundle's cases, and reports each that fails, what they reach, and what
//! lints find, in the form that a person or a CI system reads.

mod github;
mod json_report;
mod junit;
mod tap;
mod text_report;

use super::args::{LintLevel, Percent, ReportFormat, TestArguments};
use super::exit::{CommandFailure, ExitReason};
use super::lints::{self, LintFinding};
use super::output::{Paint, fail, fail_with_lines, notice, print};
use super::validate;
use crate::bundle::{self, AT_ONCE, Bundle, BundleFiles, BundleSource, CaseReport, Lint};
use crate::engine::{self, Coverage};
use crate::model::{Place, Problem, Problems};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What a run of cases came to.
struct TestRun {
    source: BundleSource,
    files: BundleFiles,
    outcome: Result<TestOutcome, Problems>,
}

/// The results of a bundle that loads.
struct TestOutcome {
    bundle: Arc<Bundle>,
    report: CaseReport,
    /// Whether all cases were run.
    is_whole: bool,
    coverage: Option<CoverageResult>,
    lints: Vec<LintFinding>,
}

/// What the cases reach, and what they have to.
struct CoverageResult {
    found: Coverage,
    required: Option<Percent>,
}

impl CoverageResult {
    /// Returns `true` if less is reached than is required.
    fn is_low(&self) -> bool {
        let counts = [self.found.policies(), self.found.clauses()];
        let required = self.required.map_or(0, |required| required.permille);
        counts.into_iter().any(|count| count.permille() < required)
    }
}

/// Runs the cases of a bundle that the arguments select, or all of them.
pub(super) fn run(arguments: &TestArguments, source: &BundleSource) -> ExitCode {
    let untested = arguments.filter.is_some().then_some((
        Lint::UntestedPolicy,
        "`untested-policy` needs all cases: leave `--filter` out",
    ));
    if let Err(failure) = lints::check(&arguments.lints, untested) {
        return fail(failure);
    }
    let run = run_cases(arguments, source.clone());
    if let (Ok(outcome), Some(filter)) = (&run.outcome, &arguments.filter)
        && outcome.report.results.is_empty()
    {
        let name = validate::name(&run.source);
        return fail(
            Problem::new(format!(
                "no case of {name} has a name that matches `{filter}`"
            ))
            .help("leave `--filter` out to run them all"),
        );
    }
    match show(&run, arguments.format, arguments.output.as_deref()) {
        Ok(()) => run.exit_code(),
        Err(failure) => fail(failure),
    }
}

fn run_cases(arguments: &TestArguments, source: BundleSource) -> TestRun {
    let mut files = match bundle::read(&source, AT_ONCE) {
        Ok(files) => files,
        Err(problems) => {
            return TestRun {
                source,
                files: BundleFiles::default(),
                outcome: Err(problems),
            };
        }
    };
    let outcome = checked(&mut files, arguments).map(|(bundle, report, found)| TestOutcome {
        lints: lints::found(&bundle, &files, Some(&report), &arguments.lints),
        coverage: found.map(|found| CoverageResult {
            found,
            required: arguments.min_coverage,
        }),
        is_whole: arguments.filter.is_none(),
        bundle,
        report,
    });
    TestRun {
        source,
        files,
        outcome,
    }
}

type CheckedCases = (Arc<Bundle>, CaseReport, Option<Coverage>);

fn checked(files: &mut BundleFiles, arguments: &TestArguments) -> Result<CheckedCases, Problems> {
    if arguments.coverage || arguments.min_coverage.is_some() {
        let (bundle, report, coverage) = engine::check_covered(files)?;
        Ok((bundle, report, Some(coverage)))
    } else {
        let (bundle, report) = engine::check(files, arguments.filter.as_ref())?;
        Ok((bundle, report, None))
    }
}

/// Writes the results where they are wanted. What people must see beside a form for machines goes
/// to standard error.
fn show(run: &TestRun, format: ReportFormat, output: Option<&Path>) -> Result<(), CommandFailure> {
    let text = run.in_format(format, Paint { colour: false });
    match (format, output) {
        (_, Some(path)) => {
            std::fs::write(path, text).map_err(|error| {
                let message = format!("`{}` cannot be written: {error}", path.display());
                Problem::new(message)
                    .help("name a file in a directory that exists and that you may write to")
            })?;
            print(&run.in_format(ReportFormat::Text, Paint::for_results()));
        }
        (ReportFormat::Text, None) => {
            print(&run.in_format(ReportFormat::Text, Paint::for_results()));
        }
        (_, None) => print(&text),
    }
    match &run.outcome {
        Ok(outcome) => {
            lints::show(&outcome.lints, &run.files);
            if let Some(coverage) = outcome.coverage.as_ref().filter(|it| it.is_low()) {
                notice(&text_report::low_coverage(coverage, Paint::for_errors()));
            }
        }
        Err(problems) => drop(fail_with_lines(problems, &run.files)),
    }
    Ok(())
}

impl TestRun {
    fn in_format(&self, format: ReportFormat, paint: Paint) -> String {
        match format {
            ReportFormat::Text => text_report::render(self, paint),
            ReportFormat::Junit => junit::render(self),
            ReportFormat::Tap => tap::render(self),
            ReportFormat::Json => json_report::render(self),
            ReportFormat::Github => github::render(self),
        }
    }

    fn exit_code(&self) -> ExitCode {
        let Ok(outcome) = &self.outcome else {
            return ExitReason::BrokenBundle.into();
        };
        if outcome.report.failures().next().is_some() {
            ExitReason::Failed.into()
        } else if outcome.lints.iter().any(LintFinding::is_denied) {
            ExitReason::Lint.into()
        } else if outcome
            .coverage
            .as_ref()
            .is_some_and(CoverageResult::is_low)
        {
            ExitReason::LowCoverage.into()
        } else {
            ExitCode::SUCCESS
        }
    }

    /// Returns the line and the column of a place.
    fn position(&self, place: &Place) -> Option<(usize, usize)> {
        self.files.position(place)
    }

    /// Returns the path of a file of the bundle as CI systems know it: from the root of the
    /// repository, where GitHub tells it, and else from here. A file of a pack has none.
    fn path(&self, file: &str) -> Option<String> {
        let BundleSource::Dir(dir) = &self.source else {
            return None;
        };
        if file.starts_with("pack:") {
            return None;
        }
        let root = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let inside = root.and_then(|root| {
            let whole = dir.canonicalize().ok()?;
            let root = root.canonicalize().ok()?;
            whole.strip_prefix(root).ok().map(Path::to_path_buf)
        });
        let dir = inside.unwrap_or_else(|| dir.clone());
        let path = dir.join(file);
        let plain = path.strip_prefix(".").unwrap_or(&path);
        Some(plain.display().to_string())
    }
}

/// Returns `policies/cases.yaml:12`, or the file alone where the line is not known.
fn place_text(file: &str, position: Option<(usize, usize)>) -> String {
    match position {
        Some((line, _)) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

/// Returns how a lint's level is called.
fn level_name(level: LintLevel) -> &'static str {
    match level {
        LintLevel::Allow => "allow",
        LintLevel::Warn => "warning",
        LintLevel::Deny => "error",
    }
}
