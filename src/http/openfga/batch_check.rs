//! `POST /stores/{id}/batch-check`: answers several checks at one revision, each by itself.

use crate::http::Permission;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::openfga::answer::{AnswerSource, ok_text_of, text_of};
use crate::http::openfga::error::{ApiError, NamePosition};
use crate::http::openfga::fields::Fields;
use crate::http::openfga::members::{BATCH_CHECK, CHECK_ITEM};
use crate::http::openfga::request::{
    LimitedAnswer, admit_with_size, answer, check_consistency, model_id, store_id, terms,
    watch_deadline,
};
use crate::http::openfga::schema::{
    BatchCheckBody, BatchCheckError, BatchCheckRequest, BatchCheckResult, FgaErrors,
};
use crate::http::openfga::time::Deadline;
use crate::http::openfga::tuple::{read_context, read_contextual, read_question};
use crate::http::shared::ServiceState;
use crate::model::{Record, Tuple, TupleKey};
use crate::stores::{
    Allowance, CompiledModel, Failure, ReaderTerms, RelationFault, RelationLimits, RelationReader,
    Version,
};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::collections::BTreeMap;

/// Maximum number of checks in one batch; the same limit as OpenFGA's.
const MAX_CHECKS: usize = 50;

/// Maximum length of a correlation id in characters; the same rule as OpenFGA's.
const MAX_CORRELATION_CHARS: usize = 36;

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/stores/{store_id}/batch-check",
    method: Method::Post,
    label: "fga_batch_check",
    access: Access::Needs(Permission::RelationsRead),
    advertised: None,
    description: described!(batch_check),
    route: || web::to(batch_check),
};

/// Checks several relations
///
/// All at one revision. An item that is at fault has an error in place of its answer.
#[utoipa::path(
    post,
    path = "/stores/{store_id}/batch-check",
    tag = "Relations",
    operation_id = "batchCheck",
    params(("store_id" = String, Path, description = "The id of the store.")),
    request_body(content = BatchCheckRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The answer to each check, by its id.", body = BatchCheckBody),
        FgaErrors
    ),
    security(("key" = [])),
)]
pub(super) async fn batch_check(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, ApiError> {
    let (stores, body, bytes) = admit_with_size(&request, payload, &shared, &ENDPOINT).await?;
    let store = store_id(&request)?;
    let fields = Fields::in_store(&body, store, &stores, BATCH_CHECK)?;
    check_consistency(&fields)?;
    let items = read_items(&fields)?;
    let (version, model) = stores.with_model(store, model_id(&fields)?)?;
    let basis = AnswerSource {
        model: model.id,
        revision: version.revision(),
    };
    let (groups, mut result) = group(items, &model);
    let question = move |limits| decide(&groups, &version, &model, limits);
    let write = move |ItemResults(decided)| {
        result.extend(decided);
        text_of(&BatchCheckBody { result })
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

/// Reads the items by their correlation ids, which must be valid and unique.
fn read_items<'a>(fields: &Fields<'a>) -> Result<BTreeMap<String, Fields<'a>>, ApiError> {
    let count = fields.count("checks")?;
    if count == 0 || count > MAX_CHECKS {
        let told = format!("`checks` holds {count} items, and 1 to {MAX_CHECKS} are taken");
        return Err(ApiError::invalid(told));
    }
    let mut named = BTreeMap::new();
    for item in fields.items("checks", CHECK_ITEM)? {
        let id = item.required("correlation_id")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if id.chars().count() > MAX_CORRELATION_CHARS || !id.chars().all(fits) {
            let told = format!(
                "`{}` must be 1 to {MAX_CORRELATION_CHARS} letters, digits, `_` and `-`",
                item.path("correlation_id")
            );
            return Err(ApiError::invalid(told));
        }
        if named.insert(id.to_string(), item).is_some() {
            return Err(ApiError::invalid(format!(
                "the correlation id `{id}` occurs twice: make each unique"
            )));
        }
    }
    Ok(named)
}

/// The contextual tuples and the context. Items that have these in common are answered by one
/// reader, which reuses what it has found.
type ItemTerms = (Vec<Tuple>, Record);

/// The items with the same surroundings: the surroundings, the ids and the keys.
type ItemGroup = (ItemTerms, Vec<String>, Vec<TupleKey>);

/// Groups the items by their surroundings, and returns the results of items that are malformed.
fn group(
    items: BTreeMap<String, Fields<'_>>,
    model: &CompiledModel,
) -> (Vec<ItemGroup>, BTreeMap<String, BatchCheckResult>) {
    let mut result = BTreeMap::new();
    let mut groups: Vec<ItemGroup> = Vec::new();
    for (id, item) in items {
        match read_item(&item, model) {
            Ok((key, surroundings)) => {
                match groups.iter_mut().find(|(known, ..)| *known == surroundings) {
                    Some((_, ids, keys)) => {
                        ids.push(id);
                        keys.push(key);
                    }
                    None => groups.push((surroundings, vec![id], vec![key])),
                }
            }
            Err(error) => drop(result.insert(id, failed(&error))),
        }
    }
    (groups, result)
}

/// The results of the items that the engine has answered.
struct ItemResults(Vec<(String, BatchCheckResult)>);

impl LimitedAnswer for ItemResults {
    fn is_cut(&self) -> bool {
        false
    }
}

/// Lets the engine answer the groups. Each item has its own limit, and an error as its result if it
/// exceeds that. Under narrow limits all items share one allowance, and exceeding it fails the
/// whole batch, which is then repeated with wide limits.
fn decide(
    groups: &[ItemGroup],
    version: &Version,
    model: &CompiledModel,
    limits: RelationLimits,
) -> Result<ItemResults, Failure> {
    let is_over = watch_deadline(Deadline::of_check());
    let is_narrow = limits != RelationLimits::default();
    let together = Allowance::of_reads(limits.check_reads);
    let mut decided = Vec::new();
    for ((contextual, context), ids, keys) in groups {
        let allowance = is_narrow.then_some(&together);
        let terms = ReaderTerms {
            allowance,
            ..terms(contextual, context, limits, &is_over)
        };
        let answers = RelationReader::new(version.graph(), &model.rules, terms)?.check_all(keys);
        for (id, answer) in ids.iter().zip(answers) {
            decided.push((
                id.clone(),
                match answer {
                    Ok(membership) => BatchCheckResult::Allowed(membership.holds()),
                    Err(
                        failure @ Failure::Fault(
                            RelationFault::TooBroad(_) | RelationFault::TooMuch,
                        ),
                    ) if is_narrow => {
                        return Err(failure);
                    }
                    Err(failure) => failed(&ApiError::of_failure(failure, NamePosition::InKey)),
                },
            ));
        }
    }
    Ok(ItemResults(decided))
}

fn read_item(item: &Fields<'_>, model: &CompiledModel) -> Result<(TupleKey, ItemTerms), ApiError> {
    let key = read_question(item)?;
    let contextual = read_contextual(item, model)?;
    Ok((
        key,
        (contextual, read_context(item)?.cloned().unwrap_or_default()),
    ))
}

fn failed(error: &ApiError) -> BatchCheckResult {
    let (code, is_input) = error.code_name();
    BatchCheckResult::Error(BatchCheckError {
        input_error: is_input.then_some(code),
        internal_error: (!is_input).then_some(code),
        message: error.to_string(),
    })
}
