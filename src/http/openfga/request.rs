//! Does what all calls begin with: identifies the caller, and reads the store, the body and the
//! parameters.

use crate::http::Error;
use crate::http::caller::identity::Identity;
use crate::http::endpoint::Endpoint;
use crate::http::openfga::error::{ApiError, FgaCode, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::spells;
use crate::http::openfga::time::Deadline;
use crate::http::shared::ServiceState;
use crate::model::{MAX_OTHERS, Record, Tuple, alike, nearest, shown};
use crate::stores::{
    Expansion, Failure, ListResult, ListTruncation, Membership, ModelId, ReaderTerms,
    RelationFault, RelationLimits, StoreId, Stores,
};
use actix_web::HttpRequest;
use actix_web::web::{self, Payload, Query};
use std::collections::HashMap;
use std::sync::Arc;

/// Sizes of pages; the same as OpenFGA's.
pub(super) const MAX_PAGE: usize = 100;
const DEFAULT_PAGE: usize = 50;

/// Refuses a caller without the endpoint's permission, and any without a key.
pub(super) fn admit(
    request: &HttpRequest,
    shared: &ServiceState,
    endpoint: &Endpoint,
) -> Result<Arc<Stores>, ApiError> {
    let caller = Identity::of(request, &shared.settings)?;
    // This holds whatever the settings allow to anonymous callers: relations decide who may do
    // what.
    if caller.caller().is_none() {
        return Err(Error::MissingCredential.into());
    }
    endpoint.check(caller)?;
    let none = || {
        ApiError::new(
            FgaCode::UndefinedEndpoint,
            "this service keeps no relations",
        )
    };
    shared.engine.stores().cloned().ok_or_else(none)
}

/// Returns the caller's number, to count what it has a share of.
pub(super) fn caller_place(request: &HttpRequest, shared: &ServiceState) -> usize {
    Identity::caller_of(request, &shared.settings)
        .and_then(|(place, _)| shared.callers.get(place))
        .map_or(usize::MAX, |entry| entry.number)
}

/// Admits a request like [`admit`], and then reads its body.
pub(super) async fn admit_with_body(
    request: &HttpRequest,
    payload: Payload,
    shared: &ServiceState,
    endpoint: &Endpoint,
) -> Result<(Arc<Stores>, Record), ApiError> {
    let (stores, body, _) = admit_with_size(request, payload, shared, endpoint).await?;
    Ok((stores, body))
}

/// Admits a request like [`admit_with_body`], and also returns the size of the body in bytes.
pub(super) async fn admit_with_size(
    request: &HttpRequest,
    payload: Payload,
    shared: &ServiceState,
    endpoint: &Endpoint,
) -> Result<(Arc<Stores>, Record, usize), ApiError> {
    let stores = admit(request, shared, endpoint)?;
    let (_, text) = shared.admit(request, payload, endpoint).await?;
    Ok((stores, shared.read(&text)?, text.len()))
}

/// Reads the store's id in the path.
pub(super) fn store_id(request: &HttpRequest) -> Result<StoreId, ApiError> {
    let text = request.match_info().query("store_id");
    if text.len() != ID_CHARS {
        let told = format!(
            "the id of a store has {ID_CHARS} characters, not {}",
            text.len()
        );
        return Err(ApiError::new(FgaCode::StoreIdLength, told));
    }
    check_id(text, "store")?;
    // No store can have this id, though it is well-formed.
    text.parse().map_err(|_| {
        ApiError::new(
            FgaCode::StoreNotFound,
            format!("there is no store `{text}`"),
        )
    })
}

/// Reads the model's id in the path.
pub(super) fn model_id_in_path(request: &HttpRequest) -> Result<ModelId, ApiError> {
    read_model_id(request.match_info().query("model_id"))
}

/// Reads the `authorization_model_id` of a body.
pub(super) fn model_id(fields: &Fields<'_>) -> Result<Option<ModelId>, ApiError> {
    fields
        .text("authorization_model_id")?
        .map(|text| read_model_id(text))
        .transpose()
}

const ID_CHARS: usize = 26;

fn read_model_id(text: &str) -> Result<ModelId, ApiError> {
    check_id(text, "authorization model")?;
    text.parse().map_err(|_| {
        ApiError::new(
            FgaCode::ModelNotFound,
            format!("there is no authorization model `{text}`"),
        )
    })
}

/// Checks an id by OpenFGA's rule.
fn check_id(text: &str, what: &str) -> Result<(), ApiError> {
    let fits = |c: u8| c.is_ascii_digit() || (c.is_ascii_uppercase() && !b"ILOU".contains(&c));
    if text.len() == ID_CHARS && text.bytes().all(fits) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "the id of a {what} has {ID_CHARS} digits and upper-case letters, without I, L, O, U"
    )))
}

/// Checks the `consistency` of a question. It has no effect, because every answer sees the newest
/// revision.
pub(super) fn check_consistency(fields: &Fields<'_>) -> Result<(), ApiError> {
    const KNOWN: [&str; 3] = ["UNSPECIFIED", "MINIMIZE_LATENCY", "HIGHER_CONSISTENCY"];
    match fields.text("consistency")? {
        Some(word) if !KNOWN.contains(&word.as_str()) => Err(ApiError::invalid(format!(
            "`consistency` must be `UNSPECIFIED`, `MINIMIZE_LATENCY` or \
             `HIGHER_CONSISTENCY`, not `{}`",
            shown(word)
        ))),
        _ => Ok(()),
    }
}

/// The parameters of a query string, by name.
pub(super) type QueryParameters = HashMap<&'static str, String>;

/// Reads the parameters of a query string, in either spelling. A parameter that is sent twice is
/// refused, and so is one that is spelled nearly like a known one: without it, more would be read
/// than was asked for. Other parameters are ignored.
pub(super) fn query(
    request: &HttpRequest,
    known: &[&'static str],
) -> Result<QueryParameters, ApiError> {
    parameters(request, known, |_| Ok(()))
}

/// Reads the parameters of a call that is not OpenFGA's: any other parameter is refused.
pub(super) fn exact_query(
    request: &HttpRequest,
    known: &[&'static str],
) -> Result<QueryParameters, ApiError> {
    parameters(request, known, |other| {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let told = format!(
            "the parameter `{}` is not read: there are {}",
            shown(other),
            names.join(", ")
        );
        Err(ApiError::invalid(told))
    })
}

fn parameters(
    request: &HttpRequest,
    known: &[&'static str],
    take_other: impl Fn(&str) -> Result<(), ApiError>,
) -> Result<QueryParameters, ApiError> {
    let read = Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = read.map_err(|_| ApiError::invalid("the query string cannot be read"))?;
    let mut found = HashMap::new();
    let mut others = 0;
    for (name, value) in pairs.into_inner() {
        let names = || known.iter().copied();
        match names().find(|known| spells(&name, known)) {
            Some(known) => {
                if found.insert(known, value).is_some() {
                    return Err(ApiError::invalid(format!(
                        "the parameter `{known}` is sent twice: send it once"
                    )));
                }
            }
            None => {
                others += 1;
                if others > MAX_OTHERS {
                    let told = format!(
                        "the query string has more than {MAX_OTHERS} parameters that are not read"
                    );
                    return Err(ApiError::invalid(told));
                }
                if let Some(meant) = names()
                    .find(|known| alike(known, &name))
                    .or_else(|| nearest(&name, names()))
                {
                    let told = format!(
                        "the parameter `{}` is not read: did you mean `{meant}`?",
                        shown(&name)
                    );
                    return Err(ApiError::invalid(told));
                }
                take_other(&name)?;
            }
        }
    }
    Ok(found)
}

/// Reads the size of a page from a query string.
pub(super) fn page_size_of(query: &QueryParameters) -> Result<usize, ApiError> {
    match query.get("page_size").filter(|text| !text.is_empty()) {
        None => Ok(DEFAULT_PAGE),
        Some(text) => page_size(Some(text.parse().map_err(|_| wrong_page())?)),
    }
}

/// Checks the size of a page.
pub(super) fn page_size(wanted: Option<i64>) -> Result<usize, ApiError> {
    let Some(wanted) = wanted else {
        return Ok(DEFAULT_PAGE);
    };
    usize::try_from(wanted)
        .ok()
        .filter(|size| (1..=MAX_PAGE).contains(size))
        .ok_or_else(wrong_page)
}

fn wrong_page() -> ApiError {
    ApiError::new(
        FgaCode::PageSize,
        format!("`page_size` must be between 1 and {MAX_PAGE}"),
    )
}

/// Returns the terms of a question for the engine.
pub(super) fn terms<'a>(
    contextual: &'a [Tuple],
    context: &'a Record,
    limits: RelationLimits,
    is_over: &'a dyn Fn() -> bool,
) -> ReaderTerms<'a> {
    ReaderTerms {
        contextual,
        limits,
        is_over,
        ..ReaderTerms::new(context)
    }
}

/// How many tuples a worker reads for a question before it hands it to another thread: about a
/// millisecond's work.
const BRIEF_READS: u64 = 10_000;

/// LIMIT: a question in a longer body is answered on another thread at once, because its context is
/// converted before any reads are counted.
const BRIEF_BODY_BYTES: usize = 64 << 10;

/// An answer that may have been cut by the limits of its question.
pub(super) trait LimitedAnswer {
    /// Returns `true` if wider limits could find more.
    fn is_cut(&self) -> bool;
}

impl<T> LimitedAnswer for ListResult<T> {
    fn is_cut(&self) -> bool {
        self.cut == Some(ListTruncation::Breadth)
    }
}

impl LimitedAnswer for Membership {
    fn is_cut(&self) -> bool {
        false
    }
}

impl LimitedAnswer for Expansion {
    fn is_cut(&self) -> bool {
        false
    }
}

/// Answers a question on the worker within narrow limits. If these do not suffice, it is answered
/// again on another thread, with the full limits. The answer's text is written on the same thread,
/// because a long one takes long to write, too.
pub(super) async fn answer<T: LimitedAnswer, A: Send + 'static>(
    shared: &ServiceState,
    (request, body_bytes): (&HttpRequest, usize),
    names: NamePosition,
    question: impl Fn(RelationLimits) -> Result<T, Failure> + Send + 'static,
    write: impl FnOnce(T) -> Result<A, ApiError> + Send + 'static,
) -> Result<A, ApiError> {
    let refuse = move |failure| ApiError::of_failure(failure, names);
    if body_bytes <= BRIEF_BODY_BYTES {
        match question(RelationLimits {
            check_reads: BRIEF_READS,
            list_reads: BRIEF_READS,
            ..RelationLimits::default()
        }) {
            Err(Failure::Fault(RelationFault::TooBroad(_) | RelationFault::TooMuch)) => {}
            Ok(answer) if answer.is_cut() => {}
            answer => return write(answer.map_err(refuse)?),
        }
    }
    shared
        .run_apart(&shared.questions, request, move || {
            write(question(RelationLimits::default()).map_err(refuse)?)
        })
        .await
}

/// Runs work that goes on while its client reads, on a thread of its own. The caller of this
/// function must hold a [`StreamPlace`](crate::http::load::places::StreamPlace) for it: nothing
/// here bounds the number of threads.
pub(super) async fn run_on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = web::block(work).await;
    done.map_err(|error| ApiError::Internal(format!("a thread is gone: {error}")))?
}

/// Returns a function that tells whether the time is up.
pub(super) fn watch_deadline(deadline: Deadline) -> impl Fn() -> bool {
    move || deadline.is_over()
}
