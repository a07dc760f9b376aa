//! A store of tuples with a model over it, which tests ask.

use behest::model::{ObjectRef, Record, Revision, Tuple, TupleUser};
use behest::relations::model::{AuthorizationModel, ModelFile, read_dsl};
use behest::relations::{
    Failure, Graph, ListResult, Membership, ReaderTerms, RelationLimits, RelationReader, Rules,
};

pub(super) const DOCS: &str = "model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type doc
  relations
    define parent: [folder]
    define owner: [user, user with until]
    define blocked: [user, group#member]
    define editor: [user, user:*] but not blocked
    define viewer: editor or owner or viewer from parent
    define auditor: viewer and owner
condition until(now: timestamp, end: timestamp) {
  now < end
}
";

pub(super) fn model(text: &str) -> AuthorizationModel {
    AuthorizationModel::of_source(
        read_dsl(ModelFile {
            name: "model.fga",
            text,
        })
        .unwrap(),
    )
    .unwrap()
}

/// A store with these tuples, and a model compiled for it.
pub(super) struct Store {
    pub(super) graph: Graph,
    pub(super) rules: Rules,
}

impl Store {
    pub(super) fn new(text: &str, tuples: impl IntoIterator<Item = String>) -> Self {
        let tuples = tuples
            .into_iter()
            .map(|tuple| Tuple::from(tuple.parse::<behest::model::TupleKey>().unwrap()));
        let graph = Graph::load(tuples, Revision(7)).unwrap();
        let rules = Rules::compile(&model(text), &graph).unwrap();
        Self { graph, rules }
    }

    pub(super) fn docs(tuples: &[&str]) -> Self {
        Self::new(DOCS, tuples.iter().map(ToString::to_string))
    }

    pub(super) fn reader<'a>(&'a self, terms: ReaderTerms<'a>) -> RelationReader<'a> {
        RelationReader::new(&self.graph, &self.rules, terms).unwrap()
    }

    pub(super) fn check(&self, key: &str, limits: RelationLimits) -> Result<bool, Failure> {
        let terms = ReaderTerms {
            limits,
            ..ReaderTerms::new(&EMPTY)
        };
        self.reader(terms)
            .check(&key.parse().unwrap())
            .map(|answer| answer.holds())
    }

    pub(super) fn witness(&self, key: &str) -> Option<Vec<String>> {
        let terms = ReaderTerms {
            witness: true,
            ..ReaderTerms::new(&EMPTY)
        };
        match self.reader(terms).check(&key.parse().unwrap()).unwrap() {
            Membership::Holds(path) => Some(path.iter().map(ToString::to_string).collect()),
            Membership::Lacks => None,
        }
    }
}

pub(super) static EMPTY: Record = Record::new();

pub(super) fn user(text: &str) -> TupleUser {
    text.parse().unwrap()
}

pub(super) fn object(text: &str) -> ObjectRef {
    text.parse().unwrap()
}

pub(super) fn texts<T: ToString>(listed: &ListResult<T>) -> Vec<String> {
    let mut texts: Vec<String> = listed.found.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}
