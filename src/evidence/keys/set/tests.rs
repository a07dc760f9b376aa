//! Tests of key sets.

use super::*;
use crate::evidence::{Signer, json};
use serde_json::json;

fn set(keys: &serde_json::Value) -> KeySet {
    let read: Vec<Record> = keys
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|key| json::read(key.to_string().as_bytes()))
        .collect();
    KeySet::of(&read)
}

fn p256() -> serde_json::Value {
    serde_json::to_value(&Signer::in_memory().unwrap().jwks().keys[0]).unwrap()
}

fn with(mut key: serde_json::Value, name: &str, value: serde_json::Value) -> serde_json::Value {
    key[name] = value;
    key
}

/// Returns the number of keys that are tried for a token with this name and algorithm.
fn fitting(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> usize {
    set.fitting(kid, algorithm, 0).count()
}

#[test]
fn a_key_is_found_by_its_name_and_verifies_as_its_kind_alone() {
    let key = with(p256(), "kid", json!("a"));
    let found = set(&json!([key]));
    assert_eq!(
        [Some("a"), None, Some("b")].map(|kid| fitting(&found, kid, Algorithm::ES256)),
        [1, 1, 0]
    );
    for other in [
        Algorithm::ES384,
        Algorithm::RS256,
        Algorithm::HS256,
        Algorithm::EdDSA,
    ] {
        assert_eq!(fitting(&found, Some("a"), other), 0, "{other:?}");
    }
    let secret = KeySet::secret(b"secret");
    assert_eq!(fitting(&secret, Some("any"), Algorithm::HS256), 1);
    assert_eq!(fitting(&secret, None, Algorithm::ES256), 0);
}

#[test]
fn a_key_that_is_listed_twice_is_one_and_two_of_one_name_are_two() {
    let one = with(p256(), "kid", json!("a"));
    let found = set(&json!([one, one, with(p256(), "kid", json!("a"))]));
    assert_eq!(fitting(&found, Some("a"), Algorithm::ES256), 2);
    assert_eq!(found.names(), ["a", "a"]);
    let other = set(&json!([one]));
    assert_eq!(
        (
            found.names_missing_from(&other),
            other.names_missing_from(&found)
        ),
        (vec!["a".to_owned()], Vec::new())
    );
}

#[test]
fn what_is_null_is_not_there() {
    let mut key = p256();
    for name in ["use", "alg", "key_ops", "kid"] {
        key[name] = json!(null);
    }
    assert_eq!(fitting(&set(&json!([key])), None, Algorithm::ES256), 1);
}

#[test]
fn what_is_not_understood_is_left_out() {
    let verifier = set(&json!([with(p256(), "key_ops", json!(["sign", "verify"]))]));
    assert_eq!(fitting(&verifier, None, Algorithm::ES256), 1);
    for key in [
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a" }),
        with(p256(), "use", json!("enc")),
        with(p256(), "use", json!(7)),
        with(p256(), "key_ops", json!(["encrypt"])),
        with(p256(), "key_ops", json!("verify")),
        with(p256(), "alg", json!("HS256")),
        with(p256(), "alg", json!("none")),
        with(p256(), "crv", json!("P-521")),
        with(p256(), "crv", json!("P-384")),
        with(p256(), "x", json!(7)),
        json!({ "kty": "RSA", "n": "!", "e": "AQAB" }),
        json!(5),
    ] {
        let found = set(&json!([key]));
        assert!(found.is_empty(), "{key}");
    }
}

#[test]
fn a_key_ends_when_its_issuer_says_so() {
    let left = |member: &str, value: serde_json::Value, now_ms| {
        let mut found = set(&json!([with(p256(), member, value), p256()]));
        let next = found.end(now_ms);
        (found.names().len(), next)
    };
    assert_eq!(left("exp", json!(5), 4_999), (2, Some(5_000)));
    assert_eq!(left("exp", json!(5), 5_000), (1, None));
    assert_eq!(left("exp", json!("x"), 0), (1, None));
    assert_eq!(left("exp", json!(null), 0), (2, None));
    assert_eq!(left("revoked", json!({"revoked_at": 5}), 0), (1, None));
    assert_eq!(left("revoked", json!(true), 0), (1, None));
    assert_eq!(left("revoked", json!(false), 0), (2, None));
}

#[test]
fn a_key_that_is_listed_again_ends_with_the_first_of_them() {
    let key = with(p256(), "kid", json!("a"));
    let other = with(p256(), "kid", json!("a"));
    let twins = [
        with(key.clone(), "revoked", json!(true)),
        with(with(key.clone(), "kid", json!("b")), "exp", json!(5)),
        with(with(key.clone(), "alg", json!("RS256")), "exp", json!(5)),
        with(with(key.clone(), "use", json!("enc")), "revoked", json!({})),
        with(
            with(key.clone(), "key_ops", json!(["sign"])),
            "exp",
            json!("x"),
        ),
        with(
            with(key.clone(), "use", json!("x509-svid")),
            "exp",
            json!(0),
        ),
    ];
    for twin in twins {
        for keys in [json!([key, twin, other]), json!([twin, other, key])] {
            let mut found = set(&keys);
            assert_eq!(
                found.fitting(Some("a"), Algorithm::ES256, 5_000).count(),
                1,
                "{keys}"
            );
            found.end(5_000);
            assert_eq!(found.names(), ["a"], "{keys}");
        }
    }
    let later = with(key.clone(), "exp", json!(9));
    assert_eq!(set(&json!([later, key, later])).end(5_000), Some(9_000));
}

#[test]
fn an_authority_ends_when_its_issuer_says_so() {
    let authority = json!({"kty": "EC", "use": "x509-svid", "x5c": ["AAAA"]});
    let other = with(authority.clone(), "x5c", json!(["BBBB"]));
    let ended = with(authority.clone(), "exp", json!(5));
    let revoked = with(authority.clone(), "revoked", json!(true));
    for keys in [
        json!([ended, other]),
        json!([revoked, other]),
        json!([authority, other, revoked]),
        json!([authority, with(ended.clone(), "use", json!("sig")), other]),
    ] {
        let mut found = set(&keys);
        assert_eq!(found.anchors(5_000).count(), 1, "{keys}");
        found.end(5_000);
        assert_eq!(found.anchors(0).count(), 1, "{keys}");
    }
    assert_eq!(set(&json!([ended, other])).anchors(4_999).count(), 2);
}

#[test]
fn secrets_are_told_apart_and_not_shown() {
    let (one, other) = (KeySet::secret(b"one"), KeySet::secret(b"other"));
    assert!(!one.is_same(&other) && one.is_same(&KeySet::secret(b"one")));
    assert_eq!(one.names_missing_from(&other), [SECRET]);
    assert!(!format!("{one:?}").contains("canonical"));
}

#[test]
fn a_thumbprint_is_that_of_the_standard() {
    let signer = Signer::in_memory().unwrap();
    let jwks = serde_json::to_vec(&signer.jwks().keys[0]).unwrap();
    assert_eq!(
        PublicKey::read(&json::read(&jwks).unwrap())
            .unwrap()
            .thumbprint(),
        signer.kid()
    );
}
