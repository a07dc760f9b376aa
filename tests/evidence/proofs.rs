//! Tokens that are bound to a key or a certificate.

use crate::world::{World, access, claims_with, question, standard};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use support::service::NOW_MS;
use support::tokens::{Key, hash, with};
use support::web::Web;

const URL: &str = "https://api.example/tools";

fn proof_claims(jti: &str) -> Value {
    json!({"htm": "POST", "htu": URL, "iat": NOW_MS / 1_000, "jti": jti})
}

/// A credential with a proof.
fn bound(token: &str, proof: &str) -> Value {
    json!({"type": "access_token", "value": token, "dpop": {"proof": proof, "method": "POST", "url": "https://API.example:443/tools?x=1"}})
}

async fn ask(world: &World, credential: Value) -> String {
    world.ask(&question("read", &[credential])).await
}

#[actix_web::test]
async fn a_good_proof_is_taken_once() {
    let (world, issuer, _web) = standard();
    let holder = Key::new("");
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
    let first = bound(&token, &holder.proof(&token, &proof_claims("p1")));
    assert_eq!(ask(&world, first.clone()).await, "permit");
    assert!(ask(&world, first.clone()).await.contains("was used before"));
    world.wait_ms(59_999);
    assert!(ask(&world, first.clone()).await.contains("was used before"));
    world.wait_ms(1);
    assert!(ask(&world, first).await.contains("is not fresh"));
    let later = with(&proof_claims("p2"), &json!({"iat": NOW_MS / 1_000 + 60}));
    assert_eq!(
        ask(&world, bound(&token, &holder.proof(&token, &later))).await,
        "permit"
    );
    assert!(
        ask(&world, access(&token))
            .await
            .starts_with("proof_invalid: ")
    );
}

/// A token that is bound to a key, and the parts of a proof for it.
struct Bound {
    world: World,
    issuer: Key,
    holder: Key,
    token: String,
    header: Value,
    claims: Value,
    _web: Web,
}

impl Bound {
    fn new() -> Self {
        let (world, issuer, web) = standard();
        let holder = Key::new("");
        let token =
            issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
        let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": holder.jwk()});
        let claims = with(&proof_claims("p"), &json!({"ath": hash(&token)}));
        Self {
            world,
            issuer,
            holder,
            token,
            header,
            claims,
            _web: web,
        }
    }

    async fn refuses(&self, proof: &str, expected: &str) {
        let found = ask(&self.world, bound(&self.token, proof)).await;
        assert!(
            found.starts_with("proof_invalid: ") && found.contains(expected),
            "{expected}: {found}"
        );
    }

    /// None of the proofs that were refused has used up the good one.
    async fn takes_the_good_one(&self) {
        let good = self.holder.sign(&self.header, &self.claims);
        assert_eq!(ask(&self.world, bound(&self.token, &good)).await, "permit");
    }
}

#[actix_web::test]
async fn a_proof_of_another_key_is_refused() {
    let bound_token = Bound::new();
    let thief = Key::new("");
    bound_token.refuses("x", "is no JWT").await;
    let stolen = thief.proof(&bound_token.token, &proof_claims("p"));
    bound_token.refuses(&stolen, "is made by another key").await;
    let forged = thief.sign(&bound_token.header, &bound_token.claims);
    bound_token.refuses(&forged, "has a wrong signature").await;
    let mut private = bound_token.header["jwk"].clone();
    private["d"] = json!("AAAA");
    for (over, expected) in [
        (json!({"typ": "JWT"}), "is of another type"),
        (json!({"typ": null}), "is of another type"),
        (json!({"alg": "none"}), "has an algorithm"),
        (json!({"alg": "HS256"}), "has an algorithm"),
        (
            json!({"alg": "RS256"}),
            "has a key that is not of its algorithm",
        ),
        (json!({"jwk": null}), "has no key"),
        (
            json!({"jwk": {"kty": "oct", "k": "AAAA"}}),
            "carries a private key",
        ),
        (json!({ "jwk": private }), "carries a private key"),
    ] {
        let header = with(&bound_token.header, &over);
        let proof = bound_token.holder.sign(&header, &bound_token.claims);
        bound_token.refuses(&proof, expected).await;
    }
    bound_token.takes_the_good_one().await;
}

#[actix_web::test]
async fn a_proof_for_anything_else_is_refused() {
    let bound_token = Bound::new();
    let now = NOW_MS / 1_000;
    for (over, expected) in [
        (json!({"htm": "GET"}), "another method"),
        (json!({"htm": null}), "another method"),
        (
            json!({"htu": "https://api.example/other"}),
            "another address",
        ),
        (
            json!({"htu": "http://api.example/tools"}),
            "another address",
        ),
        (json!({"htu": null}), "another address"),
        (json!({"iat": now - 60}), "is not fresh"),
        (json!({"iat": now + 6}), "is not fresh"),
        (json!({"iat": null}), "has no time"),
        (json!({"exp": now}), "is not fresh"),
        (json!({"exp": "soon"}), "has a time that is none"),
        (json!({"nbf": now + 6}), "is not fresh"),
        (json!({"ath": hash("other")}), "another token"),
        (json!({"ath": null}), "another token"),
        (json!({"jti": null}), "no usable `jti`"),
        (json!({"jti": "j".repeat(257)}), "no usable `jti`"),
    ] {
        let claims = with(&bound_token.claims, &over);
        let proof = bound_token.holder.sign(&bound_token.header, &claims);
        bound_token.refuses(&proof, expected).await;
    }
    bound_token.takes_the_good_one().await;
    // A proof beside a token that is nobody's in particular.
    let plain = bound_token.issuer.access_token(&claims_with(&json!({})));
    let beside = bound(
        &plain,
        &bound_token.holder.proof(&plain, &proof_claims("q")),
    );
    assert!(
        ask(&bound_token.world, beside)
            .await
            .contains("bound to no key")
    );
}

#[actix_web::test]
async fn a_certificate_must_be_the_one_that_the_token_names() {
    let (world, issuer, _web) = standard();
    let der = [0x30, 0x01, 0x7f];
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"x5t#S256": hash(der)}})));
    let shown = |certificate: &str| json!({"type": "access_token", "value": token, "tls": {"certificate": certificate}});
    let encoded = BASE64_STANDARD.encode(der);
    assert_eq!(ask(&world, shown(&encoded)).await, "permit");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    assert_eq!(ask(&world, shown(&pem)).await, "permit");
    assert_eq!(
        ask(&world, shown(&pem.replace('\n', "%0A").replace(' ', "%20"))).await,
        "permit"
    );
    for other in [
        BASE64_STANDARD.encode([0x30, 0x01, 0x7e]),
        "x".to_owned(),
        "%".to_owned(),
    ] {
        assert!(
            ask(&world, shown(&other))
                .await
                .starts_with("proof_invalid: "),
            "{other}"
        );
    }
    assert!(
        ask(&world, access(&token))
            .await
            .starts_with("proof_invalid: ")
    );
    // A certificate beside a token that names none is what the caller saw, and proves nothing.
    let plain = issuer.access_token(&claims_with(&json!({})));
    let beside = json!({"type": "access_token", "value": plain, "tls": {"certificate": encoded}});
    let explanation = world.explain(&question("read", &[beside])).await;
    assert_eq!(explanation["credentials"][0].get("proof"), None);
}

#[actix_web::test]
async fn a_token_that_is_bound_to_both_needs_both() {
    let (world, issuer, _web) = standard();
    let holder = Key::new("");
    let der = [0x30, 0x01, 0x7f];
    let token = issuer.access_token(&claims_with(
        &json!({"cnf": {"jkt": holder.thumbprint(), "x5t#S256": hash(der)}}),
    ));
    let mut credential = bound(&token, &holder.proof(&token, &proof_claims("p")));
    assert!(
        ask(&world, credential.clone())
            .await
            .contains("bound to a certificate")
    );
    credential["tls"] = json!({"certificate": BASE64_STANDARD.encode(der)});
    assert_eq!(ask(&world, credential.clone()).await, "permit");
    credential.as_object_mut().unwrap().remove("dpop");
    assert!(ask(&world, credential).await.contains("bound to a key"));
}
