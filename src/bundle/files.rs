//! Reads the files of a bundle as a consistent whole.
//!
//! INVARIANT: the returned files were the whole content of the directory at one point in time: its
//! listing, sizes and hashes were equal before and after a quiet period. A checkout in progress is
//! waited for, and the directory is refused if it does not stop changing.
//!
//! **Decision.** A running service waits for the quiet period, since nobody tells it that a
//! checkout has ended, and half of one may lack a forbid. A command that somebody starts on a
//! directory reads it twice in a row ([`AT_ONCE`]), and waits only if the two readings differ.

use super::beside;
use super::pack;
use crate::model::{Digest, Place, Problem, Problems};
use crate::policy::SourceFile;
use crate::regular_file;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a directory must stay unchanged before it is taken to be complete. This can be set: a
/// checkout over a slow network needs more.
pub const QUIET: Duration = Duration::from_millis(250);

/// The quiet period of a reader that does not wait: the directory is read twice in a row. If
/// something is written just then, so that the readings differ, [`QUIET`] is waited for.
pub const AT_ONCE: Duration = Duration::ZERO;

/// How many quiet periods to wait before a directory that keeps changing is refused.
const PATIENCE: u32 = 40;

/// Maximum number of files and folders in a bundle; a directory with more is not a bundle. The
/// watcher lists as many.
pub const MAX_ENTRIES: usize = 20_000;

/// Maximum depth of folders below `schemas/` or `policies/`. The watcher lists as deep.
pub const MAX_FOLDERS: usize = 16;

/// Maximum size of a bundle in bytes: some ten million lines of policy.
pub(super) const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The path of the file that holds the members of `context.token` which settings name. A bundle's
/// own files lie below `schemas/` and `policies/`.
pub(super) const TOKEN_FACTS_FILE: &str = "settings/token-facts.cedarschema";

/// Extensions of files in which a byte order mark does not count as white space.
const MARKLESS: [&str; 4] = [".cedar", ".cedarschema", ".json", ".jsonl"];

/// The source of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleSource {
    /// The default bundle in the binary.
    Embedded,
    /// A directory with `schemas/` and `policies/`; may be a symbolic link, resolved once per load.
    Dir(PathBuf),
}

/// The files that were read, before they are checked. They are kept so that problems can be shown
/// with their lines.
#[derive(Clone, Debug, Default)]
pub struct BundleFiles {
    /// Every file of the bundle, by path, without the packs that it names.
    pub(super) own: Vec<SourceFile>,
    /// Files of the packs that the bundle names; added when the bundle is compiled.
    pub(super) packs: Vec<SourceFile>,
    /// Whether these are the repository's own files, so that cases of packs belong to the bundle.
    pub(super) is_default: bool,
    /// A pack in addition to those that the bundle names.
    pub(super) added: Option<String>,
    /// Files under `packs/`, each identical to the one in the binary, with the pack that it belongs
    /// to.
    pub(super) copied: Vec<(String, String)>,
}

impl BundleFiles {
    /// Creates a bundle from files in memory, for tests and generated bundles.
    #[must_use]
    pub fn from_texts(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut own: Vec<SourceFile> = files
            .into_iter()
            .map(|(path, text)| SourceFile::new(path, text))
            .collect();
        own.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            own,
            ..Self::default()
        }
    }

    /// Adds the members of `context.token` that the issuers' settings name, each with its Cedar
    /// type.
    pub fn add_token_facts<'a>(&mut self, facts: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let members: Vec<String> = facts
            .into_iter()
            .map(|(name, kind)| format!("  \"{name}\"?: {kind},\n"))
            .collect();
        if !members.is_empty() {
            let text = format!("type SettingsTokenFacts = {{\n{}}};\n", members.concat());
            self.own
                .push(SourceFile::new(TOKEN_FACTS_FILE.to_owned(), text));
        }
    }

    /// Returns the same files with one more pack.
    #[must_use]
    pub fn with_pack(&self, name: &str) -> Self {
        Self {
            added: Some(name.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the SHA-256 of all paths and contents.
    #[must_use]
    pub fn digest(&self) -> Digest {
        hash_files(self.own.iter().chain(&self.packs))
    }

    /// Returns the line and the column of a place, both counted from 1, columns in characters;
    /// `None` if the file is none of these, or the place is the whole file.
    #[must_use]
    pub fn position(&self, place: &Place) -> Option<(usize, usize)> {
        let file = self.file(&place.file).filter(|_| place.len > 0)?;
        let before = file.text.get(..place.offset)?;
        let in_line = before.rsplit('\n').next().unwrap_or_default();
        Some((file.line(place.offset), in_line.chars().count() + 1))
    }

    /// Returns the place of a line, counted from 1, without the white space around it.
    pub(super) fn line_of(&self, path: &str, line: usize) -> Option<Place> {
        let file = self.file(path)?;
        let mut lines = file.text.split_inclusive('\n');
        let before = lines.by_ref().take(line.checked_sub(1)?);
        let begin: usize = before.map(str::len).sum();
        let text = lines.next()?;
        let margin = text.len() - text.trim_start().len();
        Some(file.place(begin + margin, text.trim().len()))
    }

    /// Returns the first place of a text in a line, counted from 1.
    pub(super) fn text_in_line(&self, path: &str, line: usize, text: &str) -> Option<Place> {
        let place = self.line_of(path, line)?;
        let file = self.file(path)?;
        let shown = file.text.get(place.offset..place.offset + place.len)?;
        let at = shown.find(text)?;
        Some(file.place(place.offset + at, text.len()))
    }

    /// Returns the first place of a text in a line, counted from 1, or in one after it.
    pub(super) fn text_from_line(&self, path: &str, line: usize, text: &str) -> Option<Place> {
        let begin = self.line_of(path, line)?.offset;
        let file = self.file(path)?;
        let at = file.text.get(begin..)?.find(text)?;
        Some(file.place(begin + at, text.len()))
    }

    /// Returns the first place of a text in the bundle's own files of this ending.
    pub(super) fn find_in_own(&self, ending: &str, text: &str) -> Option<Place> {
        let mut own = self.own.iter().filter(|file| file.path.ends_with(ending));
        own.find_map(|file| {
            let at = file.text.find(text)?;
            Some(file.place(at, text.len()))
        })
    }

    /// Returns all files, those of packs behind the bundle's own.
    pub fn all(&self) -> impl Iterator<Item = &SourceFile> {
        self.own.iter().chain(&self.packs)
    }

    pub(super) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.own
            .iter()
            .chain(&self.packs)
            .find(|file| file.path == path)
    }
}

/// Returns the SHA-256 of the paths and contents of files, length-prefixed, in this order.
pub(super) fn hash_files<'a>(files: impl IntoIterator<Item = &'a SourceFile>) -> Digest {
    let mut context = Context::new(&SHA256);
    for file in files {
        for part in [file.path.as_bytes(), file.text.as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            context.update(part);
        }
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Digest::new(sha256)
}

/// Reads all files of a source. Returns `Err` if it cannot be read: not found, too large, not text,
/// or still changing after forty times `quiet`. With [`AT_ONCE`], a directory that does not change
/// is not waited for.
pub fn read(source: &BundleSource, quiet: Duration) -> Result<BundleFiles, Problems> {
    match source {
        BundleSource::Embedded => Ok(pack::default_bundle()),
        BundleSource::Dir(path) => read_settled(path, quiet),
    }
}

/// Reads the files of a directory as they are now, with the texts of an editor over them, by their
/// paths in the bundle. Nobody waits until the directory holds still: what is read is shown, and
/// never served.
pub fn read_over(dir: &Path, texts: &BTreeMap<String, Arc<str>>) -> Result<BundleFiles, Problems> {
    let root = dir.canonicalize().map_err(|error| {
        Problem::new(format!(
            "cannot read the bundle `{}`: {error}",
            dir.display()
        ))
        .help("save the file in a folder that exists")
    })?;
    let mut contents = read_once(&root)?;
    for (path, text) in texts {
        contents.insert(path.clone(), text.as_bytes().to_vec());
    }
    sort_out(contents)
}

fn read_settled(path: &Path, quiet: Duration) -> Result<BundleFiles, Problems> {
    let root = path.canonicalize().map_err(|error| {
        Problem::new(format!(
            "cannot read the bundle `{}`: {error}",
            path.display()
        ))
        .help("`--bundle` takes a directory that holds `schemas/` and `policies/`")
    })?;
    match settle(quiet, || read_once(&root), std::thread::sleep) {
        Some(contents) => contents.and_then(sort_out),
        None => {
            let message = format!("the bundle `{}` keeps changing", path.display());
            Err(Problem::new(message)
                .help("load it when nothing writes to it any more")
                .into())
        }
    }
}

/// Reads until two readings with a quiet period between them are equal. Returns `None` if they
/// never are.
fn settle<T: PartialEq>(
    quiet: Duration,
    mut read: impl FnMut() -> T,
    mut sleep: impl FnMut(Duration),
) -> Option<T> {
    let again = if quiet == AT_ONCE { QUIET } else { quiet };
    let deadline = Instant::now() + again * PATIENCE;
    let mut before = read();
    let mut pause = quiet;
    loop {
        sleep(pause);
        let after = read();
        if before == after {
            return Some(after);
        }
        if Instant::now() > deadline {
            return None;
        }
        before = after;
        pause = again;
    }
}

type FileContents = BTreeMap<String, Vec<u8>>;

fn read_once(root: &Path) -> Result<FileContents, Problems> {
    let mut walk = DirectoryWalk {
        root,
        contents: FileContents::new(),
        entries: 0,
        bytes: 0,
        problems: Vec::new(),
    };
    let mut found = false;
    for folder in ["schemas", "policies"] {
        let path = root.join(folder);
        if path.is_symlink() {
            found = true;
            walk.problem(
                folder,
                "is a symbolic link: only the bundle's own directory may be one".to_owned(),
            );
        } else if path.is_dir() {
            found = true;
            walk.folder(&path, folder, 0);
        }
    }
    // Of a directory that is no bundle, what lies deeper says nothing.
    let unread = beside::unread(root).into_iter();
    for unread in unread.filter(|unread| found || !unread.path.contains('/')) {
        walk.problem(&unread.path, unread.problem);
    }
    if !found && walk.problems.is_empty() {
        let problem = Problem::new(format!(
            "`{}` holds neither `schemas/` nor \
            `policies/`",
            root.display()
        ))
        .help(
            "a bundle is a directory with `schemas/` (types and actions in `*.cedarschema`, \
                 relations in `*.fga`) and `policies/` (`*.cedar`, `bundle.toml`, entities, \
                 tuples, cases); nothing beside them is read",
        );
        return Err(problem.into());
    }
    Problems(walk.problems)
        .into_result()
        .map(|()| walk.contents)
}

struct DirectoryWalk<'a> {
    root: &'a Path,
    contents: FileContents,
    /// The number of files and folders so far.
    entries: usize,
    bytes: u64,
    problems: Vec<Problem>,
}

impl DirectoryWalk<'_> {
    /// Reads a folder. `depth` is the number of folders between it and the first.
    fn folder(&mut self, path: &Path, name: &str, depth: usize) {
        if depth > MAX_FOLDERS {
            return self.problem(
                name,
                format!("lies too deep: at most {MAX_FOLDERS} folders lie within one another"),
            );
        }
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problem(name, format!("cannot be listed: {error}")),
        };
        let mut names: Vec<(String, PathBuf)> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => match entry.file_name().into_string() {
                    Ok(file) if file.starts_with('.') => {}
                    Ok(_) if self.is_full(name) => return,
                    Ok(file) => {
                        self.entries += 1;
                        names.push((file, entry.path()));
                    }
                    Err(file) => self.problem(
                        name,
                        format!("holds a name that is not UTF-8: {}", file.display()),
                    ),
                },
                Err(error) => self.problem(name, format!("cannot be listed: {error}")),
            }
        }
        names.sort();
        for (file, path) in names {
            self.entry(&path, &format!("{name}/{file}"), depth);
        }
    }

    /// Returns `true` if no further entry is allowed, and reports this once, as a problem of the
    /// current folder.
    fn is_full(&mut self, name: &str) -> bool {
        let is_full = self.entries >= MAX_ENTRIES;
        if is_full && self.problems.is_empty() {
            self.problem(
                name,
                format!("holds too much: a bundle has at most {MAX_ENTRIES} files and folders"),
            );
        }
        is_full
    }

    fn entry(&mut self, path: &Path, name: &str, depth: usize) {
        let is_link = path.is_symlink();
        let inside = path
            .canonicalize()
            .is_ok_and(|target| target.starts_with(self.root));
        if is_link && !inside {
            return self.problem(
                name,
                "is a symbolic link that leads out of the bundle or nowhere".to_owned(),
            );
        }
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() && is_link => {
                self.problem(
                    name,
                    "is a symbolic link to a folder, which may lead in a circle".to_owned(),
                );
            }
            Ok(meta) if meta.is_dir() => self.folder(path, name, depth + 1),
            Ok(meta) if meta.is_file() => self.file(path, name, meta.len()),
            Ok(_) => self.problem(name, "is no regular file".to_owned()),
            Err(error) => self.problem(name, format!("cannot be read: {error}")),
        }
    }

    fn file(&mut self, path: &Path, name: &str, len: u64) {
        self.bytes = self.bytes.saturating_add(len);
        if self.bytes > MAX_BYTES {
            if self.problems.is_empty() {
                self.problem(
                    name,
                    format!("is one too many: a bundle holds at most {MAX_BYTES} bytes"),
                );
            }
            return;
        }
        let mut bytes = Vec::new();
        let read = regular_file::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) => drop(self.contents.insert(name.to_owned(), bytes)),
            Err(error) => self.problem(name, format!("cannot be read: {error}")),
        }
    }

    fn problem(&mut self, name: &str, what: String) {
        self.problems
            .push(Problem::new(format!("`{name}` {what}")).at(Place::whole(name)));
    }
}

/// Sorts text files by path. Files under `packs/` are copies of files in the binary, and must be
/// identical to them.
fn sort_out(contents: FileContents) -> Result<BundleFiles, Problems> {
    let mut files = BundleFiles::default();
    let mut problems = Vec::new();
    for (path, bytes) in contents {
        if path.ends_with(".md") {
            continue;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            problems
                .push(Problem::new(format!("`{path}` is not UTF-8 text")).at(Place::whole(&path)));
            continue;
        };
        // The parsers of these files only say that the mark is not a token, and show nothing,
        // because it has no width.
        if text.starts_with('\u{feff}') && MARKLESS.iter().any(|ending| path.ends_with(ending)) {
            let problem = Problem::new(format!("`{path}` begins with a byte order mark (U+FEFF)"));
            problems.push(
                problem
                    .at(Place::whole(&path))
                    .help("save it as UTF-8 without one"),
            );
            continue;
        }
        if path.starts_with("policies/packs/") || path.starts_with("schemas/packs/") {
            files.is_default = true;
            if pack::embedded(&path).as_deref() != Some(text.as_str()) {
                let problem =
                    Problem::new(format!("`{path}` is not the pack that this binary holds"))
                        .at(Place::whole(&path))
                        .help(
                            "packs come with the binary: \
                             build it anew, or move your own files out of `packs/`",
                        );
                problems.push(problem);
            } else if let Some(name) = pack::pack_of(&path) {
                let name = name.to_owned();
                files.copied.push((path, name));
            }
            continue;
        }
        files.own.push(SourceFile::new(path, text));
    }
    Problems(problems).into_result().map(|()| files)
}

#[cfg(test)]
mod tests;
