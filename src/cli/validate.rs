//! `behest validate`: every problem of a bundle, underlined.

use super::args::BundleArgument;
use super::output::{Paint, fail_with_lines, print, warn_with_lines};
use crate::bundle::{self, Bundle, Files, QUIET, Source};
use std::process::ExitCode;

/// Reads and checks a bundle; its cases are for `behest test`.
pub(super) fn run(argument: &BundleArgument) -> ExitCode {
    let source = argument.source();
    let mut files = match read(&source) {
        Ok(files) => files,
        Err(code) => return code,
    };
    match bundle::compile(&mut files) {
        Ok(bundle) => {
            warn_with_lines(bundle.warnings(), &files);
            let ok = Paint::for_results().good("ok");
            print(&format!("{ok}: {}\n", describe(&source, &bundle)));
            ExitCode::SUCCESS
        }
        Err(problems) => fail_with_lines(&problems, &files),
    }
}

/// Reads and checks a bundle. What is wrong is printed already where there is `Err`.
pub(super) fn compile(source: &Source) -> Result<Bundle, ExitCode> {
    let mut files = read(source)?;
    bundle::compile(&mut files).map_err(|problems| fail_with_lines(&problems, &files))
}

/// Reads a bundle's files. What is wrong is printed already where there is `Err`.
pub(super) fn read(source: &Source) -> Result<Files, ExitCode> {
    bundle::read(source, QUIET).map_err(|problems| fail_with_lines(&problems, &Files::default()))
}

/// Which bundle, its digest and its counts.
pub(super) fn describe(source: &Source, bundle: &Bundle) -> String {
    format!(
        "{} {}, {}",
        name(source),
        bundle.digest().short(),
        bundle.summary()
    )
}

/// Which bundle, for a person.
pub(super) fn name(source: &Source) -> String {
    match source {
        Source::Embedded => "the default bundle".to_owned(),
        Source::Dir(dir) => format!("the bundle in `{}`", dir.display()),
    }
}
