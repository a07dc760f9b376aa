//! `behest test --watch`: runs a command again at each change of a bundle.

use super::exit::CommandFailure;
use super::output::{Paint, fail, notice};
use super::serve::edits::EditWatch;
use crate::bundle::BundleSource;
use crate::model::Problem;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::process::ExitCode;

/// Runs `run` now and at each change, until a signal ends the process.
pub(super) fn at_each_change(source: &BundleSource, run: impl Fn() -> ExitCode) -> ExitCode {
    let BundleSource::Dir(dir) = source else {
        return fail(CommandFailure::usage(
            Problem::new("the default bundle is part of the program and never changes")
                .help("name the directory of a bundle: `behest test DIR --watch`"),
        ));
    };
    if let Err(error) = end_on_signals() {
        return fail(Problem::new(format!("signals cannot be handled: {error}")));
    }
    let paint = Paint::for_errors();
    let mut watch = EditWatch::new(dir);
    loop {
        let _its_report_says_it = run();
        notice(&format!(
            "{}\n",
            paint.dim("waiting for a change; ^C ends it")
        ));
        let edited = watch.wait();
        notice(&format!("\n{}\n", paint.strong(&edited.to_string())));
    }
}

/// Ends the process with code 0 when a signal asks for it: this is how a watch ends.
fn end_on_signals() -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                notice("\n");
                std::process::exit(0);
            }
        })
        .map(drop)
}
