//! Chooses the bundle that is developed.

use crate::bundle::BundleSource;
use crate::cli::args::DevArguments;
use crate::cli::exit::{CommandFailure, ExitReason};
use crate::model::Problem;
use std::path::{Path, PathBuf};

/// The bundle that is developed, and how it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChosenBundle {
    /// It was named.
    Named(PathBuf),
    /// It lies in the working directory.
    Here,
    /// There is none, so that the default one is served.
    Default,
}

impl ChosenBundle {
    /// Returns the bundle that is named, or else the one in the working directory, or else the
    /// default one.
    pub(super) fn of(arguments: &DevArguments) -> Result<Self, CommandFailure> {
        match arguments.bundle.clone().named().source() {
            BundleSource::Dir(dir) if holds_bundle(&dir) => Ok(Self::Named(dir)),
            BundleSource::Dir(dir) => Err(no_bundle(&dir)),
            BundleSource::Embedded if holds_bundle(Path::new(".")) => Ok(Self::Here),
            BundleSource::Embedded => Ok(Self::Default),
        }
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

    /// Names the bundle, for a person.
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

/// Whether a directory has a folder of a bundle.
fn holds_bundle(dir: &Path) -> bool {
    ["schemas", "policies"]
        .iter()
        .any(|folder| dir.join(folder).exists())
}

fn no_bundle(dir: &Path) -> CommandFailure {
    let shown = dir.display();
    let problem = match dir.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => Problem::new(format!("`{shown}` is empty")),
        Ok(false) => Problem::new(format!(
            "`{shown}` holds no bundle: neither `schemas/` nor `policies/`"
        )),
        Err(error) => Problem::new(format!("`{shown}` cannot be read: {error}")),
    };
    CommandFailure {
        problem: problem.help(format!(
            "`behest init {shown}` writes a bundle to begin with, with cases"
        )),
        reason: ExitReason::BrokenBundle,
    }
}
