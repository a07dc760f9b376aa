//! Holds a secret that is never shown.

use super::error::SourceError;
use crate::regular_file;
use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// LIMIT: bytes of a file with a secret.
pub(super) const MAX_SECRET_BYTES: u64 = 4 * 1024;

/// Permission bits of everybody except the owner and its group.
const EVERYBODY: u32 = 0o007;

/// Minimum length of a shared secret in bytes: that of the hash (RFC 7518 section 3.2).
pub(super) const MIN_SHARED_BYTES: usize = 32;

/// A secret.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    /// The file from which it was read; `None` if it was not read from a file.
    path: Option<PathBuf>,
    /// Returns the problem of a secret that is used as a shared one, if there is any.
    complaint: fn(&[u8]) -> Option<&'static str>,
}

/// Two secrets are the same if they have the same bytes, from the same file.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.path == other.path
    }
}

impl Eq for Secret {}

impl Secret {
    /// Creates a secret from bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            path: None,
            complaint: |_| None,
        }
    }

    /// Returns the secret as one that is shared with an issuer. Refuses one that is too short, or
    /// that `complaint` objects to. A secret that later replaces it in its file must pass the same
    /// checks.
    pub fn shared(
        mut self,
        complaint: fn(&[u8]) -> Option<&'static str>,
    ) -> Result<Self, SourceError> {
        self.complaint = complaint;
        self.check()?;
        Ok(self)
    }

    /// Reads the secret's file again, and returns its current content if that is usable.
    pub(super) fn again(&self) -> Result<Self, SourceError> {
        let Some(path) = &self.path else {
            return Ok(self.clone());
        };
        Self::read(path)?.shared(self.complaint)
    }

    /// Refuses a secret that cannot be a shared one.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        if self.bytes.len() < MIN_SHARED_BYTES {
            return Err(SourceError::ShortSecret);
        }
        (self.complaint)(&self.bytes).map_or(Ok(()), |why| Err(SourceError::WeakSecret(why)))
    }

    /// Returns the file from which it was read.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads a secret from a file, without the end of its line. Refuses a file that everybody may
    /// read.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        // What leads nowhere may be the secret itself, and is not shown.
        let unread = |error| match std::fs::metadata(path) {
            Ok(_) => SourceError::Unreadable(path.to_owned(), error),
            Err(_) => SourceError::NoSecret(error),
        };
        let file = regular_file::open(path).map_err(unread)?;
        // The mode is that of the open file, which is the one that is read.
        let metadata = file.metadata().map_err(SourceError::NoSecret)?;
        let path = path.to_owned();
        if metadata.len() > MAX_SECRET_BYTES {
            return Err(SourceError::LargeSecret(path));
        }
        if metadata.mode() & EVERYBODY != 0 {
            return Err(SourceError::ExposedSecret(path));
        }
        let mut bytes = Vec::new();
        let secret = match file.take(MAX_SECRET_BYTES).read_to_end(&mut bytes) {
            Ok(_) => bytes.trim_ascii_end().to_vec(),
            Err(error) => return Err(SourceError::Unreadable(path, error)),
        };
        if secret.is_empty() {
            Err(SourceError::EmptySecret(path))
        } else {
            Ok(Self {
                path: Some(path),
                ..Self::new(secret)
            })
        }
    }

    /// Returns what `property` says about the secret, which is shown to nothing else.
    pub fn has(&self, property: impl FnOnce(&[u8]) -> bool) -> bool {
        property(&self.bytes)
    }

    /// Returns the bytes of the secret.
    pub(super) fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns `true` if there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Shows nothing of the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
