//! Holds the certificate of a connection, and identifies callers by it.
//!
//! A handshake verifies the certificate once, but a connection can outlive both the certificate and
//! its authority. So each request checks whether the authorities have changed since the chain was
//! last verified, and whether a certificate of the chain has expired since. While neither is so,
//! this costs two comparisons.
//!
//! INVARIANT: nobody is identified by a certificate for which the current authorities do not vouch
//! now, whatever the handshake found. The server asks for certificates only if there are such
//! authorities.

use crate::evidence::certificate_validity;
use crate::http::caller::{Caller, CallerCredential, CertificateName};
use crate::http::connection::TimedStream;
use crate::http::tls::Tls;
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

/// The certificate that the client of a connection presented.
#[derive(Debug)]
pub(in crate::http) struct PeerCertificate {
    sha256: [u8; 32],
    /// The certificate, and the intermediates that came with it.
    chain: Vec<CertificateDer<'static>>,
    /// When the certificate expires; the connection may live longer.
    ends_s: i64,
    uri: Option<String>,
    encoded: Arc<str>,
    standing: Cell<Option<ChainStanding>>,
}

/// The last verdict of the authorities on a chain.
#[derive(Clone, Copy, Debug)]
struct ChainStanding {
    /// The number of the authorities.
    authorities: u64,
    vouched: bool,
    /// The earliest expiry in the chain that is still ahead, or change among the authorities; after
    /// it the chain is verified again.
    until_s: i64,
}

impl PeerCertificate {
    /// Reads the certificates that a client presented, its own first.
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
        // A certificate whose validity cannot be read counts as expired.
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

    /// Returns `true` if the current authorities vouch for the certificate at `now_ms`, in
    /// milliseconds.
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
            .unwrap_or(self.ends_s)
            .min(tls.authorities_stand_until_s(now_s));
        self.standing.set(Some(ChainStanding {
            authorities: vouched.unwrap_or(authorities),
            vouched: vouched.is_some(),
            until_s,
        }));
        vouched.is_some()
    }

    /// Returns `true` if this certificate identifies the caller.
    pub(in crate::http) fn is(&self, caller: &Caller) -> bool {
        match &caller.by {
            CallerCredential::Certificate(CertificateName::Sha256(sha256)) => {
                *sha256 == self.sha256
            }
            CallerCredential::Certificate(CertificateName::Uri(uri)) => {
                self.uri.as_ref() == Some(uri)
            }
            CallerCredential::Keys(_) | CallerCredential::Token { .. } => false,
        }
    }

    /// Returns the certificate in base64.
    pub(in crate::http) fn encoded(&self) -> &str {
        &self.encoded
    }
}

/// Stores the certificate of a connection where its requests find it.
pub(in crate::http) fn remember(stream: &TlsStream<TimedStream<TcpStream>>, data: &mut Extensions) {
    let (_, session) = stream.get_ref();
    if let Some(certificate) = session.peer_certificates().and_then(PeerCertificate::new) {
        data.insert(certificate);
    }
}
