//! Chooses the bundle of a command that people type: the one that is named, or else the one in the
//! working directory, or else the default one.
//!
//! INVARIANT: `behest serve`, and commands that write, never take a bundle because of where they
//! are started: a service decides by what its settings name.

use super::args::BundleArgument;
use super::output::{Paint, notice};
use crate::bundle::{BundleSource, holds_bundle};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// A bundle, and how it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChosenBundle {
    /// It was named, by an argument or by the variable.
    Named(PathBuf),
    /// It lies in the working directory.
    Here,
    /// There is none, so that the default one is taken.
    Default,
}

impl ChosenBundle {
    /// Returns the bundle that is named, or else the one in the working directory, or else the
    /// default one.
    pub(super) fn of(argument: &BundleArgument) -> Self {
        match argument.named_source() {
            BundleSource::Dir(dir) => Self::Named(dir),
            BundleSource::Embedded if holds_bundle(Path::new(".")) => Self::Here,
            BundleSource::Embedded => Self::Default,
        }
    }

    /// Does the same, and says on standard error which bundle was taken without being named. The
    /// default one is told to people alone, at a terminal.
    pub(super) fn announced(argument: &BundleArgument) -> Self {
        let chosen = Self::of(argument);
        let line = match &chosen {
            Self::Here => {
                "note: this is about the bundle in this directory; `--bundle DIR` names \
                           another"
            }
            Self::Default if std::io::stderr().is_terminal() => {
                "note: this is about the default bundle; `--bundle DIR` or `BEHEST_BUNDLE` names \
                 another"
            }
            Self::Named(_) | Self::Default => return chosen,
        };
        notice(&format!("{}\n", Paint::for_errors().dim(line)));
        chosen
    }

    pub(super) fn source(&self) -> BundleSource {
        match self.dir() {
            Some(dir) => BundleSource::Dir(dir.to_owned()),
            None => BundleSource::Embedded,
        }
    }

    /// Returns the directory, if there is one that can be edited.
    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Named(dir) => Some(dir),
            Self::Here => Some(Path::new(".")),
            Self::Default => None,
        }
    }

    /// Names the bundle of a session, for a person.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Named(dir) => dir.display().to_string(),
            Self::Here => "the one in this directory".to_owned(),
            Self::Default => "the default one: there is none in this directory, and \
                              `behest init` writes one"
                .to_owned(),
        }
    }
}
