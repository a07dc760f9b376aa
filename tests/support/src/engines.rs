//! Creates engines with bundles given as text.

use behest::bundle::{self, BundleSource};
use behest::clock::FixedClock;
use behest::engine::{Ask, Engine};
use behest::model::{Answer, AnswerDepth, Arguments};
use behest::record::Recorder;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The time that these engines see: 2026-06-01T00:00:00Z.
pub const NOW_MS: i64 = 1_780_272_000_000;

/// Writes files into a folder.
pub fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
    }
}

/// Creates an engine without a bundle.
pub fn empty() -> Engine {
    Engine::new(
        Arc::new(FixedClock::at(NOW_MS)),
        Arc::default(),
        Recorder::default(),
    )
    .with_quiet(Duration::from_millis(1))
}

/// Creates an engine that decides with these files; panics with the report if they do not load.
pub fn engine(files: &[(&str, &str)]) -> Engine {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), files);
    let engine = empty();
    if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
        panic!(
            "{}",
            bundle::render(&refused.problems, &refused.files, false)
        );
    }
    engine
}

/// Creates the options of a question from `anonymous`.
pub fn ask(depth: AnswerDepth) -> Ask<'static> {
    let arguments = Arguments::Known;
    Ask {
        caller: "anonymous",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth,
        arguments,
        evidence: None,
    }
}

/// Decides a JSON body.
pub fn decide(engine: &Engine, body: &serde_json::Value, depth: AnswerDepth) -> Answer {
    engine
        .decide(&ask(depth), &super::values::request(body))
        .expect("an answer")
}

/// Returns the decision with the reason's code: `permit`, `deny not_permitted`.
pub fn verdict(answer: &Answer) -> String {
    match &answer.reason {
        Some(reason) => format!("{} {}", answer.decision, reason.code),
        None => answer.decision.to_string(),
    }
}
