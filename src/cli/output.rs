//! What commands print: texts, problems, colours.

use crate::bundle::{self, Files};
use crate::model::{Problem, Problems};
use indicatif::HumanCount;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Prints a command's result. Whoever closes the pipe early has read enough.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints for the person at the terminal, beside a command's result.
pub(super) fn notice(text: &str) {
    let _closed = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what is wrong, and gives the exit code for it.
pub(super) fn fail(problem: &Problem) -> ExitCode {
    fail_all(&Problems(vec![problem.clone()]))
}

/// Prints everything that is wrong and not about a bundle's files.
pub(super) fn fail_all(problems: &Problems) -> ExitCode {
    let paint = Paint::for_errors();
    for problem in &problems.0 {
        tell(&paint.bad("error:"), problem, paint);
    }
    ExitCode::FAILURE
}

fn tell(label: &str, problem: &Problem, paint: Paint) {
    notice(&format!("{label} {problem}\n"));
    if let Some(help) = &problem.help {
        notice(&format!("  {} {help}\n", paint.dim("help:")));
    }
}

/// Prints everything that is wrong with a bundle, with the lines that it is about.
pub(super) fn fail_with_lines(problems: &Problems, files: &Files) -> ExitCode {
    notice(&with_line_end(bundle::render(
        problems,
        files,
        Paint::for_errors().colour,
    )));
    ExitCode::FAILURE
}

/// Prints what is probably a mistake in a bundle and stops nothing, with the lines that it is
/// about.
pub(super) fn warn_with_lines(warnings: &[Problem], files: &Files) {
    notice(&with_line_end(bundle::render_warnings(
        warnings,
        files,
        Paint::for_errors().colour,
    )));
}

/// A number of things: `1 tuple`, `2,500 tuples`.
pub(super) fn count(number: u64, one: &str, more: &str) -> String {
    format!(
        "{} {}",
        HumanCount(number),
        if number == 1 { one } else { more }
    )
}

/// How long so many things took: `1.4 s, 16,711 a second`.
pub(super) fn timing(number: u64, took: Duration) -> String {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = number.saturating_mul(1_000) / ms;
    format!(
        "{}.{} s, {} a second",
        ms / 1_000,
        ms % 1_000 / 100,
        HumanCount(rate)
    )
}

/// The text, ending its last line.
pub(super) fn with_line_end(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Every line of `text`, moved to the right.
pub(super) fn indent(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("{margin}{line}\n")
            }
        })
        .collect()
}

/// Colours, where the reader is a terminal that wants them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Whether there are any.
    pub(super) colour: bool,
}

impl Paint {
    pub(super) fn for_results() -> Self {
        Self {
            colour: io::stdout().is_terminal() && wanted(),
        }
    }

    pub(super) fn for_errors() -> Self {
        Self {
            colour: io::stderr().is_terminal() && wanted(),
        }
    }

    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32;1", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31;1", text)
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// `NO_COLOR` (no-color.org) and terminals that cannot.
fn wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !no_color && !dumb
}
