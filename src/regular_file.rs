//! Opens the files that settings, bundles and data directories consist of.
//!
//! **Problem.** A path may lead to a pipe, whose opening waits for somebody at its other end, or to
//! a device that has no end. Whoever may put one there holds the thread that opens it: the start, a
//! reload, the handling of signals.
//! **Decision.** What is opened is opened without waiting, and is what it must be, or is refused.
//! The open file is asked and not the path, so that nothing is exchanged in between.
//! **Trade-off.** Settings and secrets cannot come through a pipe (`<(command)`).

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file for reading, behind links if there are some. Fails on anything else, and
/// never waits.
pub fn open(path: &Path) -> io::Result<File> {
    let file = without_waiting(OpenOptions::new().read(true)).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        let kind = io::ErrorKind::InvalidInput;
        Err(io::Error::new(kind, "it is no regular file"))
    }
}

/// Opens what lines are appended to, as these options say: a file, a device, or a pipe that
/// somebody reads. Fails on a pipe that nobody reads, and never waits. Writing does.
pub fn open_for_lines(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = without_waiting(options).open(path)?;
    wait_on_writing(&file)?;
    Ok(file)
}

fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed())
}

fn wait_on_writing(file: &File) -> io::Result<()> {
    let flags = fcntl_getfl(file)?;
    Ok(fcntl_setfl(file, flags - OFlags::NONBLOCK)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::process::Command;

    #[test]
    fn nothing_is_waited_for_and_only_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [&pipe, &link, &dir.path().to_owned()] {
            assert_eq!(
                open(path).unwrap_err().to_string(),
                "it is no regular file",
                "{}",
                path.display()
            );
        }
        let file = dir.path().join("file");
        let lines = || open_for_lines(OpenOptions::new().create(true).append(true), &file);
        lines().unwrap().write_all(b"one\n").unwrap();
        lines().unwrap().write_all(b"two\n").unwrap();
        let mut text = String::new();
        open(&file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_pipe_takes_lines_once_somebody_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(open_for_lines(OpenOptions::new().append(true), &pipe).is_err());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        let mut lines = loop {
            match open_for_lines(OpenOptions::new().append(true), &pipe) {
                Ok(opened) => break opened,
                Err(_) => std::thread::yield_now(),
            }
        };
        // More than a pipe holds.
        let text = "x".repeat(1 << 20);
        lines.write_all(text.as_bytes()).unwrap();
        drop(lines);
        assert_eq!(reader.join().unwrap().len(), text.len());
    }
}
