//! Narrows a search to the entities that can be permitted at all.

use super::page::PageBudget;
use super::universe::placeholder;
use super::{PageTask, Refusal};
use crate::engine::lookup::RequestRelations;
use crate::engine::token_facts;
use crate::model::{
    Arguments, CarrierSettings, ChainRefusal, Decision, EntityRef, ModelType, ObjectRef, Record,
    Request, SearchKind, SearchRequest, Tuple, TupleUser, Value, read_proven_question,
};
use crate::policy::{
    Conversions, LegDepth, LegInput, NoRelations, QuestionPart, Relations, ReverseRelations,
};
use crate::relations::{Graph, ReaderTerms, RelationLimits, RelationReader, Rules, UserFilter};
use smol_str::SmolStr;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Maximum number of candidates in a narrowed set. Beyond it, all known entities are gone through:
/// sorting so many candidates costs a page as much as skipping those that are not permitted.
const MOST: usize = 10_000;

/// Maximum number of tuples that are read for one list of candidates, which takes some
/// milliseconds. If it is exceeded, all known entities are gone through.
const MOST_READS: u64 = 100_000;

/// The candidates of a page.
#[derive(Debug)]
pub(super) enum Candidates {
    /// Only these entities can be permitted.
    Few(HashSet<SmolStr>),
    /// Every known entity must be decided.
    Any,
}

/// Narrows the known entities, unless a previous page has found that they cannot be narrowed.
pub(super) fn candidates(
    task: &PageTask<'_>,
    scans: bool,
    budget: &PageBudget<'_>,
) -> Result<Candidates, Refusal> {
    if scans {
        return Ok(Candidates::Any);
    }
    let named = named(task.search);
    let asked = placeholder(task);
    // A credential names its own subject, which is never nobody in particular.
    if task.search.searched == SearchKind::Subject
        && asked.context.get_present("credentials").is_some()
    {
        return Ok(Candidates::Any);
    }
    let carriers = task.pinned.bundle.carriers();
    let mut question = match read_proven_question(&asked, carriers, task.evidence) {
        Ok(question) => question,
        // What is data in the context of one candidate may be refused in that of another.
        Err(ChainRefusal::Deny(..)) if carriers.depends_on_target() => {
            return Ok(Candidates::Any);
        }
        // If nobody in particular is refused here, only an entity that the request names can be
        // permitted.
        Err(ChainRefusal::Deny(..) | ChainRefusal::Unproven(_)) => {
            return Ok(Candidates::Few(named));
        }
        // The refusal is reported when the first candidate is decided.
        Err(ChainRefusal::TooLong(_)) => return Ok(Candidates::Any),
    };
    if task.options.arguments == Arguments::Unknown {
        question.context.remove(super::super::decide::ARGUMENTS);
    }
    let Some(part) = searched_part(task, &asked, &question) else {
        return Ok(Candidates::Any);
    };
    // Which object of the details covers a question depends on the resource of each candidate.
    if question
        .credentials
        .iter()
        .any(|credential| !credential.proven.details.is_empty())
    {
        return Ok(Candidates::Any);
    }
    let ids = permitted(task, &question, part, budget)?;
    Ok(ids.map_or(Candidates::Any, |mut ids| {
        ids.extend(named);
        Candidates::Few(ids)
    }))
}

/// Returns which part of the question is searched for; `None` if the searched member is not in the
/// chain.
fn searched_part(
    task: &PageTask<'_>,
    asked: &Request,
    question: &crate::model::Question,
) -> Option<QuestionPart> {
    match task.search.searched {
        SearchKind::Resource => Some(QuestionPart::Resource),
        SearchKind::Subject | SearchKind::Action => {
            let id = asked.subject.get("id").and_then(Value::as_text);
            question
                .chain
                .members()
                .position(|member| Some(&member.uid.id) == id)
                .map(QuestionPart::Member)
        }
    }
}

/// Returns the ids that all legs can permit; `None` if they cannot be narrowed.
fn permitted(
    task: &PageTask<'_>,
    question: &crate::model::Question,
    part: QuestionPart,
    budget: &PageBudget<'_>,
) -> Result<Option<HashSet<SmolStr>>, Refusal> {
    let tuples = task.given.map_or(&[][..], |given| given.tuples);
    let relations = task.pinned.relations;
    let lookup =
        relations.map(|(graph, rules)| RequestRelations::new(graph, rules).with_tuples(tuples));
    let is_over = || budget.is_over();
    let backwards = PinnedReverse {
        relations,
        given: tuples,
        is_over: &is_over,
        known: RefCell::default(),
    };
    let conversions = Conversions::default();
    let shared = question.chain.legs() > 1 || question.credentials.len() > 1;
    let token = task.given.and_then(|given| given.token);
    // No credential has details, as the caller has checked.
    let facts = token_facts::TokenFacts::of(question, task.options.arguments, token, Record::new);
    let legs = (0..question.chain.legs()).flat_map(|leg| {
        facts
            .of_leg(leg)
            .into_iter()
            .map(move |(_, token)| (leg, token))
    });
    let compiled = task.pinned.bundle.policy_set();
    let mut ids: Option<HashSet<SmolStr>> = None;
    for (leg, token) in legs {
        let input = LegInput {
            question,
            leg,
            now: task.now,
            token,
            stored: task.stored(),
            relations: lookup
                .as_ref()
                .map_or(&NoRelations as &dyn Relations, |lookup| lookup),
            conversions: shared.then_some(&conversions),
            arguments: task.options.arguments,
        };
        if matches!(part, QuestionPart::Member(at) if leg < at) {
            // The candidate comes after this member in the chain, so this leg is the same for all
            // candidates.
            let decided = compiled.leg(&input, LegDepth::default());
            if decided.map_err(Refusal::Fault)?.outcome.decision() == Decision::Deny {
                return Ok(Some(HashSet::new()));
            }
            continue;
        }
        ids = in_both(ids, compiled.candidates(&input, part, &backwards, MOST));
        if ids.as_ref().is_some_and(HashSet::is_empty) {
            break;
        }
    }
    Ok(ids)
}

/// Intersects two sets of ids; `None` stands for the set of all ids.
fn in_both(
    ids: Option<HashSet<SmolStr>>,
    found: Option<HashSet<SmolStr>>,
) -> Option<HashSet<SmolStr>> {
    match (ids, found) {
        (Some(mut ids), Some(found)) => {
            ids.retain(|id| found.contains(id));
            Some(ids)
        }
        (ids, found) => ids.or(found),
    }
}

/// Returns every text of the members in which carriers are found. An id among them can give the
/// chain another form than it has in the question about nobody in particular.
fn named(search: &SearchRequest) -> HashSet<SmolStr> {
    let question = search.question();
    let mut found = HashSet::new();
    question
        .subject
        .iter()
        .for_each(|(_, value)| texts(value, &mut found));
    for carrier in CarrierSettings::naming_context_members() {
        question
            .context
            .get(carrier)
            .into_iter()
            .for_each(|value| texts(value, &mut found));
    }
    found
}

fn texts(value: &Value, found: &mut HashSet<SmolStr>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Text(text) => drop(found.insert(text.clone())),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Record(record) => record.iter().for_each(|(_, item)| texts(item, found)),
    }
}

/// Reverse look-ups of relations, at the pinned revision.
struct PinnedReverse<'a> {
    relations: Option<(&'a Graph, &'a Rules)>,
    given: &'a [Tuple],
    is_over: &'a dyn Fn() -> bool,
    /// Answers so far: policies ask about few relations, and often the same question.
    known: RefCell<HashMap<ReverseQuestion, Option<Vec<SmolStr>>>>,
}

/// A reverse question: the objects to which a user has the relation, or the users who have it to an
/// object. `kind` is the type of the entities that are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ReverseQuestion {
    is_of_user: bool,
    entity: EntityRef,
    relation: SmolStr,
    kind: ModelType,
}

impl std::fmt::Debug for PinnedReverse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinnedReverse").finish_non_exhaustive()
    }
}

impl PinnedReverse<'_> {
    fn answer(&self, question: ReverseQuestion) -> Option<Vec<SmolStr>> {
        if let Some(known) = self.known.borrow().get(&question) {
            return known.clone();
        }
        let found = if question.is_of_user {
            self.objects_of(&question)
        } else {
            self.users_of(&question)
        };
        self.known.borrow_mut().insert(question, found.clone());
        found
    }

    fn objects_of(&self, question: &ReverseQuestion) -> Option<Vec<SmolStr>> {
        let user = TupleUser::Object(ObjectRef::of_user(&question.entity).ok()?);
        self.ask(|reader| {
            let listed = reader
                .list_objects(&user, &question.relation, question.kind.as_str(), MOST)
                .ok()?;
            // A name in a tuple that is not the encoding of an id cannot be the entity of a
            // request.
            let ids = listed
                .found
                .iter()
                .filter_map(ObjectRef::to_entity)
                .map(|entity| entity.id);
            listed.cut.is_none().then(|| ids.collect())
        })
    }

    fn users_of(&self, question: &ReverseQuestion) -> Option<Vec<SmolStr>> {
        let object = ObjectRef::of_entity(&question.entity).ok()?;
        let filter = UserFilter {
            kind: question.kind.as_str().clone(),
            relation: None,
        };
        self.ask(|reader| {
            let listed = reader
                .list_users(&object, &question.relation, &filter, MOST)
                .ok()?;
            let mut ids = Vec::new();
            for user in &listed.found {
                match user {
                    TupleUser::Object(user) => ids.extend(user.to_entity().map(|entity| entity.id)),
                    // A wildcard means every user, so the users cannot be listed.
                    TupleUser::Wildcard(_) => return None,
                    TupleUser::Userset { .. } => {}
                }
            }
            listed.cut.is_none().then_some(ids)
        })
    }

    /// Asks a reader for everything that is possible; returns `None` if the reader cannot answer.
    fn ask<T>(&self, ask: impl FnOnce(&mut RelationReader<'_>) -> Option<T>) -> Option<T> {
        let (graph, rules) = self.relations?;
        let nothing = Record::new();
        let limits = RelationLimits {
            list_reads: MOST_READS,
            ..RelationLimits::default()
        };
        let terms = ReaderTerms {
            contextual: self.given,
            limits,
            is_over: self.is_over,
            possible: true,
            ..ReaderTerms::new(&nothing)
        };
        ask(&mut RelationReader::new(graph, rules, terms).ok()?)
    }
}

impl ReverseRelations for PinnedReverse<'_> {
    fn objects(&self, user: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>> {
        let kind = ModelType::of_entity_type(&kind.into());
        self.answer(ReverseQuestion {
            is_of_user: true,
            entity: user.clone(),
            relation: relation.into(),
            kind,
        })
    }

    fn users(&self, object: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>> {
        let kind = ModelType::of_entity_type(&kind.into());
        self.answer(ReverseQuestion {
            is_of_user: false,
            entity: object.clone(),
            relation: relation.into(),
            kind,
        })
    }
}
