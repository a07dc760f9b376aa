//! Certificates of workloads: as DER, and as text in the forms that proxies write.

use crate::credential::{file, proves, runtime};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use behest::clock::FixedClock;
use behest::evidence::{HttpClient, KeySource, TrustDomain, Verifier, certificate_validity};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Thursday, 2026-10-01T09:00:00Z.
const NOW_MS: i64 = 1_790_845_200_000;

/// Whoever verifies the workloads of a trust domain.
struct Domain {
    verifier: Verifier,
    runtime: Runtime,
}

static TRUSTED: LazyLock<Domain> = LazyLock::new(Domain::new);

/// Reads a certificate. None that the domain's authority has not signed proves anything.
pub fn certificates(input: &[u8]) {
    let _ = certificate_validity(input);
    let encoded = BASE64_STANDARD.encode(input);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    let text = std::str::from_utf8(input).unwrap_or_default();
    for credential in [encoded.as_str(), &pem, text] {
        assert!(
            !TRUSTED.proves(credential),
            "a certificate that nobody signed proves something"
        );
    }
}

impl Domain {
    fn new() -> Self {
        let file = file("authority.pem", &authority());
        let domain = TrustDomain {
            name: "prod.example".into(),
            bundle: KeySource::Pem(file),
            audiences: vec!["pdp".into()],
            entity_type: "agent".into(),
            longest_life: Duration::from_hours(1),
            leeway: Duration::from_secs(30),
        };
        let client = HttpClient::new(None).expect("a client");
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let verifier =
            Verifier::start(Vec::new(), vec![(domain, client)], clock).expect("a verifier");
        Self {
            verifier,
            runtime: runtime(),
        }
    }

    fn proves(&self, certificate: &str) -> bool {
        proves(&self.runtime, &self.verifier, "x509_svid", certificate)
    }
}

/// An authority whose key nobody has.
fn authority() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("a certificate").pem()
}
