//! Shapes of questions and their answers: checks, expansions, lists.

use crate::http::openfga::schema::TupleKeyBody;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Tuples that count for one question as if they were written.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ContextualTuples {
    /// The tuples, at most 100.
    tuple_keys: Vec<TupleKeyBody>,
}

/// Is this user in that relation to this object?
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct CheckRequest {
    /// The tuple that is asked for.
    tuple_key: TupleKeyBody,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The id of the model to use; without it, the newest model is used.
    authorization_model_id: Option<String>,
    /// Whether `resolution` shall show the tuples that permit it. The header `Behest-Trace: true`
    /// asks for the same.
    trace: Option<bool>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// Whether the user is in that relation to the object.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct CheckBody {
    /// Whether the user is in that relation to the object.
    pub(in crate::http::openfga) allowed: bool,
    /// If a trace was requested, the tuples that show that the user is in the relation: each as
    /// `object#relation@user`, in order from the object to the user, separated by `, `.
    /// No tuple holds a space. Empty if no trace was requested, or if no tuples show it.
    #[schema(example = "document:plan#viewer@team:sre#member, team:sre#member@user:alice")]
    pub(in crate::http::openfga) resolution: String,
}

/// Several checks, at most 50.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct BatchCheckRequest {
    /// The checks, each with an id of its own.
    checks: Vec<BatchCheckItem>,
    /// The id of the model to use; without it, the newest model is used.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// One check of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct BatchCheckItem {
    /// The tuple that is asked for.
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
pub(in crate::http::openfga) struct BatchCheckBody {
    /// Each item's answer, by its correlation id.
    pub(in crate::http::openfga) result: std::collections::BTreeMap<String, BatchCheckResult>,
}

/// One item's answer: one of the two.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http::openfga) enum BatchCheckResult {
    /// Whether the user is in that relation to the object.
    Allowed(bool),
    /// Why there is no answer.
    Error(BatchCheckError),
}

/// Why an item has no answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct BatchCheckError {
    /// The code, where the item is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http::openfga) input_error: Option<&'static str>,
    /// The code of the error if the service is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http::openfga) internal_error: Option<&'static str>,
    /// What went wrong, for people: the words may change.
    pub(in crate::http::openfga) message: String,
}

/// Asks for one level of a relation: who is in it, and by which rules.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ExpandRequest {
    /// The relation and the object.
    tuple_key: ExpandKey,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// The id of the model to use; without it, the newest model is used.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// The relation and the object to expand.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ExpandKey {
    /// The relation to the object.
    relation: String,
    /// The object, as `type:id`.
    object: String,
}

/// One level of the relation: who is in it, and by which rules.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ExpandBody {
    /// The tree is `{"root": …}`: nodes with `leaf` (`users`, `computed`, `tupleToUserset`),
    /// `union`, `intersection` or `difference`.
    pub(in crate::http::openfga) tree: Value,
}

/// To which objects is this user in that relation?
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ListObjectsRequest {
    /// The type of the objects.
    r#type: String,
    /// The relation to the objects.
    relation: String,
    /// The user: `type:id`, `type:id#relation` or `type:*`.
    user: String,
    /// Tuples of the request's own.
    contextual_tuples: Option<ContextualTuples>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The id of the model to use; without it, the newest model is used.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// The objects, at most 1,000, in no order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ListObjectsBody {
    /// The objects, each as `type:id`.
    pub(in crate::http::openfga) objects: Vec<String>,
}

/// One line of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct StreamedBody {
    /// The object that was found.
    pub(in crate::http::openfga) result: StreamedObject,
}

/// One object of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct StreamedObject {
    /// The object, as `type:id`.
    pub(in crate::http::openfga) object: String,
}

/// Who is in that relation to this object?
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ListUsersRequest {
    /// The object, by type and id.
    object: ObjectBody,
    /// The relation to the object.
    relation: String,
    /// The kind of users that is asked for: exactly one.
    user_filters: Vec<UserFilterBody>,
    /// Tuples that count as if they were written, at most 100.
    contextual_tuples: Option<Vec<TupleKeyBody>>,
    /// Values for the parameters of conditions.
    context: Option<Map<String, Value>>,
    /// The id of the model to use; without it, the newest model is used.
    authorization_model_id: Option<String>,
    /// Accepted, and without effect.
    consistency: Option<String>,
}

/// An object by type and id.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ObjectBody {
    /// The type of the object.
    pub(in crate::http::openfga) r#type: String,
    /// The id of the object.
    pub(in crate::http::openfga) id: String,
}

/// What users are wanted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct UserFilterBody {
    /// The type of the users.
    r#type: String,
    /// The relation, for usersets.
    relation: Option<String>,
}

/// The users, at most 1,000, in no order.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ListUsersBody {
    /// The users, each in one of three forms.
    pub(in crate::http::openfga) users: Vec<UserBody>,
}

/// A user in one of three forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http::openfga) enum UserBody {
    /// One user, by type and id.
    Object(ObjectBody),
    /// Everyone in a relation to an object.
    Userset(UsersetBody),
    /// Everyone of a type.
    Wildcard(WildcardBody),
}

/// Everyone in a relation to an object.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct UsersetBody {
    /// The type of the object.
    pub(in crate::http::openfga) r#type: String,
    /// The id of the object.
    pub(in crate::http::openfga) id: String,
    /// The relation to the object.
    pub(in crate::http::openfga) relation: String,
}

/// Everyone of a type.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct WildcardBody {
    /// The type of the users.
    pub(in crate::http::openfga) r#type: String,
}
