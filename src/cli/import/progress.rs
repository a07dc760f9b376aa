//! Shows a person at a terminal how far an import is.

use crate::cli::tuples::ReadMeter;
use indicatif::{ProgressBar, ProgressStyle};

/// Templates of the bar: for a file, how much was read; for a pipe, only that work goes on.
const FILE: &str = "{bar:30} {percent:>3} %  {msg}  {bytes} of {total_bytes}, {eta} left";
const PIPE: &str = "{spinner} {msg}  {bytes}";

/// A progress bar on standard error; nothing is shown if that is not a terminal.
pub(super) struct ImportProgress {
    bar: ProgressBar,
    meter: ReadMeter,
}

impl ImportProgress {
    /// Starts the bar. `size` is the size of the file, if known.
    pub(super) fn new(size: Option<u64>, meter: ReadMeter) -> Self {
        let (bar, style) = match size {
            Some(size) => (ProgressBar::new(size), FILE),
            None => (ProgressBar::no_length(), PIPE),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar, meter }
    }

    /// Shows that `taken` lines were imported.
    pub(super) fn set(&self, taken: u64) {
        self.bar.set_position(self.meter.bytes());
        self.bar
            .set_message(format!("{} tuples", indicatif::HumanCount(taken)));
    }

    /// Hides the bar while `print` prints something else.
    pub(super) fn print_above(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
