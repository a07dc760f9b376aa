//! A secret that is held and never shown.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// LIMIT: bytes of a secret in a file.
const MAX_BYTES: u64 = 4 * 1024;

/// Permission bits of everybody but the owner and its group.
const EVERYBODY: u32 = 0o007;

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
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
            Ok(Self(secret))
        }
    }

    /// Returns what `property` says of the secret, which is shown to it alone.
    pub fn has(&self, property: impl FnOnce(&[u8]) -> bool) -> bool {
        property(&self.0)
    }

    /// The secret itself.
    pub(super) fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Says nothing about the secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
