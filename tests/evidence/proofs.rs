//! Tokens that are bound to a key or a certificate.

use crate::service::NOW_MS;
use crate::tokens::{Key, hash, with};
use crate::world::{World, access, claims_with, question, standard};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

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
    assert_eq!(ask(&world, bound(&token, &holder.proof(&token, &later))).await, "permit");
    assert!(ask(&world, access(&token)).await.starts_with("proof_invalid: "));
}

#[actix_web::test]
async fn a_proof_for_anything_else_is_refused() {
    let (world, issuer, _web) = standard();
    let (holder, thief) = (Key::new(""), Key::new(""));
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
    let header = json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": holder.jwk()});
    let claims = with(&proof_claims("p"), &json!({"ath": hash(&token)}));
    let now = NOW_MS / 1_000;
    let mut private = header.clone();
    private["jwk"]["d"] = json!("AAAA");
    for (proof, expected) in [
        ("x".to_owned(), "is no JWT"),
        (thief.proof(&token, &proof_claims("p")), "is made by another key"),
        (thief.sign(&header, &claims), "has a wrong signature"),
        (holder.sign(&with(&header, &json!({"typ": "JWT"})), &claims), "is of another type"),
        (holder.sign(&with(&header, &json!({"typ": null})), &claims), "is of another type"),
        (holder.sign(&with(&header, &json!({"alg": "none"})), &claims), "has an algorithm"),
        (holder.sign(&with(&header, &json!({"alg": "HS256"})), &claims), "has an algorithm"),
        (holder.sign(&with(&header, &json!({"alg": "RS256"})), &claims), "has a key that is not of its algorithm"),
        (holder.sign(&with(&header, &json!({"jwk": null})), &claims), "has no key"),
        (holder.sign(&with(&header, &json!({"jwk": {"kty": "oct", "k": "AAAA"}})), &claims), "carries a private key"),
        (holder.sign(&private, &claims), "carries a private key"),
        (holder.sign(&header, &with(&claims, &json!({"htm": "GET"}))), "another method"),
        (holder.sign(&header, &with(&claims, &json!({"htm": null}))), "another method"),
        (holder.sign(&header, &with(&claims, &json!({"htu": "https://api.example/other"}))), "another address"),
        (holder.sign(&header, &with(&claims, &json!({"htu": "http://api.example/tools"}))), "another address"),
        (holder.sign(&header, &with(&claims, &json!({"htu": null}))), "another address"),
        (holder.sign(&header, &with(&claims, &json!({"iat": now - 60}))), "is not fresh"),
        (holder.sign(&header, &with(&claims, &json!({"iat": now + 6}))), "is not fresh"),
        (holder.sign(&header, &with(&claims, &json!({"iat": null}))), "has no time"),
        (holder.sign(&header, &with(&claims, &json!({"exp": now}))), "is not fresh"),
        (holder.sign(&header, &with(&claims, &json!({"exp": "soon"}))), "has a time that is none"),
        (holder.sign(&header, &with(&claims, &json!({"nbf": now + 6}))), "is not fresh"),
        (holder.sign(&header, &with(&claims, &json!({"ath": hash("other")}))), "another token"),
        (holder.sign(&header, &with(&claims, &json!({"ath": null}))), "another token"),
        (holder.sign(&header, &with(&claims, &json!({"jti": null}))), "no usable `jti`"),
        (holder.sign(&header, &with(&claims, &json!({"jti": "j".repeat(257)}))), "no usable `jti`"),
    ] {
        let found = ask(&world, bound(&token, &proof)).await;
        assert!(found.starts_with("proof_invalid: ") && found.contains(expected), "{expected}: {found}");
    }
    // None of them has used it up.
    assert_eq!(ask(&world, bound(&token, &holder.sign(&header, &claims))).await, "permit");
    // A proof beside a token that is nobody's in particular.
    let plain = issuer.access_token(&claims_with(&json!({})));
    assert!(ask(&world, bound(&plain, &holder.proof(&plain, &proof_claims("q")))).await.contains("bound to no key"));
}

#[actix_web::test]
async fn a_certificate_must_be_the_one_that_the_token_names() {
    let (world, issuer, _web) = standard();
    let der = [0x30, 0x01, 0x7f];
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"x5t#S256": hash(der)}})));
    let shown =
        |certificate: &str| json!({"type": "access_token", "value": token, "tls": {"certificate": certificate}});
    let encoded = BASE64_STANDARD.encode(der);
    assert_eq!(ask(&world, shown(&encoded)).await, "permit");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    assert_eq!(ask(&world, shown(&pem)).await, "permit");
    assert_eq!(ask(&world, shown(&pem.replace('\n', "%0A").replace(' ', "%20"))).await, "permit");
    for other in [BASE64_STANDARD.encode([0x30, 0x01, 0x7e]), "x".to_owned(), "%".to_owned()] {
        assert!(ask(&world, shown(&other)).await.starts_with("proof_invalid: "), "{other}");
    }
    assert!(ask(&world, access(&token)).await.starts_with("proof_invalid: "));
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
    let token = issuer.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint(), "x5t#S256": hash(der)}})));
    let mut credential = bound(&token, &holder.proof(&token, &proof_claims("p")));
    assert!(ask(&world, credential.clone()).await.contains("bound to a certificate"));
    credential["tls"] = json!({"certificate": BASE64_STANDARD.encode(der)});
    assert_eq!(ask(&world, credential.clone()).await, "permit");
    credential.as_object_mut().unwrap().remove("dpop");
    assert!(ask(&world, credential).await.contains("bound to a key"));
}
