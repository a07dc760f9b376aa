//! JWTs: what verifies, and everything that does not.

use crate::world::{
    ISSUER, World, access, claims, claims_with, profile, publish, question, standard,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use behest::evidence::{MAX_TOKEN_BYTES, Preset, Profile, Secret, Trust};
use serde_json::{Value, json};
use support::cases;
use support::service::{NOW_MS, post, send};
use support::tokens::{Key, message, sign_with_secret};

const NOW: i64 = NOW_MS / 1_000;

const NO_MEMBER: &str =
    "a name of a member is not one of a credential's: `type`, `value`, `issuer`, `dpop`, `tls`";

#[actix_web::test]
async fn a_good_token_names_its_subject_and_its_scopes_reach_the_policies() {
    let (world, key, _web) = standard();
    let token = key.access_token(&claims());
    assert_eq!(world.read(&token).await, "permit");
    // Known by now, and the same.
    assert_eq!(world.read(&token).await, "permit");
    let narrow = key.access_token(&claims_with(&json!({"scope": "write"})));
    assert!(world.read(&narrow).await.starts_with("not_permitted: "));
    assert!(
        world
            .ask(&question("read", &[]))
            .await
            .starts_with("chain_invalid: ")
    );
    let explanation = world.explain(&question("read", &[access(&token)])).await;
    assert_eq!(
        explanation["legs"][0]["principal"],
        json!({"type": "user", "id": "alice"})
    );
    assert_eq!(explanation["asserted"], json!([]));
    assert_eq!(
        explanation["credentials"],
        json!([{
            "type": "access_token", "issuer": ISSUER, "chain": [{"type": "user", "id": "alice"}],
            "until": "2026-10-01T09:05:30Z",
        }])
    );
}

#[actix_web::test]
async fn claims_that_do_not_fit_refuse_the_token() {
    let (world, key, _web) = standard();
    for (over, expected) in cases::read::<(Value, String)>(include_str!("claims.cases")) {
        let found = world.read(&key.access_token(&claims_with(&over))).await;
        assert_eq!(
            found.replace("`context.credentials[0]`: ", ""),
            expected,
            "{over}"
        );
    }
}

#[actix_web::test]
async fn times_that_do_not_fit_refuse_the_token() {
    let (world, key, _web) = standard();
    for (over, expected) in [
        (
            json!({"exp": NOW - 31}),
            "credential_expired: the token has expired: send a fresh one",
        ),
        (
            json!({"exp": NOW - 30}),
            "credential_expired: the token has expired: send a fresh one",
        ),
        (json!({"exp": NOW - 29}), "permit"),
        (json!({"exp": NOW + 24 * 3600 - 10}), "permit"),
        (
            json!({"exp": NOW + 24 * 3600 - 9}),
            "credential_invalid: the token lives longer than its issuer's tokens may, 86400 s: have it live shorter, or set \
             `longest_life_s`",
        ),
        (json!({"nbf": NOW + 30}), "permit"),
        (
            json!({"nbf": NOW + 31}),
            "credential_invalid: the token is not valid yet",
        ),
        (
            json!({"iat": NOW + 31}),
            "credential_invalid: the token was issued in the future",
        ),
    ] {
        let found = world.read(&key.access_token(&claims_with(&over))).await;
        assert_eq!(
            found.replace("`context.credentials[0]`: ", ""),
            expected,
            "{over}"
        );
    }
}

#[actix_web::test]
async fn nothing_that_is_kept_because_of_a_token_outlives_it() {
    let (world, key, web) = standard();
    let soon = json!({"exp": NOW + 60});
    let reading = question("read", &[access(&key.access_token(&claims_with(&soon)))]);
    let writing = support::tokens::with(&soon, &json!({"scope": "write"}));
    let writing = question("read", &[access(&key.access_token(&claims_with(&writing)))]);
    let mut asserted = question("read", &[]);
    asserted["subject"] = json!({"type": "user", "id": "alice"});
    asserted["context"] = json!({});
    let others = json!([{"context": asserted["context"].clone()}, {}]);
    for _ in 0..4 {
        assert_eq!(world.ask(&reading).await, "permit");
        // The same legs, of the same user, with less behind them.
        assert!(world.ask(&writing).await.starts_with("not_permitted: "));
        assert!(world.ask(&asserted).await.starts_with("not_permitted: "));
        let mut batch = reading.clone();
        batch["evaluations"] = others.clone();
        let reply = send(
            &world.server,
            post("/access/v1/evaluations", batch.to_string()),
        )
        .await
        .json();
        assert_eq!(
            reply["evaluations"],
            json!([{"decision": false}, {"decision": true}])
        );
    }
    world.wait_ms(90_000);
    for _ in 0..2 {
        assert!(
            world
                .ask(&reading)
                .await
                .starts_with("credential_expired: ")
        );
    }
    // Nor its key.
    let token = key.access_token(&claims_with(&json!({"exp": NOW + 3_600})));
    let longer = question("read", &[access(&token)]);
    for _ in 0..3 {
        assert_eq!(world.ask(&longer).await, "permit");
    }
    let new = Key::new("k2");
    let set = json!({"keys": [new.published()]}).to_string();
    web.answer(move |_| (200, String::new(), set.clone()));
    assert_eq!(
        world
            .read(&new.access_token(&claims_with(&json!({"exp": NOW + 3_600}))))
            .await,
        "permit"
    );
    world.wait_ms(10_000);
    assert!(world.ask(&longer).await.starts_with("credential_invalid: "));
}

#[actix_web::test]
async fn an_algorithm_is_never_the_tokens_choice() {
    let (world, key, _web) = standard();
    let header = |alg: &str| json!({"alg": alg, "typ": "at+jwt", "kid": "k1"});
    let unsigned = format!("{}.", message(&header("none"), &claims()));
    let public = serde_json::to_vec(&key.published()).unwrap();
    let confused = sign_with_secret(&public, &header("HS256"), &claims());
    for token in [
        unsigned,
        format!("{}.", message(&header("NONE"), &claims())),
        format!("{}.", message(&json!({"typ": "at+jwt"}), &claims())),
        confused,
        key.sign(&header("RS256"), &claims()),
        key.sign(&header("ES384"), &claims()),
        key.sign(&header("es256"), &claims()),
    ] {
        let found = world.read(&token).await;
        assert_eq!(
            found,
            "credential_invalid: `context.credentials[0]`: the token's algorithm is not one that its issuer may use"
        );
    }
}

#[actix_web::test]
async fn a_type_that_is_not_an_access_tokens_is_refused() {
    let (world, key, _web) = standard();
    let typed = |typ: Value| key.sign(&json!({"alg": "ES256", "typ": typ, "kid": "k1"}), &claims());
    for good in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(world.read(&typed(json!(good))).await, "permit", "{good}");
    }
    for bad in [
        "JWT",
        "oauth-id-jag+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "",
        "at+jwt2",
    ] {
        let found = world.read(&typed(json!(bad))).await;
        let of_it = match bad {
            "" => "it has none".to_owned(),
            _ => format!("it is `{}`", bad.to_lowercase()),
        };
        let expected = format!(
            "credential_invalid: `context.credentials[0]`: the token's type is not one that is accepted of its \
             issuer: {of_it}, and must be `at+jwt`"
        );
        assert_eq!(found, expected, "{bad}");
    }
    for other in [json!(7), json!(["at+jwt"]), Value::Null] {
        assert!(
            world
                .read(&typed(other))
                .await
                .contains("the token's header is not of its form")
        );
    }
    let untyped = key.sign(&json!({"alg": "ES256", "kid": "k1"}), &claims());
    assert!(
        world
            .read(&untyped)
            .await
            .contains("the token's type is not one")
    );
}

#[actix_web::test]
async fn a_key_comes_from_the_issuer_and_from_nowhere_else() {
    let (world, key, _web) = standard();
    let other = Key::new("k1");
    let forged = other.access_token(&claims());
    assert_eq!(
        world.read(&forged).await,
        "credential_invalid: `context.credentials[0]`: the token's signature is wrong"
    );
    let carried = other.sign(
        &json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1", "jwk": other.jwk(), "jku": "https://evil.example/jwks"}),
        &claims(),
    );
    assert!(
        world
            .read(&carried)
            .await
            .contains("the token's signature is wrong")
    );
    let critical = key.sign(
        &json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1", "crit": ["exp"]}),
        &claims(),
    );
    assert!(world.read(&critical).await.contains("has `crit`"));
    let nameless = key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims());
    assert_eq!(world.read(&nameless).await, "permit");
    // A name that is none is not the lack of one.
    let numbered = key.sign(
        &json!({"alg": "ES256", "typ": "at+jwt", "kid": 1}),
        &claims(),
    );
    assert!(
        world
            .read(&numbered)
            .await
            .contains("the token's header is not of its form")
    );
}

#[actix_web::test]
async fn what_is_no_token_is_refused() {
    let (world, key, _web) = standard();
    let token = key.access_token(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    let claims_twice =
        BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"{ISSUER}","iss":"{ISSUER}"}}"#));
    let huge = "a".repeat(MAX_TOKEN_BYTES + 1);
    for text in [
        "x",
        "..",
        ".",
        &huge,
        &format!("{token}."),
        &format!("{token}="),
        &format!("{}.{}", parts[0], parts[1]),
        &format!("{}.{}.", parts[0], parts[1]),
        &format!("{}.{claims_twice}.{}", parts[0], parts[2]),
        &format!("Bearer {token}"),
        &format!(" {token}"),
        &token[..token.len() - 1],
    ] {
        assert!(
            world.read(text).await.starts_with("credential_invalid: "),
            "{}",
            &text[..text.len().min(60)]
        );
    }
    for (text, expected) in [
        (
            format!("Bearer {token}"),
            "begins with the scheme `Bearer` of `Authorization`: send the token alone",
        ),
        (format!(" dpop  {token}"), "begins with the scheme `DPoP`"),
        (
            format!("{}.{claims_twice}.{}", parts[0], parts[2]),
            "has a member `iss` twice",
        ),
    ] {
        let found = world.read(&text).await;
        assert!(
            found.contains(expected) && !found.contains(parts[2]),
            "{found}"
        );
    }
}

#[actix_web::test]
async fn a_credential_is_of_its_form_or_denies() {
    let (world, key, _web) = standard();
    let token = key.access_token(&claims());
    for (credential, expected) in [
        (json!("token"), "the credential is no object"),
        (json!({}), "`type` is missing"),
        (json!({"type": "access_token"}), "`value` is missing"),
        (
            json!({"type": "token", "value": token}),
            "`type` is none of `access_token`, `id_token`, `jwt_svid`, `x509_svid`",
        ),
        (
            json!({"type": "access_token", "value": 7}),
            "`value` must be a string that is not empty",
        ),
        (
            json!({"type": "access_token", "value": token, "DPoP": {}}),
            "`DPoP` is no member of a credential",
        ),
        // What could be a part of a credential is not shown, however short.
        (
            json!({"type": "access_token", "value": token, "Q".repeat(60_000): 1}),
            NO_MEMBER,
        ),
        (
            json!({"type": "access_token", "value": token, token.as_str(): 1}),
            NO_MEMBER,
        ),
        (
            json!({"type": "access_token", "value": token, "s3cret": 1}),
            NO_MEMBER,
        ),
        (
            json!({"type": "access_token", "value": token, "tls": {"s3cret": 1}}),
            "a name of a member is not one of a credential's: `tls.certificate`",
        ),
        (
            json!({"type": "access_token", "value": token, "dpop": "x"}),
            "`dpop` must be an object, not a string",
        ),
        (
            json!({"type": "access_token", "value": token, "dpop": {}}),
            "`url` is missing",
        ),
        (
            json!({"type": "access_token", "value": token, "tls": {"cert": "x"}}),
            "`tls.cert` is no member of a credential",
        ),
        (
            json!({"type": "access_token", "value": token, "issuer": "https://other.example"}),
            "the token is of another issuer than `issuer` says",
        ),
    ] {
        let found = world
            .ask(&question("read", std::slice::from_ref(&credential)))
            .await;
        assert_eq!(
            found,
            format!("credential_invalid: `context.credentials[0]`: {expected}"),
            "{credential}"
        );
    }
    for credentials in [
        json!({}),
        json!("x"),
        json!([]),
        json!(vec![access(&token); 5]),
    ] {
        let mut body = question("read", &[]);
        body["context"]["credentials"] = credentials.clone();
        assert!(
            world.ask(&body).await.starts_with("chain_invalid: "),
            "{credentials}"
        );
    }
}

#[actix_web::test]
async fn a_shared_secret_verifies_its_own_tokens_alone() {
    let (secret, key) = (b"0123456789abcdef0123456789abcdef", Key::new("k1"));
    let web = publish(&key);
    let shared = Profile {
        trust: Trust::Secret(Secret::new(secret.to_vec())),
        ids: vec![("agent".into(), "local|".into())],
        client_type: "agent".into(),
        ..Preset::SharedSecret.profile("local")
    };
    let world = World::new(vec![profile(&web), shared], Vec::new());
    let claims = json!({"agentId": "dev-1", "role": "developer", "permissions": ["read"], "iat": NOW, "exp": NOW + 60});
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let token = sign_with_secret(secret, &header, &claims);
    let explanation = world.explain(&question("read", &[access(&token)])).await;
    assert_eq!(
        explanation["legs"][0]["principal"],
        json!({"type": "agent", "id": "local|dev-1"})
    );
    assert_eq!(world.read(&token).await, "permit");
    let other = sign_with_secret(b"another secret of the same length", &header, &claims);
    assert!(world.read(&other).await.contains("signature is wrong"));
    let mut named = claims.clone();
    named["iss"] = json!("local");
    assert!(
        world
            .read(&sign_with_secret(secret, &header, &named))
            .await
            .contains("issuer `local` is not configured")
    );
    named["iss"] = json!(ISSUER);
    assert!(
        world
            .read(&sign_with_secret(secret, &header, &named))
            .await
            .contains("algorithm is not one")
    );
    assert!(
        world
            .read(&key.sign(&json!({"alg": "ES256", "typ": "JWT"}), &claims))
            .await
            .contains("algorithm is not one")
    );
}
