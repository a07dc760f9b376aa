//! Imports into a running service, by `POST /stores/{id}/write`.

use super::{BatchRefusal, BatchResult, ImportMode, ImportTarget};
use crate::cli::args::ImportArguments;
use crate::cli::exit::CommandFailure;
use crate::cli::service::{NamedService, Reply, Service};
use crate::http;
use crate::model::{Problem, Tuple};
use crate::storage::{OnDuplicate, OnMissing, StoreId};
use crate::stores::{Admission, StoresError};
use serde::Deserialize;
use std::time::Duration;

/// Maximum number of tuples that a service accepts at once: OpenFGA's limit.
pub(super) const MAX_BATCH: usize = 100;

/// Timeout of a write, which waits for earlier writes and for the disk.
const PATIENCE: Duration = Duration::from_mins(1);

/// The error of a store without a model. Such a store cannot be written to at all, so the batch is
/// not halved.
const NO_MODEL: &str = "latest_authorization_model_not_found";

/// Creates the target; for a dry run, fetches the store's model.
pub(super) fn open(
    target: &NamedService,
    arguments: &ImportArguments,
    doing: ImportMode,
) -> Result<Box<dyn ImportTarget>, CommandFailure> {
    let service = Service::at(target, PATIENCE)?;
    let store = arguments.place.store;
    let dry = if arguments.dry_run {
        Some(admission(&service, store)?)
    } else {
        None
    };
    Ok(Box::new(ServiceTarget {
        service,
        path: format!("/stores/{store}/write"),
        doing,
        dry,
    }))
}

fn admission(service: &Service, store: StoreId) -> Result<Admission, CommandFailure> {
    #[derive(Deserialize)]
    #[serde(expecting = "struct Models")]
    struct ModelsReply {
        authorization_models: Vec<serde_json::Value>,
    }
    let reply = service.get(&format!("/stores/{store}/authorization-models?page_size=1"))?;
    if reply.status != 200 {
        let needed = "the permission `relations.read`, which a dry run needs";
        return Err(service.refused(&reply, needed).into());
    }
    let foreign = |what: String| {
        Problem::new(format!(
            "the answer of `{}` cannot be read: {what}",
            service.url()
        ))
    };
    let models: ModelsReply =
        serde_json::from_slice(&reply.body).map_err(|error| foreign(error.to_string()))?;
    let Some(model) = models.authorization_models.first() else {
        return Err(
            Problem::new(format!("store `{store}` has no authorization model"))
                .help("write one first")
                .into(),
        );
    };
    Admission::of_model(store, model).map_err(|error| foreign(error.to_string()).into())
}

struct ServiceTarget {
    service: Service,
    path: String,
    doing: ImportMode,
    /// The model's rules of a dry run. If this is set, nothing is written.
    dry: Option<Admission>,
}

impl ImportTarget for ServiceTarget {
    fn check(&self, tuple: &Tuple) -> Result<(), StoresError> {
        let Some(admission) = &self.dry else {
            return Ok(());
        };
        match self.doing {
            ImportMode::Write(_) => admission.check_write(tuple),
            ImportMode::Delete(_) => admission.check_delete(&tuple.key),
        }
    }

    fn write(&mut self, tuples: &[&Tuple]) -> Result<BatchResult, BatchRefusal> {
        if self.dry.is_some() {
            return Ok(BatchResult {
                changed: u64::try_from(tuples.len()).unwrap_or(u64::MAX),
                revision: None,
            });
        }
        let reply = self
            .service
            .post(&self.path, body(tuples, self.doing).as_bytes())
            .map_err(BatchRefusal::Stop)?;
        match reply.status {
            200 => done(&reply, self.doing).map_err(|problem| BatchRefusal::Stop(problem.into())),
            // One of the tuples is refused, or the body is too large, so the batch is to be halved.
            400 | 409 | 413 => match reply.error() {
                (code, Some(message)) if code != NO_MODEL => Err(BatchRefusal::Tuples(message)),
                _ => Err(BatchRefusal::Stop(self.service.refused(&reply, "").into())),
            },
            _ => Err(BatchRefusal::Stop(
                self.service
                    .refused(&reply, "the permission `relations.write`")
                    .into(),
            )),
        }
    }
}

fn done(reply: &Reply, doing: ImportMode) -> Result<BatchResult, Problem> {
    #[derive(Deserialize)]
    #[serde(expecting = "struct Answer")]
    struct WriteReply {
        revision: u64,
        written: u64,
        deleted: u64,
    }
    let read: WriteReply = serde_json::from_slice(&reply.body).map_err(|error| {
        Problem::new(format!(
            "the answer to a write is not one of behest: {error}"
        ))
        .help("check that the address is a service's, of this version or a newer one")
    })?;
    Ok(BatchResult {
        changed: doing.changed(read.written, read.deleted),
        revision: Some(read.revision),
    })
}

fn body(tuples: &[&Tuple], doing: ImportMode) -> String {
    let mut text = String::new();
    text.push_str(match doing {
        ImportMode::Write(OnDuplicate::Ignore) => {
            r#"{"writes":{"on_duplicate":"ignore","tuple_keys":["#
        }
        ImportMode::Write(OnDuplicate::Replace) => {
            r#"{"writes":{"on_duplicate":"replace","tuple_keys":["#
        }
        ImportMode::Write(OnDuplicate::Error) => r#"{"writes":{"tuple_keys":["#,
        ImportMode::Delete(OnMissing::Ignore) => {
            r#"{"deletes":{"on_missing":"ignore","tuple_keys":["#
        }
        ImportMode::Delete(OnMissing::Error) => r#"{"deletes":{"tuple_keys":["#,
    });
    for (index, tuple) in tuples.iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        match doing {
            ImportMode::Write(_) => http::write_tuple(&mut text, tuple),
            ImportMode::Delete(_) => http::write_tuple(&mut text, &tuple.key.clone().into()),
        }
    }
    text.push_str("]}}");
    text
}
