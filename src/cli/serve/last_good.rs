//! Goes on with the kept bundle where the bundle's own files are refused at start.
//!
//! INVARIANT: whoever starts the service, and whoever watches it, is told that another bundle than
//! theirs decides: by a log line at start and with each refusal, by a metric, and by `/readyz`.

use super::super::output::with_line_end;
use super::ServeStop;
use crate::bundle::{self, BundleSource};
use crate::engine::{BundleRefusal, Engine, LoadReport};
use crate::model::Timestamp;

/// Loads the kept bundle in place of one that is refused. Fails if none is kept, or if that one is
/// refused too.
pub(super) fn go_on(
    engine: &Engine,
    source: &BundleSource,
    refused: BundleRefusal,
) -> Result<LoadReport, ServeStop> {
    match engine.load_kept() {
        Ok(Some(loaded)) => {
            log_refusal(engine, source, &refused);
            Ok(loaded)
        }
        Ok(None) => Err(ServeStop::Bundle(Box::new(refused))),
        Err(kept) => Err(ServeStop::Bundles(Box::new([refused, kept]))),
    }
}

/// Logs a bundle that is refused while the kept one decides, or the one before.
pub(super) fn log_refusal(engine: &Engine, source: &BundleSource, refused: &BundleRefusal) {
    let report = with_line_end(bundle::render(&refused.problems, &refused.files, false));
    let status = engine.status();
    match (status.kept, status.live) {
        (Some(at), Some((digest, _))) => {
            let bundle = digest.short();
            let name = name(source);
            tracing::error!(
                bundle,
                "{name} is refused, and the kept bundle of {at} decides in its place\n{report}"
            );
        }
        _ => tracing::error!(
            "the changed bundle is refused, and the one before still decides\n{report}"
        ),
    }
}

/// Names the bundle that decides, for a person.
pub(super) fn name_deciding(source: &BundleSource, engine: &Engine) -> String {
    match (engine.status().kept, source) {
        (Some(at), _) => kept_since(at),
        (None, BundleSource::Embedded) => "the default one".to_owned(),
        (None, BundleSource::Dir(dir)) => dir.display().to_string(),
    }
}

fn kept_since(at: Timestamp) -> String {
    format!("the kept one of {at}")
}

fn name(source: &BundleSource) -> String {
    match source {
        BundleSource::Embedded => "the default bundle".to_owned(),
        BundleSource::Dir(dir) => format!("the bundle `{}`", dir.display()),
    }
}
