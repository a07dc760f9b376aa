//! Keys and issuers that are withdrawn while a request waits, or while an answer is kept.

use crate::world::{
    AUDIENCE, ISSUER, World, access, claims, claims_with, profile, publish, question,
};
use behest::evidence::{
    CallerScope, HttpClient, IntrospectionEndpoint, KeySource, Profile, SignedAnswers, Trust,
};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Settings};
use behest::model::EntityRef;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::sync::Arc;
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
        caller("admin", CallerCredential::key(KeyHash::of(b"admin"))),
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

/// Lets these issuers take the place of those of before, as settings that are read again do.
fn renew(world: &World, profiles: Vec<Profile>) {
    let before = world.server.settings();
    let verifier = if profiles.is_empty() {
        None
    } else {
        let client = || HttpClient::new(None).unwrap();
        let profiles = profiles.into_iter().map(|profile| (profile, client()));
        let known = before.verifier.as_ref().unwrap();
        let verifier = known.renew(profiles.collect(), Vec::new());
        Some(Arc::new(verifier.unwrap()))
    };
    world.server.renew(Settings {
        verifier,
        ..Settings::clone(&before)
    });
}

fn with_callers(profile: Profile) -> Profile {
    Profile {
        caller_audiences: vec![OURS.into()],
        ..profile
    }
}

/// What comes of a request whose credentials are read by one issuer's settings, while they become
/// these.
async fn while_settings_change(
    authorization: impl Fn(&Key) -> String,
    opaque_alone: bool,
    change: impl Fn(Profile) -> Vec<Profile>,
) -> String {
    let key = Key::new("k1");
    let keys = publish(&key);
    let web = Web::start(|_| (200, String::new(), active().to_string()));
    web.set_pause(PAUSE);
    let profile = Profile {
        introspection: Some(introspection(&web, None)),
        ..profile(&keys)
    };
    let world = world(profile.clone());
    let mut credentials = vec![access("opaque")];
    if !opaque_alone {
        credentials.insert(0, access(&key.access_token(&claims())));
    }
    let authorization = authorization(&key);
    let asked = ask(&world, &authorization, &credentials);
    let changed = async {
        tokio::time::sleep(PAUSE / 3).await;
        renew(&world, change(with_callers(profile.clone())));
    };
    let (reply, ()) = tokio::join!(asked, changed);
    outcome(&reply)
}

#[actix_web::test]
async fn what_an_issuer_proved_falls_with_its_settings() {
    let own = json!({"sub": "gateway", "client_id": "gateway", "aud": OURS});
    let token = |key: &Key| key.access_token(&claims_with(&own));
    let admin = |_: &Key| "admin".to_owned();
    let same = |profile: Profile| vec![profile];
    let narrower = |profile: Profile| {
        vec![Profile {
            longest_life: Duration::from_secs(1),
            ..profile
        }]
    };
    let another = |profile: Profile| {
        let same = profile.clone();
        let issuer = "https://another.example".into();
        let ids = ["user", "agent"].map(|kind| (kind.into(), "another|".into()));
        let caller_audiences = vec!["https://other.example".into()];
        let another = Profile {
            issuer,
            ids: ids.to_vec(),
            caller_audiences,
            introspection: None,
            ..profile
        };
        vec![another, same]
    };
    for alone in [false, true] {
        assert_eq!(while_settings_change(admin, alone, same).await, "permit");
        assert_eq!(while_settings_change(admin, alone, another).await, "permit");
        let changed = while_settings_change(admin, alone, narrower).await;
        assert_eq!(changed, "credential_invalid");
        let gone = while_settings_change(admin, alone, |_| Vec::new()).await;
        assert_eq!(gone, "credential_invalid");
    }
    assert_eq!(while_settings_change(token, true, same).await, "permit");
    let gone = while_settings_change(token, true, |_| Vec::new()).await;
    assert_eq!(gone, "caller_unverified");
}

/// An issuer that changes in the settings may be out of reach just then: what it published last is
/// used as before. One that is new has to be asked.
#[actix_web::test]
async fn an_issuer_that_changes_keeps_its_keys_and_no_other_gets_them() {
    let key = Key::new("k1");
    let keys = publish(&key);
    let world = world(profile(&keys));
    let token = [access(&key.access_token(&claims()))];
    assert_eq!(outcome(&ask(&world, "admin", &token).await), "permit");
    keys.answer(|_| (500, String::new(), String::new()));
    let changed = Profile {
        leeway: Duration::from_secs(7),
        ..with_callers(profile(&keys))
    };
    renew(&world, vec![changed.clone()]);
    assert_eq!(outcome(&ask(&world, "admin", &token).await), "permit");
    let elsewhere = Web::start(|_| (500, String::new(), String::new()));
    let moved = Profile {
        caller_audiences: vec![OURS.into()],
        ..profile(&elsewhere)
    };
    renew(&world, vec![moved]);
    let found = outcome(&ask(&world, "admin", &token).await);
    assert_eq!(found, "credential_unavailable");
}

/// A proof that was used stays used, whatever becomes of the settings.
#[actix_web::test]
async fn proofs_are_remembered_across_settings() {
    let (key, holder) = (Key::new("k1"), Key::new(""));
    let keys = publish(&key);
    let world = world(profile(&keys));
    let token = key.access_token(&claims_with(&json!({"cnf": {"jkt": holder.thumbprint()}})));
    let url = "https://api.example/tools";
    let claims = json!({"htm": "POST", "htu": url, "iat": NOW_MS / 1_000, "jti": "p"});
    let proof = holder.proof(&token, &claims);
    let bound = [json!({
        "type": "access_token",
        "value": token,
        "dpop": {"proof": proof, "method": "POST", "url": url},
    })];
    assert_eq!(outcome(&ask(&world, "admin", &bound).await), "permit");
    let changed = Profile {
        leeway: Duration::from_secs(7),
        ..with_callers(profile(&keys))
    };
    renew(&world, vec![changed]);
    assert_eq!(
        outcome(&ask(&world, "admin", &bound).await),
        "proof_invalid"
    );
}
