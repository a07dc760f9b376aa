//! Gives the reason why a search found nothing.
//!
//! **Problem.** With an expired credential or a suspended agent every candidate is denied and the
//! list is empty. To a client that lists tools, this looks like a server without tools.
//! **Decision.** A page that is both empty and the last has a reason, like a denial. If candidates
//! were decided, the reason is what their denials have in common. If none was decided, because none
//! can be permitted or none is known, the reason is that of the question about nobody in
//! particular. A search without arguments is told how to ask for what some arguments would be
//! permitted, if anything is then found. If a search has come to be denied as a whole, its next
//! page is refused: otherwise the pages before it would look complete.
//!
//! INVARIANT: reasons do not change what is found.

use super::PageTask;
use super::page::{PageBudget, PageProgress};
use super::page_token::SearchPosition;
use super::universe::{NOBODY, Universe, kind, placeholder};
use crate::engine::decide::{ARGUMENTS, DecisionOptions, decide};
use crate::model::{Arguments, Code, Decision, NextAction, Reason, SearchKind};

/// The denials of a page's candidates.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// The denials of candidates to which the question applies at all.
    applicable: ReasonTally,
    others: ReasonTally,
}

/// The first reason of several denials, and what they have in common.
#[derive(Debug, Default)]
struct ReasonTally {
    first: Option<Reason>,
    has_other_codes: bool,
    has_other_words: bool,
    has_other_principals: bool,
}

impl Denials {
    pub(super) fn add(&mut self, reason: Reason) {
        let tally = if reason.code == Code::NotApplicable {
            &mut self.others
        } else {
            &mut self.applicable
        };
        match &tally.first {
            None => tally.first = Some(reason),
            Some(first) => {
                tally.has_other_codes |= first.code != reason.code;
                tally.has_other_words |= first.message != reason.message;
                tally.has_other_principals |= first.principal != reason.principal;
            }
        }
    }

    fn tally(&self) -> &ReasonTally {
        if self.applicable.first.is_some() {
            &self.applicable
        } else {
            &self.others
        }
    }

    /// Whether the search was denied as a whole, before any member of its chain was decided.
    fn are_of_the_request(&self) -> bool {
        let tally = self.tally();
        !tally.has_other_codes && tally.first.as_ref().is_some_and(is_of_the_request)
    }
}

/// Whether a reason concerns the whole request. The denial of a member of the chain names that
/// member.
fn is_of_the_request(reason: &Reason) -> bool {
    reason.principal.is_none()
}

/// Returns `true` if a search that found nothing is denied as a whole. One candidate may be refused
/// before its legs, for example because it is in the chain already, while another would be
/// permitted. So the question about nobody in particular decides this. The chain of a search for
/// actions contains no candidate.
pub(super) fn is_denied(task: &PageTask<'_>, progress: &PageProgress) -> bool {
    match task.search.searched {
        SearchKind::Action => progress.denials.are_of_the_request(),
        SearchKind::Subject | SearchKind::Resource => {
            of_nobody(task).is_some_and(|reason| is_of_the_request(&reason))
        }
    }
}

/// Returns the reason for a search that found nothing.
pub(super) fn reason(
    task: &PageTask<'_>,
    progress: &PageProgress,
    budget: &mut PageBudget<'_>,
) -> Reason {
    let tally = progress.denials.tally();
    let reason = match &tally.first {
        Some(first) => alike(task, tally, first),
        None => unasked(task),
    };
    if wants_arguments(task, budget) {
        Reason {
            message: format!(
                "{}; with some arguments something is permitted: send `context.arguments`, or ask \
                 with `options.unknown: [\"arguments\"]`",
                reason.message.trim_end_matches('.')
            ),
            next_action: NextAction::Retry,
            ..reason
        }
    } else {
        reason
    }
}

/// Returns `true` if the search has no arguments, and would find something if they were unknown.
/// It does so within what is left of the page's budget.
fn wants_arguments(task: &PageTask<'_>, budget: &mut PageBudget<'_>) -> bool {
    let has_them = task.search.question().context.get(ARGUMENTS).is_some();
    let reads_them = task.pinned.bundle.policy_set().reads_arguments();
    if has_them || !reads_them || task.options.arguments == Arguments::Unknown || budget.is_over() {
        return false;
    }
    let options = DecisionOptions {
        arguments: Arguments::Unknown,
        ..task.options
    };
    let unknown = PageTask { options, ..*task };
    let from_the_start = SearchPosition {
        after: None,
        limit: None,
        scans: false,
    };
    unknown
        .run(&from_the_start, 1, budget)
        .is_ok_and(|progress| !progress.found.is_empty())
}

/// Returns what the denials of all candidates have in common, in words that apply to all of them.
fn alike(task: &PageTask<'_>, tally: &ReasonTally, first: &Reason) -> Reason {
    let principal = first
        .principal
        .clone()
        .filter(|_| !tally.has_other_principals);
    if tally.has_other_codes {
        return Reason {
            principal,
            ..none_permitted(task)
        };
    }
    let message = if tally.has_other_words {
        words(task, &first.code)
    } else {
        first.message.clone()
    };
    Reason {
        message,
        principal,
        // Each candidate may lack others.
        missing_scopes: Vec::new(),
        ..first.clone()
    }
}

/// Returns the reason if no candidate was decided: the denial of the question about nobody in
/// particular, and whether any entity of the type is known.
fn unasked(task: &PageTask<'_>) -> Reason {
    let denied = of_nobody(task);
    if let Some(reason) = denied.as_ref().filter(|reason| is_of_the_request(reason)) {
        return reason.clone();
    }
    let is_known =
        kind(task).is_some_and(|kind| Universe::new(task, kind).after(None).next().is_some());
    let generic = match (task.search.searched, is_known) {
        (SearchKind::Action, _) | (_, true) => none_permitted(task),
        (_, false) => nothing_known(task),
    };
    let Some(mut reason) = denied.filter(|reason| reason.code != Code::NotPermitted) else {
        return generic;
    };
    if reason.code == Code::UnknownType
        || reason.code == Code::UnknownAction
        || reason.code == Code::NotApplicable
    {
        reason.principal = None;
    }
    if reason.message.contains(NOBODY) {
        reason.message = words(task, &reason.code);
    } else if !is_known && reason.principal.is_some() {
        reason.message = format!("{} Besides, {}", reason.message, generic.message);
    }
    reason.principal = reason.principal.filter(|principal| principal.id != NOBODY);
    reason
}

/// Returns why the question about nobody in particular is denied, if it is.
fn of_nobody(task: &PageTask<'_>) -> Option<Reason> {
    if task.search.searched == SearchKind::Action {
        return None;
    }
    let verdict = decide(task.circumstances(), &placeholder(task), task.evidence).ok()?;
    match verdict.decision {
        Decision::Permit => None,
        Decision::Deny => verdict.reason,
    }
}

fn none_permitted(task: &PageTask<'_>) -> Reason {
    let code = Code::NotPermitted;
    let message = words(task, &code);
    Reason::new(code, message, None, NextAction::Request)
}

fn nothing_known(task: &PageTask<'_>) -> Reason {
    let kind = &task.search.kind;
    let message = format!(
        "nothing of the type `{kind}` is known: no stored entity, no tuple, \
         no policy and no action of the bundle names one"
    );
    Reason::new(Code::NotPermitted, message, None, NextAction::None)
}

/// Returns a sentence that applies to all candidates.
fn words(task: &PageTask<'_>, code: &Code) -> String {
    let kind = &task.search.kind;
    match (task.search.searched, code) {
        (SearchKind::Action, Code::NotApplicable) => "no action applies to these types".to_owned(),
        (SearchKind::Action, Code::NotPermitted) => "no action is permitted".to_owned(),
        (SearchKind::Action, code) => {
            format!("no action is permitted: each is denied with `{code}`")
        }
        (SearchKind::Subject | SearchKind::Resource, Code::NotPermitted) => {
            format!("of what is known of the type `{kind}` nothing is permitted")
        }
        (SearchKind::Subject | SearchKind::Resource, code) => {
            format!(
                "of what is known of the type `{kind}` nothing is permitted: \
                 it is denied with `{code}`"
            )
        }
    }
}
