//! Reads what one question assumes beside a bundle: in the form of `given` in cases.

use super::compile::Bundle;
use super::given::CaseFixture;
use super::relations::BundleRelations;
use super::yaml;
use crate::model::{Place, Problem, Problems, Record, Timestamp, Tuple};
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
    /// The facts of a verified credential.
    pub token: Option<Record>,
}

impl Assumptions {
    /// Reads a file in the form of `given`: `now`, `entities`, `tuples` and `token`. Each is
    /// checked against the bundle, as in a case.
    pub fn read(file: &SourceFile, bundle: &Bundle) -> Result<Self, Problems> {
        let fixture: CaseFixture = yaml::parse(file)?;
        let whole = |message: String| Problem::new(message).at(Place::whole(&file.path));
        let now = fixture.time().map_err(|error| whole(error.to_string()))?;
        let tuples = BundleRelations::new(bundle.model(), bundle.tuples())
            .given(fixture.tuples())
            .map_err(|error| whole(format!("`tuples`: {error}")))?;
        let stored = match fixture.entities_json() {
            None => None,
            Some(json) => {
                let json = SourceFile::new(&file.path, json.as_str());
                let schema = bundle.policy_set().schema();
                let stored = bundle.stored().with(&json, schema);
                Some(stored.map_err(|problems| {
                    let of_entities = |problem: Problem| Problem {
                        place: Some(Place::whole(&file.path)),
                        message: format!("`entities`: {}", problem.message),
                        ..problem
                    };
                    Problems(problems.0.into_iter().map(of_entities).collect())
                })?)
            }
        };
        Ok(Self {
            now,
            stored,
            tuples,
            token: fixture.token().cloned(),
        })
    }
}
