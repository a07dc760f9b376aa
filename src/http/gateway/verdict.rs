//! What a gateway is answered.

use crate::http::Error;
use crate::mapping::MappingRefusal;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The header with the code of the reason for a denial.
const REASON: HeaderName = HeaderName::from_static("behest-reason");

/// Codes of reasons for which another token would help: RFC 6750 section 3.1 has a 401 for them.
const TOKEN_CODES: [&str; 3] = ["credential_invalid", "credential_expired", "proof_invalid"];

/// Headers of the decision that the gateway is told.
const TOLD: [&str; 4] = [
    "behest-decision",
    "behest-revision",
    "x-request-id",
    "retry-after",
];

/// The challenge to a request without a token.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// The challenge to a token that proves nothing.
const CHALLENGE_ANEW: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

/// Why a request is denied without a decision.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayDenial {
    /// It carries no token, or something else than one.
    #[error("the request carries no token: send `Authorization: Bearer <token>`")]
    NoToken,
    /// What the gateway has to say is missing, doubled or no text.
    #[error("the gateway does not say what it asks about: `{0}` is missing, doubled or no text")]
    Unread(&'static str),
    /// It cannot be asked about.
    #[error(transparent)]
    Mapping(#[from] MappingRefusal),
    /// There is no decision.
    #[error("there is no decision: {0}")]
    Undecided(#[from] Error),
    /// The bundle changed while the request was decided.
    #[error("the bundle has changed meanwhile: send the request again")]
    BundleChanged,
    /// The answer of the evaluation is none.
    #[error("there is no decision")]
    NoAnswer,
}

/// The part of an evaluation's answer that becomes a status.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EvaluationAnswer {
    #[serde(default)]
    decision: Option<bool>,
    #[serde(default)]
    context: AnswerContext,
    error: Option<AnswerError>,
}

#[derive(Debug, Default, Deserialize)]
struct AnswerContext {
    reason: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct AnswerError {
    code: String,
    message: String,
}

impl GatewayDenial {
    fn code(&self) -> Value {
        match self {
            Self::NoToken => json!("credential_missing"),
            Self::Unread(_) => json!("gateway_mismatch"),
            Self::Mapping(refusal) => json!(refusal.code()),
            Self::Undecided(error) => json!(error.body().error.code),
            Self::BundleChanged => json!("bundle_changed"),
            Self::NoAnswer => json!("undecided"),
        }
    }

    /// Creates the answer.
    pub(super) fn response(&self) -> HttpResponse {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code());
        members.insert("message".to_owned(), json!(self.to_string()));
        let challenge = matches!(self, Self::NoToken).then_some(CHALLENGE);
        denied(members, challenge)
    }
}

/// A denial is a 401 or a 403, whatever happened: a 5xx would count as a permit at a gateway that
/// is set to fail open.
impl ResponseError for GatewayDenial {
    fn status_code(&self) -> StatusCode {
        self.response().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

/// Turns the answer of an evaluation into what the gateway is told.
///
/// INVARIANT: it is a permit only if the status is 200 and the decision is `true`.
pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HttpResponse {
    let answer: EvaluationAnswer = serde_json::from_slice(body).unwrap_or_default();
    let is_permitted = status == StatusCode::OK && answer.decision == Some(true);
    let mut response = if is_permitted {
        HttpResponse::Ok().finish()
    } else {
        of_denial(answer)
    };
    for name in TOLD {
        for value in headers.get_all(name) {
            response
                .headers_mut()
                .append(HeaderName::from_static(name), value.clone());
        }
    }
    response
}

fn of_denial(answer: EvaluationAnswer) -> HttpResponse {
    let mut members = Map::new();
    match (answer.decision, answer.context.reason, answer.error) {
        (Some(false), Some(reason), _) => members = reason,
        (_, _, Some(error)) => {
            members.insert("code".to_owned(), json!(error.code));
            members.insert("message".to_owned(), json!(error.message));
        }
        _ => return GatewayDenial::NoAnswer.response(),
    }
    let code = members.get("code").and_then(Value::as_str);
    let is_of_token = code.is_some_and(|code| TOKEN_CODES.contains(&code));
    denied(members, is_of_token.then_some(CHALLENGE_ANEW))
}

/// Creates a denial: a problem (RFC 9457) with the members of its reason.
fn denied(reason: Map<String, Value>, challenge: Option<HeaderValue>) -> HttpResponse {
    let status = if challenge.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::FORBIDDEN
    };
    let code = reason.get("code").and_then(Value::as_str);
    let code = code.and_then(|code| HeaderValue::from_str(code).ok());
    let mut body = Map::new();
    body.insert("title".to_owned(), json!(status.canonical_reason()));
    body.insert("status".to_owned(), json!(status.as_u16()));
    body.extend(reason);
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/problem+json"));
    response.insert_header((
        REASON,
        code.unwrap_or(HeaderValue::from_static("undecided")),
    ));
    if let Some(challenge) = challenge {
        response.insert_header((WWW_AUTHENTICATE, challenge));
    }
    response.body(Value::Object(body).to_string())
}
