//! The authorities of a trust domain.

use super::fingerprint;
use super::validity::Validity;
use crate::model::{Record, Value};
use rustls::pki_types::CertificateDer;
use smol_str::SmolStr;

/// The certificate of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AnchorKey {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) kid: Option<SmolStr>,
    /// The time in which it vouches: that of the certificate, and of its entries.
    pub(super) validity: Validity,
}

impl AnchorKey {
    /// Reads an entry of a bundle; returns `None` if it has no certificate.
    pub(super) fn read(key: &Record) -> Option<Self> {
        let kid = key.get("kid").and_then(Value::as_text).cloned();
        Self::of(fingerprint::certificate(key)?, kid)
    }

    /// Creates an authority; returns `None` if its validity cannot be read.
    pub(super) fn of(certificate: CertificateDer<'static>, kid: Option<SmolStr>) -> Option<Self> {
        let validity = Validity::of_certificate(&certificate)?;
        Some(Self {
            certificate,
            kid,
            validity,
        })
    }
}
