//! A secret that is held and never shown.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// LIMIT: bytes of a secret in a file.
const MAX_BYTES: u64 = 4 * 1024;

/// Permission bits of everybody but the owner and its group.
const EVERYBODY: u32 = 0o007;

/// Shortest shared secret, in bytes: as long as the hash (RFC 7518 section 3.2).
const MIN_SHARED_BYTES: usize = 32;

/// A secret.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    /// Where it was read; none where it was handed over.
    path: Option<PathBuf>,
    /// Says what is wrong with it, as a secret that is shared.
    complaint: fn(&[u8]) -> Option<&'static str>,
}

/// Two secrets are the same if they have the same bytes.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Secret {}

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            path: None,
            complaint: |_| None,
        }
    }

    /// The same, shared with an issuer, where nothing is wrong with it: neither what `complaint`
    /// says, nor that it is too short. Whatever takes its place in its file must hold as well.
    pub fn shared(mut self, complaint: fn(&[u8]) -> Option<&'static str>) -> Result<Self, String> {
        self.complaint = complaint;
        self.check()?;
        Ok(self)
    }

    /// What is in its file by now, and can be used as it is.
    pub(super) fn again(&self) -> Result<Self, String> {
        let Some(path) = &self.path else {
            return Ok(self.clone());
        };
        Self::read(path)?.shared(self.complaint)
    }

    /// Refuses it where it can be no shared secret.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.bytes.len() < MIN_SHARED_BYTES {
            return Err(format!(
                "its secret is shorter than {MIN_SHARED_BYTES} bytes"
            ));
        }
        (self.complaint)(&self.bytes).map_or(Ok(()), |complaint| Err(complaint.to_owned()))
    }

    /// Where it was read.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads a secret from a file, without the end of its line. Refused: a file that everybody may
    /// read.
    ///
    /// INVARIANT: what names no file is not shown: it may be the secret, in the place of its path.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let unknown = |error: io::Error| {
            format!(
                "the file of its secret cannot be read: {error} (its path is not shown: it could be the secret itself)"
            )
        };
        let metadata = fs::metadata(path).map_err(unknown)?;
        if metadata.len() > MAX_BYTES {
            return Err(format!(
                "`{shown}` is larger than {MAX_BYTES} bytes: it holds no secret"
            ));
        }
        if metadata.mode() & EVERYBODY != 0 {
            return Err(format!(
                "`{shown}` can be read by everybody: run `chmod o-rwx` on it"
            ));
        }
        let bytes = fs::read(path).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
        let secret = bytes.trim_ascii_end().to_vec();
        if secret.is_empty() {
            Err(format!("`{shown}` is empty"))
        } else {
            let path = Some(path.to_owned());
            Ok(Self {
                path,
                ..Self::new(secret)
            })
        }
    }

    /// Returns what `property` says of the secret, which is shown to it alone.
    pub fn has(&self, property: impl FnOnce(&[u8]) -> bool) -> bool {
        property(&self.bytes)
    }

    /// The secret itself.
    pub(super) fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Says nothing about the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
