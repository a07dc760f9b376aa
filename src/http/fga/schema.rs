//! The shapes of the OpenFGA API: those of answers are written as they stand here, those of requests are described.
//!
//! Requests are not read into these (`fields` reads them), because a message must name the member at fault.
//!
//! Longer than other files because it is one list: forty small shapes that only differ in their members.

use super::{
    assertions, batch_check, changes, check, clear, expand, list_objects, list_users, models, read, stores, stream,
    write,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoResponses, ToSchema};

/// The calls, for the description of the API.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        stores::list, stores::create, stores::get, stores::delete,
        models::write, models::list, models::get,
        write::write, read::read, changes::changes, clear::delete_tuples,
        check::check, batch_check::batch_check, expand::expand,
        list_objects::list_objects, stream::streamed_list_objects, list_users::list_users,
        assertions::write, assertions::read,
    ),
    tags((
        name = "Relations",
        description = "Relationship tuples, by the OpenFGA HTTP API. Every call needs a key with the permission \
            `relations.read` or `relations.write`. Decisions read the store `main` (`01BEHEST00000000000000MA1N`), whose \
            model is the bundle's.",
    )),
)]
pub(in crate::http) struct Paths;

/// What every call can answer when it does not do what it was asked.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, and written by the error type")]
pub(super) enum Errors {
    /// The request is at fault.
    #[response(status = 400)]
    Invalid(FgaError),
    /// No key, or one that nobody has.
    #[response(status = 401)]
    Unauthenticated(FgaError),
    /// The caller may not do this.
    #[response(status = 403)]
    Forbidden(FgaError),
    /// No store has this id.
    #[response(status = 404)]
    NotFound(FgaError),
    /// The time was up, a limit on what one request may cost was met, or a fault of the service.
    #[response(status = 500)]
    Internal(FgaError),
}

/// Why a call has no answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FgaError {
    /// OpenFGA's name for it.
    #[schema(example = "validation_error")]
    code: String,
    /// For people; may change.
    message: String,
}

/// A store.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoreBody {
    /// Its id.
    pub(super) id: String,
    /// Its name; not unique.
    pub(super) name: String,
    /// When it was created (RFC 3339).
    pub(super) created_at: String,
    /// When its name was last changed.
    pub(super) updated_at: String,
}

/// A page of stores.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoresBody {
    /// The stores.
    pub(super) stores: Vec<StoreBody>,
    /// For the next page; empty on the last.
    pub(super) continuation_token: String,
}

/// A new store.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreateStoreRequest {
    /// 3 to 64 letters, digits, spaces and `.-/^_&@`.
    #[schema(example = "documents")]
    name: String,
}

/// A new model, in OpenFGA's JSON.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WriteModelRequest {
    /// `1.1`, or `1.2` for modules.
    schema_version: String,
    /// The types.
    type_definitions: Vec<Value>,
    /// The conditions, by name.
    conditions: Option<Map<String, Value>>,
}

/// The id of a new model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WriteModelBody {
    /// The id.
    pub(super) authorization_model_id: String,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelBody {
    /// The model, with its id.
    pub(super) authorization_model: Value,
}

/// A page of models, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsBody {
    /// The models.
    pub(super) authorization_models: Vec<Value>,
    /// For the next page; empty on the last.
    pub(super) continuation_token: String,
}

/// A tuple.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TupleKeyBody {
    /// Who: `type:id`, `type:id#relation` or `type:*`.
    #[schema(example = "user:alice")]
    pub(super) user: String,
    /// In which relation.
    #[schema(example = "viewer")]
    pub(super) relation: String,
    /// To what.
    #[schema(example = "document:plan")]
    pub(super) object: String,
    /// When it holds; always, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<ConditionBody>,
}

/// A condition of the model, with values for its parameters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ConditionBody {
    /// The condition's name.
    pub(super) name: String,
    /// Values; they win over those of a request.
    pub(super) context: Map<String, Value>,
}

/// Tuples to write.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Writes {
    /// The tuples.
    tuple_keys: Vec<TupleKeyBody>,
    /// What to do with one that exists: `error`, or `ignore` where its condition is equal.
    #[schema(example = "error")]
    on_duplicate: Option<String>,
}

/// Tuples to delete.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deletes {
    /// The tuples, whatever their conditions.
    tuple_keys: Vec<TupleKeyBody>,
    /// What to do with one that does not exist: `error` or `ignore`.
    #[schema(example = "error")]
    on_missing: Option<String>,
}

/// At most 100 tuples, all or none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WriteRequest {
    /// Written second.
    writes: Option<Writes>,
    /// Deleted first.
    deletes: Option<Deletes>,
    /// The model that must allow what is written; the newest, where none is named.
    authorization_model_id: Option<String>,
}

/// Which tuples to read: without a key all of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadRequest {
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
pub(super) struct TupleBody {
    /// The tuple.
    pub(super) key: TupleKeyBody,
    /// When it was written (RFC 3339).
    pub(super) timestamp: String,
}

/// A page of tuples.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadBody {
    /// The tuples.
    pub(super) tuples: Vec<TupleBody>,
    /// For the next page; empty on the last.
    pub(super) continuation_token: String,
}

/// A change of one tuple.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeBody {
    /// The tuple; without its condition where it was deleted.
    pub(super) tuple_key: TupleKeyBody,
    /// `TUPLE_OPERATION_WRITE` or `TUPLE_OPERATION_DELETE`.
    pub(super) operation: &'static str,
    /// When (RFC 3339).
    pub(super) timestamp: String,
}

/// A page of changes, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangesBody {
    /// The changes.
    pub(super) changes: Vec<ChangeBody>,
    /// For what comes next; at the end the same comes back.
    pub(super) continuation_token: String,
}

/// Tuples that count for one question as if they were written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContextualTuples {
    /// At most 100.
    tuple_keys: Vec<TupleKeyBody>,
}

/// Is this user in that relation to this object?
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckRequest {
    /// The question.
    tuple_key: TupleKeyBody,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The newest, where none is named.
    authorization_model_id: Option<String>,
    /// Whether `resolution` shall show the tuples that permit it. The header `Behest-Trace: true` asks for the same.
    trace: Option<bool>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// Whether.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckBody {
    /// Whether.
    pub(super) allowed: bool,
    /// Where it was asked for: the tuples that show it, `object#relation@user`, from the object to the user, with `, `
    /// between them. No tuple holds a space. Empty where nothing shows it.
    #[schema(example = "document:plan#viewer@team:sre#member, team:sre#member@user:alice")]
    pub(super) resolution: String,
}

/// Several checks, at most 50.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchCheckRequest {
    /// The checks.
    checks: Vec<BatchCheckItem>,
    /// The newest, where none is named.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// One check of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchCheckItem {
    /// The question.
    tuple_key: TupleKeyBody,
    /// Tuples of the item's own.
    contextual_tuples: Option<ContextualTuples>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// Names the item: 1 to 36 letters, digits, `_` and `-`, unique in the batch.
    correlation_id: String,
}

/// The answers of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchCheckBody {
    /// Each item's answer, by its correlation id.
    pub(super) result: std::collections::BTreeMap<String, BatchCheckResult>,
}

/// One item's answer: one of the two.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BatchCheckResult {
    /// Whether.
    Allowed(bool),
    /// Why there is no answer.
    Error(BatchCheckError),
}

/// Why an item has no answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BatchCheckError {
    /// The code, where the item is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_error: Option<&'static str>,
    /// The code, where the service is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) internal_error: Option<&'static str>,
    /// For people.
    pub(super) message: String,
}

/// One level of a relation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExpandRequest {
    /// The relation and the object.
    tuple_key: ExpandKey,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// The newest, where none is named.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// What to expand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExpandKey {
    /// The relation.
    relation: String,
    /// The object.
    object: String,
}

/// The level.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExpandBody {
    /// `{"root": …}`: nodes with `leaf` (`users`, `computed`, `tupleToUserset`), `union`, `intersection` or `difference`.
    pub(super) tree: Value,
}

/// To which objects is this user in that relation?
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListObjectsRequest {
    /// The type of the objects.
    r#type: String,
    /// The relation.
    relation: String,
    /// The user.
    user: String,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The newest, where none is named.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// The objects, at most 1,000, in no order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListObjectsBody {
    /// The objects.
    pub(super) objects: Vec<String>,
}

/// One line of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamedBody {
    /// What was found.
    pub(super) result: StreamedObject,
}

/// One object.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamedObject {
    /// The object.
    pub(super) object: String,
}

/// Who is in that relation to this object?
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListUsersRequest {
    /// The object.
    object: ObjectBody,
    /// The relation.
    relation: String,
    /// Exactly one.
    user_filters: Vec<UserFilterBody>,
    /// At most 100.
    contextual_tuples: Option<Vec<TupleKeyBody>>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The newest, where none is named.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// An object by type and id.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ObjectBody {
    /// The type.
    pub(super) r#type: String,
    /// The id.
    pub(super) id: String,
}

/// What users are wanted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserFilterBody {
    /// Their type.
    r#type: String,
    /// The relation, for usersets.
    relation: Option<String>,
}

/// The users, at most 1,000, in no order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListUsersBody {
    /// The users.
    pub(super) users: Vec<UserBody>,
}

/// A user in one of three forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UserBody {
    /// One.
    Object(ObjectBody),
    /// Everyone in a relation to an object.
    Userset(UsersetBody),
    /// Everyone of a type.
    Wildcard(WildcardBody),
}

/// Everyone in a relation to an object.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsersetBody {
    /// The object's type.
    pub(super) r#type: String,
    /// The object's id.
    pub(super) id: String,
    /// The relation.
    pub(super) relation: String,
}

/// Everyone of a type.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WildcardBody {
    /// The type.
    pub(super) r#type: String,
}

/// Tests of a model, kept beside it. They are run by clients.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WriteAssertionsRequest {
    /// At most 100.
    assertions: Vec<AssertionBody>,
}

/// One test of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AssertionBody {
    /// The question.
    pub(super) tuple_key: TupleKeyBody,
    /// The answer that is expected.
    pub(super) expectation: bool,
    /// At most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) contextual_tuples: Vec<TupleKeyBody>,
    /// Values for the parameters of conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Map<String, Value>>,
}

/// The tests of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AssertionsBody {
    /// The model.
    pub(super) authorization_model_id: String,
    /// The tests.
    pub(super) assertions: Value,
}

/// About whom every tuple is deleted: one of the two.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeleteTuplesRequest {
    /// Every tuple on this object.
    #[schema(example = "document:plan")]
    object: Option<String>,
    /// Every tuple whose user is this object, or a userset of it.
    #[schema(example = "user:alice")]
    user: Option<String>,
}

/// What was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeleteTuplesBody {
    /// How many tuples, all at once.
    pub(super) deleted: usize,
    /// How many are left: a call takes 10,000 at most. Send it again until this is 0.
    pub(super) left: usize,
    /// How many stand in the bundle, where no call deletes them.
    pub(super) in_bundle: usize,
}
