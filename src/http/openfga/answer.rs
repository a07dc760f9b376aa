//! Builds answers and their headers.

use crate::http::openfga::error::ApiError;
use crate::model::Revision;
use crate::stores::{ListTruncation, ModelId};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;

/// The header that names the model that answered, as in OpenFGA.
static MODEL: HeaderName = HeaderName::from_static("openfga-authorization-model-id");
/// The header with the revision of the tuples that answered.
static REVISION: HeaderName = HeaderName::from_static("behest-revision");
/// The header or trailer that says why a list is not complete.
pub(super) static TRUNCATED: HeaderName = HeaderName::from_static("behest-truncated");

/// The model and the revision that an answer is based on.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerSource {
    /// The model.
    pub(super) model: ModelId,
    /// The revision of the tuples.
    pub(super) revision: Revision,
}

/// Returns a 200 with a body.
pub(super) fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(StatusCode::OK).json(body)
}

/// Serializes an answer. Work that is done apart calls this there, because a large answer takes
/// long to write, too.
pub(super) fn text_of(body: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(body)
        .map_err(|error| ApiError::Internal(format!("an answer cannot be written: {error}")))
}

/// Returns a 200 with a text that was written apart.
pub(super) fn ok_text(text: Vec<u8>) -> HttpResponse {
    let json = HeaderValue::from_static("application/json");
    HttpResponse::build(StatusCode::OK)
        .insert_header((CONTENT_TYPE, json))
        .body(text)
}

/// Returns a 200 whose headers name the model and the revision.
pub(super) fn ok_of(basis: AnswerSource, body: &impl Serialize) -> HttpResponse {
    let mut response = ok(body);
    name_basis(&mut response, basis);
    response
}

/// Returns a 200 with a text that was written apart, whose headers name the model and the revision.
pub(super) fn ok_text_of(basis: AnswerSource, text: Vec<u8>) -> HttpResponse {
    let mut response = ok_text(text);
    name_basis(&mut response, basis);
    response
}

/// Returns a 200 with a list; a header says why it was cut, if it was.
pub(super) fn listed(
    basis: AnswerSource,
    cut: Option<ListTruncation>,
    text: Vec<u8>,
) -> HttpResponse {
    let mut response = ok_text_of(basis, text);
    if let Some(cut) = cut {
        response
            .headers_mut()
            .insert(TRUNCATED.clone(), HeaderValue::from_static(cut_name(cut)));
    }
    response
}

/// Adds the headers with the model and the revision.
pub(super) fn name_basis<B>(response: &mut HttpResponse<B>, basis: AnswerSource) {
    if let Ok(model) = HeaderValue::try_from(basis.model.to_string()) {
        response.headers_mut().insert(MODEL.clone(), model);
    }
    name_revision(response, basis.revision);
}

/// Adds the header with the revision.
pub(super) fn name_revision<B>(response: &mut HttpResponse<B>, revision: Revision) {
    response
        .headers_mut()
        .insert(REVISION.clone(), HeaderValue::from(revision.0));
}

/// Returns the word for the reason why a list was cut.
pub(super) fn cut_name(cut: ListTruncation) -> &'static str {
    match cut {
        ListTruncation::Results => "results",
        ListTruncation::Time => "time",
        ListTruncation::Breadth => "breadth",
    }
}
