//! Saves edits into the directory that the bundle is read from.
//!
//! INVARIANT: nothing but what a person is shown can be edited: a file whose text is hidden is not
//! saved, whatever an edit says that it was made on.

use super::Engine;
use crate::bundle::{BundleSource, FileEdit, SaveError, save_edits};
use crate::model::Fault;
use aws_lc_rs::digest::{SHA256, digest};
use std::sync::Arc;

/// An edit that is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedEdit {
    /// The path in the bundle.
    pub path: String,
    /// The text that is to be there.
    pub text: Arc<str>,
    /// The SHA-256 of the text that the edit was made on.
    pub was: [u8; 32],
}

/// An edit that is not saved: its path, and why. Nothing was written, unless the system refused it.
#[derive(Debug)]
pub struct UnsavedEdit {
    /// The path in the bundle.
    pub path: String,
    /// Why it is not saved.
    pub error: SaveError,
}

impl Engine {
    /// Saves edits of files of the bundle, or, where one was made on another text, none of them.
    pub fn save_edits(&self, edits: &[WantedEdit]) -> Result<Result<(), UnsavedEdit>, Fault> {
        let refuse = |path: &str, error| {
            Ok(Err(UnsavedEdit {
                path: path.to_owned(),
                error,
            }))
        };
        let files = self.bundle_files()?;
        let mut compared = Vec::new();
        for edit in edits {
            let Some(file) = files.iter().find(|file| file.path == edit.path) else {
                return refuse(&edit.path, SaveError::NotThere);
            };
            let Some(before) = &file.text else {
                return refuse(&edit.path, SaveError::Hidden);
            };
            if digest(&SHA256, before.as_bytes()).as_ref() != edit.was {
                return refuse(&edit.path, SaveError::Changed);
            }
            compared.push(FileEdit {
                path: edit.path.clone(),
                before: Arc::clone(before),
                text: Arc::clone(&edit.text),
            });
        }
        match self.status().source {
            Some(BundleSource::Dir(dir)) => Ok(
                save_edits(&dir, &compared).map_err(|(path, error)| UnsavedEdit { path, error })
            ),
            Some(BundleSource::Embedded) | None => {
                let path = edits.first().map_or("", |edit| edit.path.as_str());
                refuse(path, SaveError::NotThere)
            }
        }
    }
}
