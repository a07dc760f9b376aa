//! How far an import is, for a person at a terminal.

use crate::cli::tuples::Meter;
use indicatif::{ProgressBar, ProgressStyle};

/// Of a file, how much was read; of a pipe, that something goes on.
const FILE: &str = "{bar:30} {percent:>3} %  {msg}  {bytes} of {total_bytes}, {eta} left";
const PIPE: &str = "{spinner} {msg}  {bytes}";

/// A bar on standard error. Where that is no terminal, nothing.
pub(super) struct Progress {
    bar: ProgressBar,
    meter: Meter,
}

impl Progress {
    /// Begins. `size` is that of the file, where it has one.
    pub(super) fn new(size: Option<u64>, meter: Meter) -> Self {
        let (bar, style) = match size {
            Some(size) => (ProgressBar::new(size), FILE),
            None => (ProgressBar::no_length(), PIPE),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self { bar, meter }
    }

    /// So many lines were taken.
    pub(super) fn set(&self, taken: u64) {
        self.bar.set_position(self.meter.bytes());
        self.bar
            .set_message(format!("{} tuples", indicatif::HumanCount(taken)));
    }

    /// Prints something else while the bar is away.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
