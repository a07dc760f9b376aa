//! `behest search`: finds who may do something, to what, or what may be done; from a bundle or from
//! a running service, page by page.
//!
//! Both ways produce the same JSON, so a terminal shows what the service says.

mod request;

use super::args::SearchArguments;
use super::chosen::ChosenBundle;
use super::exit::CommandFailure;
use super::output::{Paint, fail, print, with_line_end};
use super::service::Service;
use super::validate;
use crate::engine::{Ask, Refusal, SearchLimits, SearchRefusal};
use crate::http;
use crate::model::{
    AnswerDepth, Arguments, PageRequest, Problem, Record, SearchKind, SearchRequest, Value,
};
use request::SearchBody;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

/// Timeout of a page. A page takes a second at most; a longer one is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// A result: an entity or an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "data did not match any variant of untagged enum Named"
)]
enum ResultName {
    Entity { r#type: String, id: String },
    Action { name: String },
}

/// A page as the service writes it.
#[derive(Deserialize)]
#[serde(expecting = "struct Answer")]
struct PageReply {
    page: Option<PageMember>,
    context: Option<PageContext>,
    results: Vec<ResultName>,
}

#[derive(Deserialize)]
struct PageMember {
    next_token: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Context")]
struct PageContext {
    #[serde(default)]
    reasons: Vec<ResultReason>,
    reason: Option<Denial>,
}

/// Why nothing was found.
#[derive(Debug, Deserialize, Serialize)]
struct Denial {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<ResultName>,
    next_action: String,
}

#[derive(Deserialize)]
#[serde(expecting = "struct Reason")]
struct ResultReason {
    policies: Vec<String>,
}

/// The results of all pages.
#[derive(Debug, Default, Serialize)]
struct SearchResults {
    results: Vec<PermittedResult>,
    /// Whether there are more results than were asked for.
    more: bool,
    /// Why there are no results.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Denial>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<[&'static str; 1]>,
}

/// One result, with the policies that permit it.
#[derive(Debug, Serialize)]
struct PermittedResult {
    #[serde(flatten)]
    named: ResultName,
    policies: Vec<String>,
}

/// Runs the search. No results is a valid answer: exit code 0.
pub(super) fn run(arguments: &SearchArguments) -> ExitCode {
    let asked = match request::read(arguments) {
        Ok(asked) => asked,
        Err(problem) => return fail(problem),
    };
    let found = match arguments.service.instead_of(&arguments.bundle) {
        Err(failure) => return fail(failure),
        Ok(Some(target)) => Service::at(&target, PATIENCE)
            .and_then(|service| all_pages(arguments, |page| from_service(&service, &asked, page)))
            .map_err(fail),
        Ok(None) => from_bundle(arguments, &asked),
    };
    match found {
        Ok(found) if arguments.json => match serde_json::to_string_pretty(&found) {
            Ok(text) => {
                print(&with_line_end(text));
                ExitCode::SUCCESS
            }
            Err(error) => fail(Problem::new(format!(
                "the results cannot be written as JSON: {error}"
            ))),
        },
        Ok(found) => {
            print(&render(&found, asked.searched, Paint::for_results()));
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// Reads page after page, until there are no more or enough results.
fn all_pages(
    arguments: &SearchArguments,
    mut page: impl FnMut(PageRequest) -> Result<Vec<u8>, CommandFailure>,
) -> Result<SearchResults, CommandFailure> {
    let wanted = arguments.limit.unwrap_or(usize::MAX);
    let limit = u64::try_from(wanted.clamp(1, SearchLimits::default().results)).ok();
    let mut found = SearchResults {
        unknown: arguments.unknown_arguments.then_some(["arguments"]),
        ..SearchResults::default()
    };
    let mut token = None;
    loop {
        let json = page(PageRequest { token, limit })?;
        let read: PageReply = serde_json::from_slice(&json).map_err(|error| {
            Problem::new(format!("the answer is no page of a search: {error}"))
                .help("check the address: is behest what answers there?")
        })?;
        let (reasons, reason) = read
            .context
            .map(|context| (context.reasons, context.reason))
            .unwrap_or_default();
        let mut reasons = reasons.into_iter();
        found.reason = reason;
        for named in read.results {
            let policies = reasons
                .next()
                .map(|reason| reason.policies)
                .unwrap_or_default();
            if found.results.len() < wanted {
                found.results.push(PermittedResult { named, policies });
            } else {
                found.more = true;
            }
        }
        token = read
            .page
            .map(|page| page.next_token.into())
            .filter(|token: &smol_str::SmolStr| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
        if found.results.len() >= wanted {
            found.more = true;
            return Ok(found);
        }
    }
}

fn from_service(
    service: &Service,
    asked: &SearchBody,
    page: PageRequest,
) -> Result<Vec<u8>, CommandFailure> {
    let mut options = Record::from_iter([("reason".into(), Value::from(true))]);
    if asked.arguments == Arguments::Unknown {
        options.insert("unknown", Value::List(vec![Value::from("arguments")]));
    }
    let mut member = Record::new();
    if let Some(token) = page.token {
        member.insert("token", Value::Text(token));
    }
    if let Some(limit) = page.limit.and_then(|limit| i64::try_from(limit).ok()) {
        member.insert("limit", Value::from(limit));
    }
    let mut body = asked.body.clone();
    body.insert("options", Value::Record(options));
    body.insert("page", Value::Record(member));
    let mut text = String::new();
    http::write_record(&mut text, &body);
    let answer = service.post(
        &format!("/access/v1/search/{}", asked.searched.as_str()),
        text.as_bytes(),
    )?;
    match answer.status {
        200 => Ok(answer.body),
        _ => Err(service.refused(&answer, "the permission `search`").into()),
    }
}

/// Searches a bundle that is loaded as the service loads it, including its cases. If it returns
/// `Err`, the problems are already printed.
fn from_bundle(arguments: &SearchArguments, asked: &SearchBody) -> Result<SearchResults, ExitCode> {
    let search = SearchRequest::from_body(asked.searched, &asked.body).map_err(|error| {
        fail(
            Problem::new(format!("the search is not of its form: {error}"))
                .help("see `behest search --help`"),
        )
    })?;
    let engine = validate::load(&ChosenBundle::announced(&arguments.bundle).source())?;
    let ask = Ask {
        caller: "search",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth: AnswerDepth::Reason,
        arguments: asked.arguments,
        evidence: None,
    };
    let page = |page: PageRequest| {
        let found = engine
            .search(&ask, &search, &page)
            .map_err(|refusal| describe(&refusal))?;
        let written = http::write_page(&search, true, &found, asked.arguments, AnswerDepth::Reason);
        written.map(|bytes| bytes.to_vec()).map_err(|error| {
            Problem::new(format!("the page cannot be written as JSON: {error}")).into()
        })
    };
    all_pages(arguments, page).map_err(fail)
}

fn describe(refusal: &SearchRefusal) -> Problem {
    match refusal {
        SearchRefusal::Refused(Refusal::Malformed(malformed)) => {
            Problem::new(format!("the search is not of its form: {malformed}"))
                .help("see `behest search --help`")
        }
        SearchRefusal::Refused(Refusal::Fault(fault)) => {
            Problem::new(format!("there is no answer: {fault}"))
        }
        SearchRefusal::Refused(Refusal::TakesLong) => {
            Problem::new("there is no answer: it takes too long")
        }
        SearchRefusal::Token(error) => Problem::new(error.to_string()),
    }
}

/// Returns a line for each result, in alphabetical order, with the policies that permit it.
fn render(found: &SearchResults, searched: SearchKind, paint: Paint) -> String {
    let mut rows: Vec<(&ResultName, &[String])> = found
        .results
        .iter()
        .map(|result| (&result.named, result.policies.as_slice()))
        .collect();
    rows.sort_unstable();
    let names: Vec<String> = rows.iter().map(|(named, _)| named.to_string()).collect();
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, (_, policies)) in names.iter().zip(&rows) {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{name:width$}  {}",
            paint.dim(&format!("by {}", policies.join(", ")))
        );
    }
    let (one, many) = match searched {
        SearchKind::Subject => ("subject", "subjects"),
        SearchKind::Resource => ("resource", "resources"),
        SearchKind::Action => ("action", "actions"),
    };
    let count = found.results.len();
    let more = if found.more {
        ", and there are more"
    } else {
        ""
    };
    let note = if found.unknown.is_some() {
        ", with some arguments; no call is permitted by this"
    } else {
        ""
    };
    let _ = writeln!(
        text,
        "{}",
        paint.dim(&format!(
            "{count} {}{more}{note}",
            if count == 1 { one } else { many }
        ))
    );
    if let Some(Denial {
        code,
        message,
        principal,
        next_action: _,
    }) = &found.reason
    {
        let whose = principal
            .as_ref()
            .map_or_else(String::new, |principal| format!(" ({principal})"));
        let _ = writeln!(text, "{code}{whose}: {message}");
    }
    text
}

impl std::fmt::Display for ResultName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entity { r#type: kind, id } => write!(f, "{kind}:{id}"),
            Self::Action { name } => f.write_str(name),
        }
    }
}
