//! From a request to a verdict: the chain, its legs in order, and their intersection.
//!
//! INVARIANT: the verdict is a permit only if every leg permits. Legs are taken in chain order, and the first that does
//! not permit is the answer; what explaining evaluates after it changes nothing.

use super::Refusal;
use super::legs::Legs;
use super::lookup::{DECISION_READS, Lookup};
use super::snapshot::Pinned;
use super::tokens;
use crate::cache::LegCache;
use crate::model::{
    Arguments, Code, Decision, EntityRef, Explanation, LegExplanation, LegOutcome, Malformed, NextAction, Question,
    Reason, Record, Request, Timestamp, Tuple, Unproven, read_proven_question,
};
use crate::model::{CarrierSettings, ChainRefusal, Evidence};
use crate::policy::{ActionInfo, Conversions, Leg, LegInput, Stored, Wanted};
use std::cell::Cell;

/// The member of the context that holds a call's arguments.
pub(super) const ARGUMENTS: &str = "arguments";

/// What is wanted: of which arguments, and how much beside the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Want {
    pub(super) explanation: bool,
    pub(super) inputs: bool,
    pub(super) require_actor: bool,
    pub(super) arguments: Arguments,
    /// How many tuples may be read before the decision is given away; all that a decision may where there is no such
    /// bound.
    pub(super) reads: Option<u64>,
}

/// What a case puts in place of the bundle's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) stored: &'a Stored,
    pub(super) tuples: &'a [Tuple],
    pub(super) token: Option<&'a Record>,
}

/// A decision with everything that may be said about it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) decision: Decision,
    pub(super) reason: Option<Reason>,
    pub(super) explanation: Option<Explanation>,
    /// The determining policies: of every leg of a permit, of the failing leg of a denial.
    pub(super) policies: Vec<String>,
    pub(super) inputs: Vec<(String, String)>,
    pub(super) question: Option<Question>,
    /// Whether every leg was found in the cache.
    pub(super) is_found: bool,
    /// What is left of the tuples that might be read.
    pub(super) reads: u64,
}

/// Decides. `Err` for a request that is malformed in a way that its shape does not show (too long a chain), and for
/// a fault in the first leg that does not permit.
pub(super) fn decide(
    pinned: Pinned<'_>,
    request: &Request,
    evidence: &Evidence,
    now: Timestamp,
    want: Want,
    cache: Option<&LegCache>,
    given: Option<Given<'_>>,
) -> Result<Verdict, Refusal> {
    let bundle = pinned.bundle;
    let read = read_proven_question(request, bundle.carriers(), evidence).and_then(|question| {
        tokens::check_times(&question, now)?;
        Ok(question)
    });
    let mut question = match read {
        Ok(question) => question,
        Err(refusal) => {
            let reason = no_chain(refusal, bundle.carriers())?;
            return Ok(refuse(pinned, request, now, want, reason, None));
        }
    };
    if want.arguments == Arguments::Unknown {
        question.context.remove(ARGUMENTS);
    }
    if want.require_actor && !has_agent(&question, bundle.carriers()) {
        let message = "this caller may ask only for chains with an agent in them".to_owned();
        let reason = of_the_request(Code::ChainInvalid, message, NextAction::Retry);
        return Ok(refuse(pinned, request, now, want, reason, Some(question)));
    }
    let stored = given.map_or(bundle.stored(), |given| given.stored);
    let token = given.and_then(|given| given.token);
    let properties = || bundle.compiled().properties(&question.resource, stored);
    let facts = tokens::Facts::of(&question, want.arguments, token, properties);
    let tuples = given.map_or(&[][..], |given| given.tuples);
    let relations = pinned.relations;
    // What is explained is evaluated, and a case has tuples and entities of its own.
    let cache = cache.filter(|_| !want.explanation && given.is_none());
    let reads = want.reads.unwrap_or(DECISION_READS);
    let lookup = relations.map(|(graph, rules)| {
        let lookup = Lookup::plain(graph, rules).given(tuples).witnessing(want.explanation);
        lookup.noting(cache.is_some()).reading(reads)
    });
    let wanted = Wanted { explanation: want.explanation, inputs: want.inputs, clock: false };
    let legs = Legs { pinned, cache, lookup, wanted, is_evaluated: Cell::new(false) };
    let mut verdict = Verdict {
        decision: Decision::Permit,
        reason: None,
        explanation: None,
        policies: Vec::new(),
        inputs: Vec::new(),
        question: None,
        is_found: false,
        reads,
    };
    let mut told: Vec<LegExplanation> = Vec::new();
    let conversions = Conversions::default();
    let shared = question.chain.legs() > 1 || question.credentials.len() > 1;
    // INVARIANT: every leg with the facts of every credential that names it; one that does not permit denies.
    let turns = (0..question.chain.legs()).flat_map(|leg| {
        let turns = facts.of_leg(leg);
        let several = turns.len() > 1;
        turns.into_iter().map(move |turn| (leg, several, turn))
    });
    for (index, several, (credential, token)) in turns {
        let relations = legs.relations();
        let arguments = want.arguments;
        let conversions = shared.then_some(&conversions);
        let input = LegInput { question: &question, leg: index, now, token, stored, relations, conversions, arguments };
        let leg = match legs.leg(&input) {
            Ok(leg) => leg,
            // With more to read there may be an answer, and more to tell.
            Err(_) if want.reads.is_some() && legs.reads_left() == Some(0) => return Err(Refusal::TakesLong),
            // What is evaluated after a denial is for information only, and so is its fault.
            Err(_) if verdict.decision == Decision::Deny => break,
            Err(fault) => return Err(Refusal::Fault(fault)),
        };
        let Leg { outcome, policies, explanation, inputs, clock: _ } = leg;
        told.extend(explanation);
        if verdict.decision == Decision::Deny {
            continue;
        }
        let of_one = if several { format!(".credentials[{credential}]") } else { String::new() };
        let prefix = |(path, value)| (format!("legs[{index}]{of_one}.{path}"), value);
        verdict.inputs.extend(inputs.into_iter().map(prefix));
        match outcome {
            LegOutcome::Permit => {
                // With several credentials one policy may permit the same leg more than once.
                let new = policies.into_iter().filter(|policy| !several || !verdict.policies.contains(policy));
                verdict.policies.extend(new.collect::<Vec<_>>());
            }
            LegOutcome::Deny(reason) => {
                verdict.decision = Decision::Deny;
                verdict.reason = Some(reason);
                verdict.policies = policies;
                if !want.explanation {
                    break;
                }
            }
        }
    }
    if want.explanation {
        told.iter_mut().for_each(|leg| leg.dropped.extend(question.dropped.iter().cloned()));
        let mut tree = explanation(pinned, &question.action.name, &question.resource.uid, now, told);
        tree.credentials = tokens::lines(&question.credentials);
        tree.asserted = question.asserted();
        verdict.explanation = Some(tree);
    }
    verdict.reads = legs.reads_left().unwrap_or(reads);
    verdict.is_found = cache.is_some() && !legs.is_evaluated.get();
    verdict.question = Some(question);
    Ok(verdict)
}

fn has_agent(question: &Question, settings: &CarrierSettings) -> bool {
    question.chain.actors().iter().any(|actor| settings.agent_types.contains(&actor.uid.kind))
}

/// Why a request without a chain is denied; `Err` for what is no request.
fn no_chain(refusal: ChainRefusal, settings: &CarrierSettings) -> Result<Reason, Refusal> {
    match refusal {
        ChainRefusal::TooLong(actors) => {
            let problem = format!("names {actors} actors; a chain has at most {}", settings.max_actors);
            Err(Refusal::Malformed(Malformed { member: "subject".to_owned(), problem }))
        }
        ChainRefusal::Deny(code, message) => Ok(of_the_request(code, message, NextAction::Retry)),
        ChainRefusal::Unproven(Unproven { code, message, next_action }) => {
            Ok(of_the_request(code, message, next_action))
        }
    }
}

/// A reason that is no member's of the chain.
fn of_the_request(code: Code, message: String, next_action: NextAction) -> Reason {
    Reason { code, message, principal: None, next_action }
}

/// A denial before any leg.
fn refuse(
    pinned: Pinned<'_>,
    request: &Request,
    now: Timestamp,
    want: Want,
    reason: Reason,
    question: Option<Question>,
) -> Verdict {
    Verdict {
        decision: Decision::Deny,
        reason: Some(reason),
        explanation: want
            .explanation
            .then(|| explanation(pinned, &request.action.name, &request.resource.uid, now, Vec::new())),
        policies: Vec::new(),
        inputs: Vec::new(),
        question,
        is_found: false,
        reads: want.reads.unwrap_or(DECISION_READS),
    }
}

fn explanation(
    pinned: Pinned<'_>,
    name: &str,
    resource: &EntityRef,
    now: Timestamp,
    legs: Vec<LegExplanation>,
) -> Explanation {
    let vocabulary = &pinned.bundle.compiled().schema().vocabulary;
    let action = vocabulary.action(name, resource).map_or(name, ActionInfo::name).to_owned();
    let (bundle, revision) = (pinned.bundle.digest(), pinned.revision);
    Explanation { bundle, revision, now, action, credentials: Vec::new(), asserted: Vec::new(), legs }
}
