//! Describes how questions to the console's endpoints are refused.

use crate::http::authzen::schema::ErrorBody;
use utoipa::IntoResponses;

/// What each endpoint with a body answers when it has no answer; who may ask is its own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described, and written by the error type")]
pub(super) enum QuestionErrors {
    /// The body is not JSON, or a member is missing or not of its form.
    #[response(status = 400)]
    Invalid(ErrorBody),
    /// No key, or one that nobody has.
    #[response(status = 401)]
    Unauthenticated(ErrorBody),
    /// The body arrived too slowly.
    #[response(status = 408)]
    TooSlow(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The service is overloaded, or has no bundle.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}
