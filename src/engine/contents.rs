//! Lists what the live bundle and its relations contain, for people who look at them: cases,
//! policies with their text, and the words that a question can be made of.
//!
//! INVARIANT: every list is bounded and says where it goes on. A value of a member that is marked
//! `@secret` is in none of them.

use super::Engine;
use super::snapshot::{Pin, PinnedView};
use crate::bundle::Case;
use crate::model::{
    Digest, Fault, PolicyRef, Record, Revision, Timestamp, Tuple, TupleCondition, Value,
};
use crate::policy::Vocabulary;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The text that stands in place of a secret value.
const SECRET: &str = "(secret)";

/// LIMIT: actions, and types with their relations, that are listed: more than a person chooses
/// among.
const MOST_WORDS: usize = 2_000;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct ContentsPage<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// How many entries there are on all pages, of those that match.
    pub total: usize,
    /// The digest of the bundle.
    pub bundle: Digest,
}

/// A case as it can be shown.
#[derive(Clone, Debug)]
pub struct ListedCase {
    /// The file that contains it.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What it expects: `permit`, `deny legal_hold by document-hold`.
    pub expected: String,
    /// The body of its request.
    pub body: Record,
    /// Its time.
    pub now: Timestamp,
    /// The entities that it is given, in Cedar's JSON form.
    pub entities: Option<serde_json::Value>,
    /// The tuples that it is given.
    pub tuples: Vec<Tuple>,
    /// The facts of a token that it is given.
    pub token: Option<Record>,
}

/// A policy with its text.
#[derive(Clone, Debug)]
pub struct ListedPolicy {
    /// Which policy it is, and where it stands.
    pub policy: PolicyRef,
    /// The policy as it was written.
    pub source: String,
}

/// The words that a question can be made of.
#[derive(Clone, Debug)]
pub struct BundleWords {
    /// The digest of the bundle.
    pub bundle: Digest,
    /// How many policies, stored entities and cases the bundle has.
    pub counts: [usize; 3],
    /// The revision of the relations.
    pub revision: Revision,
    /// The time of the service.
    pub now: Timestamp,
    /// The declared types.
    pub types: Vec<SmolStr>,
    /// The types of agents.
    pub agent_types: Vec<SmolStr>,
    /// The types that may act.
    pub principals: Vec<SmolStr>,
    /// The actions.
    pub actions: Vec<ActionWords>,
    /// For each type of the relation model, its relations.
    pub relations: BTreeMap<SmolStr, Vec<SmolStr>>,
    /// Whether there are more actions or types than are listed.
    pub is_cut: bool,
}

/// An action, and what it applies to.
#[derive(Clone, Debug)]
pub struct ActionWords {
    /// The name by which requests call it.
    pub name: SmolStr,
    /// The types that may do it.
    pub principals: Vec<String>,
    /// The types that it may be done to.
    pub resources: Vec<String>,
    /// The members of its context, each with its type and whether it is required.
    pub context: Vec<(SmolStr, String, bool)>,
}

impl Engine {
    /// Returns a page of the cases whose file or name contains `like`, in the order of the files,
    /// from the one at `from`.
    pub fn list_cases(
        &self,
        like: &str,
        from: usize,
        limit: usize,
    ) -> Result<ContentsPage<ListedCase>, Fault> {
        self.with_pinned(|pinned| {
            let vocabulary = &pinned.bundle.policy_set().schema().vocabulary;
            let like = like.to_lowercase();
            let matches = |case: &&Case| {
                let name = format!("{}: {}", case.file, case.name);
                like.is_empty() || name.to_lowercase().contains(&like)
            };
            let found: Vec<&Case> = pinned.bundle.cases().iter().filter(matches).collect();
            let page = found.iter().skip(from).take(limit);
            ContentsPage {
                entries: page.map(|case| listed(case, vocabulary)).collect(),
                total: found.len(),
                bundle: pinned.bundle.digest(),
            }
        })
    }

    /// Returns a page of the policies whose id, file or description contains `like`, in the order
    /// of their ids, from the one at `from`.
    pub fn list_policies(
        &self,
        like: &str,
        from: usize,
        limit: usize,
    ) -> Result<ContentsPage<ListedPolicy>, Fault> {
        self.with_pinned(|pinned| {
            let like = like.to_lowercase();
            let has = |text: &str| text.to_lowercase().contains(&like);
            let matches = |policy: &PolicyRef| {
                like.is_empty()
                    || has(&policy.id)
                    || has(&policy.file)
                    || policy.doc.as_deref().is_some_and(has)
            };
            let compiled = pinned.bundle.policy_set();
            let found = || compiled.sources().filter(|(policy, _)| matches(policy));
            ContentsPage {
                entries: found().skip(from).take(limit).map(with_text).collect(),
                total: found().count(),
                bundle: pinned.bundle.digest(),
            }
        })
    }

    /// Returns the policies of these ids, without those that there are not, from the one at `from`.
    pub fn policies_named(
        &self,
        ids: &[&str],
        from: usize,
    ) -> Result<ContentsPage<ListedPolicy>, Fault> {
        self.with_pinned(|pinned| {
            let compiled = pinned.bundle.policy_set();
            let found = || ids.iter().filter_map(|id| compiled.source_of(id));
            ContentsPage {
                entries: found().skip(from).map(with_text).collect(),
                total: found().count(),
                bundle: pinned.bundle.digest(),
            }
        })
    }

    /// Returns the words that a question can be made of.
    pub fn words(&self) -> Result<BundleWords, Fault> {
        let now = Timestamp(self.clock.now_ms());
        self.with_pinned(|pinned| words(pinned, now))
    }

    /// Pins the version that decides now for a look at it.
    pub(super) fn with_pinned<T>(
        &self,
        look: impl FnOnce(PinnedView<'_>) -> T,
    ) -> Result<T, Fault> {
        let pin: Pin = self.pin()?;
        pin.pinned().map(look).ok_or(Fault::NoBundle)
    }
}

fn with_text((policy, source): (&PolicyRef, &str)) -> ListedPolicy {
    ListedPolicy {
        policy: policy.clone(),
        source: source.to_owned(),
    }
}

fn words(pinned: PinnedView<'_>, now: Timestamp) -> BundleWords {
    let bundle = pinned.bundle;
    let schema = bundle.policy_set().schema();
    let vocabulary = &schema.vocabulary;
    let names = vocabulary.actions();
    let types = vocabulary.types();
    let model = bundle.model().map_or(&[][..], |model| model.types());
    let is_cut = [names.len(), types.len(), model.len()]
        .iter()
        .any(|count| *count > MOST_WORDS);
    let relations = model.iter().take(MOST_WORDS).map(|kind| {
        let names = kind.relations.iter().map(|it| it.name.clone());
        (kind.name.as_str().into(), names.collect())
    });
    BundleWords {
        bundle: bundle.digest(),
        counts: [
            bundle.policy_set().policy_ids().count(),
            bundle.stored().len(),
            bundle.cases().len(),
        ],
        revision: pinned.revision,
        now,
        types: types.into_iter().take(MOST_WORDS).cloned().collect(),
        agent_types: bundle.carriers().agent_types.clone(),
        principals: schema.principals().into_iter().collect(),
        actions: names
            .into_iter()
            .take(MOST_WORDS)
            .filter_map(|name| action(vocabulary, name))
            .collect(),
        relations: relations.collect(),
        is_cut,
    }
}

fn action(vocabulary: &Vocabulary, name: &SmolStr) -> Option<ActionWords> {
    let action = vocabulary.action_named(name)?;
    let (principals, resources) = action.applies_to();
    // What applies to nothing is a group of actions, and is not asked about.
    (!resources.is_empty()).then(|| ActionWords {
        name: name.clone(),
        principals: principals.into_iter().collect(),
        resources: resources.into_iter().collect(),
        context: action
            .members()
            .map(|(name, kind, required)| (name.clone(), kind, required))
            .collect(),
    })
}

fn listed(case: &Case, vocabulary: &Vocabulary) -> ListedCase {
    let entities = case.entities.as_deref();
    let entities = entities.and_then(|text| serde_json::from_str(text).ok());
    ListedCase {
        file: case.file.clone(),
        name: case.name.clone(),
        expected: case.expected.to_string(),
        body: shown_record(&case.body, vocabulary),
        now: case.now,
        entities: entities.map(|entities| shown_json(entities, vocabulary)),
        tuples: case
            .tuples
            .iter()
            .map(|tuple| shown_tuple(tuple, vocabulary))
            .collect(),
        token: case
            .token
            .as_ref()
            .map(|token| shown_record(token, vocabulary)),
    }
}

fn shown_tuple(tuple: &Tuple, vocabulary: &Vocabulary) -> Tuple {
    let condition = tuple.condition.as_ref().map(|condition| {
        Arc::new(TupleCondition {
            name: condition.name.clone(),
            context: shown_record(&condition.context, vocabulary),
        })
    });
    Tuple {
        key: tuple.key.clone(),
        condition,
    }
}

/// Returns a record without the values of members that are marked `@secret`, however deep they are.
fn shown_record(record: &Record, vocabulary: &Vocabulary) -> Record {
    let members = record.iter().map(|(name, value)| {
        let shown = if vocabulary.is_secret(name) {
            Value::text(SECRET)
        } else {
            shown_value(value, vocabulary)
        };
        (name.clone(), shown)
    });
    members.collect()
}

fn shown_value(value: &Value, vocabulary: &Vocabulary) -> Value {
    match value {
        Value::Record(record) => Value::Record(shown_record(record, vocabulary)),
        Value::List(items) => {
            let items = items.iter().map(|item| shown_value(item, vocabulary));
            Value::List(items.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => value.clone(),
    }
}

fn shown_json(value: serde_json::Value, vocabulary: &Vocabulary) -> serde_json::Value {
    match value {
        serde_json::Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let shown = if vocabulary.is_secret(&name) {
                    serde_json::Value::from(SECRET)
                } else {
                    shown_json(value, vocabulary)
                };
                (name, shown)
            });
            serde_json::Value::Object(members.collect())
        }
        serde_json::Value::Array(items) => {
            let items = items.into_iter().map(|item| shown_json(item, vocabulary));
            serde_json::Value::Array(items.collect())
        }
        other => other,
    }
}
