//! Keys that are withdrawn while a request waits, or while an answer is kept.

use crate::world::{
    AUDIENCE, ISSUER, World, access, claims, claims_with, profile, publish, question,
};
use behest::evidence::{
    CallerScope, IntrospectionEndpoint, KeySource, Profile, SignedAnswers, Trust,
};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Settings};
use behest::model::EntityRef;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::{NOW_MS, Reply, post, send};
use support::tokens::Key;
use support::web::Web;

/// The audience of callers' tokens.
const OURS: &str = "https://pdp.example";

/// How long the issuer takes to say what an opaque token is.
const PAUSE: Duration = Duration::from_millis(300);

fn caller(name: &str, by: CallerCredential) -> Caller {
    Caller {
        name: name.to_owned(),
        by,
        permissions: [Permission::Decide, Permission::Admin]
            .into_iter()
            .collect(),
        require_actor: false,
        reasons: true,
        rate: None,
        credentials: CallerScope::default(),
    }
}

/// A service with two callers, `admin` by a key and `gateway` by a token of the issuer.
fn world(profile: Profile) -> World {
    let principal = EntityRef::new("agent", "gateway");
    let callers = vec![
        caller("admin", CallerCredential::Key(KeyHash::of(b"admin"))),
        caller(
            "gateway",
            CallerCredential::Token {
                issuer: ISSUER.to_owned(),
                principal,
            },
        ),
    ];
    let profile = Profile {
        caller_audiences: vec![OURS.into()],
        ..profile
    };
    World::with(
        vec![profile],
        Vec::new(),
        Settings {
            callers,
            ..Settings::default()
        },
    )
}

fn introspection(web: &Web, signed: Option<SignedAnswers>) -> IntrospectionEndpoint {
    let keep = Duration::from_mins(1);
    IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".into(),
        client_secret: None,
        keep,
        signed,
        carries_act: true,
    }
}

/// What the issuer says of an opaque token.
fn active() -> Value {
    let now = NOW_MS / 1_000;
    json!({"active": true, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE, "exp": now + 300})
}

async fn ask(world: &World, authorization: &str, credentials: &[Value]) -> Reply {
    let request = post(
        "/access/v1/evaluation",
        question("read", credentials).to_string(),
    );
    send(
        &world.server,
        request.insert_header(("Authorization", format!("Bearer {authorization}"))),
    )
    .await
}

/// The answer in one word, or why there is none.
fn outcome(reply: &Reply) -> String {
    let json = reply.json();
    let code = json["context"]["reason"]["code"]
        .as_str()
        .or_else(|| json["error"]["code"].as_str());
    if json["decision"] == true {
        "permit".to_owned()
    } else {
        code.unwrap_or(&reply.body).to_owned()
    }
}

/// Publishes these keys, and has them fetched at once.
async fn rotate(world: &World, web: &Web, keys: &[&Key]) {
    let set =
        json!({"keys": keys.iter().map(|key| key.published()).collect::<Vec<_>>()}).to_string();
    web.answer(move |_| (200, String::new(), set.clone()));
    let request =
        post("/admin/v1/keys/refresh", "").insert_header(("Authorization", "Bearer admin"));
    assert_eq!(send(&world.server, request).await.status, 200);
}

#[actix_web::test]
async fn an_answer_falls_with_the_keys_that_signed_it() {
    let (key, other) = (Key::new("k1"), Key::new("k2"));
    let keys = publish(&key);
    let header = json!({"alg": "ES256", "typ": "token-introspection+jwt", "kid": "k1"});
    let now = NOW_MS / 1_000;
    let claims = json!({"iss": ISSUER, "aud": "pdp", "iat": now, "token_introspection": active()});
    let answer = key.sign(&header, &claims);
    let jwt = "Content-Type: application/token-introspection+jwt\r\n";
    let web = Web::start(move |_| (200, jwt.to_owned(), answer.clone()));
    let signed = SignedAnswers {
        keys: KeySource::Jwks(keys.url.clone()),
        algorithms: vec![Algorithm::ES256],
    };
    let introspection = Some(introspection(&web, Some(signed)));
    let world = world(Profile {
        introspection,
        trust: Trust::Introspection,
        ..profile(&keys)
    });
    let opaque = [access("opaque")];
    for (published, expected, asked) in [
        (vec![&key], "permit", 1),
        (vec![&key], "permit", 1),
        (vec![&other, &key], "permit", 1),
        (vec![&other], "credential_invalid", 2),
        (vec![], "credential_invalid", 2),
    ] {
        rotate(&world, &keys, &published).await;
        assert_eq!(outcome(&ask(&world, "admin", &opaque).await), expected);
        assert_eq!(web.count(), asked);
    }
}

/// A token, and another whose issuer has to be asked; while it is, the keys of the first become
/// these. Returns what comes of a request with both by a caller with this token.
async fn meanwhile(
    authorization: impl Fn(&Key) -> String,
    published: impl Fn(&Key, &Key) -> Vec<Key>,
) -> String {
    let (key, other) = (Key::new("k1"), Key::new("k2"));
    let keys = publish(&key);
    let web = Web::start(|_| (200, String::new(), active().to_string()));
    web.set_pause(PAUSE);
    let world = world(Profile {
        introspection: Some(introspection(&web, None)),
        ..profile(&keys)
    });
    let credentials = [access(&key.access_token(&claims())), access("opaque")];
    let authorization = authorization(&key);
    let asked = ask(&world, &authorization, &credentials);
    let rotated = async {
        tokio::time::sleep(PAUSE / 3).await;
        let published = published(&key, &other);
        rotate(&world, &keys, &published.iter().collect::<Vec<_>>()).await;
    };
    let (reply, ()) = tokio::join!(asked, rotated);
    assert_eq!(web.count(), 1);
    outcome(&reply)
}

#[actix_web::test]
async fn a_credential_falls_with_its_keys_while_anothers_issuer_is_waited_for() {
    let admin = |_: &Key| "admin".to_owned();
    assert_eq!(meanwhile(admin, |key, _| vec![key.clone()]).await, "permit");
    assert_eq!(
        meanwhile(admin, |key, other| vec![other.clone(), key.clone()]).await,
        "permit"
    );
    assert_eq!(
        meanwhile(admin, |_, other| vec![other.clone()]).await,
        "credential_invalid"
    );
    assert_eq!(
        meanwhile(admin, |_, _| Vec::new()).await,
        "credential_invalid"
    );
}

#[actix_web::test]
async fn a_caller_falls_with_its_keys_while_a_credentials_issuer_is_waited_for() {
    let own = json!({"sub": "gateway", "client_id": "gateway", "aud": OURS});
    let token = |key: &Key| key.access_token(&claims_with(&own));
    assert_eq!(
        meanwhile(token, |key, other| vec![other.clone(), key.clone()]).await,
        "permit"
    );
    // Whoever comes again comes with what its issuer vouches for now.
    assert_eq!(
        meanwhile(token, |_, other| vec![other.clone()]).await,
        "caller_unverified"
    );
}
