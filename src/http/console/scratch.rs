//! `POST /explain/v1/scratch`: what would come of edits of the bundle.
//!
//! INVARIANT: edits are tried and dropped: nothing of them is stored, written or served, and they
//! are bounded in size, and trials in number and time.

use super::assumed::{only, text};
use super::bundle_state::ShownProblem;
use super::errors::QuestionErrors;
use super::matrix::word;
use crate::engine::{
    ChangedQuestion, DecidedCases, DecisionChange, FailedCase, ScratchCases, ScratchCopy,
    ScratchEdits, ScratchReport,
};
use crate::http::authzen::schema::ErrorBody;
use crate::http::endpoint::{Access, Endpoint, Method, described};
use crate::http::shared::ServiceState;
use crate::http::{Error, Permission};
use crate::model::{MalformedMember, PolicyRef, Record, Value, shown};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// The members of the body.
const MEMBERS: [&str; 2] = ["edits", "file"];

/// LIMIT: edited files, and the bytes of all of them: what a person edits before looking.
pub(super) const MOST_EDITS: usize = 20;
pub(super) const MOST_BYTES: usize = 512 << 10;

/// LIMIT: bytes of a path.
const MOST_PATH: usize = 256;

/// LIMIT: decisions that are listed.
const MOST_CHANGES: usize = 1_000;

/// Edits that are to be tried.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read without it")]
pub(in crate::http) struct ScratchBody {
    /// The edited files: the text of each by its path, at most 20 files of 512 KiB in all. Files
    /// that the bundle does not have are added.
    edits: BTreeMap<String, String>,
    /// The file of whose policies it is wanted which cases they decide.
    file: Option<String>,
}

/// What would come of edits.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ScratchAnswer {
    /// Whether the files without the edits are what decides now.
    of_live: bool,
    /// Whether the files without the edits do not compile: then the problems are theirs.
    base_broken: bool,
    /// The number of problems.
    total: usize,
    /// The first problems, as `behest validate` finds them, at most 100.
    problems: Vec<ShownProblem>,
    /// What is probably a mistake.
    warnings: Vec<ShownProblem>,
    /// The cases; absent if the copy does not compile.
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<CasesBody>,
    /// The decisions that would be others, at most 1,000; absent if the copy does not compile.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangedDecision>>,
    /// How many decisions would be others.
    changed: usize,
    /// How many questions were compared beside the cases.
    questions: usize,
    /// How many questions the edited bundle could be asked; absent if they are too many to be
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    all_questions: Option<usize>,
    /// Whether questions or cases were left out, since there were too many for the time.
    more_questions: bool,
    /// Files that are left out, because they may hold values that are marked `@secret`.
    left_out: Vec<String>,
}

/// The cases of a trial.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CasesBody {
    /// How many were run.
    ran: usize,
    /// How many of them failed.
    failed: usize,
    /// Whether the time did not suffice for all of them.
    more: bool,
    /// The first that failed, at most 200.
    failures: Vec<FailedBody>,
    /// How many policies decided no case.
    idle: usize,
    /// The first policies that decided no case, at most 500.
    undecided: Vec<PolicyPlace>,
    /// The policies of the file that was asked for, with the cases that each decided.
    decided: Vec<DecidedBody>,
}

/// A case that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct FailedBody {
    /// The file that contains it.
    file: String,
    /// The name of the case.
    name: String,
    /// The line on which it stands, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// What the case expects.
    expected: String,
    /// What was decided instead.
    found: String,
}

/// Where a policy stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PolicyPlace {
    /// The id of the policy.
    id: String,
    /// The file that contains it.
    file: String,
    /// The line on which it begins, from 1.
    line: usize,
}

/// The cases that a policy decided.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct DecidedBody {
    /// The policy that decided them.
    policy: PolicyPlace,
    /// How many cases it decided.
    count: usize,
    /// The first of them, at most 20.
    first: Vec<CaseName>,
}

/// Which case it is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CaseName {
    /// The file that contains it.
    file: String,
    /// The name of the case.
    name: String,
}

/// A decision that would be another.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct ChangedDecision {
    /// What is decided without the edits: `permitted`, `with_arguments` or `denied`.
    before: &'static str,
    /// What would be decided.
    now: &'static str,
    /// The case, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<CaseName>,
    /// Who acts for whom, if it is no case.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Vec<String>>,
    /// The action that is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// What it is done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

pub(super) const ENDPOINT: Endpoint = Endpoint {
    path: "/explain/v1/scratch",
    method: Method::Post,
    label: "explain_scratch",
    access: Access::Needs(Permission::Explain),
    advertised: None,
    description: described!(scratch),
    route: || web::to(scratch),
};

/// What would come of edits?
///
/// Compiles the bundle's files with edits over them, runs the cases, and lists the decisions that
/// would be others: of the cases, and of a matrix over the entities that the bundle names. Nothing
/// is stored or served. Values that are marked `@secret` are replaced before, so that no edit finds
/// them out. Needs the permission `explain`.
#[utoipa::path(
    post,
    path = "/explain/v1/scratch",
    tag = "Explanation",
    operation_id = "tryEdits",
    request_body(content = ScratchBody, content_type = "application/json"),
    responses(
        (status = 200, description = "What would come of the edits.", body = ScratchAnswer),
        (status = 403, description = "The caller may not explain.", body = ErrorBody),
        QuestionErrors,
    ),
    security((), ("key" = [])),
)]
async fn scratch(
    request: HttpRequest,
    payload: Payload,
    shared: Data<ServiceState>,
) -> Result<HttpResponse, Error> {
    let (_, bytes) = shared.admit(&request, payload, &ENDPOINT).await?;
    let copy = read_copy(&shared.read(&bytes)?)?;
    let engine = Arc::clone(&shared.engine);
    let tried = move || engine.try_scratch(&copy).map_err(Error::Fault);
    let report = shared.run_apart(&shared.scratches, &request, tried).await?;
    Ok(super::answered(ScratchAnswer::from(report)))
}

fn read_copy(body: &Record) -> Result<ScratchCopy, MalformedMember> {
    only("", body, &MEMBERS)?;
    let edits = match body.get_present("edits") {
        None => return Err(MalformedMember::missing("edits")),
        Some(Value::Record(edits)) => edits,
        Some(other) => return Err(MalformedMember::kind("edits", "an object", other)),
    };
    let refuse = |problem: String| MalformedMember {
        member: "edits".to_owned(),
        problem,
    };
    if edits.iter().count() > MOST_EDITS {
        return Err(refuse(format!("holds more than {MOST_EDITS} files")));
    }
    let mut read = ScratchEdits::new();
    let mut bytes = 0;
    for (path, value) in edits.iter() {
        let place = format!("edits.{}", shown(path));
        check_path(path).map_err(|problem| MalformedMember {
            member: place.clone(),
            problem: problem.to_owned(),
        })?;
        let content = text(&place, Some(value))?;
        bytes += content.len();
        if bytes > MOST_BYTES {
            return Err(refuse(format!("holds more than {MOST_BYTES} bytes")));
        }
        read.insert(path.to_string(), content.into());
    }
    let file = body.get_present("file");
    let file = file.map(|file| text("file", Some(file)).map(str::to_owned));
    Ok(ScratchCopy {
        edits: read,
        file: file.transpose()?,
    })
}

/// Refuses a path that no file of a bundle's author has.
pub(super) fn check_path(path: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let within = match parts.as_slice() {
        ["schemas" | "policies", within @ ..] if !within.is_empty() => within,
        _ => return Err("is no path of a bundle: it begins with `schemas/` or `policies/`"),
    };
    if within.first() == Some(&"packs") {
        return Err("is a file of a pack, which comes with the program");
    }
    let is_plain = |part: &&str| !part.is_empty() && !part.starts_with('.');
    let is_odd = |letter: char| letter.is_control() || letter == '\\';
    if path.len() > MOST_PATH || !within.iter().all(is_plain) || path.contains(is_odd) {
        return Err("is no path of a bundle: a name in it is hidden, empty or too long");
    }
    Ok(())
}

impl From<ScratchReport> for ScratchAnswer {
    fn from(report: ScratchReport) -> Self {
        let shown = |problems: Vec<_>| problems.into_iter().map(ShownProblem::of).collect();
        let changed = report.changes.as_ref().map_or(0, Vec::len);
        let changes = report.changes.map(|changes| {
            let listed = changes.into_iter().take(MOST_CHANGES);
            listed.map(ChangedDecision::from).collect()
        });
        Self {
            of_live: report.is_of_live,
            base_broken: report.is_base_broken,
            total: report.total,
            problems: shown(report.problems),
            warnings: shown(report.warnings),
            cases: report.cases.map(CasesBody::from),
            changes,
            changed,
            questions: report.compared.compared,
            all_questions: report.compared.total,
            more_questions: report.compared.is_cut,
            left_out: report.left_out,
        }
    }
}

impl From<ScratchCases> for CasesBody {
    fn from(cases: ScratchCases) -> Self {
        Self {
            ran: cases.ran,
            failed: cases.failed,
            more: cases.is_cut,
            failures: cases.failures.into_iter().map(FailedBody::from).collect(),
            idle: cases.idle,
            undecided: cases.undecided.into_iter().map(PolicyPlace::from).collect(),
            decided: cases.decided.into_iter().map(DecidedBody::from).collect(),
        }
    }
}

impl From<FailedCase> for FailedBody {
    fn from(case: FailedCase) -> Self {
        Self {
            file: case.file,
            name: case.name,
            line: case.line,
            expected: case.expected,
            found: case.found,
        }
    }
}

impl From<PolicyRef> for PolicyPlace {
    fn from(policy: PolicyRef) -> Self {
        Self {
            id: policy.id,
            file: policy.file,
            line: policy.line,
        }
    }
}

impl From<DecidedCases> for DecidedBody {
    fn from(decided: DecidedCases) -> Self {
        let first = decided.first.into_iter();
        Self {
            policy: decided.policy.into(),
            count: decided.count,
            first: first.map(|(file, name)| CaseName { file, name }).collect(),
        }
    }
}

impl From<DecisionChange> for ChangedDecision {
    fn from(change: DecisionChange) -> Self {
        let (before, now) = (word(change.before), word(change.now));
        match change.asked {
            ChangedQuestion::Case { file, name } => Self {
                before,
                now,
                case: Some(CaseName { file, name }),
                chain: None,
                action: None,
                resource: None,
            },
            ChangedQuestion::Matrix {
                chain,
                action,
                resource,
            } => Self {
                before,
                now,
                case: None,
                chain: Some(chain.iter().map(ToString::to_string).collect()),
                action: Some(action.to_string()),
                resource: Some(resource.to_string()),
            },
        }
    }
}
