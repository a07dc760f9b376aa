//! Defines every error of the HTTP surface, and maps each to its status and body; no other file
//! does.
//!
//! INVARIANT: an error never carries a decision (AuthZEN 1.0 section 10.1.2), and its message never
//! carries another caller's data or an internal detail.

use super::Permission;
use crate::engine::{BatchFault, PageTokenError, Refusal, SearchRefusal};
use crate::http::authzen::schema::{ErrorBody, ErrorCode, ErrorDetail};
use crate::json::JsonError;
use crate::model::{Fault, MalformedMember, Revision};
use crate::telemetry::RefusalCause;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use std::time::Duration;

/// The challenge to a caller without a credential (RFC 6750 section 3).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"behest\"");

/// The challenge to a caller whose credential was refused (RFC 6750 section 3.1).
const CHALLENGE_ANEW: HeaderValue =
    HeaderValue::from_static("Bearer realm=\"behest\", error=\"invalid_token\"");

/// The delay before a retry if a revision has not come or the service is overloaded: a process that
/// is behind usually catches up sooner, and an overloaded one has recovered by then.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The resource that an overloaded service lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Time: the answer would be too late.
    Time,
    /// Memory for the bodies of requests.
    Bodies,
    /// Memory for answers that clients have not taken yet.
    Answers,
    /// Places for those who watch decisions.
    Watches,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The content type is another one, or is missing. This is a 400, not a 415: AuthZEN lists no
    /// other status for a caller's mistakes.
    #[error("the `Content-Type` must be `application/json`")]
    ContentType,
    /// The body is compressed.
    #[error("the body is compressed (`Content-Encoding`): send it as it is")]
    ContentEncoding,
    /// The body is not an object that can be read.
    #[error("{}", .0.about("the body"))]
    Json(#[from] JsonError),
    /// A member is missing or of the wrong kind.
    #[error("{0}")]
    Malformed(#[from] MalformedMember),
    /// A batch holds too many items.
    #[error(
        "`evaluations` holds {found} items, and at most {limit} are taken: send several requests"
    )]
    TooManyEvaluations {
        /// How many items it holds.
        found: usize,
        /// The maximum.
        limit: usize,
    },
    /// The items of a batch would inherit too much from its defaults.
    #[error(
        "the defaults that the items of `evaluations` inherit take more than {0} bytes together: \
         put large values into the items that need them, or send several requests"
    )]
    DefaultsTooLarge(usize),
    /// A batch took too long.
    #[error("the batch was not decided within {} seconds: send several requests", .0.as_secs_f32())]
    BatchTimeout(Duration),
    /// The relations have not reached the revision that the request asks for.
    #[error(
        "revision {wanted} has not come within {} seconds, the newest is {newest}: \
         ask again later, or without `options.at_least`",
        .waited.as_secs_f32()
    )]
    RevisionNotReached {
        /// The revision that was asked for.
        wanted: Revision,
        /// The newest revision.
        newest: Revision,
        /// The time limit of the wait.
        waited: Duration,
    },
    /// The maximum number of requests already waits for a revision.
    #[error(
        "too many requests wait for a revision that has not come: \
         ask again later, or without `options.at_least`"
    )]
    TooManyWaiting,
    /// The service has too much to do.
    #[error("{}", overload_message(*.0))]
    Overloaded(Shortage),
    /// The client went away before its turn came, so nobody reads this answer.
    #[error("the client has gone away")]
    Left,
    /// The answer would be too large.
    #[error("the answer would take more than {0} bytes: ask for less, or without reasons")]
    AnswerTooLarge(usize),
    /// An option that changes the question, and that this endpoint does not support.
    #[error("`{0}` is not supported here: leave it out")]
    UnsupportedOption(&'static str),
    /// The connection ended or broke before the body was complete.
    #[error("the body ended before it was complete: send it again")]
    BodyIncomplete,
    /// The body took too long to arrive.
    #[error("the body did not arrive within {} seconds: send it faster", .0.as_secs_f32())]
    BodyTimeout(Duration),
    /// The body is too large.
    #[error("the body is larger than {0} bytes: send several requests")]
    BodyTooLarge(usize),
    /// A credential is needed, and there is none.
    #[error("a key is needed: send `Authorization: Bearer <key>`")]
    MissingCredential,
    /// The credential belongs to no caller.
    #[error(
        "the credential in `Authorization` is not known: send `Authorization: Bearer <key>` with a \
         configured key, or a token of a configured caller"
    )]
    WrongCredential,
    /// The key has ended: its `until` is past.
    #[error(
        "the key in `Authorization` has ended: send the caller's newer key, or give this one a \
         later `until` in the settings"
    )]
    KeyEnded,
    /// The settings were read again while the request waited, and its caller may no longer do what
    /// it could.
    #[error("the settings of the caller have changed meanwhile: send the request again")]
    SettingsChanged,
    /// The token cannot be verified now, because its issuer does not answer or too many requests
    /// wait for it.
    #[error("the token in `Authorization` cannot be verified now: ask again later")]
    CallerUnverified,
    /// The token cannot be verified until somebody mends the settings or the issuer.
    #[error(
        "the token in `Authorization` cannot be verified: asking again does not help until this \
         service's settings, or the token's issuer, are mended"
    )]
    CallerUnverifiable,
    /// The caller exceeds its rate.
    #[error("the caller sends more requests than it may: wait as long as `Retry-After` says")]
    TooManyRequests(Duration),
    /// The caller lacks a permission.
    #[error("{}", may_not(*permission, *anonymous))]
    MissingPermission {
        /// The missing permission.
        permission: Permission,
        /// Whether the caller sent no key.
        anonymous: bool,
    },
    /// An anonymous request under a host name that is not loopback.
    #[error(
        "a caller without a key must reach the service as `localhost`, `127.0.0.1` or `[::1]`: \
         send a key, or use such a host"
    )]
    AnonymousHost,
    /// An anonymous request that passed a proxy.
    #[error("a caller without a key may not come through a proxy: send a key")]
    AnonymousProxied,
    /// Another page than the service's own, or another host, would save edits.
    #[error(
        "edits are saved from this page alone: the request names another origin or host, or has \
         passed a proxy"
    )]
    OtherOrigin,
    /// The path does not exist.
    #[error("there is nothing here: `/docs` lists what there is")]
    NotFound,
    /// The setting of this name turned the page off.
    #[error("the setting `{0}` turned this page off")]
    PageOff(&'static str),
    /// The metadata cannot be served because no identifier is configured.
    #[error(
        "the metadata need the service's own identifier: start it with `--public-url https://…`"
    )]
    NoPublicUrl,
    /// The metadata of another identifier were asked for.
    #[error("no metadata here: those of `{identifier}` are at `{path}`")]
    OtherIdentifier {
        /// The service's identifier.
        identifier: String,
        /// The path of its metadata.
        path: String,
    },
    /// The path exists, but not for this method.
    #[error("the method is not allowed here: use {0}")]
    MethodNotAllowed(String),
    /// A page token that is not taken.
    #[error(transparent)]
    PageToken(#[from] PageTokenError),
    /// The service is at fault.
    #[error("{}", fault_message(.0))]
    Fault(#[from] Fault),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(malformed) => Self::Malformed(malformed),
            Refusal::Fault(fault) => Self::Fault(fault),
            // This is not answered: a handler that asks for a brief attempt starts again elsewhere.
            Refusal::TakesLong => Self::Fault(Fault::Relations("it takes long".to_owned())),
        }
    }
}

impl From<SearchRefusal> for Error {
    fn from(refusal: SearchRefusal) -> Self {
        match refusal {
            SearchRefusal::Token(error) => Self::PageToken(error),
            SearchRefusal::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<BatchFault> for Error {
    fn from(fault: BatchFault) -> Self {
        match fault {
            BatchFault::Fault(fault) => Self::Fault(fault),
            BatchFault::OutOfTime(limit) => Self::BatchTimeout(limit),
            BatchFault::TakesLong => Self::Fault(Fault::Relations("it takes long".to_owned())),
        }
    }
}

impl Error {
    fn status_and_code(&self) -> (StatusCode, ErrorCode) {
        match self {
            Self::ContentType => (StatusCode::BAD_REQUEST, ErrorCode::ContentType),
            Self::ContentEncoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ErrorCode::ContentEncoding,
            ),
            Self::Json(error) => (StatusCode::BAD_REQUEST, json_code(error)),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, ErrorCode::Malformed),
            Self::TooManyEvaluations { .. } => {
                (StatusCode::BAD_REQUEST, ErrorCode::TooManyEvaluations)
            }
            Self::DefaultsTooLarge(_) => (StatusCode::BAD_REQUEST, ErrorCode::DefaultsTooLarge),
            Self::BatchTimeout(_) => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::BatchTimeout),
            Self::RevisionNotReached { .. } | Self::TooManyWaiting => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::RevisionNotReached,
            ),
            Self::Overloaded(_) | Self::Left => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Overloaded)
            }
            Self::AnswerTooLarge(_) => (StatusCode::BAD_REQUEST, ErrorCode::AnswerTooLarge),
            Self::UnsupportedOption(_) => (StatusCode::BAD_REQUEST, ErrorCode::UnsupportedOption),
            Self::BodyIncomplete => (StatusCode::BAD_REQUEST, ErrorCode::BodyIncomplete),
            Self::BodyTimeout(_) => (StatusCode::REQUEST_TIMEOUT, ErrorCode::BodyTimeout),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BodyTooLarge),
            Self::MissingCredential | Self::WrongCredential | Self::KeyEnded => {
                (StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated)
            }
            Self::CallerUnverified | Self::CallerUnverifiable => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::CallerUnverified)
            }
            Self::SettingsChanged => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::SettingsChanged),
            Self::TooManyRequests(_) => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests),
            Self::MissingPermission { .. } => (StatusCode::FORBIDDEN, ErrorCode::MissingPermission),
            Self::AnonymousHost | Self::AnonymousProxied => {
                (StatusCode::FORBIDDEN, ErrorCode::AnonymousRefused)
            }
            Self::OtherOrigin => (StatusCode::FORBIDDEN, ErrorCode::OtherOrigin),
            Self::NotFound | Self::PageOff(_) => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
            Self::NoPublicUrl | Self::OtherIdentifier { .. } => {
                (StatusCode::NOT_FOUND, ErrorCode::NoMetadata)
            }
            Self::MethodNotAllowed(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed)
            }
            Self::PageToken(error) => (StatusCode::BAD_REQUEST, token_code(*error)),
            Self::Fault(fault) => fault_status_and_code(fault),
        }
    }

    /// Returns the body that the caller reads.
    pub(super) fn body(&self) -> ErrorBody {
        let (_, code) = self.status_and_code();
        let member = self.member().map(str::to_owned);
        ErrorBody {
            error: ErrorDetail {
                code,
                message: self.to_string(),
                member,
            },
        }
    }

    /// Returns the details that go into the log and that the caller must not see.
    pub(super) fn internal_detail(&self) -> Option<&str> {
        match self {
            Self::Fault(Fault::Internal(detail)) => Some(detail),
            _ => None,
        }
    }

    /// Returns the cause if the request was refused because of load.
    pub(super) fn refusal_cause(&self) -> Option<RefusalCause> {
        match self {
            Self::Overloaded(Shortage::Time) => Some(RefusalCause::Time),
            Self::Overloaded(Shortage::Bodies) => Some(RefusalCause::Bodies),
            Self::Overloaded(Shortage::Answers) => Some(RefusalCause::Answers),
            Self::Left => Some(RefusalCause::Left),
            _ => None,
        }
    }

    /// Returns the member of the request that is at fault, if there is one.
    fn member(&self) -> Option<&str> {
        match self {
            Self::Malformed(malformed) => {
                Some(malformed.member.as_str()).filter(|member| !member.is_empty())
            }
            Self::Json(JsonError::Twice { path, .. }) => Some(path),
            Self::UnsupportedOption(member) => Some(member),
            Self::PageToken(_) => Some("page.token"),
            Self::RevisionNotReached { .. } | Self::TooManyWaiting => Some("options.at_least"),
            Self::TooManyEvaluations { .. } | Self::DefaultsTooLarge(_) => Some("evaluations"),
            _ => None,
        }
    }
}

fn json_code(error: &JsonError) -> ErrorCode {
    match error {
        JsonError::Syntax { .. } => ErrorCode::InvalidJson,
        JsonError::Twice { .. } => ErrorCode::DuplicateMember,
        JsonError::TooDeep(_) | JsonError::TooHeavy => ErrorCode::TooDeep,
        JsonError::NoObject(_) => ErrorCode::Malformed,
    }
}

fn token_code(error: PageTokenError) -> ErrorCode {
    match error {
        PageTokenError::Unknown => ErrorCode::PageTokenUnknown,
        PageTokenError::Edited => ErrorCode::PageTokenEdited,
        PageTokenError::OtherCaller | PageTokenError::OtherQuery => ErrorCode::PageTokenForeign,
        PageTokenError::OtherBundle | PageTokenError::Expired | PageTokenError::Denied => {
            ErrorCode::PageTokenExpired
        }
    }
}

fn fault_status_and_code(fault: &Fault) -> (StatusCode, ErrorCode) {
    match fault {
        Fault::NoBundle => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::NoBundle),
        Fault::RecordQueueFull => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::RecordQueueFull),
        Fault::Relations(_) | Fault::RelationLimit(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::RelationsUnavailable,
        ),
        // Whoever asks for a brief decision makes a long one again elsewhere.
        Fault::TakesLong | Fault::Internal(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal)
        }
    }
}

fn overload_message(scarce: Shortage) -> &'static str {
    match scarce {
        Shortage::Time => {
            "the service has more to do than it can in time: ask again as `Retry-After` says"
        }
        Shortage::Bodies => {
            "the requests in progress take all the memory that they may: \
             ask again as `Retry-After` says, or send less"
        }
        Shortage::Answers => {
            "answers that nobody has taken yet take all the memory that they may: \
             ask again as `Retry-After` says"
        }
        Shortage::Watches => {
            "as many watch decisions as may at the same time: end one that is open elsewhere"
        }
    }
}

fn may_not(permission: Permission, anonymous: bool) -> String {
    let word = permission.as_str();
    if anonymous && !permission.may_be_anonymous() {
        format!("a caller without a key may not do this: send a key with the permission `{word}`")
    } else if anonymous {
        format!(
            "a caller without a key may not do this: send a key with the permission `{word}`, \
             or add `{word}` to the setting `anonymous`"
        )
    } else {
        format!("the caller may not do this: it needs the permission `{word}`")
    }
}

fn fault_message(fault: &Fault) -> &'static str {
    match fault {
        Fault::NoBundle => "no bundle is loaded yet: ask again later",
        Fault::RecordQueueFull => "the decision cannot be recorded now: ask again later",
        Fault::Relations(_) => "a relation could not be looked up in time: ask again later",
        Fault::RelationLimit(_) => {
            "a relation needs more tuples, or more work, than one decision may take: asking again \
             does not help; ask about less, or make its model, its groups or its conditions smaller"
        }
        Fault::TakesLong | Fault::Internal(_) => {
            "the service failed: its log says why, under this request's `X-Request-ID`"
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::MissingCredential => {
                response.insert_header((WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::WrongCredential | Self::KeyEnded => {
                response.insert_header((WWW_AUTHENTICATE, CHALLENGE_ANEW));
            }
            Self::TooManyRequests(wait) => {
                // The header has whole seconds (RFC 9110 section 10.2.3), and at least 1.
                let seconds = wait.as_millis().div_ceil(1_000).max(1);
                response.insert_header((RETRY_AFTER, seconds.to_string()));
            }
            Self::RevisionNotReached { .. }
            | Self::TooManyWaiting
            | Self::CallerUnverified
            | Self::SettingsChanged
            | Self::Overloaded(_)
            | Self::Left => {
                response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            // The header names the coding that is accepted (RFC 9110 section 15.5.16).
            Self::ContentEncoding => {
                response.insert_header((ACCEPT_ENCODING, HeaderValue::from_static("identity")));
            }
            Self::MethodNotAllowed(allow) => {
                response.insert_header((ALLOW, allow.as_str()));
            }
            _ => {}
        }
        response.json(self.body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_advised_to_let_callers_without_a_key_do_what_they_cannot() {
        for permission in Permission::ALL {
            let advice = may_not(permission, true);
            let expected = permission.may_be_anonymous();
            assert_eq!(advice.contains("`anonymous`"), expected, "{advice}");
        }
    }
}
