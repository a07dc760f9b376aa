//! The certificate of a connection, and the callers that are known by one.
//!
//! A handshake verifies once, and a connection lives for days. So each request asks whether the
//! authorities are still those by which the certificate was verified last, and whether none of its
//! chain has ended since: two comparisons, as long as the answer is yes.
//!
//! INVARIANT: nobody is known by a certificate for which the authorities of now do not vouch now,
//! whatever the handshake found. The server asks for certificates only where there are such
//! authorities.

use crate::evidence::certificate_validity;
use crate::http::connection::Timed;
use crate::http::tls::Tls;
use crate::http::{By, Caller};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;
use std::cell::Cell;
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
#[derive(Debug)]
pub(in crate::http) struct PeerCertificate {
    sha256: [u8; 32],
    /// The certificate, and those between it and its authority that came with it.
    chain: Vec<CertificateDer<'static>>,
    /// When it ends; a connection may live longer.
    ends_s: i64,
    uri: Option<String>,
    encoded: Arc<str>,
    standing: Cell<Option<Standing>>,
}

/// What the authorities said of a chain last.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// The number of the authorities.
    authorities: u64,
    vouched: bool,
    /// The next end of a certificate of the chain: they are asked again after it.
    until_s: i64,
}

impl PeerCertificate {
    /// Reads the certificates that a client showed, its own first.
    fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let certificate = chain.first()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, certificate).as_ref());
        let parsed = EndEntityCert::try_from(certificate).ok();
        let mut uris = parsed
            .iter()
            .flat_map(|parsed| parsed.valid_uri_names())
            .map(str::to_owned);
        let uri = uris.next();
        let uri = if uris.next().is_some() { None } else { uri };
        // What cannot be read has ended.
        let ends_s = certificate_validity(certificate).map_or(i64::MIN, |(_, ends)| ends);
        Some(Self {
            sha256,
            chain: chain
                .iter()
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
            ends_s,
            uri,
            encoded: BASE64_STANDARD.encode(certificate).into(),
            standing: Cell::new(None),
        })
    }

    /// Whether the authorities of now vouch for it at this time, in milliseconds.
    pub(in crate::http) fn is_trusted(&self, tls: Option<&Tls>, now_ms: i64) -> bool {
        let now_s = now_ms.div_euclid(1_000);
        let Some((tls, authorities)) = tls.and_then(|tls| Some((tls, tls.authorities()?))) else {
            return false;
        };
        if now_s > self.ends_s {
            return false;
        }
        if let Some(standing) = self.standing.get()
            && standing.authorities == authorities
            && now_s <= standing.until_s
        {
            return standing.vouched;
        }
        let vouched = tls.vouch(&self.chain, now_s);
        let ends = self
            .chain
            .iter()
            .filter_map(|certificate| Some(certificate_validity(certificate)?.1));
        let until_s = ends
            .filter(|end| *end >= now_s)
            .min()
            .unwrap_or(self.ends_s);
        self.standing.set(Some(Standing {
            authorities: vouched.unwrap_or(authorities),
            vouched: vouched.is_some(),
            until_s,
        }));
        vouched.is_some()
    }

    /// Whether the caller is known by it.
    pub(in crate::http) fn is(&self, caller: &Caller) -> bool {
        match &caller.by {
            By::Certificate(CertificateName::Sha256(sha256)) => *sha256 == self.sha256,
            By::Certificate(CertificateName::Uri(uri)) => self.uri.as_ref() == Some(uri),
            By::Key(_) | By::Token { .. } => false,
        }
    }

    /// The certificate, in base64.
    pub(in crate::http) fn encoded(&self) -> &str {
        &self.encoded
    }
}

/// Keeps the certificate of a connection where its requests find it.
pub(in crate::http) fn remember(stream: &TlsStream<Timed<TcpStream>>, data: &mut Extensions) {
    let (_, session) = stream.get_ref();
    if let Some(certificate) = session.peer_certificates().and_then(PeerCertificate::new) {
        data.insert(certificate);
    }
}
