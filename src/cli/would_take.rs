//! Whether a bundle would go live over a data directory or in a running service.
//!
//! **Decision.** The bundle is loaded here as a service loads it, with its cases, and the stored
//! tuples are read and checked here, one after the other. So nobody's service compiles what was not
//! reviewed yet, and whoever asks needs no more than to read relations.
//! **Trade-off.** All tuples are read over the network. What a service is set to add to a bundle,
//! the facts of its issuers, is not known here.

use super::args::TupleLocation;
use super::backup::{byte_bar, open};
use super::exit::CommandFailure;
use super::output::{Paint, fail, fail_with_lines, format_count, print};
use super::service::{NamedService, Service};
use super::tuples::{ReadMeter, TupleFormat, TupleSource};
use super::validate;
use crate::bundle::{Bundle, BundleFiles, BundleSource};
use crate::clock::SystemClock;
use crate::model::Problem;
use crate::storage::{StoreId, StoreLocation};
use crate::stores::{DirectStore, LayerCheck, StoresError, TupleSelection};
use serde::Deserialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the beginning of a service's answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `/readyz` says of the bundle.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LiveBundle {
    bundle: Option<String>,
}

/// Loads the bundle, and checks it against the tuples that are stored there.
pub(super) fn check(source: &BundleSource, place: &TupleLocation) -> ExitCode {
    let engine = match validate::load(source) {
        Ok(engine) => engine,
        Err(code) => return code,
    };
    let Some(live) = engine.snapshot() else {
        return ExitCode::FAILURE;
    };
    let bundle = live.bundle();
    let mut check = LayerCheck::of(bundle);
    let read = match place {
        TupleLocation::Data(location) => of_directory(location, &mut check),
        TupleLocation::Service(service) => of_service(service, &mut check),
    };
    let before = match read {
        Ok(before) => before,
        Err(failure) => return fail(failure),
    };
    let told = describe(bundle, &check, before.as_deref());
    let problems = check.problems();
    if !problems.0.is_empty() {
        return fail_with_lines(&problems, &BundleFiles::default());
    }
    print(&format!("{} {told}", Paint::for_results().good("ok:")));
    ExitCode::SUCCESS
}

/// Says what would change: which bundle would be replaced, and which tuples would lose their
/// meaning.
fn describe(bundle: &Bundle, check: &LayerCheck<'_>, before: Option<&str>) -> String {
    let tuples = format_count(check.tuples(), "stored tuple", "stored tuples");
    let digest = bundle.digest().to_string();
    let change = match before {
        Some(before) if before == digest => "it is the one that decides there".to_owned(),
        Some(before) => {
            let before: String = before.chars().take(12).collect();
            format!("it would replace {before}")
        }
        None => "it would be the first there".to_owned(),
    };
    let orphans = match check.orphans() {
        0 => String::new(),
        orphans => {
            let orphans = u64::try_from(orphans).unwrap_or(u64::MAX);
            format!(
                ", of which {} would stay without meaning (`allow_orphans`)",
                format_count(orphans, "tuple", "tuples")
            )
        }
    };
    format!("it would go live over {tuples}{orphans}; {change}\n")
}

/// Checks the tuples of a directory. Returns the digest of the bundle that decided there last.
fn of_directory(
    location: &StoreLocation,
    check: &mut LayerCheck<'_>,
) -> Result<Option<String>, CommandFailure> {
    let refuse = |error: StoresError| Problem::new(error.to_string());
    let store = open(location)?;
    let noted = store.noted_bundle().map_err(|error| refuse(error.into()))?;
    let stores = store.stores().map_err(|error| refuse(error.into()))?;
    if stores.iter().any(|record| record.id == StoreId::MAIN) {
        let main = DirectStore::open(store, Arc::new(SystemClock), StoreId::MAIN);
        main.and_then(|main| {
            main.each(&TupleSelection::default(), |tuple| {
                check.add(tuple);
                Ok::<(), StoresError>(())
            })
        })
        .map_err(refuse)?;
    }
    Ok(noted.map(|digest| digest.to_string()))
}

/// Checks the tuples of a service. Returns the digest of its live bundle.
fn of_service(
    target: &NamedService,
    check: &mut LayerCheck<'_>,
) -> Result<Option<String>, CommandFailure> {
    let service = Service::at(target, PATIENCE)?;
    let ready = service.get("/readyz")?;
    let live: LiveBundle = serde_json::from_slice(&ready.body).unwrap_or_default();
    let path = format!("/stores/{}/export-tuples", StoreId::MAIN);
    let asked = ("behest-revision", "the permission `relations.read`");
    let (body, _) = service.stream(&path, &[], asked)?;
    let body = byte_bar().wrap_read(body);
    for read in TupleFormat::Jsonl.read(TupleSource::new(body, &ReadMeter::default())) {
        let entry = read.map_err(|wrong| {
            let told = format!(
                "the tuples broke off at line {}: {}",
                wrong.line, wrong.message
            );
            Problem::new(told).help("see the service's log, and run the command again")
        })?;
        check.add(&entry.tuple);
    }
    Ok(live.bundle)
}
