//! Which tokens are read: what is a JWT to its issuer is never taken for one that says nothing.

use crate::world::{AUDIENCE, ISSUER, World, claims, claims_with, profile, question};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use behest::evidence::{CallerScope, IntrospectionEndpoint, Profile, Trust};
use behest::http::{Caller, CallerCredential, Permission, Settings};
use behest::model::EntityRef;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::{NOW_MS, post, send};
use support::tokens::{Key, with};
use support::web::Web;

const OURS: &str = "https://pdp.example";

/// A service that asks an issuer about every token, and is told of alice without anybody who acts.
fn world() -> (World, Web) {
    let answer = json!({
        "active": true, "iss": ISSUER, "sub": "alice", "aud": [AUDIENCE, OURS], "client_id": "web", "scope": "read",
        "exp": NOW_MS / 1_000 + 300,
    });
    let web = Web::start(move |_| (200, String::new(), answer.to_string()));
    let introspection = Some(IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: true,
    });
    let asked = Profile {
        trust: Trust::Introspection,
        introspection,
        caller_audiences: vec![OURS.into()],
        ..profile(&web)
    };
    let principal = EntityRef::new("user", "alice");
    let caller = Caller {
        name: "alice".to_owned(),
        by: CallerCredential::Token {
            issuer: ISSUER.to_owned(),
            principal,
        },
        permissions: [Permission::Decide].into_iter().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let settings = Settings {
        callers: vec![caller],
        anonymous: Settings::default().anonymous,
        ..Settings::default()
    };
    (World::with(vec![asked], Vec::new(), settings), web)
}

/// The status of a call with this token.
async fn call(world: &World, token: &str) -> u16 {
    let body = json!({
        "subject": {"type": "user", "id": "alice"}, "action": {"name": "look"}, "resource": {"type": "doc", "id": "d"},
    });
    let request = post("/access/v1/evaluation", body.to_string());
    send(
        &world.server,
        request.insert_header(("Authorization", format!("Bearer {token}"))),
    )
    .await
    .status
    .as_u16()
}

/// What becomes of a request with this token in it, asked by a caller with a good one.
async fn ask(world: &World, token: &str) -> String {
    let mut body = question("read", &[json!({"type": "access_token", "value": token})]);
    body["options"] = json!({"reason": true});
    let request = post("/access/v1/evaluation", body.to_string());
    let reply = send(
        &world.server,
        request.insert_header(("Authorization", "Bearer opaque")),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    match answer["decision"].as_bool() {
        Some(true) => "permit".to_owned(),
        _ => answer["context"]["reason"]["message"]
            .as_str()
            .unwrap()
            .to_owned(),
    }
}

#[actix_web::test]
async fn a_jwt_is_read_or_refused_and_never_overlooked() {
    let (world, _web) = world();
    let key = Key::new("k1");
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"});
    let agents =
        claims_with(&json!({"act": {"sub": "evil"}, "scope": "read", "aud": [AUDIENCE, OURS]}));
    let plain = key.sign(&header, &agents);
    let large = key.sign(
        &with(&header, &json!({"x5c": ["A".repeat(4_200)]})),
        &agents,
    );
    let (first, rest) = plain.split_once('.').unwrap();
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(first).unwrap();
    let recoded = |text: Vec<u8>| format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(text));
    let deep = with(
        &agents,
        &json!({"x": (0..30).fold(json!(1), |inner, _| json!([inner]))}),
    );
    for (token, why) in [
        (plain.clone(), "the token has `act`"),
        (large, "the token's header is larger than 4096 bytes"),
        (format!(" {plain}"), "white space"),
        (format!("{plain}\n"), "white space"),
        (format!("\u{a0}{plain}"), "white space"),
        (plain.replacen('.', ". ", 1), "white space"),
        (format!("{first}=.{rest}"), "no JWT"),
        (
            format!(
                "{}.{rest}",
                BASE64_STANDARD.encode(format!(" {}", String::from_utf8_lossy(&decoded)))
            ),
            "the token ",
        ),
        (format!("!{plain}"), "no JWT"),
        (
            recoded([b"\xef\xbb\xbf", decoded.as_slice()].concat()),
            "no JWT",
        ),
        (
            recoded([b"\r\n", decoded.as_slice()].concat()),
            "the token has `act`",
        ),
        (format!("{plain}."), "no JWT"),
        (format!("{plain}.x.y"), "no JWT"),
        (plain.rsplit_once('.').unwrap().0.to_owned(), "no JWT"),
        (key.sign(&header, &deep), "no JWT"),
    ] {
        let found = ask(&world, &token).await;
        assert!(found.contains(why), "{why}: {found}");
        if !token.contains(['\n', '\u{a0}']) {
            assert_eq!(call(&world, &token).await, 401, "{why}");
        }
    }
    // What says nothing has dots where its issuer likes them.
    for token in ["opaque", "a.b.c", "ya29.a0AfH6SMBx.x", "e.f.g", "..", "eyJ"] {
        assert_eq!(ask(&world, token).await, "permit", "{token}");
        assert_eq!(call(&world, token).await, 200, "{token}");
    }
    // A token that is encrypted says nothing either.
    let encrypted = BASE64_URL_SAFE_NO_PAD.encode(br#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    assert_eq!(ask(&world, &format!("{encrypted}.a.b.c.d")).await, "permit");
}

#[actix_web::test]
async fn a_claim_that_narrows_is_spelled_as_it_is_or_refused() {
    let (world, key, _web) = crate::world::standard();
    for (over, why) in [
        (json!({"Act": {"sub": "evil"}}), "spelled like `act`"),
        (json!({"ACT": 7}), "spelled like `act`"),
        (json!({"CNF": {"jkt": "x"}}), "spelled like `cnf`"),
        (
            json!({"Authorization_Details": []}),
            "spelled like `authorization_details`",
        ),
        (json!({"Nbf": 1}), "spelled like `nbf`"),
        (json!({"n_bf": 1}), "spelled like `nbf`"),
        (json!({"Exp": 1}), "spelled like `exp`"),
        (
            json!({"AUD": "https://other.example"}),
            "spelled like `aud`",
        ),
        (json!({"i-at": 1}), "spelled like `iat`"),
        (
            json!({"ISS": "https://other.example"}),
            "spelled like `iss`",
        ),
        (
            json!({"token_type": "DPoP"}),
            "bound to a key, and not to which",
        ),
        (json!({"typ": "dpop"}), "bound to a key, and not to which"),
        (json!({"token_type": "Bearer", "actor": "x"}), "permit"),
    ] {
        let found = world.read(&key.access_token(&claims_with(&over))).await;
        assert!(found.contains(why), "{over}: {found}");
    }
}

#[actix_web::test]
async fn a_certificate_beside_a_token_is_one() {
    let (world, key, _web) = crate::world::standard();
    let ask = async |certificate: &str| {
        let token = key.access_token(&claims());
        let credential: Value =
            json!({"type": "access_token", "value": token, "tls": {"certificate": certificate}});
        world.ask(&question("read", &[credential])).await
    };
    let found = ask("????").await;
    assert!(
        found.starts_with("proof_invalid: ") && found.contains("`tls.certificate` is no"),
        "{found}"
    );
    let pem = rcgen::generate_simple_self_signed(["a.example".to_owned()])
        .unwrap()
        .cert
        .pem();
    assert_eq!(ask(&pem).await, "permit");
}
