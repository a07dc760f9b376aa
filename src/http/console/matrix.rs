//! `POST /explain/v1/matrix`: who may do what, as a table.
//!
//! INVARIANT: a table decides for people who look at it: no cell is recorded or counted, and its
//! words are none that an enforcement point reads.

use super::assumed::{MEMBER, object, only, read, text};
use super::assumption::AssumptionsBody;
use super::errors::QuestionErrors;
use crate::engine::{DecisionMatrix, MatrixCell, MatrixRequest, SurveyedOutcome};
use crate::http::authzen::schema::ErrorBody;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use crate::model::{EntityRef, MalformedMember, Record, Value};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use smol_str::SmolStr;
use std::sync::Arc;
use utoipa::ToSchema;

/// The members of the body.
const MEMBERS: [&str; 3] = ["chains", "targets", MEMBER];

/// LIMIT: chains and targets of a table, and its cells: more than a person looks at.
const MOST_CHAINS: usize = 500;
const MOST_TARGETS: usize = 500;
const MOST_CELLS: usize = 5_000;

/// LIMIT: members of a chain that are read; the bundle's own limit is lower.
const MOST_MEMBERS: usize = 16;

/// A table that is asked for.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct MatrixBody {
    /// The chains, at most 500: each a list of entities (`type`, `id`), of which the last asks.
    #[schema(value_type = Vec<Vec<Object>>)]
    chains: (),
    /// The targets, at most 500: each an `action` by its name, and a `resource` (`type`, `id`).
    #[schema(value_type = Vec<Object>)]
    targets: (),
    /// What the questions assume beside it.
    assume: Option<AssumptionsBody>,
}

/// A table of outcomes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MatrixTable {
    /// The digest of the bundle.
    bundle: String,
    /// The revision of the relations.
    revision: u64,
    /// The time as of which it is decided (RFC 3339).
    now: String,
    /// For each chain, the outcome of each target; null if there is none, or no time was left.
    rows: Vec<Vec<Option<CellBody>>>,
    /// Whether the time did not suffice for all of them.
    more: bool,
}

/// The outcome of one question.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CellBody {
    /// `permitted`, `with_arguments` if some arguments of a call would be permitted, or `denied`.
    outcome: &'static str,
    /// The code of the reason, if it is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/matrix",
    method: Method::Post,
    label: "explain_matrix",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(matrix),
    route: || web::to(matrix),
};

/// Who may do what, as a table
///
/// Decides each chain about each target, at most 5,000 questions, without arguments of calls, and
/// under the same assumptions. As with one question, nothing is written, and neither the decision
/// record nor the metrics see a decision. Needs the permissions `explain` and `decide`.
#[utoipa::path(
    post,
    path = "/explain/v1/matrix",
    tag = "Explanation",
    operation_id = "matrix",
    request_body(content = MatrixBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The table of outcomes.", body = MatrixTable),
        (status = 403, description = "The caller may not explain or decide.", body = ErrorBody),
        QuestionErrors,
    ),
    security((), ("key" = [])),
)]
async fn matrix(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (caller, bytes) = shared.admit(&request, payload, &ENDPOINT).await?;
    caller.require(Permission::Decide)?;
    let require_actor = caller.caller().is_some_and(|caller| caller.require_actor);
    let body = shared.read(&bytes)?;
    only("", &body, &MEMBERS)?;
    let asked = MatrixRequest {
        require_actor,
        ..read_matrix(&body)?
    };
    let assumed = read(&body)?;
    let engine = Arc::clone(&shared.engine);
    let table = move || Ok::<_, Error>(engine.matrix(&asked, &assumed)?);
    // Decisions that are enforced have places of their own.
    let table = shared.run_apart(&shared.searches, &request, table).await?;
    Ok(super::answered(MatrixTable::from(table)))
}

fn read_matrix(body: &Record) -> Result<MatrixRequest, MalformedMember> {
    let chains = items("chains", body, MOST_CHAINS)?;
    let targets = items("targets", body, MOST_TARGETS)?;
    if chains.len().saturating_mul(targets.len()) > MOST_CELLS {
        return Err(MalformedMember {
            member: "targets".to_owned(),
            problem: format!("make more than {MOST_CELLS} questions with these chains"),
        });
    }
    let chains = chains.iter().enumerate();
    let chains = chains.map(|(at, item)| read_chain(&format!("chains[{at}]"), item));
    let targets = targets.iter().enumerate();
    let targets = targets.map(|(at, item)| read_target(&format!("targets[{at}]"), item));
    Ok(MatrixRequest {
        chains: chains.collect::<Result<_, _>>()?,
        targets: targets.collect::<Result<_, _>>()?,
        require_actor: false,
    })
}

fn items<'a>(name: &str, body: &'a Record, most: usize) -> Result<&'a [Value], MalformedMember> {
    match body.get_present(name) {
        None => Err(MalformedMember::missing(name)),
        Some(Value::List(items)) if items.len() <= most => Ok(items),
        Some(Value::List(items)) => Err(MalformedMember {
            member: name.to_owned(),
            problem: format!("holds {} items, and at most {most} are taken", items.len()),
        }),
        Some(other) => Err(MalformedMember::kind(name, "a list", other)),
    }
}

fn read_chain(path: &str, value: &Value) -> Result<Vec<EntityRef>, MalformedMember> {
    let Value::List(members) = value else {
        return Err(MalformedMember::kind(path, "a list", value));
    };
    if members.is_empty() || members.len() > MOST_MEMBERS {
        return Err(MalformedMember {
            member: path.to_owned(),
            problem: format!("must have from 1 to {MOST_MEMBERS} members"),
        });
    }
    let members = members.iter().enumerate();
    let members = members.map(|(at, member)| read_entity(&format!("{path}[{at}]"), member));
    members.collect()
}

fn read_target(path: &str, value: &Value) -> Result<(SmolStr, EntityRef), MalformedMember> {
    let target = object(path, value)?;
    only(path, target, &["action", "resource"])?;
    let action = text(&format!("{path}.action"), target.get_present("action"))?;
    let place = format!("{path}.resource");
    let resource = target.get_present("resource");
    let resource = resource.ok_or_else(|| MalformedMember::missing(place.clone()))?;
    Ok((action.into(), read_entity(&place, resource)?))
}

fn read_entity(path: &str, value: &Value) -> Result<EntityRef, MalformedMember> {
    let entity = object(path, value)?;
    only(path, entity, &["type", "id"])?;
    let part = |name: &str| text(&format!("{path}.{name}"), entity.get_present(name));
    Ok(EntityRef::new(part("type")?, part("id")?))
}

impl From<DecisionMatrix> for MatrixTable {
    fn from(table: DecisionMatrix) -> Self {
        let rows = table.rows.into_iter();
        let rows = rows.map(|row| row.into_iter().map(|cell| cell.map(CellBody::from)));
        Self {
            bundle: table.bundle.to_string(),
            revision: table.revision.0,
            now: table.now.to_string(),
            rows: rows.map(Iterator::collect).collect(),
            more: table.is_cut,
        }
    }
}

impl From<MatrixCell> for CellBody {
    fn from(cell: MatrixCell) -> Self {
        Self {
            outcome: word(cell.outcome),
            code: cell.code.map(|code| code.as_str().to_owned()),
        }
    }
}

/// Returns the word of an outcome.
pub(super) fn word(outcome: SurveyedOutcome) -> &'static str {
    match outcome {
        SurveyedOutcome::Permitted => "permitted",
        SurveyedOutcome::PermittedWithArguments => "with_arguments",
        SurveyedOutcome::Denied | SurveyedOutcome::DeniedOtherwise => "denied",
    }
}
