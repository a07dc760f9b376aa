//! The authorities of callers' certificates.
//!
//! INVARIANT: an authority vouches only while its own certificate is good. The verifier of chains
//! does not look at that: it takes what is in the store as trusted for ever.

use crate::evidence::certificate_validity;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{Error, RootCertStore};
use std::sync::Arc;

/// The authorities of callers' certificates.
pub(super) struct ClientAuthorities {
    /// A number that changes whenever the authorities do.
    pub(super) number: u64,
    pub(super) roots: Vec<ClientAuthority>,
    /// Verifies by all of them; `None` if there are none: then nobody is known by a certificate.
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
}

/// The certificate of an authority, and when it is good, in seconds since 1970.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ClientAuthority {
    certificate: CertificateDer<'static>,
    begins_s: i64,
    ends_s: i64,
}

/// Why authorities cannot be used.
pub(super) enum Unusable {
    /// One of them is no certificate that can vouch.
    Authority(Error),
    /// Their verifier cannot be built.
    Verifier(String),
}

impl ClientAuthority {
    /// Reads a certificate.
    pub(super) fn read(certificate: CertificateDer<'static>) -> Result<Self, Error> {
        RootCertStore::empty().add(certificate.clone())?;
        let (begins_s, ends_s) = certificate_validity(&certificate)
            .ok_or_else(|| Error::General("its validity cannot be read".to_owned()))?;
        Ok(Self {
            certificate,
            begins_s,
            ends_s,
        })
    }

    fn is_good(&self, now_s: i64) -> bool {
        self.begins_s <= now_s && now_s <= self.ends_s
    }
}

impl ClientAuthorities {
    pub(super) fn none() -> Self {
        Self {
            number: 0,
            roots: Vec::new(),
            verifier: None,
        }
    }

    pub(super) fn of(roots: Vec<ClientAuthority>) -> Result<Self, Unusable> {
        Ok(Self {
            number: 0,
            verifier: verifier(roots.iter())?,
            roots,
        })
    }

    /// Returns the verifier by the authorities that are good at this time, if any is. It is built
    /// for the purpose where some are not: operators take an ended authority out of its file.
    pub(super) fn verifier(&self, now_s: i64) -> Option<Arc<dyn ClientCertVerifier>> {
        if self.roots.iter().all(|root| root.is_good(now_s)) {
            return self.verifier.clone();
        }
        let good = self.roots.iter().filter(|root| root.is_good(now_s));
        verifier(good).ok().flatten()
    }

    /// Returns the verifier by all of them, for what does not depend on which of them vouches.
    pub(super) fn any_verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.verifier.clone()
    }

    /// Returns the second at which the first of them ends, or has ended; `None` if there are none.
    pub(super) fn first_end_s(&self) -> Option<i64> {
        self.roots.iter().map(|root| root.ends_s).min()
    }

    /// Returns the last second, from this one on, in which the same authorities are good as now.
    pub(super) fn stand_until_s(&self, now_s: i64) -> i64 {
        let last = |root: &ClientAuthority| match root.begins_s > now_s {
            true => root.begins_s.saturating_sub(1),
            false if root.ends_s >= now_s => root.ends_s,
            false => i64::MAX,
        };
        self.roots.iter().map(last).min().unwrap_or(i64::MAX)
    }
}

fn verifier<'a>(
    roots: impl Iterator<Item = &'a ClientAuthority>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, Unusable> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root.certificate.clone())
            .map_err(Unusable::Authority)?;
    }
    if store.is_empty() {
        return Ok(None);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
        .allow_unauthenticated()
        .build();
    match built {
        Ok(verifier) => Ok(Some(verifier)),
        Err(error) => Err(Unusable::Verifier(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_stand_until_the_next_begins_or_ends() {
        let root = |begins_s, ends_s| ClientAuthority {
            certificate: Vec::new().into(),
            begins_s,
            ends_s,
        };
        let authorities = ClientAuthorities {
            number: 0,
            roots: vec![root(0, 9), root(5, 20), root(0, 3)],
            verifier: None,
        };
        let until = [0, 3, 4, 5, 9, 10, 20, 21].map(|now_s| authorities.stand_until_s(now_s));
        assert_eq!(until, [3, 3, 4, 9, 9, 20, 20, i64::MAX]);
    }
}
