//! Defines why the relation service refuses a call, and how it can fail.

use crate::model::TupleKey;
use crate::relations::model::{ModelRefusal, TupleRefusal};
use crate::relations::{GraphError, RulesError};
use crate::storage::{ModelId, StoreError, StoreId};

/// Why a call of the service failed.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The durable store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model is not valid.
    #[error(transparent)]
    Model(#[from] ModelRefusal),
    /// The model does not allow a tuple.
    #[error("the tuple `{key}` cannot be written: {refusal}")]
    Tuple {
        /// The tuple.
        key: Box<TupleKey>,
        /// Why not.
        refusal: TupleRefusal,
    },
    /// The store has no model yet.
    #[error("store `{0}` has no authorization model: write one first")]
    NoModel(StoreId),
    /// The limit on the number of stores is reached.
    #[error(
        "there are {0} stores, which is the most: delete one that nobody needs, \
         or raise `limits.stores`"
    )]
    TooManyStores(usize),
    /// `main` was to be deleted.
    #[error("the store `main` cannot be deleted: decisions read it")]
    MainStays,
    /// A model was to be written to `main`.
    #[error("the model of the store `main` is the bundle's: change the `.fga` files there")]
    MainModel,
    /// Assertions were to be written for `main`.
    #[error("the store `main` takes no assertions: write cases in the bundle, beside its model")]
    MainAssertions,
    /// A tuple of the bundle was to be written or deleted.
    #[error("`{0}` is one of the bundle's tuples: change it there")]
    InBundle(Box<TupleKey>),
    /// An id in `main` is not in canonical encoding, so no entity has it.
    #[error(
        "`{0}` has an id that is not in canonical encoding: percent-encode `:`, `#`, `*`, `%`, \
         white space and control characters in upper-case hex, and nothing else"
    )]
    NotCanonical(Box<TupleKey>),
    /// The store has no room for more names or objects.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The model cannot be compiled for the store.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A stored model is not accepted by this version.
    #[error("the stored model `{model}` cannot be used: {reason}")]
    StoredModel {
        /// The model.
        model: ModelId,
        /// Why not.
        reason: String,
    },
}

impl StoresError {
    /// Returns `true` if the service failed, and not the request.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Store(error) => error.is_fault(),
            Self::StoredModel { .. } => true,
            Self::Model(_)
            | Self::Tuple { .. }
            | Self::NoModel(_)
            | Self::TooManyStores(_)
            | Self::MainStays
            | Self::MainModel
            | Self::MainAssertions
            | Self::InBundle(_)
            | Self::NotCanonical(_)
            | Self::Graph(_)
            | Self::Rules(_) => false,
        }
    }
}
