//! Callers whose token is bound to the certificate of their connection.

use crate::callers::{OURS, gateway};
use crate::tls::{Authority, Running};
use crate::world::{claims_with, profile, publish};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use behest::clock::FixedClock;
use behest::evidence::{HttpClient, Profile, Verifier};
use behest::http::Settings;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use support::service::NOW_MS;
use support::tokens::Key;

#[test]
fn a_caller_falls_with_the_authority_of_what_its_token_is_bound_to() {
    let key = Key::new("k1");
    let web = publish(&key);
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let of_issuer = Profile {
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let client = HttpClient::new(None).unwrap();
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let verifier = Verifier::start(vec![(of_issuer, client)], Vec::new(), clock).unwrap();
    let settings = Settings {
        callers: vec![gateway(None)],
        verifier: Some(Arc::new(verifier)),
        ..Settings::default()
    };
    let running = Running::with(&servers.for_server(), &clients, settings);
    let shown = clients.for_client("spiffe://prod.example/gateway");
    let der = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
    let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
    let token = key.access_token(&claims_with(&json!({
        "sub": "gateway", "client_id": "gateway", "aud": OURS, "cnf": {"x5t#S256": thumbprint},
    })));
    for (stays, expected) in [(true, Ok(400)), (false, Ok(401))] {
        let ahead = running.stores.published().borrow().0 + 1;
        let body = format!(r#"{{"options":{{"at_least":{ahead}}}}}"#);
        let path = "/access/v1/evaluation";
        std::thread::scope(|scope| {
            let agent = Running::agent(&servers, Some(&shown));
            let (running, token, body) = (&running, &token, &body);
            let asked = scope
                .spawn(move || running.status_of(&agent, Some(token), "keep-alive", (path, body)));
            std::thread::sleep(Duration::from_millis(500));
            assert!(!asked.is_finished());
            running.trust(&[&others, &clients][..if stays { 2 } else { 1 }]);
            // Another one's change is what it waits for.
            running.stores.create("documents").unwrap();
            assert_eq!(asked.join().unwrap(), expected, "{stays}");
        });
    }
}
