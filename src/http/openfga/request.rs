//! What all calls do first: who calls, which store, which body.

use crate::http::Error;
use crate::http::caller::Identity;
use crate::http::endpoint::Endpoint;
use crate::http::openfga::error::{ApiError, Code, Names};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::spells;
use crate::http::openfga::time::Deadline;
use crate::http::shared::Shared;
use crate::model::{MAX_OTHERS, Record, Tuple, alike, nearest, shown};
use crate::stores::{
    Cut, Expansion, Failure, Limits, Listed, Membership, ModelId, RelationFault, StoreId, Stores,
    Terms,
};
use actix_web::HttpRequest;
use actix_web::web::{self, Payload, Query};
use std::collections::HashMap;
use std::sync::Arc;

/// Sizes of pages: OpenFGA's.
pub(super) const MAX_PAGE: usize = 100;
const DEFAULT_PAGE: usize = 50;

/// Refuses a caller without the endpoint's permission, and any without a key.
pub(super) fn admit(
    request: &HttpRequest,
    shared: &Shared,
    endpoint: &Endpoint,
) -> Result<Arc<Stores>, ApiError> {
    let caller = Identity::of(request, &shared.settings)?;
    // Whatever the settings say of anonymous callers: relations are who may do what.
    if caller.caller().is_none() {
        return Err(Error::MissingCredential.into());
    }
    endpoint.check(caller)?;
    let none = || ApiError::new(Code::UndefinedEndpoint, "this service keeps no relations");
    shared.engine.stores().cloned().ok_or_else(none)
}

/// The place of the caller among those that are configured, for what each has a share of.
pub(super) fn caller_place(request: &HttpRequest, shared: &Shared) -> usize {
    Identity::caller_of(request, &shared.settings).map_or(usize::MAX, |(place, _)| place)
}

/// The same, and then the body.
pub(super) async fn admit_with_body(
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    endpoint: &Endpoint,
) -> Result<(Arc<Stores>, Record), ApiError> {
    let (stores, body, _) = admit_with_size(request, payload, shared, endpoint).await?;
    Ok((stores, body))
}

/// The same, and how many bytes the body had.
pub(super) async fn admit_with_size(
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    endpoint: &Endpoint,
) -> Result<(Arc<Stores>, Record, usize), ApiError> {
    let stores = admit(request, shared, endpoint)?;
    let (_, text) = shared.admit(request, payload, endpoint).await?;
    Ok((stores, shared.read(&text)?, text.len()))
}

/// The store in the path.
pub(super) fn store_id(request: &HttpRequest) -> Result<StoreId, ApiError> {
    let text = request.match_info().query("store_id");
    if text.len() != ID_CHARS {
        let told = format!(
            "the id of a store has {ID_CHARS} characters, not {}",
            text.len()
        );
        return Err(ApiError::new(Code::StoreIdLength, told));
    }
    check_id(text, "store")?;
    // Text of the form that no id has: nobody has that store.
    text.parse()
        .map_err(|_| ApiError::new(Code::StoreNotFound, format!("there is no store `{text}`")))
}

/// The model in the path.
pub(super) fn model_id_in_path(request: &HttpRequest) -> Result<ModelId, ApiError> {
    read_model_id(request.match_info().query("model_id"))
}

/// The `authorization_model_id` of a body.
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
            Code::ModelNotFound,
            format!("there is no authorization model `{text}`"),
        )
    })
}

/// OpenFGA's rule for ids.
fn check_id(text: &str, what: &str) -> Result<(), ApiError> {
    let fits = |c: u8| c.is_ascii_digit() || (c.is_ascii_uppercase() && !b"ILOU".contains(&c));
    if text.len() == ID_CHARS && text.bytes().all(fits) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "the id of a {what} has {ID_CHARS} digits and upper-case letters, without I, L, O, U"
    )))
}

/// The `consistency` of a question. Every answer is of the newest revision, so there is nothing to
/// choose.
pub(super) fn check_consistency(fields: &Fields<'_>) -> Result<(), ApiError> {
    const KNOWN: [&str; 3] = ["UNSPECIFIED", "MINIMIZE_LATENCY", "HIGHER_CONSISTENCY"];
    match fields.text("consistency")? {
        Some(word) if !KNOWN.contains(&word.as_str()) => Err(ApiError::invalid(format!(
            "`consistency` must be `UNSPECIFIED`, `MINIMIZE_LATENCY` or `HIGHER_CONSISTENCY`, not `{}`",
            shown(word)
        ))),
        _ => Ok(()),
    }
}

/// The parameters of a query string.
pub(super) type Parameters = HashMap<&'static str, String>;

/// The parameters of a query string, in either spelling. One that is sent twice is refused, and so
/// is one that is spelled nearly like another that there is: without it, more would be read than
/// was asked for. Others are passed over.
pub(super) fn query(request: &HttpRequest, known: &[&'static str]) -> Result<Parameters, ApiError> {
    parameters(request, known, |_| Ok(()))
}

/// The same for a call that is not OpenFGA's: any other parameter is refused.
pub(super) fn exact_query(
    request: &HttpRequest,
    known: &[&'static str],
) -> Result<Parameters, ApiError> {
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
) -> Result<Parameters, ApiError> {
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

/// The size of a page in a query string.
pub(super) fn page_size_of(query: &Parameters) -> Result<usize, ApiError> {
    match query.get("page_size").filter(|text| !text.is_empty()) {
        None => Ok(DEFAULT_PAGE),
        Some(text) => page_size(Some(text.parse().map_err(|_| wrong_page())?)),
    }
}

/// The size of a page.
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
        Code::PageSize,
        format!("`page_size` must be between 1 and {MAX_PAGE}"),
    )
}

/// What a question brings along, for the engine.
pub(super) fn terms<'a>(
    contextual: &'a [Tuple],
    context: &'a Record,
    limits: Limits,
    is_over: &'a dyn Fn() -> bool,
) -> Terms<'a> {
    Terms {
        contextual,
        limits,
        is_over,
        ..Terms::new(context)
    }
}

/// How many tuples a worker reads for a question before it gives it away: about a millisecond's
/// work.
const BRIEF_READS: u64 = 10_000;

/// LIMIT: a question in a longer body is answered apart: its context is converted before anything
/// is counted.
const BRIEF_BODY_BYTES: usize = 64 << 10;

/// An answer that may have been cut by the limits that it was asked for within.
pub(super) trait MayBeCut {
    /// Returns `true` if there is more to be found within wider limits.
    fn is_cut(&self) -> bool;
}

impl<T> MayBeCut for Listed<T> {
    fn is_cut(&self) -> bool {
        self.cut == Some(Cut::Breadth)
    }
}

impl MayBeCut for Membership {
    fn is_cut(&self) -> bool {
        false
    }
}

impl MayBeCut for Expansion {
    fn is_cut(&self) -> bool {
        false
    }
}

/// Answers a question within what a worker may do between two answers, and where that does not
/// suffice, apart from it, with all that a question may cost. The answer's text is written where it
/// was found: a long one takes long to write, too.
pub(super) async fn answer<T: MayBeCut, A: Send + 'static>(
    shared: &Shared,
    (request, body_bytes): (&HttpRequest, usize),
    names: Names,
    question: impl Fn(Limits) -> Result<T, Failure> + Send + 'static,
    write: impl FnOnce(T) -> Result<A, ApiError> + Send + 'static,
) -> Result<A, ApiError> {
    let refuse = move |failure| ApiError::of_failure(failure, names);
    if body_bytes <= BRIEF_BODY_BYTES {
        match question(Limits {
            check_reads: BRIEF_READS,
            list_reads: BRIEF_READS,
            ..Limits::default()
        }) {
            Err(Failure::Fault(RelationFault::TooBroad(_) | RelationFault::TooMuch)) => {}
            Ok(answer) if answer.is_cut() => {}
            answer => return write(answer.map_err(refuse)?),
        }
    }
    shared
        .run_apart(&shared.questions, request, move || {
            write(question(Limits::default()).map_err(refuse)?)
        })
        .await
}

/// Runs what goes on while its client reads, on a thread of its own. Whoever calls this has a
/// [`Place`](crate::http::openfga::places::Place) for it: nothing here bounds how many there are.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = web::block(work).await;
    done.map_err(|error| ApiError::Internal(format!("a thread is gone: {error}")))?
}

/// The time that is up.
pub(super) fn until(deadline: Deadline) -> impl Fn() -> bool {
    move || deadline.is_over()
}
