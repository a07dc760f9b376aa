//! A reader: one version of the graph, one model, one request, and any number of questions.

use super::check::{self, Memo, Node, Outcome, Run, Trace};
use super::condition::{Evaluations, Sent};
use super::error::{Failure, RelationError, RelationFault};
use super::graph::{Graph, NameId, RowHash, UserId, View};
use super::limits::{Allowance, Limits, Meter};
use super::rules::{RelationId, Rules};
use crate::model::{ClockUse, ObjectRef, Record, Revision, Tuple, TupleKey, TupleUser};
use foldhash::HashMap;

/// What a request brings along.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Tuples that count for this request as if they were written. The caller has validated them;
    /// what the model does not allow does not count.
    pub contextual: &'a [Tuple],
    /// Values for the parameters of conditions.
    pub context: &'a Record,
    /// Values that win over those of the context.
    pub supplied: Option<&'a Record>,
    /// How far to go.
    pub limits: Limits,
    /// What this reader and others may read together.
    pub allowance: Option<&'a Allowance>,
    /// Whether the time for the request is up. Asked now and then.
    pub is_over: &'a dyn Fn() -> bool,
    /// Whether a permitted check shall show the tuples that permit it.
    pub witness: bool,
    /// Whether the rows that are read shall be noted, and what conditions do with the clock.
    pub trace: bool,
    /// Whether a list shall hold whatever can be in it: every condition holds, and nothing is
    /// checked. Such a list has every result of the exact one, whatever the context, and maybe
    /// more.
    pub possible: bool,
}

impl std::fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms")
            .field("contextual", &self.contextual.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Terms<'a> {
    /// A request with a context and nothing else: default limits, no end of time.
    #[must_use]
    pub fn new(context: &'a Record) -> Self {
        Self {
            contextual: &[],
            context,
            supplied: None,
            limits: Limits::default(),
            allowance: None,
            is_over: &|| false,
            witness: false,
            trace: false,
            possible: false,
        }
    }

    /// What conditions are sent.
    pub(super) fn sent(&self) -> Sent<'a> {
        Sent::of(self.context).below(self.supplied)
    }
}

/// Whether a user is in a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The user is; with the tuples that show it, from the object to the user, where they were
    /// asked for. An intersection shows all of its operands, one after another. Empty where the
    /// relation is that of a userset to itself.
    Holds(Vec<TupleKey>),
    /// The user is not.
    Lacks,
}

impl Membership {
    /// Whether the user is.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self {
            Self::Holds(_) => true,
            Self::Lacks => false,
        }
    }
}

/// Answers questions about one version of the tuples. What it has found out for one question serves
/// the next, and every question is answered as if it were the only one.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) rules: &'a Rules,
    pub(super) view: View<'a>,
    terms: Terms<'a>,
    state: State,
}

/// What stays the same over all questions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'r> {
    pub(super) view: &'r View<'r>,
    pub(super) rules: &'r Rules,
    pub(super) terms: &'r Terms<'r>,
}

/// What one question leaves to the next.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What answers rest on, where that is wanted.
    pub(super) trace: Option<Trace>,
    /// What conditions have converted, and their work.
    pub(super) evaluations: Evaluations,
    memo: Memo,
}

impl<'a> Reader<'a> {
    /// A reader of `graph` by `rules`, which must have been compiled for its store.
    pub fn new(
        graph: &'a Graph,
        rules: &'a Rules,
        terms: Terms<'a>,
    ) -> Result<Self, RelationFault> {
        if !rules.belong_to(graph.names()) {
            return Err(RelationFault::ForeignRules);
        }
        let state = State {
            trace: terms.trace.then(Trace::default),
            ..State::default()
        };
        Ok(Self {
            rules,
            view: View::new(graph, terms.contextual),
            terms,
            state,
        })
    }

    /// Goes on with what conditions have converted for another reader of the same request.
    #[must_use]
    pub fn with_evaluations(mut self, evaluations: Evaluations) -> Self {
        self.state.evaluations = evaluations;
        self
    }

    /// Hands out what conditions have converted.
    pub fn take_evaluations(&mut self) -> Evaluations {
        std::mem::take(&mut self.state.evaluations)
    }

    /// The revision that every answer is of.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.view.graph().revision()
    }

    /// The rows that were read so far, found or not: as long as nobody writes to one of them, every
    /// answer stays as it is. In no order, and a row may occur several times. Empty without
    /// `trace`.
    #[must_use]
    pub fn rows_read(&self) -> &[RowHash] {
        self.state.trace.as_ref().map_or(&[], |trace| &trace.rows)
    }

    /// What conditions did so far with `current_time`, which the context has from the clock: for as
    /// long as this says, at the same rows, every answer stays as it is.
    #[must_use]
    pub fn clock_use(&self) -> ClockUse {
        self.state
            .trace
            .as_ref()
            .map_or(ClockUse::Unread, |trace| trace.clock)
    }

    /// Whether `key.user` is in `key.relation` to `key.object` (OpenFGA's Check).
    pub fn check(&mut self, key: &TupleKey) -> Result<Membership, Failure> {
        let relation = self.relation(key.object.kind(), &key.relation)?;
        let user = self.user(&key.user)?;
        let object = self.object(&key.object)?;
        let (scene, state) = self.scene();
        scene.decide(state, Node { object, relation }, user, scene.terms.witness)
    }

    /// Checks each, as if it were the only one; equal ones once. Answers are in the order of the
    /// questions.
    pub fn check_all(&mut self, keys: &[TupleKey]) -> Vec<Result<Membership, Failure>> {
        let mut known: HashMap<&TupleKey, Result<Membership, Failure>> = HashMap::default();
        let mut answer = |key| {
            if let Some(answer) = known.get(key) {
                return Result::clone(answer);
            }
            let answer = self.check(key);
            known.insert(key, answer.clone());
            answer
        };
        keys.iter().map(&mut answer).collect()
    }

    /// Parts what stays from what changes, so that a walk can check on its way.
    pub(super) fn scene(&mut self) -> (Scene<'_>, &mut State) {
        (
            Scene {
                view: &self.view,
                rules: self.rules,
                terms: &self.terms,
            },
            &mut self.state,
        )
    }

    /// The relation of a type, by name.
    pub(super) fn relation(&self, kind: &str, relation: &str) -> Result<RelationId, RelationError> {
        self.kind(kind)?;
        self.rules.find(kind, relation).ok_or_else(|| {
            let near = self.rules.model().nearest_relation(kind, relation);
            RelationError::UnknownRelation {
                kind: kind.into(),
                relation: relation.into(),
                near,
            }
        })
    }

    /// A type, by name.
    pub(super) fn kind(&self, kind: &str) -> Result<NameId, RelationError> {
        let known = self
            .view
            .names()
            .find(kind)
            .filter(|kind| self.rules.has_kind(*kind));
        known.ok_or_else(|| RelationError::UnknownType(kind.into()))
    }

    /// The number of a user whose type, and relation, the model defines.
    pub(super) fn user(&mut self, user: &TupleUser) -> Result<UserId, RelationError> {
        self.kind(user.kind())?;
        if let TupleUser::Userset { object, relation } = user {
            self.relation(object.kind(), relation)?;
        }
        self.view
            .user(user)
            .ok_or_else(|| RelationError::UnknownType(user.kind().clone()))
    }

    /// The number of an object whose type the model defines.
    pub(super) fn object(
        &mut self,
        object: &ObjectRef,
    ) -> Result<super::graph::ObjectId, RelationError> {
        let kind = self.kind(object.kind())?;
        Ok(self.view.object(kind, object.id()))
    }
}

impl Scene<'_> {
    /// Decides one sub-problem as a question of its own.
    pub(super) fn decide(
        self,
        state: &mut State,
        root: Node,
        user: UserId,
        witness: bool,
    ) -> Result<Membership, Failure> {
        state.memo.question += 1;
        let Terms {
            limits,
            is_over,
            allowance,
            ..
        } = *self.terms;
        let mut run = Run {
            meter: Meter::new(limits.check_reads, is_over, allowance),
            trace: state.trace.as_mut(),
            sent: self.terms.sent(),
            evaluations: &mut state.evaluations,
            memo: &mut state.memo,
        };
        let (outcome, witness) = check::check(
            self.view,
            self.rules,
            &mut run,
            root,
            user,
            limits.depth,
            witness,
        )?;
        match outcome {
            Outcome::Holds => {
                let path: Option<Vec<TupleKey>> = witness
                    .into_iter()
                    .map(|edge| self.view.key_text(edge))
                    .collect();
                Ok(Membership::Holds(path.ok_or(RelationFault::Inconsistent)?))
            }
            Outcome::Lacks | Outcome::LacksByCycle => Ok(Membership::Lacks),
            Outcome::Fails(error) => Err((*error).into()),
            // An evaluation ends with the shortest ways known, and then nothing is unknown.
            Outcome::Unknown => Err(RelationFault::Inconsistent.into()),
        }
    }
}
