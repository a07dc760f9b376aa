//! Why what the settings name cannot be used to verify credentials.

use super::keys::MAX_PEM_BYTES;
use super::secret::{MAX_SECRET_BYTES, MIN_SHARED_BYTES};
use std::io;
use std::path::PathBuf;

/// What is wrong with a secret, with the authorities of an issuer's connection, or with where keys
/// are.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing can be read where the secret should be.
    ///
    /// INVARIANT: the path is not shown: it may be the secret, put where its path belongs.
    #[error(
        "the file of its secret cannot be read: {0} (its path is not shown: it could be the \
         secret itself)"
    )]
    NoSecret(io::Error),
    /// The file is too large for one with a secret.
    #[error("`{0}` is larger than {MAX_SECRET_BYTES} bytes: it holds no secret")]
    LargeSecret(PathBuf),
    /// Everybody may read the secret.
    #[error("`{0}` can be read by everybody: run `chmod o-rwx` on it")]
    ExposedSecret(PathBuf),
    /// The secret's file is empty.
    #[error("`{0}` is empty")]
    EmptySecret(PathBuf),
    /// The secret is too short for a shared one.
    #[error("its secret is shorter than {MIN_SHARED_BYTES} bytes")]
    ShortSecret,
    /// Somebody objects to the secret, for this reason.
    #[error("{0}")]
    WeakSecret(&'static str),
    /// A file cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    /// The file of authorities is too large.
    #[error("`{0}` is larger than {MAX_PEM_BYTES} bytes")]
    LargeAuthorities(PathBuf),
    /// The file of authorities holds none.
    #[error("`{0}` holds no certificate in PEM form")]
    NoAuthorities(PathBuf),
    /// Keys of tokens cannot be certificates.
    #[error("certificates are no keys of tokens; set an address, `discovery` or `file:PATH`")]
    Certificates,
    /// Somebody else could answer at an address.
    #[error("`{url}` {problem}")]
    Address {
        /// The address, without what may be a secret.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}
