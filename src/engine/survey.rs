//! Surveys what a bundle decides, so that an author sees which decisions an edit changes.
//!
//! A survey has two parts: the decisions of the bundle's cases, with the contexts and the fixtures
//! that they have, and a matrix of who may do what to what, over the entities that the bundle
//! stores or that its tuples and cases name. Both rest on the bundle alone and on one fixed time,
//! so two surveys differ only by what was edited.
//!
//! A matrix knows no arguments of calls: a question that some arguments could permit has an outcome
//! of its own.

use super::Snapshot;
use super::load::observe;
use super::matrix::{MatrixQuestion, MatrixWorld};
use crate::bundle::{Bundle, Case, DEFAULT_NOW, ObservedAnswer};
use crate::clock::Clock;
use crate::model::{Code, Decision, EntityRef, ObjectRef, Request, TupleUser, read_question};
use crate::policy::{TypeInfo, Vocabulary};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// LIMIT: entities of a matrix; a bundle that people edit by hand names fewer.
const MAX_ENTITIES: usize = 1_000;

/// LIMIT: questions of a matrix. They take some tens of microseconds each, and the author waits.
const MAX_QUESTIONS: usize = 10_000;

/// LIMIT: milliseconds for a matrix, and for the cases before it, after which what remains is left
/// out.
const MAX_MS: i64 = 1_000;
const MAX_CASES_MS: i64 = 10_000;

/// What a bundle decides.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Each case that is decided, by its file and name. One that fails is among them, since what it
    /// asks is decided otherwise all the same.
    cases: BTreeMap<String, SurveyedCase>,
    matrix: BTreeMap<MatrixQuestion, SurveyedOutcome>,
    /// How many questions the matrix would have, were it whole; `None` if they are too many to be
    /// counted.
    total: Option<usize>,
    is_cut: bool,
    are_cases_cut: bool,
}

/// How much of what two surveys ask was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComparedPart {
    /// Questions of the matrix that both have decided.
    pub compared: usize,
    /// Questions that the later matrix would have, were it whole; `None` if they are too many to be
    /// counted.
    pub total: Option<usize>,
    /// Whether questions or cases were left out of either.
    pub is_cut: bool,
}

/// A case, and what it came to.
#[derive(Clone, Debug)]
struct SurveyedCase {
    request: Request,
    decision: Decision,
    /// The code of a denial's reason.
    code: Option<Code>,
    /// The question of the matrix that asks the same, if one can.
    plain: Option<MatrixQuestion>,
}

/// The outcome of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SurveyedOutcome {
    /// It is permitted.
    Permitted,
    /// It is permitted with some arguments.
    PermittedWithArguments,
    /// It is denied.
    Denied,
    /// It is denied as before, for a reason with another code.
    DeniedOtherwise,
}

/// A question whose outcome an edit has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionChange {
    /// The question as `explain` takes it, or the name of a case in backticks.
    pub question: String,
    /// The question in its parts.
    pub asked: ChangedQuestion,
    /// The outcome before.
    pub before: SurveyedOutcome,
    /// The outcome now.
    pub now: SurveyedOutcome,
}

/// A question of a survey, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangedQuestion {
    /// A case of the bundle.
    Case {
        /// The file that contains it.
        file: String,
        /// Its name.
        name: String,
    },
    /// A question of the matrix.
    Matrix {
        /// Who acts for whom; the last member asks.
        chain: Vec<EntityRef>,
        /// The action.
        action: SmolStr,
        /// What it is done to.
        resource: EntityRef,
    },
}

impl Survey {
    /// Surveys a bundle.
    #[must_use]
    pub fn of(snapshot: &Snapshot, clock: &dyn Clock) -> Self {
        let mut survey = Self::default();
        let end = clock.monotonic_ms().saturating_add(MAX_CASES_MS);
        for case in snapshot.bundle().cases() {
            if clock.monotonic_ms() > end {
                survey.cut_cases();
                break;
            }
            survey.add_case(snapshot.bundle(), case, &observe(snapshot, case));
        }
        survey.add_matrix(snapshot, clock);
        survey
    }

    /// Adds a case that was decided.
    pub(super) fn add_case(&mut self, bundle: &Bundle, case: &Case, observed: &ObservedAnswer) {
        let Some(decision) = observed.decision else {
            return;
        };
        let surveyed = SurveyedCase {
            request: case.request.clone(),
            decision,
            code: observed.code.clone(),
            plain: plain_question(case, bundle),
        };
        let name = format!("{}: {}", case.file, case.name);
        self.cases.insert(name, surveyed);
    }

    /// Returns the questions of both surveys whose outcomes differ, those that are permitted now
    /// first.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<DecisionChange> {
        let cases = self.cases.iter().filter_map(|(name, case)| {
            let known = before.cases.get(name)?;
            let now = case.change_since(known)?;
            let is_in_matrix = case.plain.as_ref().is_some_and(|question| {
                self.matrix.contains_key(question) && before.matrix.contains_key(question)
            });
            // The matrix tells such a decision, but no reasons.
            if is_in_matrix && now != SurveyedOutcome::DeniedOtherwise {
                return None;
            }
            let (file, title) = name.split_once(": ").unwrap_or(("", name));
            Some(DecisionChange {
                question: format!("`{title}`"),
                asked: ChangedQuestion::Case {
                    file: file.to_owned(),
                    name: title.to_owned(),
                },
                before: SurveyedOutcome::of(known.decision),
                now,
            })
        });
        let matrix = self.matrix.iter().filter_map(|(question, now)| {
            let outcome = *before.matrix.get(question)?;
            (outcome != *now).then(|| DecisionChange {
                question: question.to_string(),
                asked: ChangedQuestion::Matrix {
                    chain: question.chain.clone(),
                    action: question.action.clone(),
                    resource: question.resource.clone(),
                },
                before: outcome,
                now: *now,
            })
        });
        let mut changes: Vec<_> = matrix.chain(cases).collect();
        changes.sort_by_key(|change| change.now);
        changes
    }

    /// Returns `true` if some case asks what no case of this name asked before, so that its answer
    /// is compared with none.
    #[must_use]
    pub fn asks_more_than(&self, before: &Self) -> bool {
        self.cases.iter().any(|(name, case)| {
            let asked = before.cases.get(name);
            asked.is_none_or(|asked| asked.request != case.request)
        })
    }

    /// Returns how much of what both ask was compared.
    #[must_use]
    pub fn compared_with(&self, before: &Self) -> ComparedPart {
        let is_compared = |question: &&MatrixQuestion| before.matrix.contains_key(*question);
        ComparedPart {
            compared: self.matrix.keys().filter(is_compared).count(),
            total: self.total,
            is_cut: self.leaves_out() || before.leaves_out(),
        }
    }

    /// Notes that cases were left out.
    pub(super) fn cut_cases(&mut self) {
        self.are_cases_cut = true;
    }

    fn leaves_out(&self) -> bool {
        self.is_cut || self.are_cases_cut
    }

    /// Decides the matrix.
    pub(super) fn add_matrix(&mut self, snapshot: &Snapshot, clock: &dyn Clock) {
        let bundle = snapshot.bundle();
        let vocabulary = &bundle.policy_set().schema().vocabulary;
        let world = SurveyedWorld::of(bundle);
        let end = clock.monotonic_ms().saturating_add(MAX_MS);
        let mut total: usize = 0;
        for chains in &world.chains {
            for (resource, action) in world.targets(vocabulary) {
                // Types and actions are multiplied here, also where none of them applies.
                if clock.monotonic_ms() > end.saturating_add(MAX_MS) {
                    self.is_cut = true;
                    return;
                }
                if !applies(vocabulary, chains, &action, resource) {
                    continue;
                }
                total += chains.len();
                if self.is_cut {
                    continue;
                }
                for chain in chains {
                    if self.matrix.len() >= MAX_QUESTIONS || clock.monotonic_ms() > end {
                        self.is_cut = true;
                        break;
                    }
                    let question = MatrixQuestion {
                        resource: resource.clone(),
                        action: action.clone(),
                        chain: chain.clone(),
                    };
                    if let Some(cell) = question.decide(world_of(snapshot)) {
                        self.matrix.insert(question, cell.outcome);
                    }
                }
            }
        }
        self.total = Some(total);
    }
}

impl SurveyedCase {
    /// Returns the outcome, if it is another than that of the same question before.
    fn change_since(&self, before: &Self) -> Option<SurveyedOutcome> {
        if self.request != before.request {
            return None;
        }
        if self.decision != before.decision {
            return Some(SurveyedOutcome::of(self.decision));
        }
        (self.code != before.code).then_some(SurveyedOutcome::DeniedOtherwise)
    }
}

/// Returns `true` if the action can be asked for by every member of these chains, which all have
/// members of the same types.
fn applies(
    vocabulary: &Vocabulary,
    chains: &BTreeSet<Vec<EntityRef>>,
    action: &str,
    resource: &EntityRef,
) -> bool {
    let info = vocabulary.action(action, resource);
    let target = vocabulary.entity_type(&resource.kind);
    let (Some(info), Some(target), Some(chain)) = (info, target, chains.first()) else {
        return false;
    };
    let asks = |kind: &TypeInfo| info.takes_principal(kind);
    info.takes_resource(target)
        && chain
            .iter()
            .all(|member| vocabulary.entity_type(&member.kind).is_some_and(asks))
}

impl SurveyedOutcome {
    fn of(decision: Decision) -> Self {
        match decision {
            Decision::Permit => Self::Permitted,
            Decision::Deny => Self::Denied,
        }
    }
}

/// Returns the question of the matrix that asks what the case asks, if the case needs nothing but
/// its names.
fn plain_question(case: &Case, bundle: &Bundle) -> Option<MatrixQuestion> {
    let has_fixture = case.stored.is_some() || !case.tuples.is_empty() || case.token.is_some();
    if has_fixture || case.now != DEFAULT_NOW {
        return None;
    }
    let question = read_question(&case.request, bundle.carriers()).ok()?;
    let members = question.chain.members();
    let plain = MatrixQuestion {
        resource: question.resource.uid.clone(),
        action: case.request.action.name.clone(),
        chain: members.map(|member| member.uid.clone()).collect(),
    };
    (plain.request().as_ref() == Some(&case.request)).then_some(plain)
}

/// Returns what a question of a survey rests on: the bundle alone, at one fixed time.
fn world_of(snapshot: &Snapshot) -> MatrixWorld<'_> {
    MatrixWorld {
        pinned: snapshot.pinned(),
        now: DEFAULT_NOW,
        given: None,
        require_actor: false,
        wants_codes: false,
    }
}

/// The entities and the chains that a matrix is about.
struct SurveyedWorld {
    entities: BTreeSet<EntityRef>,
    /// Chains, in groups whose members have the same types. Entities on their own and the chains of
    /// cases come first, so that they are asked about if the matrix is cut.
    chains: Vec<BTreeSet<Vec<EntityRef>>>,
}

impl SurveyedWorld {
    fn of(bundle: &Bundle) -> Self {
        let questions: Vec<_> = bundle
            .cases()
            .iter()
            .filter_map(|case| read_question(&case.request, bundle.carriers()).ok())
            .collect();
        let of_cases: BTreeSet<Vec<EntityRef>> = questions
            .iter()
            .map(|question| question.chain.members().map(|it| it.uid.clone()).collect())
            .collect();
        let named = questions
            .iter()
            .map(|question| question.resource.uid.clone());
        let entities: BTreeSet<EntityRef> = named
            .chain(of_cases.iter().flatten().cloned())
            .chain(of_tuples(bundle))
            .chain(bundle.stored().refs())
            .take(MAX_ENTITIES)
            .collect();
        let agent_types = &bundle.carriers().agent_types;
        let vocabulary = &bundle.policy_set().schema().vocabulary;
        let (agents, others): (Vec<&EntityRef>, Vec<&EntityRef>) = entities
            .iter()
            .filter(|entity| is_principal(vocabulary, entity))
            .partition(|entity| agent_types.contains(&entity.kind));
        let alone = agents.iter().chain(&others).map(|it| vec![(*it).clone()]);
        let mut chains = by_types(alone.chain(of_cases));
        let pairs = others.iter().flat_map(|first| {
            agents
                .iter()
                .map(|last| vec![(*first).clone(), (*last).clone()])
        });
        chains.extend(by_types(pairs.take(MAX_QUESTIONS)));
        Self { entities, chains }
    }

    /// Iterates over resources and actions.
    fn targets(&self, vocabulary: &Vocabulary) -> impl Iterator<Item = (&EntityRef, SmolStr)> {
        let actions: Vec<SmolStr> = vocabulary.actions().into_iter().cloned().collect();
        self.entities.iter().flat_map(move |resource| {
            let actions = actions.clone();
            actions.into_iter().map(move |action| (resource, action))
        })
    }
}

/// Returns the entities that tuples of the bundle name.
fn of_tuples(bundle: &Bundle) -> impl Iterator<Item = EntityRef> {
    bundle.tuples().iter().flat_map(|tuple| {
        let user = match &tuple.key.user {
            TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
            TupleUser::Wildcard(_) => None,
        };
        let objects = std::iter::once(&tuple.key.object).chain(user);
        objects.filter_map(ObjectRef::to_entity)
    })
}

/// Returns `true` if entities of this type can ask for something.
fn is_principal(vocabulary: &Vocabulary, entity: &EntityRef) -> bool {
    vocabulary.entity_type(&entity.kind).is_some_and(|kind| {
        vocabulary
            .actions()
            .into_iter()
            .filter_map(|action| vocabulary.action(action, entity))
            .any(|action| action.takes_principal(kind))
    })
}

/// Groups chains by the types of their members.
fn by_types(chains: impl Iterator<Item = Vec<EntityRef>>) -> Vec<BTreeSet<Vec<EntityRef>>> {
    let mut groups: BTreeMap<Vec<SmolStr>, BTreeSet<Vec<EntityRef>>> = BTreeMap::new();
    for chain in chains {
        let types = chain.iter().map(|member| member.kind.clone()).collect();
        groups.entry(types).or_default().insert(chain);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests;
