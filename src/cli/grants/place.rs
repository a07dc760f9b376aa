//! The tuples that decisions read: of a data directory that no service has open, or of a service.

use crate::bundle::{Bundle, BundleSource};
use crate::cli::args::TupleLocation;
use crate::cli::exit::CommandFailure;
use crate::cli::import::locked;
use crate::cli::output::fail;
use crate::cli::service::{Reply, Service};
use crate::cli::validate;
use crate::clock::SystemClock;
use crate::http;
use crate::model::{ObjectRef, Problem, Tuple, TupleUser};
use crate::storage::{OnDuplicate, OnMissing, StoreId, StoreLocation, TupleBatch};
use crate::stores::{DirectStore, StoresError, TupleSelection};
use serde::Deserialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Timeout of a write, which waits for earlier writes and for the disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Memory for cached pages of the file.
const CACHE_BYTES: usize = 16 << 20;

/// The end of a service's message about a tuple of the bundle.
const IN_BUNDLE: &str = "is one of the bundle's tuples: change it there";

/// What is done with a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is written, in place of one with another condition.
    Write,
    /// It is deleted, whatever its condition.
    Delete,
}

/// What that came to.
#[derive(Debug)]
pub(super) enum Effect {
    /// The tuple was written or deleted.
    Done {
        revision: u64,
        /// Whether it took the place of one with another condition.
        is_replaced: bool,
        /// Names that nobody knew before.
        unknown: Vec<String>,
    },
    /// It was so before.
    Already {
        /// Names that nobody knows.
        unknown: Vec<String>,
    },
    /// The bundle has the tuple, where nothing is written.
    InBundle,
}

/// Where the tuples are.
pub(super) enum GrantPlace {
    /// A data directory, and the bundle that decides with it.
    Data(Box<DirectStore>, Box<Bundle>),
    /// A service.
    Service(Service),
}

impl GrantPlace {
    /// Opens the place. If it returns `Err`, the problems are already printed.
    pub(super) fn open(location: &TupleLocation, bundle: &BundleSource) -> Result<Self, ExitCode> {
        match location {
            TupleLocation::Data(location) => open_data(location, bundle),
            TupleLocation::Service(target) => Service::at(target, PATIENCE)
                .map(Self::Service)
                .map_err(fail),
        }
    }

    /// Changes one tuple, which is durable when this returns.
    pub(super) fn apply(
        &mut self,
        tuple: &Tuple,
        change: Change,
    ) -> Result<Effect, CommandFailure> {
        match self {
            Self::Data(store, bundle) => apply_here(store, bundle, tuple, change),
            Self::Service(service) => send(service, tuple, change),
        }
    }
}

fn open_data(location: &StoreLocation, bundle: &BundleSource) -> Result<GrantPlace, ExitCode> {
    if location.found().is_none() {
        let told = format!("there is no data directory `{location}`");
        return Err(fail(Problem::new(told).help(
            "name the one that the service is started with: `--data DIR`",
        )));
    }
    let bundle = validate::compile(bundle)?;
    let store = location
        .open_with_cache(CACHE_BYTES)
        .map_err(|error| fail(locked(&error)))?;
    let store = DirectStore::main(store, Arc::new(SystemClock), &bundle)
        .map_err(|error| fail(Problem::new(error.to_string())))?;
    Ok(GrantPlace::Data(Box::new(store), Box::new(bundle)))
}

fn apply_here(
    store: &DirectStore,
    bundle: &Bundle,
    tuple: &Tuple,
    change: Change,
) -> Result<Effect, CommandFailure> {
    let unknown = match change {
        Change::Write => unknown_here(store, bundle, tuple)?,
        Change::Delete => Vec::new(),
    };
    let batch = match change {
        Change::Write => TupleBatch {
            on_duplicate: OnDuplicate::Replace,
            ..TupleBatch::of_writes(vec![tuple.clone()])
        },
        Change::Delete => TupleBatch {
            on_missing: OnMissing::Ignore,
            ..TupleBatch::of_deletes(vec![tuple.key.clone()])
        },
    };
    match store.apply(batch) {
        Err(StoresError::InBundle(_)) => Ok(Effect::InBundle),
        Err(error) if error.is_fault() => Err(Problem::new(error.to_string())
            .help("nothing was written: the same command goes on once that is mended")
            .into()),
        Err(error) => Err(Problem::new(error.to_string()).into()),
        Ok(applied) if applied.written.is_empty() && applied.deleted.is_empty() => {
            Ok(Effect::Already { unknown })
        }
        Ok(applied) => Ok(Effect::Done {
            revision: applied.revision.0,
            is_replaced: change == Change::Write && !applied.deleted.is_empty(),
            unknown,
        }),
    }
}

/// Returns the names of a tuple that neither the bundle nor another stored tuple has, each with the
/// one that was probably meant.
fn unknown_here(
    store: &DirectStore,
    bundle: &Bundle,
    tuple: &Tuple,
) -> Result<Vec<String>, CommandFailure> {
    let mut unknown = Vec::new();
    for object in objects(tuple) {
        if bundle.names(object) != Some(false) {
            continue;
        }
        let mut is_stored = false;
        store
            .each(&TupleSelection::default(), |stored| {
                is_stored |= stored.key != tuple.key && objects(stored).any(|it| it == object);
                Ok(())
            })
            .map_err(|error: StoresError| Problem::new(error.to_string()))?;
        if !is_stored {
            let meant = bundle
                .nearest_name(object)
                .map(|near| format!(" (did you mean `{near}`?)"));
            unknown.push(format!("`{object}`{}", meant.unwrap_or_default()));
        }
    }
    Ok(unknown)
}

fn objects(tuple: &Tuple) -> impl Iterator<Item = &ObjectRef> {
    let user = match &tuple.key.user {
        TupleUser::Object(user) | TupleUser::Userset { object: user, .. } => Some(user),
        TupleUser::Wildcard(_) => None,
    };
    user.into_iter().chain([&tuple.key.object])
}

/// The answer to a write.
#[derive(Deserialize)]
#[serde(expecting = "the answer to a write")]
struct ChangeReply {
    revision: u64,
    written: u64,
    deleted: u64,
    #[serde(default)]
    unknown: Vec<String>,
}

fn send(service: &Service, tuple: &Tuple, change: Change) -> Result<Effect, CommandFailure> {
    let path = format!("/stores/{}/write", StoreId::MAIN);
    let reply = service.post(&path, body(tuple, change).as_bytes())?;
    match reply.status {
        200 => read(service, &reply, change).map_err(CommandFailure::from),
        400 => match reply.error().1 {
            Some(message) if message.ends_with(IN_BUNDLE) => Ok(Effect::InBundle),
            Some(message) => Err(Problem::new(message).into()),
            None => Err(service.refused(&reply, "").into()),
        },
        _ => Err(service
            .refused(&reply, "the permission `relations.write`")
            .into()),
    }
}

fn read(service: &Service, reply: &Reply, change: Change) -> Result<Effect, Problem> {
    let read: ChangeReply = serde_json::from_slice(&reply.body).map_err(|error| {
        Problem::new(format!(
            "`{}` does not answer as behest does: {error}",
            service.url()
        ))
        .help("check the address, and the versions of both")
    })?;
    let unknown = read
        .unknown
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    Ok(match (read.written, read.deleted) {
        (0, 0) => Effect::Already { unknown },
        (_, deleted) => Effect::Done {
            revision: read.revision,
            is_replaced: change == Change::Write && deleted > 0,
            unknown,
        },
    })
}

fn body(tuple: &Tuple, change: Change) -> String {
    let mut text = String::from(match change {
        Change::Write => r#"{"writes":{"on_duplicate":"replace","tuple_keys":["#,
        Change::Delete => r#"{"deletes":{"on_missing":"ignore","tuple_keys":["#,
    });
    match change {
        Change::Write => http::write_tuple(&mut text, tuple),
        Change::Delete => http::write_tuple(&mut text, &tuple.key.clone().into()),
    }
    text.push_str("]}}");
    text
}
