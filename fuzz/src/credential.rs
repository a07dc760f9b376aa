//! A credential on its way through the verifier.

use behest::evidence::Verifier;
use behest::model::{Record, Value};
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};

/// Returns a runtime: verifying may wait for an issuer.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// Writes what a verifier reads from time to time. Each process has its own; libFuzzer ends without
/// removing anything.
pub(crate) fn file(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("behest-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, content).expect("a file");
    path
}

/// Returns `true` if a credential of this kind proves something.
pub(crate) fn proves(runtime: &Runtime, verifier: &Verifier, kind: &str, value: &str) -> bool {
    let mut credential = Record::new();
    credential.insert("type", Value::text(kind));
    credential.insert("value", Value::text(value));
    let credential = Value::Record(credential);
    let mut context = Record::new();
    context.insert("credentials", Value::List(vec![credential.clone()]));
    let evidence = runtime.block_on(verifier.gather([&context], None, None));
    evidence.outcome(&credential).is_ok()
}
