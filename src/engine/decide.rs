//! Decides a request: reads its chain, takes the chain's legs in order, and intersects them.
//!
//! INVARIANT: the verdict is a permit only if every leg permits. Legs are taken in chain order, and
//! the first leg that does not permit determines the answer. Legs that are evaluated after it, for
//! an explanation, do not change the verdict.

use super::Refusal;
use super::intersection::{HasDecision, intersect};
use super::legs::Legs;
use super::lookup::{DECISION_READS, RequestRelations};
use super::snapshot::PinnedView;
use crate::cache::LegCache;
use crate::engine::token_facts;
use crate::engine::token_facts::TokenFacts;
use crate::model::{
    Arguments, Code, CredentialError, Decision, EntityRef, Explanation, Fault, LegExplanation,
    LegOutcome, MalformedMember, NextAction, Question, Reason, Record, Request, Timestamp, Tuple,
    read_proven_question,
};
use crate::model::{CarrierSettings, ChainRefusal, Evidence};
use crate::policy::{
    ActionInfo, Conversions, Leg, LegDepth, LegInput, LegTime, ListedClauses, StoredEntities,
};
use std::cell::Cell;

/// The member of the context that holds a call's arguments.
pub(super) const ARGUMENTS: &str = "arguments";

/// Whether arguments are known, and what is wanted beside the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DecisionOptions {
    pub(super) explanation: bool,
    pub(super) clauses: ListedClauses,
    pub(super) inputs: bool,
    pub(super) require_actor: bool,
    pub(super) arguments: Arguments,
    /// How many tuples may be read before the decision is handed to another thread; `None` for the
    /// limit of every decision.
    pub(super) reads: Option<u64>,
}

/// The entities, tuples and facts that a case supplies: entities and facts replace those of the
/// bundle and of credentials, tuples are added.
#[derive(Clone, Copy, Debug)]
pub(super) struct CaseOverrides<'a> {
    pub(super) stored: &'a StoredEntities,
    pub(super) tuples: &'a [Tuple],
    pub(super) token: Option<&'a Record>,
}

/// A decision with everything that can be reported about it.
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
    /// How many more tuples may be read.
    pub(super) reads: u64,
}

/// The state and the options with which a request is decided.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) pinned: PinnedView<'a>,
    pub(super) now: Timestamp,
    pub(super) options: DecisionOptions,
    /// The cache of legs; `None` if every leg is evaluated and none is stored.
    pub(super) cache: Option<&'a LegCache>,
    /// What a case supplies, if a case is run.
    pub(super) given: Option<CaseOverrides<'a>>,
}

/// Decides a request. Returns `Err` for a request that is malformed in a way that its shape does
/// not show (a chain that is too long), and for a fault in a leg before the first that does not
/// permit.
pub(super) fn decide(
    at: Circumstances<'_>,
    request: &Request,
    evidence: &Evidence,
) -> Result<Verdict, Refusal> {
    let question = match read_question(at, request, evidence)? {
        Ok(question) => question,
        Err(denial) => return Ok(*denial),
    };
    let facts = facts_of(at, &question);
    let legs = legs_of(at);
    let mut verdict = Verdict::of_no_leg(at.options);
    let explained = take_legs(at, &question, &facts, &legs, &mut verdict)?;
    conclude(at, question, &legs, &mut verdict, explained);
    Ok(verdict)
}

/// Reads the chain of a request. Returns a denial if the request's statements about who acts do not
/// hold.
fn read_question(
    at: Circumstances<'_>,
    request: &Request,
    evidence: &Evidence,
) -> Result<Result<Question, Box<Verdict>>, Refusal> {
    let carriers = at.pinned.bundle.carriers();
    let read = read_proven_question(request, carriers, evidence).and_then(|question| {
        token_facts::check_times(&question, at.now)?;
        Ok(question)
    });
    let mut question = match read {
        Ok(question) => question,
        Err(refusal) => {
            return Ok(Err(Box::new(refuse(
                at,
                request,
                no_chain(refusal, carriers)?,
                None,
            ))));
        }
    };
    let vocabulary = &at.pinned.bundle.policy_set().schema().vocabulary;
    let is_refused = question.hide_tokens(
        |kind| vocabulary.entity_type(kind).is_some(),
        |name, resource| vocabulary.action(name, resource).is_some(),
    );
    if is_refused {
        let message = "a member of the chain is named by what is likely a token: \
            write its id, and the token into `context.credentials`";
        let reason = of_the_request(Code::ChainInvalid, message.to_owned(), NextAction::Retry);
        return Ok(Err(Box::new(refuse(at, request, reason, Some(question)))));
    }
    if at.options.arguments == Arguments::Unknown {
        question.context.remove(ARGUMENTS);
    }
    if at.options.require_actor && !has_agent(&question, carriers) {
        let message = "this caller may ask only for chains with an agent in them".to_owned();
        let reason = of_the_request(Code::ChainInvalid, message, NextAction::Retry);
        return Ok(Err(Box::new(refuse(at, request, reason, Some(question)))));
    }
    Ok(Ok(question))
}

/// Returns the facts of a question's credentials, or those that a case supplies instead.
fn facts_of<'a>(at: Circumstances<'a>, question: &Question) -> TokenFacts<'a> {
    let token = at.given.and_then(|given| given.token);
    let compiled = at.pinned.bundle.policy_set();
    let properties = || compiled.properties(&question.resource, stored(at));
    TokenFacts::of(question, at.options.arguments, token, properties)
}

/// Returns the stored entities: the bundle's, or those that a case supplies instead.
fn stored(at: Circumstances<'_>) -> &StoredEntities {
    at.given
        .map_or(at.pinned.bundle.stored(), |given| given.stored)
}

/// Returns what finds or evaluates the legs of a question.
fn legs_of(at: Circumstances<'_>) -> Legs<'_> {
    let Circumstances {
        pinned,
        options,
        given,
        ..
    } = at;
    // An explained leg is always evaluated, and a case has tuples and entities of its own.
    let cache = at.cache.filter(|_| !options.explanation && given.is_none());
    let tuples = given.map_or(&[][..], |given| given.tuples);
    let lookup = pinned.relations.map(|(graph, rules)| {
        let lookup = RequestRelations::new(graph, rules)
            .with_tuples(tuples)
            .with_witness(options.explanation);
        lookup
            .with_notes(cache.is_some())
            .with_reads(options.reads.unwrap_or(DECISION_READS))
    });
    let depth = LegDepth {
        explanation: options.explanation,
        clauses: options.clauses,
        inputs: options.inputs,
        clock: false,
        time: options.reads.map_or(LegTime::Any, |_| LegTime::Brief),
    };
    Legs {
        pinned,
        cache,
        lookup,
        depth,
        is_evaluated: Cell::new(false),
    }
}

impl HasDecision for Decision {
    fn decision(&self) -> Decision {
        *self
    }
}

/// Decides the legs in order, each with the facts of every credential that names its member, up to
/// the first that does not permit. Returns the explanations of the legs as well, if they are
/// wanted.
fn take_legs(
    at: Circumstances<'_>,
    question: &Question,
    facts: &TokenFacts<'_>,
    legs: &Legs<'_>,
    verdict: &mut Verdict,
) -> Result<Vec<LegExplanation>, Refusal> {
    let conversions = Conversions::default();
    let shared = question.chain.legs() > 1 || question.credentials.len() > 1;
    let mut explained = Vec::new();
    let mut turns = (0..question.chain.legs()).flat_map(|index| {
        let with = facts.of_leg(index);
        let several = with.len() > 1;
        with.into_iter()
            .map(move |(credential, token)| (index, several.then_some(credential), token))
    });
    let mut turns = std::iter::from_fn(|| {
        let (index, credential, token) = turns.next()?;
        let conversions = shared.then_some(&conversions);
        let (relations, arguments, now) = (legs.relations(), at.options.arguments, at.now);
        let stored = stored(at);
        let input = LegInput {
            question,
            leg: index,
            now,
            token,
            stored,
            relations,
            conversions,
            arguments,
        };
        Some(legs.leg(&input).map(|mut leg| {
            let decision = leg.outcome.decision();
            explained.extend(leg.explanation.take().map(|explanation| *explanation));
            verdict.add(leg, index, credential);
            decision
        }))
    });
    let mut permits = 0;
    let denied =
        intersect(&mut turns, |_| permits += 1).map_err(|fault| refusal(at, legs, fault))?;
    if denied.is_some() && at.options.explanation {
        explain_rest(&mut turns, |fault| refusal(at, legs, fault))?;
    }
    // A question without legs would have no subject, so it is not permitted.
    if denied.is_none() && permits > 0 {
        verdict.decision = Decision::Permit;
    }
    Ok(explained)
}

/// Evaluates the legs after a denial, for information only; a fault in one of them does not change
/// the denial.
fn explain_rest(
    turns: &mut impl Iterator<Item = Result<Decision, Fault>>,
    refusal: impl Fn(Fault) -> Refusal,
) -> Result<(), Refusal> {
    match turns.find_map(Result::err).map(refusal) {
        Some(Refusal::TakesLong) => Err(Refusal::TakesLong),
        Some(_) | None => Ok(()),
    }
}

/// Returns why no decision is made after a fault: if the brief limit of reads was used up, or a leg
/// was not evaluated for the time that it takes, the request takes long; otherwise the fault
/// itself.
fn refusal(at: Circumstances<'_>, legs: &Legs<'_>, fault: Fault) -> Refusal {
    let is_brief = at.options.reads.is_some();
    let is_cut = is_brief && (fault == Fault::TakesLong || legs.reads_left() == Some(0));
    if is_cut {
        Refusal::TakesLong
    } else {
        Refusal::Fault(fault)
    }
}

impl Verdict {
    /// Creates a denial for a request whose legs have not been taken.
    fn of_no_leg(options: DecisionOptions) -> Self {
        Self {
            decision: Decision::Deny,
            reason: None,
            explanation: None,
            policies: Vec::new(),
            inputs: Vec::new(),
            question: None,
            is_found: false,
            reads: options.reads.unwrap_or(DECISION_READS),
        }
    }

    /// Adds a leg, with the index of its member in the chain and, if several credentials name the
    /// member, the index of the credential. Legs after a denial change nothing. [`intersect`]
    /// decides what all legs together come to.
    fn add(&mut self, leg: Leg, index: usize, credential: Option<usize>) {
        if self.reason.is_some() {
            return;
        }
        let Leg {
            outcome,
            policies,
            inputs,
            ..
        } = leg;
        let of_one = credential
            .map(|at| format!(".credentials[{at}]"))
            .unwrap_or_default();
        let with_leg = |(path, value)| (format!("legs[{index}]{of_one}.{path}"), value);
        self.inputs.extend(inputs.into_iter().map(with_leg));
        match outcome {
            LegOutcome::Permit => {
                // With several credentials, one policy may permit the same leg more than once.
                let new = policies
                    .into_iter()
                    .filter(|policy| credential.is_none() || !self.policies.contains(policy));
                let new: Vec<String> = new.collect();
                self.policies.extend(new);
            }
            LegOutcome::Deny(reason) => {
                self.reason = Some(reason);
                self.policies = policies;
            }
        }
    }
}

/// Adds the question to a verdict, and the explanation if it is wanted.
fn conclude(
    at: Circumstances<'_>,
    question: Question,
    legs: &Legs<'_>,
    verdict: &mut Verdict,
    mut explained: Vec<LegExplanation>,
) {
    if at.options.explanation {
        for leg in &mut explained {
            question
                .dropped
                .iter()
                .for_each(|dropped| leg.dropped.push(|| dropped.clone()));
        }
        let mut tree = explanation(at, &question.action.name, &question.resource.uid, explained);
        tree.credentials = token_facts::lines(&question.credentials);
        tree.asserted = question
            .asserted()
            .map(|uid| question.as_asked(uid))
            .collect();
        verdict.explanation = Some(tree);
    }
    verdict.reads = legs.reads_left().unwrap_or(verdict.reads);
    verdict.is_found = legs.cache.is_some() && !legs.is_evaluated.get();
    verdict.question = Some(question);
}

fn has_agent(question: &Question, settings: &CarrierSettings) -> bool {
    question
        .chain
        .actors()
        .iter()
        .any(|actor| settings.agent_types.contains(&actor.uid.kind))
}

/// Returns why a request without a chain is denied, or `Err` if the request is malformed.
fn no_chain(refusal: ChainRefusal, settings: &CarrierSettings) -> Result<Reason, Refusal> {
    match refusal {
        ChainRefusal::TooLong(actors) => {
            let problem = format!(
                "names {actors} actors; a chain has at most {}",
                settings.max_actors
            );
            Err(Refusal::Malformed(MalformedMember {
                member: "subject".to_owned(),
                problem,
            }))
        }
        ChainRefusal::Deny(code, message) => Ok(of_the_request(code, message, NextAction::Retry)),
        ChainRefusal::Unproven(CredentialError {
            code,
            message,
            next_action,
        }) => Ok(of_the_request(code, message, next_action)),
    }
}

/// Creates a reason that concerns the request and no member of its chain.
fn of_the_request(code: Code, message: String, next_action: NextAction) -> Reason {
    Reason::new(code, message, None, next_action)
}

/// Creates a denial that is made before any leg.
fn refuse(
    at: Circumstances<'_>,
    request: &Request,
    reason: Reason,
    question: Option<Question>,
) -> Verdict {
    let explain = || explanation(at, &request.action.name, &request.resource.uid, Vec::new());
    let explanation = at.options.explanation.then(explain);
    Verdict {
        reason: Some(reason),
        explanation,
        question,
        ..Verdict::of_no_leg(at.options)
    }
}

fn explanation(
    at: Circumstances<'_>,
    name: &str,
    resource: &EntityRef,
    legs: Vec<LegExplanation>,
) -> Explanation {
    let PinnedView {
        bundle, revision, ..
    } = at.pinned;
    let vocabulary = &bundle.policy_set().schema().vocabulary;
    let action = vocabulary
        .action(name, resource)
        .map_or(name, ActionInfo::name)
        .to_owned();
    let bundle = bundle.digest();
    Explanation {
        bundle,
        revision,
        now: at.now,
        action,
        credentials: Vec::new(),
        asserted: Vec::new(),
        legs,
    }
}
