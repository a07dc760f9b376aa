//! The certificate of a connection, and the callers that are known by one.
//!
//! INVARIANT: what stands here was verified in the handshake, against the authorities that the settings name: the server
//! asks for certificates only where there are such authorities. On a connection that outlives its certificate nobody is
//! known by it.

use super::{By, Caller};
use crate::evidence::certificate_validity;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use std::any::Any;
use std::sync::Arc;
use webpki::EndEntityCert;

/// Which certificate is a caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The one with this SHA-256.
    Sha256([u8; 32]),
    /// One whose only URI is this: a SPIFFE id.
    Uri(String),
}

/// The certificate that the other side of a connection showed.
#[derive(Clone, Debug)]
pub(super) struct PeerCertificate {
    sha256: [u8; 32],
    /// When it ends; a connection may live longer.
    ends_s: i64,
    uri: Option<String>,
    encoded: Arc<str>,
}

impl PeerCertificate {
    fn new(certificate: &CertificateDer<'_>) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, certificate).as_ref());
        let parsed = EndEntityCert::try_from(certificate).ok();
        let mut uris = parsed.iter().flat_map(|parsed| parsed.valid_uri_names()).map(str::to_owned);
        let uri = uris.next();
        let uri = if uris.next().is_some() { None } else { uri };
        // What cannot be read has ended.
        let ends_s = certificate_validity(certificate).map_or(i64::MIN, |(_, ends)| ends);
        Self { sha256, ends_s, uri, encoded: BASE64_STANDARD.encode(certificate).into() }
    }

    /// Whether it has not ended, at this time in milliseconds.
    pub(super) fn is_current(&self, now_ms: i64) -> bool {
        now_ms.div_euclid(1_000) <= self.ends_s
    }

    /// Whether the caller is known by it.
    pub(super) fn is(&self, caller: &Caller) -> bool {
        match &caller.by {
            By::Certificate(CertificateName::Sha256(sha256)) => *sha256 == self.sha256,
            By::Certificate(CertificateName::Uri(uri)) => self.uri.as_ref() == Some(uri),
            By::Key(_) | By::Token { .. } => false,
        }
    }

    /// The certificate, in base64.
    pub(super) fn encoded(&self) -> &str {
        &self.encoded
    }
}

/// Keeps the certificate of a connection where its requests find it.
pub(super) fn remember(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, session) = stream.get_ref();
    if let Some(certificate) = session.peer_certificates().and_then(<[_]>::first) {
        data.insert(PeerCertificate::new(certificate));
    }
}
