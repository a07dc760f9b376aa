//! Reads what one question assumes beside a bundle: in the form of `given` in cases, or tuple by
//! tuple.

use super::compile::Bundle;
use super::given::CaseFixture;
use super::tuple_files::BundleRelations;
use super::yaml::{self, Location};
use crate::model::{Problem, Problems, Record, Timestamp, Tuple, TupleKey};
use crate::policy::{SourceFile, StoredEntities};

/// What one question assumes: entities and facts replace those of the bundle and of credentials,
/// tuples are added.
#[derive(Clone, Debug, Default)]
pub struct Assumptions {
    /// The time; `None` for that of the clock.
    pub now: Option<Timestamp>,
    /// The stored entities, if some are assumed.
    pub stored: Option<StoredEntities>,
    /// The tuples that are assumed.
    pub tuples: Vec<Tuple>,
    /// The stored tuples that are assumed not to be there.
    pub without: Vec<TupleKey>,
    /// The facts of a verified credential.
    pub token: Option<Record>,
}

impl Assumptions {
    /// Reads a file in the form of `given`: `now`, `entities`, `tuples` and `token`. Each is
    /// checked against the bundle, as in a case.
    pub fn read(file: &SourceFile, bundle: &Bundle) -> Result<Self, Problems> {
        let fixture: CaseFixture = yaml::parse(file)?;
        let refuse =
            |at: Location, message: String| Problem::new(message).at(yaml::place(file, at));
        let now = fixture
            .time()
            .map_err(|(at, error)| refuse(at, error.to_string()))?;
        let tuples = BundleRelations::new(bundle.model(), bundle.tuples())
            .given(fixture.tuples())
            .map_err(|(at, error)| refuse(at, format!("`tuples`: {error}")))?;
        let stored = match fixture.entities_text() {
            None => None,
            Some(text) => {
                let json = SourceFile::new(&file.path, text.json.as_str());
                let schema = bundle.policy_set().schema();
                let stored = bundle.stored().with(&json, schema);
                Some(stored.map_err(|problems| {
                    let in_file = |problem| text.in_file(file, "entities", problem);
                    Problems(problems.0.into_iter().map(in_file).collect())
                })?)
            }
        };
        Ok(Self {
            now,
            stored,
            tuples,
            without: Vec::new(),
            token: fixture.token().cloned(),
        })
    }

    /// Adds a tuple, in place of one with its key. Refuses one that the bundle's model does not
    /// allow.
    pub fn assume(&mut self, tuple: Tuple, bundle: &Bundle) -> Result<(), Problem> {
        let refuse = |why: String| Problem::new(format!("the tuple `{}` {why}", tuple.key));
        let model = bundle.model().ok_or_else(|| {
            refuse("cannot be: the bundle has no relations".to_owned())
                .help("declare types and relations in `schemas/*.fga`")
        })?;
        model
            .check_tuple(&tuple)
            .map_err(|refusal| refuse(format!("is not allowed: {refusal}")))?;
        self.tuples.retain(|known| known.key != tuple.key);
        self.tuples.push(tuple);
        Ok(())
    }
}
