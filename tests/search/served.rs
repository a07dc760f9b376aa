//! Engines over bundles given as text, and what is known in them.

use behest::bundle::BundleSource;
use behest::clock::{Clock, FixedClock};
use behest::engine::{Engine, Sealer, SearchLimits};
use behest::model::{Tuple, TupleUser, Value, decode_id};
use behest::record::Recorder;
use behest::storage::open_memory;
use behest::stores::Stores;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use support::engines;

/// An engine over a bundle's files, with an empty store.
pub(crate) fn open(
    files: &[(&str, String)],
    clock: &Arc<FixedClock>,
    limits: SearchLimits,
) -> (Engine, Arc<Stores>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |files: &[(&str, String)]| {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        engines::write(folder.path(), &files);
    };
    place(files);
    let clock: Arc<dyn Clock> = clock.clone();
    let stores = Arc::new(
        Stores::open(open_memory().expect("memory"), Arc::clone(&clock))
            .expect("an empty store opens"),
    );
    let sealer = Sealer::random(Duration::from_mins(1)).expect("there is randomness");
    let engine = Engine::new(clock, Arc::default(), Recorder::default())
        .with_quiet(Duration::from_millis(1))
        .with_stores(stores.clone())
        .with_search(limits, sealer);
    let load = || engine.load(&BundleSource::Dir(folder.path().to_owned()));
    if let Err(refused) = load() {
        // A forbid that can never apply is refused: a permit stands in its place.
        let report = refused.problems.to_string();
        let policies = files.iter().filter(|(path, _)| path.ends_with(".cedar"));
        place(
            &policies
                .map(|(path, text)| (*path, as_permits(text, &report)))
                .collect::<Vec<_>>(),
        );
        if let Err(refused) = load() {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
    }
    (engine, stores)
}

/// Policies, one a line, in which those that a report finds to forbid nothing, as a whole or in a
/// part, are permits.
fn as_permits(policies: &str, report: &str) -> String {
    let is_idle = |line: &str| {
        line.split('"').nth(1).is_some_and(|id| {
            report.contains(&format!("the policy `{id}` forbids nothing"))
                || report.contains(&format!("in the policy `{id}`, "))
        })
    };
    let of = |line: &str| {
        if is_idle(line) {
            line.replacen("forbid (", "permit (", 1)
        } else {
            line.to_owned()
        }
    };
    policies.lines().map(|line| of(line) + "\n").collect()
}

/// Writes to the store, where that is possible.
pub(crate) fn write(stores: &Stores, deletes: Vec<Tuple>, writes: Vec<Tuple>) {
    use behest::storage::{StoreId, TupleBatch};
    if deletes.is_empty() && writes.is_empty() {
        return;
    }
    let deletes = deletes.into_iter().map(|tuple| tuple.key).collect();
    // What the bundle's layer has, or is not there, is refused: the next state is whatever it is.
    let _refused = stores.write(
        StoreId::MAIN,
        None,
        TupleBatch {
            deletes,
            writes,
            ..TupleBatch::default()
        },
    );
}

/// A tuple as a bundle's line.
pub(crate) fn line(tuple: &Tuple) -> String {
    let mut line = json!({"user": tuple.key.user.to_string(), "relation": tuple.key.relation.to_string(),
                          "object": tuple.key.object.to_string()});
    if let Some(condition) = &tuple.condition {
        let context: serde_json::Map<String, Json> = condition
            .context
            .iter()
            .map(|(name, value)| (name.to_string(), json_of(value)))
            .collect();
        line["condition"] = json!({"name": condition.name.to_string(), "context": context});
    }
    format!("{line}\n")
}

fn json_of(value: &Value) -> Json {
    match value.as_list() {
        Some(items) => items.iter().map(json_of).collect(),
        None => json!(value.as_text().expect("a text").as_str()),
    }
}

/// The ids of a type that stored entities have, and those that policies and tuples name.
pub(crate) fn named<'t>(
    entities: &Json,
    policies: &str,
    tuples: impl Iterator<Item = &'t Tuple>,
    kind: &str,
) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for entity in entities.as_array().expect("an array") {
        if entity["uid"]["type"] == kind {
            ids.insert(entity["uid"]["id"].as_str().expect("a text").to_owned());
        }
    }
    let literal = format!("{kind}::\"");
    for (at, _) in policies.match_indices(&literal) {
        let rest = &policies[at + literal.len()..];
        ids.insert(rest[..rest.find('"').expect("the end of a literal")].to_owned());
    }
    for tuple in tuples {
        let user = match &tuple.key.user {
            TupleUser::Object(object) | TupleUser::Userset { object, .. } => Some(object),
            TupleUser::Wildcard(_) => None,
        };
        let in_tuples = kind.replace("::", "/");
        for object in user
            .into_iter()
            .chain([&tuple.key.object])
            .filter(|object| *object.kind() == in_tuples)
        {
            ids.insert(decode_id(object.id()).expect("a canonical id").to_string());
        }
    }
    ids
}
