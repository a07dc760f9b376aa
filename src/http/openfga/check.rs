//! `POST /stores/{id}/check`: checks whether a user has a relation to an object.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, ok_text_of, text_of};
use crate::http::openfga::error::{ApiError, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::CHECK;
use crate::http::openfga::request::{
    admit_with_size, answer, check_consistency, model_id, store_id, terms, watch_deadline,
};
use crate::http::openfga::schema::{CheckBody, CheckRequest, FgaErrors};
use crate::http::openfga::time::Deadline;
use crate::http::openfga::tuple::{read_context, read_contextual, read_question};
use crate::http::shared::ServiceState;
use crate::model::TupleKey;
use crate::stores::{Membership, ReaderTerms, RelationReader};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::fmt::Write as _;

/// Text of tuples, in bytes, after which `resolution` is cut: it holds a path of twenty-five long
/// tuples. An intersection shows one path for each operand.
const MAX_RESOLUTION_BYTES: usize = 32 << 10;

/// The header that asks for `resolution`, for clients that cannot set a member of the body.
const TRACE: &str = "behest-trace";

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/check",
    method: Method::Post,
    label: "fga_check",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(check),
    route: || web::to(check),
};

/// Checks a relation
///
/// With `trace`, or the header `Behest-Trace: true`, a permitted check shows the tuples that permit
/// it in `resolution`.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/check",
    tag = "Relations",
    operation_id = "check",
    params(
        ("store_id" = String, Path, description = "The id of the store."),
        (
            "Behest-Trace" = Option<String>,
            Header,
            description = "With `true` the answer shows in `resolution` what permits it."
        ),
    ),
    request_body(content = CheckRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "Whether the user is in that relation to the object.",
            body = CheckBody,
            headers(
                (
                    "Openfga-Authorization-Model-Id" = String,
                    description = "The model that answered."
                ),
                (
                    "Behest-Revision" = u64,
                    description = "The revision of the tuples that answered."
                ),
            ),
        ),
        FgaErrors,
    ),
    security(("key" = [])),
)]
pub(super) async fn check(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body, bytes) = admit_with_size(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, CHECK)?;
    check_consistency(&fields)?;
    let key = read_question(&fields)?;
    let (version, model) = stores.with_model(store, model_id(&fields)?)?;
    let contextual = read_contextual(&fields, &model)?;
    let context = read_context(&fields)?.cloned().unwrap_or_default();
    let traced = request
        .headers()
        .get(TRACE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let witness = traced || fields.flag("trace")?;
    let basis = AnswerSource {
        model: model.id,
        revision: version.revision(),
    };
    let question = move |limits| {
        let is_over = watch_deadline(Deadline::of_check());
        let terms = ReaderTerms {
            witness,
            ..terms(&contextual, &context, limits, &is_over)
        };
        RelationReader::new(version.graph(), &model.rules, terms)?.check(&key)
    };
    let write = |membership| {
        text_of(&match membership {
            Membership::Holds(witness) => CheckBody {
                allowed: true,
                resolution: resolution(&witness),
            },
            Membership::Lacks => CheckBody {
                allowed: false,
                resolution: String::new(),
            },
        })
    };
    Ok(ok_text_of(
        basis,
        answer(
            &shared,
            (&request, bytes),
            NamePosition::InKey,
            question,
            write,
        )
        .await?,
    ))
}

/// Writes the tuples of a witness, up to the limit.
fn resolution(witness: &[TupleKey]) -> String {
    let mut text = String::new();
    for (at, tuple) in witness.iter().enumerate() {
        if text.len() > MAX_RESOLUTION_BYTES {
            // Writing to a string cannot fail.
            let _written = write!(
                text,
                ", and {} more: the path is cut here",
                witness.len() - at
            );
            break;
        }
        let comma = if at == 0 { "" } else { ", " };
        let _written = write!(text, "{comma}{tuple}");
    }
    text
}
