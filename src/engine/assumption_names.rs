//! Finds what a question of the API assumes in the bundle and the relations that decide it: a case
//! by its name, entities by its schema, tuples by its model.
//!
//! **Problem.** Whoever asks why something is denied wants to know next what would change it, and a
//! case is understood only with what it is given. Trying it on the live relations would be a change
//! that others see.
//! **Decision.** What is assumed is read and checked against the version that is pinned for the
//! answer.
//! **Trade-off.** Entities that are assumed make all stored ones to be read again, so that such a
//! question takes long in a large bundle.

use super::assumption::without;
use super::snapshot::PinnedView;
use super::{Ask, Engine, Refusal};
use crate::bundle::{Assumptions, Case};
use crate::model::{Answer, Fault, MalformedMember, Request, Timestamp, Tuple, TupleKey};
use crate::policy::{SourceFile, StoredEntities};

/// Where a question says what it assumes.
const MEMBER: &str = "assume";

/// What a question assumes, by names that are not looked up yet.
#[derive(Clone, Debug, Default)]
pub struct QuestionAssumptions {
    /// The time; `None` for that of the case, or now.
    pub now: Option<Timestamp>,
    /// The file and the name of a case of the bundle, which supplies its time, its entities, its
    /// tuples and its token.
    pub case: Option<(String, String)>,
    /// Entities in Cedar's JSON form, as one list. Each replaces the stored one of its id.
    pub entities: Option<String>,
    /// Tuples that are there as well.
    pub tuples: Vec<Tuple>,
    /// Tuples that are not there.
    pub without: Vec<TupleKey>,
}

impl Engine {
    /// Decides one question as [`Engine::decide_assuming`] does, with what it assumes found in the
    /// version that decides. The answer has an id that no record has.
    pub fn assume(
        &self,
        ask: &Ask<'_>,
        request: &Request,
        assumed: &QuestionAssumptions,
    ) -> Result<Answer, Refusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        under_assumptions(pinned, assumed, |pinned, assumptions| {
            let assumed = self.decide_pinned(pinned, ask, request, assumptions)?;
            Ok(assumed.answer)
        })
    }
}

/// Decides with the view that lacks what is assumed not to be there, and with what is assumed
/// beside it.
pub(super) fn under_assumptions<T>(
    pinned: PinnedView<'_>,
    assumed: &QuestionAssumptions,
    decide: impl FnOnce(PinnedView<'_>, &Assumptions) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let named = assumed.case.as_ref();
    let case = named.map(|name| case_of(pinned, name)).transpose()?;
    let rest = without(pinned, &assumed.without);
    let pinned = PinnedView {
        relations: pinned
            .relations
            .map(|(graph, rules)| (rest.as_ref().unwrap_or(graph), rules)),
        ..pinned
    };
    let assumptions = Assumptions {
        now: assumed.now.or(case.map(|case| case.now)),
        stored: entities(pinned, case, assumed.entities.as_deref())?,
        tuples: tuples(pinned, case, &assumed.tuples)?,
        // The view lacks them.
        without: Vec::new(),
        token: case.and_then(|case| case.token.clone()),
    };
    decide(pinned, &assumptions)
}

/// Returns the refusal of a member of what is assumed.
fn refuse(member: &str, problem: impl Into<String>) -> Refusal {
    Refusal::Malformed(MalformedMember {
        member: format!("{MEMBER}.{member}"),
        problem: problem.into(),
    })
}

fn case_of<'a>(
    pinned: PinnedView<'a>,
    (file, name): &(String, String),
) -> Result<&'a Case, Refusal> {
    let mut cases = pinned.bundle.cases().iter();
    cases
        .find(|case| case.file == *file && case.name == *name)
        .ok_or_else(|| refuse("case", "names no case of the bundle that is live now"))
}

/// Returns the case's tuples and those that are assumed, each of which the model must allow.
fn tuples(
    pinned: PinnedView<'_>,
    case: Option<&Case>,
    assumed: &[Tuple],
) -> Result<Vec<Tuple>, Refusal> {
    let mut all: Vec<Tuple> = case.map(|case| case.tuples.clone()).unwrap_or_default();
    for (at, tuple) in assumed.iter().enumerate() {
        let member = format!("tuples[{at}]");
        let Some((_, rules)) = pinned.relations else {
            return Err(refuse(&member, "needs a relation model, and there is none"));
        };
        let allowed = rules.model().check_tuple(tuple);
        allowed.map_err(|refusal| refuse(&member, format!("is not allowed: {refusal}")))?;
        all.retain(|known| known.key != tuple.key);
        all.push(tuple.clone());
    }
    Ok(all)
}

/// Returns the stored entities with those of the case and those that are assumed; `None` if they
/// are the bundle's own.
fn entities(
    pinned: PinnedView<'_>,
    case: Option<&Case>,
    assumed: Option<&str>,
) -> Result<Option<StoredEntities>, Refusal> {
    let of_case = case.and_then(|case| case.stored.as_ref());
    let Some(text) = assumed else {
        return Ok(of_case.cloned());
    };
    let before = of_case.unwrap_or(pinned.bundle.stored());
    let file = SourceFile::new(format!("{MEMBER}.entities"), text);
    let with = before.with(&file, pinned.bundle.policy_set().schema());
    with.map(Some).map_err(|problems| {
        let first = problems.0.into_iter().next();
        let message = first.map_or_else(String::new, |problem| problem.message);
        refuse("entities", format!("are not taken: {message}"))
    })
}
