//! `POST /stores/{id}/read`: reads stored tuples, in pages.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{ok_text, text_of};
use crate::http::openfga::continuation_token;
use crate::http::openfga::error::ApiError;
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{READ, TUPLE_KEY};
use crate::http::openfga::request::{admit_with_body, check_consistency, page_size, store_id};
use crate::http::openfga::schema::{FgaErrors, ReadBody, ReadRequest, TupleBody};
use crate::http::openfga::tuple::{read_object, read_relation, read_user, tuple_body};
use crate::http::shared::ServiceState;
use crate::model::check_type;
use crate::stores::{TuplePlace, TupleSelection};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/read",
    method: Method::Post,
    label: "fga_read",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(read),
    route: || web::to(read),
};

/// Reads tuples
///
/// Tuples are returned as they were written, even if the model does not allow them.
/// In `main` the bundle's tuples come first.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/read",
    tag = "Relations",
    operation_id = "read",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = ReadRequest, content_type = "application/json"),
    responses((status = 200, description = "A page of tuples.", body = ReadBody), FgaErrors),
    security(("key" = [])),
)]
pub(super) async fn read(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body) = admit_with_body(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, READ)?;
    check_consistency(&fields)?;
    let size = page_size(fields.number("page_size")?)?;
    let (wanted, question) = match fields.object("tuple_key", TUPLE_KEY)? {
        None => (TupleSelection::default(), String::new()),
        Some(key) => (selection(&key)?, question(&key)?),
    };
    let question = format!("read {store} {question}");
    let from = place(
        &question,
        fields
            .text("continuation_token")?
            .map_or("", smol_str::SmolStr::as_str),
    )?;
    let work = move || {
        let page = stores.read(store, &wanted, from.as_ref(), size)?;
        let next = page.next.map_or_else(String::new, |next| match next {
            TuplePlace::Bundle(key) => {
                continuation_token::write(&question, &[BUNDLE, &key.to_string()])
            }
            TuplePlace::Store(key) => {
                continuation_token::write(&question, &[STORE, &key.to_string()])
            }
        });
        let tuples = page.tuples.iter().map(|timed| TupleBody {
            key: tuple_body(&timed.tuple),
            timestamp: timed.at.to_string(),
        });
        text_of(&ReadBody {
            tuples: tuples.collect(),
            continuation_token: next,
        })
    };
    Ok(ok_text(
        shared.run_apart(&shared.pages, &request, work).await?,
    ))
}

const BUNDLE: &str = "bundle";
const STORE: &str = "store";

fn place(question: &str, text: &str) -> Result<Option<TuplePlace>, ApiError> {
    let Some([layer, key]) = continuation_token::read::<2>(question, text)? else {
        return Ok(None);
    };
    let key = continuation_token::parse(&key)?;
    Ok(Some(if layer == BUNDLE {
        TuplePlace::Bundle(key)
    } else {
        TuplePlace::Store(key)
    }))
}

/// Reads the `tuple_key`, which names an object, or a type and a user.
fn selection(key: &Fields<'_>) -> Result<TupleSelection, ApiError> {
    let Some(object) = key.text("object")? else {
        let told = "`tuple_key.object` is missing: name an object, or a type (`document:`) and a \
            user; or leave `tuple_key` out to read all";
        return Err(ApiError::invalid(told));
    };
    let mut wanted = TupleSelection::default();
    if let Some(user) = key.text("user")? {
        wanted.user = Some(read_user(user, key.spelling())?);
    }
    if let Some(relation) = key.text("relation")? {
        read_relation(relation)?;
        wanted.relation = Some(relation.clone());
    }
    match object.strip_suffix(':') {
        Some(kind) => {
            let kind = key.spelling().kind(&kind.into());
            check_type(&kind).map_err(|error| ApiError::invalid(error.to_string()))?;
            if wanted.user.is_none() {
                let told = "`tuple_key.object` is a type alone: name a user too, or an object";
                return Err(ApiError::invalid(told));
            }
            wanted.kind = Some(kind);
        }
        None => wanted.object = Some(read_object(object, key.spelling())?),
    }
    Ok(wanted)
}

/// Joins the texts of a key by spaces, which they cannot contain.
fn question(key: &Fields<'_>) -> Result<String, ApiError> {
    let text = |name| Ok::<_, ApiError>(key.text(name)?.map_or("", smol_str::SmolStr::as_str));
    Ok(format!(
        "{} {} {}",
        text("object")?,
        text("relation")?,
        text("user")?
    ))
}
