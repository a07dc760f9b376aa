//! `POST /explain/v1/evaluation`: explains what would be decided if something else were so.
//!
//! INVARIANT: the answer stands below `answer`, so that no enforcement point that is sent here by
//! mistake finds a decision.

use crate::engine::QuestionAssumptions;
use crate::http::authzen::evaluation::written;
use crate::http::authzen::schema::ErrorBody;
use crate::http::authzen::wire::{
    EvaluationResponse, Options, RequestKind, write_answer, write_value,
};
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::{OwnedAsk, ReadyRequest, ServiceState, WorkLength, ask};
use crate::http::{Error, Permission};
use crate::model::{
    AnswerDepth, Arguments, MalformedMember, Record, Request, Timestamp, Tuple, TupleCondition,
    TupleKey, Value, shown,
};
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;
use utoipa::ToSchema;

/// The member of the body that says what is assumed, and its own members.
const MEMBER: &str = "assume";
const MEMBERS: [&str; 5] = ["now", "case", "entities", "tuples", "without"];

/// LIMIT: entities, tuples and tuples that are taken away in one assumption: as many as OpenFGA
/// takes contextual tuples.
const MOST_SUPPOSED: usize = 100;

/// The answer to a question under an assumption.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is written without it")]
pub(in crate::http) struct AssumedBody {
    /// What an evaluation would answer, with its explanation.
    answer: EvaluationResponse<'static>,
}

/// A question, and what is assumed beside what is so.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct AssumingQuestion {
    /// The subject, as in an evaluation.
    #[schema(value_type = Object)]
    subject: (),
    /// The action, as in an evaluation.
    #[schema(value_type = Object)]
    action: (),
    /// The resource, as in an evaluation.
    #[schema(value_type = Object)]
    resource: (),
    /// The context, as in an evaluation.
    #[schema(value_type = Option<Object>)]
    context: (),
    /// What the question assumes beside it.
    assume: Option<AssumptionsBody>,
}

/// What is assumed beside what is so.
#[derive(Debug, ToSchema)]
#[schema(as = QuestionAssumptions)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct AssumptionsBody {
    /// The time (RFC 3339), instead of the case's or now.
    #[schema(example = "2026-10-01T09:00:00Z")]
    now: Option<String>,
    /// A case of the bundle, which supplies what it is given: its `file` and its `name`.
    #[schema(value_type = Option<Object>)]
    case: Option<()>,
    /// Entities in Cedar's JSON form, at most 100; each replaces the stored one of its id.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<()>,
    /// Tuples that are there as well, at most 100: `user`, `relation`, `object`, and a `condition`.
    #[schema(value_type = Option<Vec<Object>>)]
    tuples: Option<()>,
    /// Tuples that are not there, at most 100.
    #[schema(value_type = Option<Vec<Object>>)]
    without: Option<()>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/evaluation",
    method: Method::Post,
    label: "explain_evaluation",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(evaluation),
    route: || web::to(evaluation),
};

/// What would be decided?
///
/// Explains a question, at another time, with tuples or entities that are not there, without tuples
/// that are, or as a case of the bundle has it. Nothing is written, and neither the decision record
/// nor the metrics see a decision: this is for people who ask why, and the answer below `answer` is
/// none to enforce. Needs the permissions `explain` and `decide`.
#[utoipa::path(
    post,
    path = "/explain/v1/evaluation",
    tag = "Explanation",
    operation_id = "assume",
    request_body(content = AssumingQuestion, content_type = "application/json"),
    responses(
        (status = 200, description = "The answer and its explanation.", body = AssumedBody),
        (
            status = 400,
            description = "The body is not JSON, or a member is missing or not of its form.",
            body = ErrorBody,
        ),
        (status = 401, description = "No key, or one that nobody has.", body = ErrorBody),
        (status = 403, description = "The caller may not explain or decide.", body = ErrorBody),
        (status = 408, description = "The body arrived too slowly.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (
            status = 503,
            description = "The service is overloaded, or has no bundle.",
            body = ErrorBody,
        ),
    ),
    security((), ("key" = [])),
)]
async fn evaluation(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (caller, text) = shared.admit(&request, payload, &ENDPOINT).await?;
    let work = WorkLength::of(&text);
    let opened = shared
        .open(RequestKind::Assumption, work, caller, &request, &text)
        .await?;
    let ReadyRequest {
        body,
        options,
        evidence,
        turn,
    } = opened;
    // Other requests of this worker need not wait for this one.
    drop(turn);
    caller.require(Permission::Decide)?;
    let question = Request::from_body(&body)?;
    let assumption = read(&body)?;
    let options = Options {
        depth: AnswerDepth::Explain,
        arguments: Arguments::Known,
        ..options
    };
    let known = evidence.clone();
    let owned = OwnedAsk::of(&ask(caller, &request, options, evidence.as_ref()), options);
    let engine = Arc::clone(&shared.engine);
    let answer = move || Ok::<_, Error>(engine.assume(&owned.ask(), &question, &assumption)?);
    let answer = shared
        .decide_apart(&shared.decisions, (&request, known.as_ref()), answer)
        .await?;
    let limit = shared.settings.limits.answer_bytes;
    let answer = written(write_answer(&answer, AnswerDepth::Explain, limit))?;
    let body = [b"{\"answer\":", &answer[..], b"}"].concat();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(Bytes::from(body)))
}

/// Reads what a body assumes.
fn read(body: &Record) -> Result<QuestionAssumptions, MalformedMember> {
    let assumed = match body.get_present(MEMBER) {
        None => return Ok(QuestionAssumptions::default()),
        Some(Value::Record(assumed)) => assumed,
        Some(other) => return Err(MalformedMember::kind(MEMBER, "an object", other)),
    };
    only(MEMBER, assumed, &MEMBERS)?;
    Ok(QuestionAssumptions {
        now: assumed.get_present("now").map(read_time).transpose()?,
        case: assumed.get_present("case").map(read_case).transpose()?,
        entities: read_entities(assumed)?,
        tuples: list(assumed, "tuples")?
            .iter()
            .enumerate()
            .map(|(at, item)| read_tuple(&format!("{MEMBER}.tuples[{at}]"), item))
            .collect::<Result<_, _>>()?,
        without: list(assumed, "without")?
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let path = format!("{MEMBER}.without[{at}]");
                read_key(&path, object(&path, item)?)
            })
            .collect::<Result<_, _>>()?,
    })
}

fn read_time(value: &Value) -> Result<Timestamp, MalformedMember> {
    let path = format!("{MEMBER}.now");
    let text = text(&path, Some(value))?;
    text.parse().map_err(|_| MalformedMember {
        member: path,
        problem: format!("must be a time of RFC 3339, not `{}`", shown(text)),
    })
}

fn read_case(value: &Value) -> Result<(String, String), MalformedMember> {
    let path = format!("{MEMBER}.case");
    let case = object(&path, value)?;
    only(&path, case, &["file", "name"])?;
    let part = |name: &str| text(&format!("{path}.{name}"), case.get_present(name));
    Ok((part("file")?.to_owned(), part("name")?.to_owned()))
}

/// Returns the entities as one text, in Cedar's JSON form.
fn read_entities(assumed: &Record) -> Result<Option<String>, MalformedMember> {
    let entities = list(assumed, "entities")?;
    if entities.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    write_value(&mut text, &Value::List(entities.to_vec()));
    Ok(Some(text))
}

/// Reads a tuple: `user`, `relation`, `object`, and a `condition` with `name` and `context`. `path`
/// is how errors name it.
pub fn read_tuple(path: &str, value: &Value) -> Result<Tuple, MalformedMember> {
    let tuple = object(path, value)?;
    let condition = match tuple.get_present("condition") {
        None => None,
        Some(value) => {
            let path = format!("{path}.condition");
            let condition = object(&path, value)?;
            only(&path, condition, &["name", "context"])?;
            let name = text(&format!("{path}.name"), condition.get_present("name"))?;
            let context = match condition.get_present("context") {
                None => Record::new(),
                Some(context) => object(&format!("{path}.context"), context)?.clone(),
            };
            Some(Arc::new(TupleCondition {
                name: name.into(),
                context,
            }))
        }
    };
    Ok(Tuple {
        key: read_key(path, tuple)?,
        condition,
    })
}

fn read_key(path: &str, tuple: &Record) -> Result<TupleKey, MalformedMember> {
    only(path, tuple, &["user", "relation", "object", "condition"])?;
    let part = |name: &str| text(&format!("{path}.{name}"), tuple.get_present(name));
    let key = TupleKey::parse(part("user")?, part("relation")?, part("object")?);
    key.map_err(|error| MalformedMember {
        member: path.to_owned(),
        problem: format!("is no tuple: {error}"),
    })
}

/// Returns a list of at most as many items as are taken; an empty one if it is absent.
fn list<'a>(assumed: &'a Record, name: &str) -> Result<&'a [Value], MalformedMember> {
    let path = format!("{MEMBER}.{name}");
    let items = match assumed.get_present(name) {
        None => return Ok(&[]),
        Some(Value::List(items)) => items,
        Some(other) => return Err(MalformedMember::kind(path, "a list", other)),
    };
    if items.len() > MOST_SUPPOSED {
        let count = items.len();
        return Err(MalformedMember {
            member: path,
            problem: format!("holds {count} items, and at most {MOST_SUPPOSED} are taken"),
        });
    }
    Ok(items)
}

fn object<'a>(path: &str, value: &'a Value) -> Result<&'a Record, MalformedMember> {
    let record = value.as_record();
    record.ok_or_else(|| MalformedMember::kind(path, "an object", value))
}

fn text<'a>(path: &str, value: Option<&'a Value>) -> Result<&'a str, MalformedMember> {
    let value = value.ok_or_else(|| MalformedMember::missing(path))?;
    let text = value.as_text();
    text.map(smol_str::SmolStr::as_str)
        .ok_or_else(|| MalformedMember::kind(path, "a string", value))
}

/// Refuses a member that nobody would read.
fn only(path: &str, record: &Record, known: &[&str]) -> Result<(), MalformedMember> {
    let other = record
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()));
    match other {
        None => Ok(()),
        Some((name, _)) => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            Err(MalformedMember {
                member: format!("{path}.{}", shown(name)),
                problem: format!("is not read: there are {}", names.join(", ")),
            })
        }
    }
}
