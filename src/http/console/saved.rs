//! `POST /explain/v1/saved`: saves edits into the bundle's directory, under `behest dev` alone.
//!
//! **Decision.** It needs the permission `admin`, and not `explain`: under `behest dev` everybody
//! on the machine may explain, and a file of policies is its author's, whoever else works there.
//! The author has the admin key, which the session shows in its terminal.
//!
//! INVARIANT: a service that is no session of `behest dev` writes no file of its bundle.

use super::assumed::{only, text};
use super::errors::QuestionErrors;
use super::scratch::{MOST_BYTES, MOST_EDITS, check_path};
use crate::engine::{SaveError, WantedEdit};
use crate::http::authzen::schema::ErrorBody;
use crate::http::caller::anonymous::is_local;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use crate::model::{Fault, MalformedMember, Record, Value, read_sha256, shown};
use actix_web::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a browser says of where a request comes from.
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Edits that are to be saved.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct SavedBody {
    /// The edited files by their paths, at most 20 files of 512 KiB in all. Each is one that the
    /// bundle has.
    edits: BTreeMap<String, SavedEdit>,
}

/// An edit of one file.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct SavedEdit {
    /// The text that is to be there.
    text: String,
    /// The SHA-256 of the text that it was made on, in hexadecimal digits.
    was: String,
}

/// The files that were saved.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SavedFiles {
    /// Their paths. The session loads the bundle when it notices them.
    saved: Vec<String>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/saved",
    method: Method::Post,
    label: "explain_saved",
    access: Access::Needs(Permission::Admin),
    advertised: None,
    description: described!(saved),
    route: || web::to(saved),
};

/// Save edits
///
/// Writes edits into files of the bundle, where `behest dev` runs on its directory; elsewhere there
/// is nothing here. All of them are refused if one was made on a text that the file does not hold
/// any more. Needs the permission `admin`, which the admin key of the session has.
#[utoipa::path(
    post,
    path = "/explain/v1/saved",
    tag = "Explanation",
    operation_id = "saveEdits",
    request_body(content = SavedBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The files that were saved.", body = SavedFiles),
        (status = 403, description = "The caller may not save, from there.", body = ErrorBody),
        (status = 404, description = "This is no session of `behest dev`.", body = ErrorBody),
        QuestionErrors,
    ),
    security(("key" = [])),
)]
async fn saved(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    ENDPOINT.check(Identity::of(&request, &shared.settings)?)?;
    if !shared.settings.saves_edits {
        return Err(Error::NotFound);
    }
    if !is_local(request.uri(), request.headers()) || !is_own_page(request.headers()) {
        return Err(Error::OtherOrigin);
    }
    let (_, bytes) = shared.admit(&request, payload, &ENDPOINT).await?;
    let edits = read_edits(&shared.read(&bytes)?)?;
    let paths = edits.iter().map(|edit| edit.path.clone()).collect();
    let engine = Arc::clone(&shared.engine);
    let save = move || {
        let unsaved = match engine.save_edits(&edits).map_err(Error::Fault)? {
            Ok(()) => return Ok(()),
            Err(unsaved) => unsaved,
        };
        match unsaved.error {
            SaveError::Io(error) => {
                let told = format!("`{}` cannot be saved: {error}", shown(&unsaved.path));
                Err(Error::Fault(Fault::Internal(told)))
            }
            other => Err(Error::Malformed(MalformedMember {
                member: format!("edits.{}", shown(&unsaved.path)),
                problem: other.to_string(),
            })),
        }
    };
    shared.run_apart(&shared.scratches, &request, save).await?;
    Ok(super::answered(SavedFiles { saved: paths }))
}

/// Returns `true` unless a browser says that another page sends the request. A program that is no
/// browser says nothing.
fn is_own_page(headers: &HeaderMap) -> bool {
    let is_own = |origin: &HeaderValue| {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = origin.to_str().ok();
        let named = named.and_then(|origin| origin.strip_prefix("http://"));
        named.is_some() && named == host
    };
    let is_same = |site: &HeaderValue| site == "same-origin" || site == "none";
    headers.get_all(ORIGIN).all(is_own) && headers.get_all(&FETCH_SITE).all(is_same)
}

fn read_edits(body: &Record) -> Result<Vec<WantedEdit>, MalformedMember> {
    only("", body, &["edits"])?;
    let edits = match body.get_present("edits") {
        None => return Err(MalformedMember::missing("edits")),
        Some(Value::Record(edits)) => edits,
        Some(other) => return Err(MalformedMember::kind("edits", "an object", other)),
    };
    let refuse = |member: &str, problem: String| MalformedMember {
        member: member.to_owned(),
        problem,
    };
    let count = edits.iter().count();
    if count == 0 || count > MOST_EDITS {
        return Err(refuse(
            "edits",
            format!("must hold 1 to {MOST_EDITS} files"),
        ));
    }
    let mut read = Vec::new();
    let mut bytes = 0;
    for (path, value) in edits.iter() {
        let place = format!("edits.{}", shown(path));
        check_path(path).map_err(|problem| refuse(&place, problem.to_owned()))?;
        let edit = super::assumed::object(&place, value)?;
        only(&place, edit, &["text", "was"])?;
        let content = text(&format!("{place}.text"), edit.get_present("text"))?;
        bytes += content.len();
        if bytes > MOST_BYTES {
            return Err(refuse(
                "edits",
                format!("holds more than {MOST_BYTES} bytes"),
            ));
        }
        let was = format!("{place}.was");
        let digits = text(&was, edit.get_present("was"))?;
        read.push(WantedEdit {
            path: path.to_string(),
            text: content.into(),
            was: read_sha256(digits)
                .ok_or_else(|| refuse(&was, "must be a SHA-256, as 64 digits".to_owned()))?,
        });
    }
    Ok(read)
}
