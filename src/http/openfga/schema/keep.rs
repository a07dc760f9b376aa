//! Shapes of stored things: stores, models, tuples, changes, assertions.

use crate::http::openfga::schema::TupleKeyBody;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A store of relationship tuples and models.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct StoreBody {
    /// The id of the store, a ULID.
    pub(in crate::http::openfga) id: String,
    /// Its name; not unique.
    pub(in crate::http::openfga) name: String,
    /// When it was created (RFC 3339).
    pub(in crate::http::openfga) created_at: String,
    /// When its name was last changed.
    pub(in crate::http::openfga) updated_at: String,
}

/// A page of stores.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct StoresBody {
    /// The stores, in the order of their creation.
    pub(in crate::http::openfga) stores: Vec<StoreBody>,
    /// For the next page; empty on the last.
    pub(in crate::http::openfga) continuation_token: String,
}

/// A store that is to be created.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct CreateStoreRequest {
    /// 3 to 64 letters, digits, spaces and `.-/^_&@`.
    #[schema(example = "documents")]
    name: String,
}

/// A new model, in OpenFGA's JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WriteModelRequest {
    /// `1.1`, or `1.2` for modules.
    schema_version: String,
    /// The types, each with its relations.
    type_definitions: Vec<Value>,
    /// The conditions, by name.
    conditions: Option<Map<String, Value>>,
}

/// The id of a new model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WriteModelBody {
    /// The id of the model, a ULID.
    pub(in crate::http::openfga) authorization_model_id: String,
}

/// One authorization model, in JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ModelBody {
    /// The model, with its id.
    pub(in crate::http::openfga) authorization_model: Value,
}

/// A page of models, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ModelsBody {
    /// The models: fewer than `page_size` where they are large.
    #[schema(value_type = Vec<Value>)]
    pub(in crate::http::openfga) authorization_models: Vec<Box<RawValue>>,
    /// For the next page; empty on the last.
    pub(in crate::http::openfga) continuation_token: String,
}

/// The tuples to be written.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct Writes {
    /// The tuples, with their conditions.
    tuple_keys: Vec<TupleKeyBody>,
    /// What to do with one that exists: `error`; `ignore` where its condition and context are
    /// equal; or `replace`, which is not in OpenFGA: where they differ, the new ones take their
    /// place.
    #[schema(example = "error")]
    on_duplicate: Option<String>,
}

/// The tuples to be deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct Deletes {
    /// The tuples, whatever their conditions.
    tuple_keys: Vec<TupleKeyBody>,
    /// What to do with one that does not exist: `error` or `ignore`.
    #[schema(example = "error")]
    on_missing: Option<String>,
}

/// At most 100 tuples, all or none.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WriteRequest {
    /// The tuples to write, after the deletions.
    writes: Option<Writes>,
    /// The tuples to delete, before anything is written.
    deletes: Option<Deletes>,
    /// The model that must allow what is written; the newest, where none is named.
    authorization_model_id: Option<String>,
}

/// What a write did. OpenFGA's answer is empty, and its clients pass over these.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WriteBody {
    /// The revision that holds it, as in the header `Behest-Revision`: for `options.at_least` of a
    /// decision.
    pub(in crate::http::openfga) revision: u64,
    /// How many tuples were written; without those that were there, and with those that were
    /// replaced.
    pub(in crate::http::openfga) written: usize,
    /// How many were deleted; without those that were not there, and with those that were replaced.
    pub(in crate::http::openfga) deleted: usize,
    /// In `main`: the names in the tuples to be written that no entity, no tuple and no policy knew
    /// before, of types whose entities the bundle names. They are probably misspelt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http::openfga) unknown: Vec<String>,
}

/// Which tuples to read: without a key all of them.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ReadRequest {
    /// An object (`document:plan`); or a type (`document:`) and a user. A relation narrows both.
    tuple_key: Option<TupleKeyBody>,
    /// 1 to 100; 50 unless said.
    page_size: Option<u32>,
    /// From the page before.
    continuation_token: Option<String>,
    /// Every answer is of the newest revision; accepted, and without effect.
    consistency: Option<String>,
}

/// A tuple with its time.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct TupleBody {
    /// The tuple, with its condition.
    pub(in crate::http::openfga) key: TupleKeyBody,
    /// When it was written (RFC 3339).
    pub(in crate::http::openfga) timestamp: String,
}

/// A page of tuples.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ReadBody {
    /// The tuples of this page.
    pub(in crate::http::openfga) tuples: Vec<TupleBody>,
    /// For the next page; empty on the last.
    pub(in crate::http::openfga) continuation_token: String,
}

/// A change of one tuple.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ChangeBody {
    /// The tuple; without its condition where it was deleted.
    pub(in crate::http::openfga) tuple_key: TupleKeyBody,
    /// Whether it was written or deleted: `TUPLE_OPERATION_WRITE` or `TUPLE_OPERATION_DELETE`.
    pub(in crate::http::openfga) operation: &'static str,
    /// When it was changed (RFC 3339).
    pub(in crate::http::openfga) timestamp: String,
}

/// A page of changes, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ChangesBody {
    /// The changes of this page, oldest first.
    pub(in crate::http::openfga) changes: Vec<ChangeBody>,
    /// For what comes next; at the end the same comes back.
    pub(in crate::http::openfga) continuation_token: String,
}

/// Tests of a model, kept beside it. They are run by clients.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WriteAssertionsRequest {
    /// The tests, at most 100.
    assertions: Vec<AssertionBody>,
}

/// One test of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct AssertionBody {
    /// The tuple that is asked for.
    pub(in crate::http::openfga) tuple_key: TupleKeyBody,
    /// The answer that is expected.
    pub(in crate::http::openfga) expectation: bool,
    /// Tuples that count as if they were written, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http::openfga) contextual_tuples: Vec<TupleKeyBody>,
    /// Values for the parameters of conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http::openfga) context: Option<Map<String, Value>>,
}

/// The tests of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct AssertionsBody {
    /// The id of the model.
    pub(in crate::http::openfga) authorization_model_id: String,
    /// The tests of the model.
    pub(in crate::http::openfga) assertions: Value,
}

/// About whom every tuple is deleted: one of the two.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct DeleteTuplesRequest {
    /// Every tuple on this object.
    #[schema(example = "document:plan")]
    object: Option<String>,
    /// Every tuple whose user is this object, or a userset of it.
    #[schema(example = "user:alice")]
    user: Option<String>,
}

/// What a call has deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct DeleteTuplesBody {
    /// The revision without them, as in the header `Behest-Revision`: for `options.at_least` of a
    /// decision.
    pub(in crate::http::openfga) revision: u64,
    /// How many tuples, all at once.
    pub(in crate::http::openfga) deleted: usize,
    /// How many are left: a call takes 10,000 at most. Send it again until this is 0.
    pub(in crate::http::openfga) left: usize,
    /// How many stand in the bundle, where no call deletes them.
    pub(in crate::http::openfga) in_bundle: usize,
}
