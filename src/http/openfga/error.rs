//! Defines every error of the OpenFGA API, with OpenFGA's code, status and body.
//!
//! INVARIANT: a coded error's status follows from its code alone, as in OpenFGA. Errors of this
//! service, such as a missing permission (a 403), keep their own status.

use crate::http::Error;
use crate::model::shown_message;
use crate::stores::{Failure, RefusalCode, RelationError, RelationFault, StoreError, StoresError};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum ApiError {
    /// An error that any request to this service can have.
    #[error(transparent)]
    Http(#[from] Error),
    /// An error with one of OpenFGA's codes.
    #[error("{message}")]
    Coded {
        /// The code.
        code: FgaCode,
        /// The message, for people.
        message: String,
    },
    /// The service is at fault; its log says why.
    #[error("the service failed: its log says why, under this request's `X-Request-ID`")]
    Internal(String),
}

/// The codes of OpenFGA that this service uses, from its `ErrorCode`, `InternalErrorCode` and
/// `NotFoundErrorCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FgaCode {
    /// 2000: the request is malformed, or names something that the model does not define.
    Validation,
    /// 2001: the store has no such model.
    ModelNotFound,
    /// 2002: the answer needs too many nested steps.
    TooComplex,
    /// 2003: the request has neither writes nor deletes.
    InvalidWriteInput,
    /// 2004: a tuple key occurs twice in one request.
    DuplicateTuples,
    /// 2007: this service did not issue the continuation token for this question.
    InvalidToken,
    /// 2017: a tuple to be written exists, or one to be deleted does not.
    WriteFailed,
    /// 2020: the store has no model at all.
    NoModel,
    /// 2021: the model has no such type.
    TypeNotFound,
    /// 2022: the type has no such relation.
    RelationNotFound,
    /// 2027: the model does not allow a contextual tuple.
    InvalidTuple,
    /// 2030: the store's id does not have 26 characters.
    StoreIdLength,
    /// 2033: there are more assertions than a model may have.
    TooManyAssertions,
    /// 2037: the tuple key is missing.
    NoTupleKey,
    /// 2039: the page size is out of range.
    PageSize,
    /// 2043: an object is too long.
    ObjectTooLong,
    /// 2044: a relation is too long.
    RelationTooLong,
    /// 2052: the token was issued for another type than the one that is asked for.
    TokenTypeMismatch,
    /// 2053: a store or a request exceeds a limit.
    ExceededLimit,
    /// 2000s: a model is refused.
    Model(RefusalCode),
    /// 4004: the time for the request is up.
    DeadlineExceeded,
    /// 4006: the request exceeds a limit on its cost, or the disk is full.
    ResourceExhausted,
    /// 4008, as OpenFGA's gateway spells it: a tuple exists with another condition.
    Aborted,
    /// 5000: the path does not exist.
    UndefinedEndpoint,
    /// 5002: no store has this id.
    StoreNotFound,
}

impl FgaCode {
    /// Returns the name that bodies show.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation_error",
            Self::ModelNotFound => "authorization_model_not_found",
            Self::TooComplex => "authorization_model_resolution_too_complex",
            Self::InvalidWriteInput => "invalid_write_input",
            Self::DuplicateTuples => "cannot_allow_duplicate_tuples_in_one_request",
            Self::InvalidToken => "invalid_continuation_token",
            Self::WriteFailed => "write_failed_due_to_invalid_input",
            Self::NoModel => "latest_authorization_model_not_found",
            Self::TypeNotFound => "type_not_found",
            Self::RelationNotFound => "relation_not_found",
            Self::InvalidTuple => "invalid_tuple",
            Self::StoreIdLength => "store_id_invalid_length",
            Self::TooManyAssertions => "assertions_too_many_items",
            Self::NoTupleKey => "tuple_key_value_not_specified",
            Self::PageSize => "page_size_invalid",
            Self::ObjectTooLong => "object_too_long",
            Self::RelationTooLong => "relation_too_long",
            Self::TokenTypeMismatch => "query_string_type_continuation_token_mismatch",
            Self::ExceededLimit => "exceeded_entity_limit",
            Self::Model(code) => code.as_str(),
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Aborted => "Aborted",
            Self::UndefinedEndpoint => "undefined_endpoint",
            Self::StoreNotFound => "store_id_not_found",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::DeadlineExceeded | Self::ResourceExhausted => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Aborted => StatusCode::CONFLICT,
            Self::UndefinedEndpoint | Self::StoreNotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl ApiError {
    /// Creates an error with one of OpenFGA's codes.
    pub(super) fn new(code: FgaCode, message: impl Into<String>) -> Self {
        Self::Coded {
            code,
            message: message.into(),
        }
    }

    /// Creates a `validation_error`, the most common one.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(FgaCode::Validation, message)
    }

    /// Converts a failure of the relation engine. A type or relation that the model does not define
    /// has a code of its own in calls that name it by itself, and is a `validation_error` in a
    /// tuple key.
    pub(super) fn of_failure(failure: Failure, names: NamePosition) -> Self {
        let message = failure.to_string();
        let code = match (&failure, names) {
            (Failure::Error(RelationError::UnknownType(_)), NamePosition::Listed) => {
                FgaCode::TypeNotFound
            }
            (Failure::Error(RelationError::UnknownRelation { .. }), NamePosition::Listed) => {
                FgaCode::RelationNotFound
            }
            (Failure::Error(RelationError::TooDeep(_)), _) => FgaCode::TooComplex,
            (Failure::Error(_) | Failure::Fault(RelationFault::TooCostly), _) => {
                FgaCode::Validation
            }
            (Failure::Fault(RelationFault::OutOfTime), _) => FgaCode::DeadlineExceeded,
            (
                Failure::Fault(
                    RelationFault::TooBroad(_)
                    | RelationFault::TooMuch
                    | RelationFault::TooNested
                    | RelationFault::TooLong(_),
                ),
                _,
            ) => FgaCode::ResourceExhausted,
            (Failure::Fault(RelationFault::ForeignRules | RelationFault::Inconsistent), _) => {
                return Self::Internal(message);
            }
        };
        Self::Coded { code, message }
    }

    /// Returns the details that go into the log and that the caller must not see.
    pub(in crate::http) fn internal_detail(&self) -> Option<&str> {
        match self {
            Self::Http(error) => error.internal_detail(),
            Self::Internal(detail) => Some(detail),
            Self::Coded { .. } => None,
        }
    }

    /// Returns the code's name, and whether the request is at fault, which an item of a batch
    /// shows.
    pub(super) fn code_name(&self) -> (&'static str, bool) {
        match self {
            Self::Coded { code, .. } => (code.name(), !code.status().is_server_error()),
            Self::Internal(_) => ("internal_error", false),
            Self::Http(error) => http_code(error),
        }
    }
}

/// How a call names types and relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamePosition {
    /// In a tuple key.
    InKey,
    /// As members of their own.
    Listed,
}

fn http_code(error: &Error) -> (&'static str, bool) {
    match error {
        Error::MissingCredential => ("bearer_token_missing", true),
        Error::WrongCredential => ("unauthenticated", true),
        Error::MissingPermission { .. } | Error::AnonymousHost | Error::AnonymousProxied => {
            ("forbidden", true)
        }
        Error::CallerUnverified | Error::CallerUnverifiable => ("unavailable", false),
        Error::TooManyRequests(_) => ("rate_limit_exceeded", true),
        Error::NotFound => (FgaCode::UndefinedEndpoint.name(), true),
        Error::MethodNotAllowed(_) => ("unimplemented", true),
        Error::Fault(_) => ("internal_error", false),
        Error::Overloaded(_) | Error::Left => (FgaCode::ResourceExhausted.name(), false),
        Error::AnswerTooLarge(_) => (FgaCode::ExceededLimit.name(), true),
        _ => (FgaCode::Validation.name(), true),
    }
}

impl From<StoresError> for ApiError {
    fn from(error: StoresError) -> Self {
        let message = shown_message(&error.to_string()).into_owned();
        let code = match &error {
            StoresError::Store(error) => match store_code(error) {
                Some(StoreCode::Known(code)) => code,
                Some(StoreCode::Full) => {
                    let told = "the disk is full and nothing was written: \
                        make room, and send the request again";
                    return Self::new(FgaCode::ResourceExhausted, told);
                }
                None => return Self::Internal(message),
            },
            StoresError::StoredModel { .. } => return Self::Internal(message),
            StoresError::Model(refusal) => FgaCode::Model(refusal.code),
            StoresError::NoModel(_) => FgaCode::NoModel,
            StoresError::InBundle(_) => FgaCode::WriteFailed,
            StoresError::TooManyStores(_) | StoresError::Graph(_) | StoresError::Rules(_) => {
                FgaCode::ExceededLimit
            }
            StoresError::Tuple { .. }
            | StoresError::NotCanonical(_)
            | StoresError::MainStays
            | StoresError::MainModel
            | StoresError::MainAssertions => FgaCode::Validation,
        };
        Self::Coded { code, message }
    }
}

enum StoreCode {
    Known(FgaCode),
    Full,
}

fn store_code(error: &StoreError) -> Option<StoreCode> {
    Some(StoreCode::Known(match error {
        StoreError::UnknownStore(_) => FgaCode::StoreNotFound,
        StoreError::UnknownModel { .. } => FgaCode::ModelNotFound,
        StoreError::Repeated(_) => FgaCode::DuplicateTuples,
        StoreError::Exists(_) | StoreError::ExistsOtherwise(_) | StoreError::Missing(_) => {
            FgaCode::WriteFailed
        }
        StoreError::ConditionDiffers(_) => FgaCode::Aborted,
        StoreError::TooDeep(_) => FgaCode::Validation,
        StoreError::Full(_) => return Some(StoreCode::Full),
        _ => return None,
    }))
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Http(error) => error.status_code(),
            Self::Coded { code, .. } => code.status(),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Self::Http(error) = self {
            // Headers hold what a caller must present, and which methods are allowed.
            let headers = error.error_response();
            for (name, value) in headers
                .headers()
                .iter()
                .filter(|(name, _)| *name != "content-type")
            {
                response.insert_header((name.clone(), value.clone()));
            }
        }
        response.json(json!({ "code": self.code_name().0, "message": self.to_string() }))
    }
}
