//! Prints what commands show: texts, problems, colours.

use super::args::ColorChoice;
use super::exit::{CommandFailure, ExitReason};
use crate::bundle::{self, BundleFiles};
use crate::json::JsonError;
use crate::model::{Problem, Problems, without_passwords};
use indicatif::HumanCount;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

/// Prints a command's result. A closed pipe is no error: its reader has read enough.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let text = printable(text);
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a message on standard error, for the person at the terminal.
pub(super) fn notice(text: &str) {
    let _closed = io::stderr().lock().write_all(printable(text).as_bytes());
}

/// Returns a text as a terminal may have it: what commands it, or turns the direction of what
/// follows, is written as an escape, but for line ends, tabs and colours. A service, a bundle or a
/// file may hold anything.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(commands) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = colour(rest).unwrap_or(c.len_utf8());
        let (part, behind) = rest.split_at(taken);
        if part.len() == c.len_utf8() && commands(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push_str(part);
        }
        rest = behind;
    }
    Cow::Owned(shown)
}

/// Returns `true` for a character that is an order to a terminal, and none to be seen.
fn commands(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || turns
}

/// Returns the length of the colour, `ESC [ 31 ; 1 m`, with which a text begins. One that hides
/// what follows (8) is none.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let (numbers, _) = numbers.split_once('m')?;
    let is_colour = numbers
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b';')
        && numbers.len() <= 20
        && numbers
            .split(';')
            .all(|number| number.trim_start_matches('0') != "8");
    is_colour.then_some(numbers.len() + 3)
}

/// Returns a text of others on one line, as messages quote it.
pub(super) fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || commands(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Prints a problem, and returns the exit code for it.
pub(super) fn fail(failure: impl Into<CommandFailure>) -> ExitCode {
    let CommandFailure { problem, reason } = failure.into();
    fail_all(&problem.into());
    reason.into()
}

/// Prints problems that are not about a bundle's files.
pub(super) fn fail_all(problems: &Problems) -> ExitCode {
    let paint = Paint::for_errors();
    for problem in &problems.0 {
        tell(&paint.bad("error:"), problem, paint);
    }
    ExitCode::FAILURE
}

fn tell(label: &str, problem: &Problem, paint: Paint) {
    let message = problem.to_string();
    notice(&format!("{label} {}\n", without_passwords(&message)));
    if let Some(help) = &problem.help {
        let help = without_passwords(help);
        notice(&format!("  {} {help}\n", paint.dim("help:")));
    }
}

/// Prints all problems of a bundle, with the lines that they are about, and returns the exit code
/// of a broken bundle.
pub(super) fn fail_with_lines(problems: &Problems, files: &BundleFiles) -> ExitCode {
    notice(&with_line_end(bundle::render(
        problems,
        files,
        Paint::for_errors().colour,
    )));
    ExitReason::BrokenBundle.into()
}

/// Prints warnings about a bundle (probable mistakes that stop nothing), with their lines.
pub(super) fn warn_with_lines(warnings: &[Problem], files: &BundleFiles) {
    notice(&with_line_end(bundle::render_warnings(
        warnings,
        files,
        Paint::for_errors().colour,
    )));
}

/// Returns why what a person gave cannot be read as JSON; `what` names it: `the request`.
pub(super) fn misread(what: &str, error: &JsonError) -> String {
    let message = error.about(what);
    match error {
        JsonError::Twice { .. } => format!("{what}: {message}"),
        JsonError::Syntax { .. }
        | JsonError::TooDeep(_)
        | JsonError::TooHeavy
        | JsonError::NoObject(_) => message,
    }
}

/// Returns a number with its noun: `1 tuple`, `2,500 tuples`.
pub(super) fn format_count(number: u64, one: &str, more: &str) -> String {
    format!(
        "{} {}",
        HumanCount(number),
        if number == 1 { one } else { more }
    )
}

/// Returns how long `number` things took: `1.4 s, 16,711 a second`.
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

/// Returns the text with an end of line after its last line.
pub(super) fn with_line_end(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Returns `text` with every line indented by `by` spaces.
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

/// What the command line says of colours.
static COLOR: OnceLock<ColorChoice> = OnceLock::new();

/// Sets when output has colours, for the whole process.
pub(super) fn choose_color(choice: ColorChoice) {
    // The command line is read once.
    let _first = COLOR.set(choice);
}

/// Returns whether output has colours, if the command line says so.
pub(super) fn chosen_color() -> Option<bool> {
    match COLOR.get().copied().unwrap_or_default() {
        ColorChoice::Auto => None,
        ColorChoice::Always => Some(true),
        ColorChoice::Never => Some(false),
    }
}

/// Whether output to a place has colours.
fn is_coloured(is_terminal: impl FnOnce() -> bool) -> bool {
    chosen_color().unwrap_or_else(|| is_terminal() && wanted())
}

/// Whether to colour output: as the command line says, and otherwise only if it goes to a terminal
/// that supports and wants colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Whether colours are used.
    pub(super) colour: bool,
}

impl Paint {
    pub(super) fn for_results() -> Self {
        Self {
            colour: is_coloured(|| io::stdout().is_terminal()),
        }
    }

    pub(super) fn for_errors() -> Self {
        Self {
            colour: is_coloured(|| io::stderr().is_terminal()),
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

/// Whether colours are wanted: not with `NO_COLOR` (no-color.org), and not on a dumb terminal.
fn wanted() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !no_color && !dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_commands_a_terminal() {
        for (text, shown) in [
            ("a\tb\nc", "a\tb\nc"),
            (
                "\u{1b}[31;1merror:\u{1b}[0m x",
                "\u{1b}[31;1merror:\u{1b}[0m x",
            ),
            ("\u{1b}]0;t\u{7}", "\\u{1b}]0;t\\u{7}"),
            ("\u{1b}[2J\u{1b}[8mx", "\\u{1b}[2J\\u{1b}[8mx"),
            ("a\rb\u{9b}31m\u{7f}", "a\\u{d}b\\u{9b}31m\\u{7f}"),
            ("\u{202e}tpircs", "\\u{202e}tpircs"),
            ("\u{1b}", "\\u{1b}"),
            ("äöü", "äöü"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
        assert_eq!(one_line("a\r\nerror: b\t"), "a\\r\\nerror: b\\t");
    }
}
