//! The last good bundle, kept as one file in the data directory.
//!
//! **Problem.** A service that restarts in front of a broken bundle does not start, although the
//! bundle before it decided well a moment ago. What was to be a mistake in a file becomes an outage
//! of everything that asks.
//! **Decision.** Each bundle that went live is written whole into one file: the texts of all of its
//! files, and the digests of the packs that it takes from the program. A program whose packs are
//! others refuses the file, since the bundle would not decide as it did.
//! **Trade-off.** The texts are on disk a second time, with what they hold of secrets, so that the
//! file is its owner's alone.
//!
//! The file begins with a line that names its format, holds one line of JSON, and ends with a line
//! with the SHA-256 of both. It gets its name when all of it is durable.
//!
//! INVARIANT: what is read back is byte for byte what was written; a file that was cut or changed
//! is refused as a whole.

use super::files::{BundleFiles, MAX_BYTES, TOKEN_FACTS_FILE, hash_files};
use super::pack;
use crate::model::{Digest, Problem, Timestamp};
use crate::policy::SourceFile;
use crate::regular_file;
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The name of the file in the data directory.
pub const KEPT_BUNDLE_FILE: &str = "behest.bundle";

/// The name under which the file is written.
const DRAFT: &str = "behest.bundle.new";

/// How the first line begins, before the number of the format.
const MAGIC: &str = "behest-bundle ";

/// The number of the format that is written here.
const FORMAT: u32 = 1;

/// How the last line begins, before the 64 digits of the SHA-256.
const SUM: &str = "\nsha256 ";

/// The length in bytes of the last line, with the end of the line before it.
const SUM_BYTES: usize = SUM.len() + 64 + 1;

/// LIMIT: bytes of the file. JSON writes some characters with two bytes, so that a bundle that is
/// nearly as large as one may be still fits.
const MAX_FILE_BYTES: u64 = 2 * MAX_BYTES;

/// A bundle that was kept, ready to be compiled.
#[derive(Debug)]
pub struct KeptBundle {
    /// The digest under which it went live.
    pub digest: Digest,
    /// When it went live for the last time.
    pub accepted_at: Timestamp,
    /// Its files, without the packs, which come from the program.
    pub files: BundleFiles,
}

/// The place in a data directory where the last good bundle is kept. Its user has the directory for
/// itself.
#[derive(Clone, Debug)]
pub struct BundleKeeper {
    dir: PathBuf,
}

/// What the line of JSON holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptBody {
    digest: String,
    accepted_at_ms: i64,
    /// Whether the bundle holds the repository's own packs, so that their cases belong to it.
    has_packs: bool,
    /// The digest of each pack.
    packs: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl BundleKeeper {
    /// Creates the keeper of a data directory.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Returns the path of the file, for messages.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(KEPT_BUNDLE_FILE)
    }

    /// Keeps the files of a bundle that went live, with the packs that were added to them. If it
    /// fails, what was kept before may still be there, and its caller removes it
    /// ([`Self::forget`]).
    pub fn keep(
        &self,
        files: &BundleFiles,
        digest: Digest,
        accepted_at: Timestamp,
    ) -> Result<(), Problem> {
        let body = KeptBody {
            digest: digest.to_string(),
            accepted_at_ms: accepted_at.0,
            has_packs: files.is_default,
            packs: pack_digests(&files.packs),
            files: files
                .own
                .iter()
                .filter(|file| file.path != TOKEN_FACTS_FILE)
                .map(|file| (file.path.clone(), file.text.to_string()))
                .collect(),
        };
        let draft = self.dir.join(DRAFT);
        let written = write_draft(&draft, &body)
            .and_then(|()| fs::rename(&draft, self.path()))
            .and_then(|()| self.sync());
        written.map_err(|error| {
            // A draft is no kept bundle; if it stays, the next one takes its place.
            let _gone = fs::remove_file(&draft);
            self.problem(&format!("cannot be written: {error}"))
                .help("make room on the disk of the data directory, and load the bundle again")
        })
    }

    /// Removes what is kept, if anything is.
    pub fn forget(&self) -> Result<(), Problem> {
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| self.sync()).map_err(|error| {
                self.problem(&format!("cannot be removed: {error}"))
                    .help("remove it by hand: it is not the last bundle that decided")
            }),
        }
    }

    /// Returns the bytes of the file; `None` if nothing is kept.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, Problem> {
        let file = match regular_file::open(&self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened,
        };
        let mut bytes = Vec::new();
        let read = file.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| {
            self.problem(&format!("cannot be read: {error}"))
                .help("check who owns it, and that its disk is well")
        })?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(self.damaged("it is larger than any bundle"));
        }
        Ok(Some(bytes))
    }

    /// Reads what is kept; `None` if nothing is. Refuses a file that is damaged or newer than this
    /// program, and a bundle whose packs this program has in another form.
    pub fn read(&self) -> Result<Option<KeptBundle>, Problem> {
        let Some(bytes) = self.bytes()? else {
            return Ok(None);
        };
        let body = self.check(&bytes)?;
        for (name, digest) in &body.packs {
            self.check_pack(name, digest, body.has_packs)?;
        }
        let own = body.files.into_iter();
        Ok(Some(KeptBundle {
            digest: body
                .digest
                .parse()
                .map_err(|_| self.damaged("its digest is illegible"))?,
            accepted_at: Timestamp(body.accepted_at_ms),
            files: BundleFiles {
                is_default: body.has_packs,
                own: own
                    .map(|(path, text)| SourceFile::new(path, text))
                    .collect(),
                ..BundleFiles::default()
            },
        }))
    }

    /// Refuses bytes that are no whole file of this format.
    fn check(&self, bytes: &[u8]) -> Result<KeptBody, Problem> {
        let first = bytes.split(|byte| *byte == b'\n').next();
        let format = first
            .and_then(|line| std::str::from_utf8(line).ok()?.strip_prefix(MAGIC))
            .and_then(|number| number.parse::<u32>().ok())
            .ok_or_else(|| self.damaged("it does not begin as one"))?;
        if format != FORMAT {
            let told = format!("has format {format}, and this version reads format {FORMAT}");
            return Err(self
                .problem(&told)
                .help("start the version that wrote it, or mend the bundle"));
        }
        let (told, sum) = bytes
            .len()
            .checked_sub(SUM_BYTES)
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or_else(|| self.damaged("it is cut off"))?;
        let mut context = Context::new(&SHA256);
        context.update(told);
        if sum != sum_line(context).as_bytes() {
            return Err(self.damaged("its checksum does not fit"));
        }
        let json = told.split(|byte| *byte == b'\n').nth(1);
        serde_json::from_slice(json.unwrap_or_default())
            .map_err(|_| self.damaged("what it holds is illegible"))
    }

    fn check_pack(&self, name: &str, digest: &str, has_packs: bool) -> Result<(), Problem> {
        let own = pack::files(name, has_packs).map(|files| pack_digests(&files));
        if own.is_some_and(|own| own.get(name).is_some_and(|own| own == digest)) {
            return Ok(());
        }
        let told = format!("takes the pack `{name}`, which is another one in this version");
        Err(self.problem(&told).help(
            "mend the bundle, or start the version that kept it: it would not decide as it did",
        ))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn damaged(&self, what: &str) -> Problem {
        self.problem(&format!("is damaged, or is no kept bundle: {what}"))
            .help("mend the bundle, and remove the file")
    }

    fn problem(&self, what: &str) -> Problem {
        Problem::new(format!(
            "the kept bundle `{}` {what}",
            self.path().display()
        ))
    }
}

/// Writes a file that only its owner may read, and waits until it is durable.
fn write_draft(path: &Path, body: &KeptBody) -> io::Result<()> {
    // A draft that was left behind could have another mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut out = HashedWriter {
        out: BufWriter::new(&file),
        context: Context::new(&SHA256),
    };
    writeln!(out, "{MAGIC}{FORMAT}")?;
    serde_json::to_writer(&mut out, body)?;
    let HashedWriter { mut out, context } = out;
    out.write_all(sum_line(context).as_bytes())?;
    out.flush()?;
    drop(out);
    if file.metadata()?.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("the bundle is too large to be kept"));
    }
    file.sync_all()
}

fn sum_line(context: Context) -> String {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    format!("{SUM}{}\n", Digest::new(sha256))
}

/// Writes, and hashes what it writes.
struct HashedWriter<W> {
    out: W,
    context: Context,
}

impl<W: Write> Write for HashedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.context
            .update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns the digest of each pack among these files, by its name.
fn pack_digests(files: &[SourceFile]) -> BTreeMap<String, String> {
    let mut packs: BTreeMap<String, Vec<&SourceFile>> = BTreeMap::new();
    for file in files {
        let name = file.path.strip_prefix("pack:").unwrap_or(&file.path);
        let name = name.split('/').next().unwrap_or(name);
        packs.entry(name.to_owned()).or_default().push(file);
    }
    packs
        .into_iter()
        .map(|(name, files)| (name, hash_files(files).to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const DIGEST: Digest = Digest::new([7; 32]);

    fn kept() -> (tempfile::TempDir, BundleKeeper) {
        let dir = tempfile::tempdir().unwrap();
        let keeper = BundleKeeper::new(dir.path());
        let mut files = BundleFiles::from_texts([
            (
                "policies/a.cedar".to_owned(),
                "permit\n\"ä\\\" \u{1}".to_owned(),
            ),
            (TOKEN_FACTS_FILE.to_owned(), "of settings".to_owned()),
        ]);
        files.packs = pack::files("revocation", false).unwrap();
        keeper.keep(&files, DIGEST, Timestamp(5)).unwrap();
        (dir, keeper)
    }

    #[test]
    fn what_is_kept_is_read_back_by_its_owner_alone() {
        let (dir, keeper) = kept();
        let mode = fs::metadata(keeper.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = keeper.read().unwrap().unwrap();
        assert_eq!((read.digest, read.accepted_at), (DIGEST, Timestamp(5)));
        let own: Vec<(&str, &str)> = read
            .files
            .own
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_ref()))
            .collect();
        assert_eq!(own, [("policies/a.cedar", "permit\n\"ä\\\" \u{1}")]);
        assert!(read.files.packs.is_empty() && !read.files.is_default);
        let names = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(names, 1, "a draft was left");
        keeper.forget().unwrap();
        keeper.forget().unwrap();
        assert!(keeper.read().unwrap().is_none());
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_refused() {
        let (_dir, keeper) = kept();
        let whole = fs::read(keeper.path()).unwrap();
        for cut in [0, 1, 15, 16, 17, whole.len() / 2, whole.len() - 1] {
            fs::write(keeper.path(), &whole[..cut]).unwrap();
            let told = keeper.read().unwrap_err().message;
            assert!(
                told.contains("` is damaged, or is no kept bundle"),
                "{told}"
            );
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(keeper.path(), &changed).unwrap();
            assert!(keeper.read().is_err(), "byte {at}");
        }
        fs::write(keeper.path(), [&whole[..], b"\n"].concat()).unwrap();
        assert!(keeper.read().is_err());
    }

    #[test]
    fn another_format_and_other_packs_are_refused() {
        let (_dir, keeper) = kept();
        let text = fs::read_to_string(keeper.path()).unwrap();
        fs::write(keeper.path(), text.replacen(" 1\n", " 2\n", 1)).unwrap();
        let told = keeper.read().unwrap_err();
        assert!(
            told.message
                .ends_with("` has format 2, and this version reads format 1"),
            "{told}"
        );
        let mut files = BundleFiles::default();
        for (name, text) in [("revocation", "other"), ("gone", "text")] {
            files.packs = vec![SourceFile::new(format!("pack:{name}/a.cedar"), text)];
            keeper.keep(&files, DIGEST, Timestamp(5)).unwrap();
            let told = keeper.read().unwrap_err();
            let expected =
                format!("` takes the pack `{name}`, which is another one in this version");
            assert!(told.message.ends_with(&expected), "{told}");
        }
    }
}
