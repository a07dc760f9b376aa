//! Reloads certificates that are replaced while the service runs.
//!
//! The files are checked every [`POLL`], and read on SIGHUP. After a failure they are read at every
//! check, even if unchanged: the comparison does not show changed permissions, and authorities stay
//! in use only for a limited time while their file cannot be read.

use crate::clock::{Clock as _, SystemClock};
use crate::http::{Tls, TlsError};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often files are checked. Certificates live for hours at least, so this delay does not
/// matter.
const POLL: Duration = Duration::from_secs(10);

/// The size, modification time and inode of a file, by which a change is noticed.
type FileStamp = Option<(u64, i64, i64, u64)>;

/// Starts the thread that checks the files. It ends with the service.
pub(super) fn start(tls: &Arc<Tls>) -> io::Result<()> {
    let tls = Arc::downgrade(tls);
    std::thread::Builder::new()
        .name("certificates".to_owned())
        .spawn(move || watch(&tls))
        .map(drop)
}

/// Reads the certificates again, and logs the result.
pub(super) fn reload(tls: &Tls) {
    tell(tls, &tls.reload(SystemClock.monotonic_ms()));
}

fn tell(tls: &Tls, outcome: &Result<(), TlsError>) {
    match outcome {
        Ok(()) => {
            let path = tls.files().certificate.display();
            tracing::info!(%path, "the certificates were read again");
        }
        Err(error) => {
            let error = error.to_string();
            tracing::error!(error, "not all certificates can be replaced");
        }
    }
}

fn watch(tls: &Weak<Tls>) {
    let mut seen = tls.upgrade().map(|tls| look(&tls));
    let mut last = Ok(());
    while let Some(tls) = tls.upgrade() {
        let now = look(&tls);
        let has_changed = seen.as_ref() != Some(&now);
        if has_changed || !tls.is_settled() {
            seen = Some(now);
            let outcome = tls.reload(SystemClock.monotonic_ms());
            if has_changed || outcome != last {
                tell(&tls, &outcome);
            }
            last = outcome;
        }
        drop(tls);
        std::thread::sleep(POLL);
    }
}

fn look(tls: &Tls) -> Vec<FileStamp> {
    let files = tls.files();
    let paths = [
        Some(&files.certificate),
        Some(&files.key),
        files.client_authorities.as_ref(),
    ];
    let one = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ino(),
        ))
    };
    paths.into_iter().flatten().map(|path| one(path)).collect()
}
