//! Tests of key sets.

use super::*;
use crate::evidence::{Signer, json};
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::json;

fn set(keys: &serde_json::Value) -> KeySet {
    let read: Vec<Record> = keys
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|key| json::read(key.to_string().as_bytes()))
        .collect();
    KeySet::of(&read, [])
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
fn an_entry_that_is_no_whole_key_withdraws_what_has_its_name() {
    let key = with(p256(), "kid", json!("a"));
    let without = |member: &str| {
        let mut entry = key.clone();
        entry.as_object_mut().unwrap().remove(member);
        entry
    };
    for entry in [
        json!({"kid": "a"}),
        without("y"),
        without("x"),
        with(key.clone(), "y", json!(null)),
        with(key.clone(), "y", json!("!")),
        with(key.clone(), "n", json!("AAAA")),
        with(without("x"), "y", json!(7)),
        with(key.clone(), "kty", json!("RSA")),
        json!({"kid": "a", "x5c": ["AAAA"]}),
        with(with(p256(), "kid", json!("a")), "x5c", json!(["AAAA"])),
        with(with(p256(), "kid", json!("a")), "x5c", json!("AAAA")),
        json!({"kid": "a", "kty": "RSA", "x": "AAAA", "e": "AQAB"}),
        json!({"kid": "a", "kty": "RSA", "n": "AAAA"}),
    ] {
        for limit in [("revoked", json!(true)), ("exp", json!(5))] {
            let withdrawn = with(entry.clone(), limit.0, limit.1);
            let mut found = set(&json!([key, withdrawn, with(p256(), "kid", json!("b"))]));
            found.end(5_000);
            assert_eq!(found.names(), ["b"], "{withdrawn}");
        }
    }
}

/// Returns the certificate of an authority that is good in these years.
fn authority_of(key: &KeyPair, (from, until): (i32, i32)) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.self_signed(key).unwrap().der().to_vec()
}

/// Returns the entry of an authority.
fn authority(x5c: &[&str]) -> serde_json::Value {
    json!({"kty": "EC", "use": "x509-svid", "x5c": x5c})
}

fn key_pair() -> KeyPair {
    KeyPair::generate().unwrap()
}

#[test]
fn an_authority_ends_when_its_issuer_says_so() {
    let (key, years) = (key_pair(), (1960, 2100));
    let encoded = |key: &KeyPair| BASE64_STANDARD.encode(authority_of(key, years));
    let (own, another) = (encoded(&key), encoded(&key_pair()));
    let (listed, other) = (authority(&[&own]), authority(&[&another]));
    let ended = with(listed.clone(), "exp", json!(5));
    let revoked = |x5c: &[&str]| with(authority(x5c), "revoked", json!(true));
    let point = key.public_key_raw();
    let number = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let same_key = json!({
        "kty": "EC", "crv": "P-256", "use": "jwt-svid", "kid": "x",
        "x": number(&point[1..33]), "y": number(&point[33..]), "revoked": true,
    });
    let anew = encoded(&key);
    let url = own.replace('+', "-").replace('/', "_");
    for keys in [
        json!([ended, other]),
        json!([revoked(&[&own]), other]),
        json!([listed, other, revoked(&[&own])]),
        json!([listed, with(ended.clone(), "use", json!("sig")), other]),
        // The key has been withdrawn, in another certificate or as a key.
        json!([listed, other, revoked(&[&anew])]),
        json!([listed, other, same_key]),
        // However the certificate is written.
        json!([listed, other, revoked(&[&encoded(&key_pair()), &own])]),
        json!([listed, other, revoked(&[&url])]),
        json!([listed, other, revoked(&[&url.replace('=', "")])]),
        json!([
            listed,
            other,
            revoked(&[&format!("{}\n{}", &own[..64], &own[64..])])
        ]),
        json!([with(listed.clone(), "kid", json!("a")), other, {"kid": "a", "revoked": true}]),
    ] {
        let mut found = set(&keys);
        assert_eq!(found.anchors(5_000).count(), 1, "{keys}");
        found.end(5_000);
        assert_eq!(found.anchors(0).count(), 1, "{keys}");
    }
    assert_eq!(set(&json!([ended, other])).anchors(4_999).count(), 2);
}

#[test]
fn an_authority_vouches_while_its_certificate_is_good() {
    let certificate = authority_of(&key_pair(), (2001, 2002));
    let (begins, ends) = (978_307_200_000, 1_009_843_200_000);
    let of_set = set(&json!([authority(
        &[&BASE64_STANDARD.encode(&certificate)]
    )]));
    let of_file = KeySet::of_anchors(vec![certificate.into(), b"none".to_vec().into()]);
    for mut found in [of_set, of_file] {
        let moments = [begins - 1, begins, ends + 999, ends + 1_000];
        let counts = moments.map(|now_ms| found.anchors(now_ms).count());
        assert_eq!(counts, [0, 1, 1, 0]);
        assert!(found.is_whole(ends) && !found.is_whole(ends + 1_000));
        assert_eq!(found.end(begins), Some(ends + 1_000));
    }
}

#[test]
fn a_certificate_that_is_withdrawn_allows_no_path_through_it() {
    let (key, years) = (key_pair(), (1960, 2100));
    let between = authority_of(&key, years);
    let path: Vec<_> = Fingerprint::of_certificate(&between).collect();
    let entry = |value| {
        with(
            authority(&[&BASE64_STANDARD.encode(&between)]),
            "exp",
            value,
        )
    };
    let found = set(&json!([with(entry(json!(5)), "use", json!("x"))]));
    assert_eq!(
        [4_999, 5_000].map(|now_ms| found.allows(&path, now_ms)),
        [true, false]
    );
    let anew: Vec<_> = Fingerprint::of_certificate(&authority_of(&key, (1970, 2101))).collect();
    assert!(!found.allows(&anew, 5_000) && found.allows(&[], 5_000));
    assert!(!found.is_same(&set(&json!([]))));
}

#[test]
fn a_key_is_withdrawn_in_whatever_way_it_is_written() {
    let key = with(p256(), "kid", json!("a"));
    let padded = |name: &str| format!("{}=", key[name].as_str().unwrap());
    let mut unkind = with(key.clone(), "revoked", json!(true));
    unkind.as_object_mut().unwrap().remove("kty");
    let rsa = |n: &[u8]| {
        let n = BASE64_URL_SAFE_NO_PAD.encode(n);
        json!({"kty": "RSA", "e": "AQAB", "n": n, "kid": "r"})
    };
    let modulus = [0xc5; 256];
    let zeros = [[0].as_slice(), &modulus].concat();
    for (key, withdrawal) in [
        (
            key.clone(),
            with(
                with(key.clone(), "x", json!(padded("x"))),
                "revoked",
                json!(true),
            ),
        ),
        (
            key.clone(),
            with(with(key.clone(), "y", json!(padded("y"))), "exp", json!(0)),
        ),
        (key.clone(), unkind),
        (key.clone(), json!({"kid": "a", "revoked": true})),
        (key.clone(), json!({"kty": "EC", "kid": "a", "exp": 1})),
        (key.clone(), json!({"revoked": true})),
        (key.clone(), with(key.clone(), "Revoked", json!(true))),
        (
            key.clone(),
            with(key.clone(), "EXP", json!(9_000_000_000_u64)),
        ),
        (key.clone(), with(key.clone(), "nbf", json!(6))),
        (key.clone(), with(key.clone(), "nbf", json!("soon"))),
        (rsa(&modulus), with(rsa(&zeros), "revoked", json!(true))),
        (rsa(&zeros), with(rsa(&modulus), "revoked", json!(true))),
    ] {
        let other = with(p256(), "kid", json!("b"));
        let is_about_all = withdrawal == json!({"revoked": true});
        for keys in [
            json!([key, withdrawal, other]),
            json!([withdrawal, other, key]),
        ] {
            let found = set(&keys);
            let good = |kid| {
                found.keys.iter().any(|known| {
                    known.kid.as_deref() == Some(kid) && known.validity.contains(5_000)
                })
            };
            assert!(!good("a") && !good("r"), "{keys}");
            assert_eq!(good("b"), !is_about_all, "{keys}");
        }
    }
    let begun = set(&json!([with(key, "nbf", json!(5))]));
    assert_eq!(
        [4_999, 5_000].map(|now_ms| begun.keys[0].validity.contains(now_ms)),
        [false, true]
    );
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
