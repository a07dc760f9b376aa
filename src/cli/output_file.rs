//! Writes what a command makes to standard output, or to a file.
//!
//! INVARIANT: a file has its name only when all of it is on disk.

use crate::model::Problem;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Whether a path stands for standard output.
pub(super) fn is_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes to standard output, or to a file that gets its name only when all of it is on disk.
pub(super) fn into_file<T, E: From<Problem>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    if is_output(path) {
        return write(&mut BufWriter::new(io::stdout().lock()));
    }
    let part = part_of(path);
    let refuse = |error: &io::Error| {
        Problem::new(format!("`{}` cannot be written: {error}", path.display()))
            .help("name a file in a directory that exists and that you may write to")
    };
    // Permissions are confidential, so only the owner may read the file.
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part);
    let file = opened.map_err(|error| refuse(&error))?;
    let written = write(&mut BufWriter::new(&file)).and_then(|written| {
        file.sync_all()
            .and_then(|()| fs::rename(&part, path))
            .map_err(|error| refuse(&error))?;
        Ok(written)
    });
    if written.is_err() {
        // An incomplete file is worthless. If it cannot be removed, it still has not got the name
        // of a complete one.
        let _gone = fs::remove_file(&part);
    }
    written
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}
