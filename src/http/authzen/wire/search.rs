//! Writes pages of searches as JSON (AuthZEN 1.0 sections 8.2.2 and 8.3).
//!
//! INVARIANT: a search that asks for no page, and whose results fit into one, is answered with
//! `results` alone, because the official interoperability runners compare whole bodies. A page that
//! has a next one always says so.

use crate::engine::SearchPage;
use crate::http::authzen::wire::answer::{EntityJson, ReasonJson, unknown};
use crate::model::{AnswerDepth, Arguments, SearchKind, SearchRequest};
use actix_web::web::Bytes;
use serde::Serialize;
use std::io;
use utoipa::ToSchema;

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SearchResponse<'a> {
    /// The page: where the request asked for one, and where there is a next.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageAnswer<'a>>,
    /// What stands beside the results: only where `options` ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<SearchContext<'a>>,
    /// What was found, in an order that stays; entities of the type that was asked for, or actions.
    results: Vec<SearchResult<'a>>,
}

/// What page this is.
#[derive(Debug, Serialize, ToSchema)]
struct PageAnswer<'a> {
    /// For the next page; empty where this is the last.
    next_token: &'a str,
    /// How many results are on this page.
    count: usize,
    /// How many there are in all, where this page shows it: on a first page that is the last, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// Only where the page ends early.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PageProperties>,
}

/// That a page ends early.
#[derive(Debug, Serialize, ToSchema)]
struct PageProperties {
    /// Why: `time` or `candidates`, which are what one page may cost. The next page goes on.
    #[schema(example = "time")]
    incomplete: &'static str,
}

/// What stands beside the results.
#[derive(Debug, Serialize, ToSchema)]
struct SearchContext<'a> {
    /// For each result, in order: why it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<FoundReason<'a>>>,
    /// Why nothing was found: as beside a denial. Only on a first page that is empty and the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonJson<'a>>,
    /// Where it was asked what some arguments could be permitted, `["arguments"]`: a result permits
    /// no call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["arguments"]))]
    unknown: Option<&'static [&'static str]>,
}

/// Why something was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundReason<'a> {
    /// The ids of the policies that permit it, for every member of the chain.
    policies: &'a [String],
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum SearchResult<'a> {
    /// A subject or a resource.
    Entity(EntityJson<'a>),
    /// An action that may be done.
    Action {
        /// The name of the action.
        name: &'a str,
    },
}

/// Writes a page of a search. `asked_for_page` says whether the request has a `page`.
pub fn write_page(
    search: &SearchRequest,
    asked_for_page: bool,
    page: &SearchPage,
    arguments: Arguments,
    depth: AnswerDepth,
) -> io::Result<Bytes> {
    let reasons = || {
        page.found
            .iter()
            .map(|found| FoundReason {
                policies: &found.policies,
            })
            .collect()
    };
    let reasons = match depth {
        AnswerDepth::Lean => None,
        AnswerDepth::Reason | AnswerDepth::Explain => Some(reasons()),
    };
    let reason = page
        .reason
        .as_ref()
        .filter(|_| depth != AnswerDepth::Lean)
        .map(ReasonJson::from);
    let context = SearchContext {
        reasons,
        reason,
        unknown: unknown(arguments),
    };
    let results = page.found.iter().map(|found| match search.searched {
        SearchKind::Subject | SearchKind::Resource => {
            SearchResult::Entity(EntityJson::new(&search.kind, &found.id))
        }
        SearchKind::Action => SearchResult::Action { name: &found.id },
    });
    let body = SearchResponse {
        page: (asked_for_page || page.next.is_some()).then(|| PageAnswer {
            next_token: page.next.as_deref().unwrap_or_default(),
            count: page.found.len(),
            total: page.total,
            properties: page.cut.map(|cut| PageProperties {
                incomplete: cut.as_str(),
            }),
        }),
        context: (context.reasons.is_some() || context.unknown.is_some()).then_some(context),
        results: results.collect(),
    };
    let mut text = Vec::new();
    serde_json::to_writer(&mut text, &body)?;
    Ok(text.into())
}
