//! What is wrong with the files of certificates, and what is used instead.

use super::{MAX_FILE_BYTES, STAYS};

/// Why certificates cannot be used as their files are. Paths are as messages show them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A file is too large, and nothing of it is used.
    #[error("`{0}` is larger than {MAX_FILE_BYTES} bytes")]
    TooLarge(String),
    /// A file is too large, and only its beginning is used.
    #[error("`{0}` is larger than {MAX_FILE_BYTES} bytes, and not read beyond them")]
    Cut(String),
    /// A file holds no certificates.
    #[error("`{0}` holds no certificates in PEM form")]
    NoCertificates(String),
    /// Some parts of a file are no certificates.
    #[error("`{path}` is damaged: {parts} parts of it are no certificates in PEM form")]
    Damaged {
        /// The file.
        path: String,
        /// How many parts are none.
        parts: usize,
    },
    /// A file holds no key.
    #[error("`{0}` holds no private key in PEM form")]
    NoKey(String),
    /// The key and the certificate do not belong to each other.
    #[error("`{key}` is not the key of `{certificate}`: {error}")]
    ForeignKey {
        /// The file of the key.
        key: String,
        /// The file of the certificate.
        certificate: String,
        /// What TLS says.
        error: rustls::Error,
    },
    /// A certificate cannot vouch for others.
    #[error("`{path}` holds a certificate that is no authority's: {error}")]
    NoAuthority {
        /// The file.
        path: String,
        /// What TLS says.
        error: rustls::Error,
    },
    /// The authorities cannot be used.
    #[error("`{path}` cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The service goes on with its previous certificate.
    #[error("{0}; the certificate of before is still used")]
    OldCertificate(Box<Self>),
    /// Of the previous authorities, only those are used that the file still holds.
    #[error("{0}; the authorities of before that it does not hold are withdrawn")]
    FewerAuthorities(Box<Self>),
    /// No authority is used.
    #[error("{0}; the authorities of before are withdrawn")]
    NoAuthorities(Box<Self>),
    /// No authority is used, since the file could not be read for too long.
    #[error("{0} since an hour; the authorities of before are withdrawn")]
    LostAuthorities(Box<Self>),
    /// The previous authorities are used until the file has stayed as it is.
    #[error(
        "{0}; if it stays so, the authorities of before are withdrawn in {s} seconds",
        s = STAYS.as_secs()
    )]
    DoubtedAuthorities(Box<Self>),
    /// The previous authorities are used for a limited time.
    #[error("{0}; the authorities of before are used for at most an hour more")]
    OldAuthorities(Box<Self>),
    /// Something is wrong with the certificate, and something with the authorities.
    #[error("{0}; {1}")]
    Both(Box<Self>, Box<Self>),
}
