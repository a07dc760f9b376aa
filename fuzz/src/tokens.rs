//! Tokens of an issuer: as text that anybody can send, and as claims that the issuer has signed.
//!
//! The signature of a fuzzer's token never verifies, so that nothing behind it would be tried: each
//! input is also signed, as the claims of a token.

use crate::credential::{file, proves, runtime};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use behest::clock::FixedClock;
use behest::evidence::{HttpClient, KeySource, Preset, Profile, Trust, Verifier};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;

/// Thursday, 2026-10-01T09:00:00Z: the time of the tests whose claims are seeds.
const NOW_MS: i64 = 1_790_845_200_000;

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";
const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;

/// An issuer, and whoever verifies its tokens.
struct Issuer {
    key: EncodingKey,
    verifier: Verifier,
    runtime: Runtime,
}

static TRUSTED: LazyLock<Issuer> = LazyLock::new(Issuer::new);

/// Verifies a token. Only what the issuer has signed proves anything.
pub fn tokens(input: &[u8]) {
    let issuer = &*TRUSTED;
    if let Ok(token) = std::str::from_utf8(input) {
        assert!(
            !issuer.proves(token),
            "a token that nobody signed proves something"
        );
    }
    let signed = issuer.sign(input);
    let first = issuer.proves(&signed);
    // The second time it is known.
    assert_eq!(
        first,
        issuer.proves(&signed),
        "what is kept of a token differs"
    );
}

impl Issuer {
    fn new() -> Self {
        let key = new_key();
        let file = file("keys.json", &published(&key));
        let profile = Profile {
            trust: Trust::Keys {
                source: KeySource::File(file),
                algorithms: vec![Algorithm::ES256],
            },
            audiences: vec![AUDIENCE.into()],
            own_clients: vec!["web".into()],
            ..Preset::Standard.profile(ISSUER)
        };
        let client = HttpClient::new(None).expect("a client");
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let verifier =
            Verifier::start(vec![(profile, client)], Vec::new(), clock).expect("a verifier");
        Self {
            key,
            verifier,
            runtime: runtime(),
        }
    }

    fn proves(&self, token: &str) -> bool {
        proves(&self.runtime, &self.verifier, "access_token", token)
    }

    fn sign(&self, claims: &[u8]) -> String {
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let message = format!("{}.{}", encode(HEADER.as_bytes()), encode(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, Algorithm::ES256);
        format!("{message}.{}", signature.expect("a signature"))
    }
}

fn new_key() -> EncodingKey {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        .expect("randomness");
    let encoded = BASE64_STANDARD.encode(document.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{encoded}\n-----END PRIVATE KEY-----\n");
    EncodingKey::from_ec_pem(pem.as_bytes()).expect("a key")
}

/// The key set of an issuer with this key.
fn published(key: &EncodingKey) -> String {
    let public = Jwk::from_encoding_key(key, Algorithm::ES256).expect("a public key");
    let mut public = serde_json::to_value(public).expect("a key is JSON");
    public["kid"] = json!("k1");
    public["use"] = json!("sig");
    public["alg"] = json!("ES256");
    json!({"keys": [public]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_token_proves_something() {
        let now = NOW_MS / 1_000;
        let claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "web", "scope": "read",
            "iat": now - 10, "exp": now + 300, "jti": "t1",
        });
        assert!(TRUSTED.proves(&TRUSTED.sign(claims.to_string().as_bytes())));
    }
}
