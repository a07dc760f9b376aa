//! Defines the shapes of the OpenFGA API. Those of answers are serialized; those of requests only
//! describe the API.
//!
//! Requests are not deserialized into these shapes (`fields` reads them), because an error message
//! must name the member at fault.

mod ask;
mod keep;

pub(super) use ask::*;
pub(super) use keep::*;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoResponses, ToSchema};

/// What every call can answer when it does not do what it was asked.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, and written by the error type")]
pub(super) enum FgaErrors {
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
    /// The service has too much to do, or no memory for the body or the answer: ask again after the
    /// time in `Retry-After`. Tuples are written, and stores deleted, however much there is to do.
    #[response(
        status = 503,
        headers(("Retry-After" = u64, description = "Seconds until the request may be sent again."))
    )]
    Busy(FgaError),
}

/// Why a call has no answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FgaError {
    /// OpenFGA's name for it.
    #[schema(example = "validation_error")]
    code: String,
    /// What went wrong, for people: the words may change.
    message: String,
}

/// A relationship tuple: a user, a relation and an object.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct TupleKeyBody {
    /// Who: `type:id`, `type:id#relation` or `type:*`.
    #[schema(example = "user:alice")]
    pub(in crate::http::openfga) user: String,
    /// The relation of the user to the object.
    #[schema(example = "viewer")]
    pub(in crate::http::openfga) relation: String,
    /// The object, as `type:id`.
    #[schema(example = "document:plan")]
    pub(in crate::http::openfga) object: String,
    /// When it holds; always, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http::openfga) condition: Option<ConditionBody>,
}

/// A condition of the model, with values for its parameters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http::openfga) struct ConditionBody {
    /// The name of the condition in the model.
    pub(in crate::http::openfga) name: String,
    /// Values; they win over those of a request.
    pub(in crate::http::openfga) context: Map<String, Value>,
}
