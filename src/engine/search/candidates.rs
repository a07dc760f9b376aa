//! Which entities can be permitted at all.

use super::page::Budget;
use super::universe::{Universe, placeholder};
use super::{Refusal, Task};
use crate::engine::lookup::Lookup;
use crate::model::{
    Arguments, ChainRefusal, Decision, EntityRef, ObjectRef, Record, SearchRequest, Searched, Tuple, TupleUser, Value,
    read_question,
};
use crate::policy::{LegInput, NoRelations, Part, Relations, Reverse, Wanted};
use crate::relations::{Graph, Limits, Reader, Rules, Terms, UserFilter};
use smol_str::SmolStr;
use std::collections::HashSet;

/// More candidates than these are gone through with everything else that is known: it costs a page as much to order them
/// as to pass over what is not permitted.
const MOST: usize = 10_000;

/// How many tuples are read for one list of candidates, some milliseconds' worth: who reaches more goes through what is
/// known.
const MOST_READS: u64 = 100_000;

/// The entities that a page goes through.
#[derive(Debug)]
pub(super) enum Candidates {
    /// Nothing but these can be permitted.
    Few(HashSet<SmolStr>),
    /// Whatever is known.
    Any,
}

/// Narrows the known entities, unless a page before has found that there is no narrowing them.
pub(super) fn candidates(
    task: &Task<'_>,
    known: &Universe<'_>,
    scans: bool,
    budget: &Budget<'_>,
) -> Result<Candidates, Refusal> {
    if scans {
        return Ok(Candidates::Any);
    }
    let named = named(task.search);
    let asked = placeholder(task);
    let mut question = match read_question(&asked, task.pinned.bundle.carriers()) {
        Ok(question) => question,
        // What nobody in particular may not be, only somebody that the request names can be.
        Err(ChainRefusal::Deny(..)) => return Ok(Candidates::Few(named)),
        // Said when the first candidate is decided.
        Err(ChainRefusal::TooLong(_)) => return Ok(Candidates::Any),
    };
    if task.want.arguments == Arguments::Unknown {
        question.context.remove(super::super::decide::ARGUMENTS);
    }
    let part = match task.search.searched {
        Searched::Resource => Part::Resource,
        Searched::Subject | Searched::Action => {
            let id = asked.subject.get("id").and_then(Value::as_text);
            let at = question.chain.members().position(|member| Some(&member.uid.id) == id);
            let Some(at) = at else { return Ok(Candidates::Any) };
            Part::Member(at)
        }
    };
    let tuples = task.given.map_or(&[][..], |given| given.tuples);
    let relations = task.pinned.relations;
    let lookup = relations.map(|(graph, rules)| Lookup { graph, rules, given: tuples, witness: false });
    let is_over = || budget.is_over();
    let backwards = Backwards { relations, given: tuples, is_over: &is_over };
    let mut ids: Option<HashSet<SmolStr>> = None;
    for leg in 0..question.chain.legs() {
        let input = LegInput {
            question: &question,
            leg,
            now: task.now,
            token: task.given.and_then(|given| given.token),
            stored: task.stored(),
            relations: lookup.as_ref().map_or(&NoRelations as &dyn Relations, |lookup| lookup),
            arguments: task.want.arguments,
        };
        let compiled = task.pinned.bundle.compiled();
        if matches!(part, Part::Member(at) if leg < at) {
            // Whoever it is stands behind this member, whose leg is the same for all.
            let outcome = compiled.leg(&input, Wanted::default()).map_err(Refusal::Fault)?.outcome;
            if outcome.decision() == Decision::Deny {
                return Ok(Candidates::Few(named));
            }
            continue;
        }
        let found = compiled.candidates(&input, part, &backwards, MOST);
        ids = match (ids, found) {
            (Some(mut ids), Some(found)) => {
                ids.retain(|id| found.contains(id));
                Some(ids)
            }
            (ids, found) => ids.or(found),
        };
        if ids.as_ref().is_some_and(HashSet::is_empty) {
            break;
        }
    }
    let _ = known;
    Ok(match ids {
        None => Candidates::Any,
        Some(mut ids) => {
            ids.extend(named);
            Candidates::Few(ids)
        }
    })
}

/// Every text in the places where carriers stand: an id among them can give the chain another form than the question
/// about nobody in particular has.
fn named(search: &SearchRequest) -> HashSet<SmolStr> {
    let question = search.question();
    let mut found = HashSet::new();
    question.subject.iter().for_each(|(_, value)| texts(value, &mut found));
    for carrier in ["agent", "client_id"] {
        question.context.get(carrier).into_iter().for_each(|value| texts(value, &mut found));
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

/// Relations backwards, at the pinned revision.
struct Backwards<'a> {
    relations: Option<(&'a Graph, &'a Rules)>,
    given: &'a [Tuple],
    is_over: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for Backwards<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backwards").finish_non_exhaustive()
    }
}

impl Backwards<'_> {
    /// Asks a reader for what is possible; none where it cannot say.
    fn ask<T>(&self, ask: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Option<T> {
        let (graph, rules) = self.relations?;
        let nothing = Record::new();
        let limits = Limits { list_reads: MOST_READS, ..Limits::default() };
        let terms =
            Terms { contextual: self.given, limits, is_over: self.is_over, possible: true, ..Terms::new(&nothing) };
        ask(&mut Reader::new(graph, rules, terms).ok()?)
    }
}

impl Reverse for Backwards<'_> {
    fn objects(&self, user: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>> {
        let user = TupleUser::Object(ObjectRef::of_entity(user).ok()?);
        let kind = kind.replace("::", "/");
        self.ask(|reader| {
            let listed =
                reader.list_objects(&user, relation, &kind, MOST).ok().filter(|listed| listed.cut.is_none())?;
            // What is no entity's spelling is nothing that could be asked about.
            Some(listed.found.iter().filter_map(ObjectRef::to_entity).map(|entity| entity.id).collect())
        })
    }

    fn users(&self, object: &EntityRef, relation: &str, kind: &str) -> Option<Vec<SmolStr>> {
        let object = ObjectRef::of_entity(object).ok()?;
        let filter = UserFilter { kind: kind.replace("::", "/").into(), relation: None };
        self.ask(|reader| {
            let listed =
                reader.list_users(&object, relation, &filter, MOST).ok().filter(|listed| listed.cut.is_none())?;
            let mut ids = Vec::new();
            for user in &listed.found {
                match user {
                    TupleUser::Object(user) => ids.extend(user.to_entity().map(|entity| entity.id)),
                    TupleUser::Wildcard(_) => return None,
                    TupleUser::Userset { .. } => {}
                }
            }
            Some(ids)
        })
    }
}
