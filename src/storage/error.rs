//! Defines why a store refuses a call, and how its disk can fail.

use crate::model::TupleKey;
use crate::storage::codec::MAX_DEPTH;
use crate::storage::{Backend, ModelId, StoreId};
use std::path::PathBuf;

/// Why a call of a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store has this id.
    #[error("there is no store `{0}`: list the stores for their ids")]
    UnknownStore(StoreId),
    /// The store has no model of this id.
    #[error("store `{store}` has no model `{model}`: list its models for their ids")]
    UnknownModel {
        /// The store.
        store: StoreId,
        /// The model.
        model: ModelId,
    },
    /// Another store has this id.
    #[error("store `{0}` exists already: create it under another id")]
    StoreExists(StoreId),
    /// Another model of the store has this id.
    #[error("store `{store}` has a model `{model}` already: write it under another id")]
    ModelExists {
        /// The store.
        store: StoreId,
        /// The model.
        model: ModelId,
    },
    /// A key occurs twice in one batch.
    #[error("`{0}` occurs twice in one batch: name each tuple once")]
    Repeated(Box<TupleKey>),
    /// A tuple to be written exists already.
    #[error(
        "`{0}` exists already: leave it out, or say by `writes.on_duplicate` what is to be done: \
         `error` (the default), `ignore` or `replace`"
    )]
    Exists(Box<TupleKey>),
    /// A tuple to be written exists with another condition or context.
    #[error(
        "`{0}` exists already with another condition or context: \
         replace it by `writes.on_duplicate: \"replace\"`, or leave it out"
    )]
    ExistsOtherwise(Box<TupleKey>),
    /// A tuple to be deleted does not exist.
    #[error(
        "`{0}` does not exist: leave it out, or say by `deletes.on_missing` what is to be done: \
         `error` (the default) or `ignore`"
    )]
    Missing(Box<TupleKey>),
    /// A tuple to be written exists with another condition or context, and duplicates are ignored.
    #[error(
        "`{0}` exists with another condition or context, so it is no duplicate to ignore: \
         replace it by `writes.on_duplicate: \"replace\"`, or delete it first"
    )]
    ConditionDiffers(Box<TupleKey>),
    /// The context of a tuple's condition nests too deeply.
    #[error("the context of `{0}` nests deeper than {MAX_DEPTH} levels: make it flatter")]
    TooDeep(Box<TupleKey>),
    /// The system gave no random numbers for an id.
    #[error("the system gives no random numbers: see whether its entropy source is available")]
    Random,
    /// Another process uses the data directory.
    #[error(
        "the data directory `{}` is in use by another process: \
         stop that one, or choose another directory",
        .0.display()
    )]
    Locked(PathBuf),
    /// A restore into the data directory did not end.
    #[error(
        "a restore into the data directory `{}` did not end: run `behest restore` again, or \
         remove the directory",
        .0.display()
    )]
    Restoring(PathBuf),
    /// The store gives no snapshot of what it holds.
    #[error("the store cannot be backed up: it gives no snapshot of what it holds")]
    NoSnapshot,
    /// The data directory holds the data of another backend.
    #[error(
        "the data directory `{dir}` already holds `{}` of the store backend `{name}`: \
         open it as `{name}:{dir}`, or choose another directory",
        found.entry().unwrap_or_default(), name = found.name(), dir = dir.display()
    )]
    OtherBackend {
        /// The directory.
        dir: PathBuf,
        /// The backend whose data was found.
        found: &'static Backend,
    },
    /// A backend that keeps nothing was named, and a directory of its name holds a store.
    #[error(
        "`{name}` keeps nothing, and the directory `{name}` holds `{entry}`: \
         write `./{name}` to open it, or move it away"
    )]
    DirectoryOfThisName {
        /// The name of both.
        name: &'static str,
        /// What the directory holds.
        entry: &'static str,
    },
    /// The file was written by another version.
    #[error(
        "`{}` has format {found}, and this version of behest reads format {expected}: \
         open it with the version that wrote it",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The only format that this version reads.
        expected: u32,
    },
    /// The disk, or the process's share of it, is full. Every acknowledged write is kept.
    #[error(
        "the disk of `{}` is full: make room and write again, nothing that \
         was acknowledged is lost",
        .0.display()
    )]
    Full(PathBuf),
    /// The file is damaged, or is not a store.
    #[error(
        "`{}` is damaged or is not a store of behest ({what}): \
         restore it from a copy, or move it away to start empty",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be read or written.
    #[error("`{}` cannot be {doing}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operation that failed: `opened`, `read`, `written`.
        doing: &'static str,
        /// The system's message.
        reason: String,
    },
}

impl StoreError {
    /// Returns `true` if the disk or the system failed, and not the request.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::UnknownStore(_)
            | Self::UnknownModel { .. }
            | Self::StoreExists(_)
            | Self::ModelExists { .. }
            | Self::Repeated(_)
            | Self::Exists(_)
            | Self::ExistsOtherwise(_)
            | Self::Missing(_)
            | Self::ConditionDiffers(_)
            | Self::TooDeep(_) => false,
            Self::Random
            | Self::Locked(_)
            | Self::Restoring(_)
            | Self::NoSnapshot
            | Self::OtherBackend { .. }
            | Self::DirectoryOfThisName { .. }
            | Self::Format { .. }
            | Self::Full(_)
            | Self::Corrupt { .. }
            | Self::Io { .. } => true,
        }
    }
}
