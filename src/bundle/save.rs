//! Saves edits into the files of a bundle, where its author edits them.
//!
//! **Problem.** Whoever may save must not reach any other file by it, and must not undo what
//! somebody else has saved meanwhile.
//! **Decision.** Only files that the bundle has are written, each in its place, in which no
//! symbolic link lies on the way. Each edit brings the text that it was made on. All of them are
//! compared before the first is written; each is then written beside its file and renamed over it,
//! so that nobody reads half of one.
//! **Trade-off.** Several files are not saved at once: a crash in between leaves some as they were.
//! A bundle is loaded when nothing has changed for a moment, and whole or not at all.

use crate::regular_file;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An edit of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// The path in the bundle.
    pub path: String,
    /// The text that the edit was made on.
    pub before: Arc<str>,
    /// The text that is to be there.
    pub text: Arc<str>,
}

/// Why an edit is not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A file holds another text than the edit was made on, or is not there any more.
    #[error("has changed since it was read: look at it again, and edit it anew")]
    Changed,
    /// The bundle has no such file.
    #[error("is no file of the bundle: edits are saved into files that it has")]
    NotThere,
    /// The file may hold secrets, so that nobody is shown its text.
    #[error("may hold values that are marked `@secret`: edit it where it lies")]
    Hidden,
    /// The file lies behind a symbolic link.
    #[error("lies behind a symbolic link: edit it where it lies")]
    Link,
    /// The system refuses it.
    #[error("cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Saves edits of a bundle's directory. The error names the file that it is about; unless it is one
/// of the system, nothing was written then.
pub fn save_edits(dir: &Path, edits: &[FileEdit]) -> Result<(), (String, SaveError)> {
    let root = dir
        .canonicalize()
        .map_err(|error| (dir.display().to_string(), error.into()))?;
    let mut written = Vec::new();
    for edit in edits {
        let place = place_of(&root, edit).and_then(|place| WrittenFile::write(place, edit));
        written.push(place.map_err(|error| (edit.path.clone(), error))?);
    }
    for (edit, file) in edits.iter().zip(&written) {
        is_as_before(&file.place, edit).map_err(|error| (edit.path.clone(), error))?;
    }
    for (edit, file) in edits.iter().zip(written) {
        file.put()
            .map_err(|error| (edit.path.clone(), error.into()))?;
    }
    Ok(())
}

/// Returns where a file lies, if it lies in the bundle's own folders.
///
/// INVARIANT: neither the path nor a link on the way leads out of the directory.
fn place_of(root: &Path, edit: &FileEdit) -> Result<PathBuf, SaveError> {
    let parts: Vec<&str> = edit.path.split('/').collect();
    let is_plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && *part != "..";
    if !matches!(parts.as_slice(), ["schemas" | "policies", _, ..]) || !parts.iter().all(is_plain) {
        return Err(SaveError::NotThere);
    }
    let mut place = root.to_owned();
    for part in parts {
        place.push(part);
        let kind = place.symlink_metadata().map_err(|_| SaveError::NotThere)?;
        if kind.is_symlink() {
            return Err(SaveError::Link);
        }
    }
    if !place.starts_with(root) || !place.is_file() {
        return Err(SaveError::NotThere);
    }
    is_as_before(&place, edit).map(|()| place)
}

/// LIMIT: bytes of a file that are compared: more than a bundle may hold.
const MAX_BYTES: u64 = 1 << 30;

fn is_as_before(place: &Path, edit: &FileEdit) -> Result<(), SaveError> {
    let mut now = Vec::new();
    regular_file::open(place)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut now))
        .map_err(|_| SaveError::Changed)?;
    if now == edit.before.as_bytes() {
        Ok(())
    } else {
        Err(SaveError::Changed)
    }
}

/// A text beside the file that it is to replace, which is removed if it does not.
struct WrittenFile {
    place: PathBuf,
    beside: PathBuf,
    is_put: bool,
}

impl WrittenFile {
    fn write(place: PathBuf, edit: &FileEdit) -> Result<Self, SaveError> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        // Names with a dot before them are no files of a bundle.
        let beside = place.with_file_name(format!(".{name}.{}.saved", uuid::Uuid::now_v7()));
        let mode = fs::metadata(&place)?.permissions();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        let written = Self {
            place,
            beside,
            is_put: false,
        };
        file.set_permissions(mode)?;
        file.write_all(edit.text.as_bytes())?;
        file.sync_all()?;
        Ok(written)
    }

    fn put(mut self) -> io::Result<()> {
        fs::rename(&self.beside, &self.place)?;
        self.is_put = true;
        Ok(())
    }
}

impl Drop for WrittenFile {
    fn drop(&mut self) {
        if !self.is_put {
            // What cannot be removed is no file of a bundle, and is in nobody's way.
            let _removed = fs::remove_file(&self.beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn bundle() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("policies/team")).unwrap();
        fs::write(dir.path().join("policies/a.cedar"), "old").unwrap();
        fs::write(dir.path().join("policies/team/b.cedar"), "old").unwrap();
        fs::write(dir.path().join("beside.cedar"), "old").unwrap();
        dir
    }

    fn edit(path: &str) -> FileEdit {
        FileEdit {
            path: path.to_owned(),
            before: "old".into(),
            text: "new".into(),
        }
    }

    fn refused(dir: &Path, edits: &[FileEdit]) -> String {
        let (path, error) = save_edits(dir, edits).unwrap_err();
        format!("{path}: {error}")
    }

    fn texts(dir: &Path) -> Vec<String> {
        let files = ["policies/a.cedar", "policies/team/b.cedar", "beside.cedar"];
        files
            .map(|path| fs::read_to_string(dir.join(path)).unwrap())
            .to_vec()
    }

    fn names(dir: &Path) -> usize {
        fs::read_dir(dir.join("policies")).unwrap().count()
    }

    #[test]
    fn edits_are_saved_in_their_files_and_leave_nothing_beside() {
        let dir = bundle();
        let edits = [edit("policies/a.cedar"), edit("policies/team/b.cedar")];
        save_edits(dir.path(), &edits).unwrap();
        assert_eq!(texts(dir.path()), ["new", "new", "old"]);
        assert_eq!(names(dir.path()), 2);
    }

    #[test]
    fn nothing_beside_the_bundle_is_reached() {
        let dir = bundle();
        let out = tempfile::tempdir().unwrap();
        fs::write(out.path().join("x.cedar"), "old").unwrap();
        symlink(out.path(), dir.path().join("policies/out")).unwrap();
        symlink(
            out.path().join("x.cedar"),
            dir.path().join("policies/x.cedar"),
        )
        .unwrap();
        let within = dir.path().join("policies/within.cedar");
        symlink(dir.path().join("beside.cedar"), within).unwrap();
        for path in [
            "beside.cedar",
            "policies/../beside.cedar",
            "policies/team/../../beside.cedar",
            "policies/./a.cedar",
            "policies//a.cedar",
            "/policies/a.cedar",
            "policies",
            "policies/team",
            "policies/new.cedar",
            "",
        ] {
            let told = refused(dir.path(), &[edit(path)]);
            assert!(told.contains("is no file of the bundle"), "{told}");
        }
        let absolute = out.path().join("x.cedar").display().to_string();
        refused(dir.path(), &[edit(&absolute)]);
        for path in [
            "policies/out/x.cedar",
            "policies/x.cedar",
            "policies/within.cedar",
        ] {
            let told = refused(dir.path(), &[edit(path)]);
            assert!(told.contains("lies behind a symbolic link"), "{told}");
        }
        assert_eq!(texts(dir.path()), ["old", "old", "old"]);
        assert_eq!(
            fs::read_to_string(out.path().join("x.cedar")).unwrap(),
            "old"
        );
    }

    #[test]
    fn an_edit_of_another_text_saves_nothing_at_all() {
        let dir = bundle();
        let stale = FileEdit {
            before: "older".into(),
            ..edit("policies/team/b.cedar")
        };
        let told = refused(dir.path(), &[edit("policies/a.cedar"), stale]);
        assert_eq!(
            told,
            "policies/team/b.cedar: has changed since it was read: look at it again, and edit it \
             anew"
        );
        assert_eq!(texts(dir.path()), ["old", "old", "old"]);
        assert_eq!(names(dir.path()), 2);
    }
}
