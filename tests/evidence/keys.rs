//! Keys of issuers: discovery, rotation, outages, and what a flood of unknown names costs.

use crate::world::{
    ISSUER, World, access, claims, claims_with, profile, publish, question, standard,
};
use behest::evidence::{CallerScope, KeySource, Profile, Trust};
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Settings};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use support::service::{Reply, post, send};
use support::tokens::{Key, with};
use support::web::{Asked, Web};

fn by(source: KeySource, web: &Web) -> Profile {
    Profile {
        trust: Trust::Keys {
            source,
            algorithms: vec![Algorithm::ES256],
        },
        ..profile(web)
    }
}

#[actix_web::test]
async fn a_rotated_key_is_found_and_no_request_fails() {
    let (world, old, web) = standard();
    let before = old.access_token(&claims());
    assert_eq!(world.read(&before).await, "permit");
    let new = Key::new("k2");
    let set = json!({"keys": [old.published(), new.published()]}).to_string();
    web.answer(move |_| (200, String::new(), set.clone()));
    assert_eq!(world.read(&new.access_token(&claims())).await, "permit");
    assert_eq!(world.read(&before).await, "permit");
    assert_eq!(web.count(), 2);
}

#[actix_web::test]
async fn a_withdrawn_key_verifies_nothing_not_even_what_it_verified_before() {
    let (world, old, web) = standard();
    let before = old.access_token(&claims());
    assert_eq!(world.read(&before).await, "permit");
    let new = Key::new("k2");
    let set = json!({"keys": [new.published()]}).to_string();
    web.answer(move |_| (200, String::new(), set.clone()));
    assert_eq!(world.read(&new.access_token(&claims())).await, "permit");
    world.wait_ms(10_000);
    assert!(
        world
            .read(&before)
            .await
            .contains("a key that its issuer does not publish")
    );
}

#[actix_web::test]
async fn a_flood_of_unknown_names_asks_the_issuer_six_times_and_then_once_in_ten_seconds() {
    let (world, key, web) = standard();
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
    for at in 0..20 {
        let stranger = Key::new(&format!("x{at}"));
        assert!(
            world
                .read(&stranger.access_token(&claims()))
                .await
                .contains("a key that its issuer does not publish")
        );
    }
    assert_eq!(web.count(), 7);
    world.wait_ms(9_999);
    world.read(&Key::new("y").access_token(&claims())).await;
    assert_eq!(web.count(), 7);
    world.wait_ms(1);
    world.read(&Key::new("y").access_token(&claims())).await;
    assert_eq!(web.count(), 8);
    // Nor does a clock that somebody sets fill the budget.
    world.clock.correct(support::service::NOW_MS + 86_400_000);
    world.read(&Key::new("y").access_token(&claims())).await;
    world.clock.correct(support::service::NOW_MS);
    assert_eq!(web.count(), 8);
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
}

#[actix_web::test]
async fn the_last_good_keys_are_used_for_an_hour_more_and_then_nothing_verifies() {
    let (world, key, web) = standard();
    let now = support::service::NOW_MS / 1_000;
    let token = key.access_token(&claims_with(&json!({"exp": now + 6 * 3600})));
    assert_eq!(world.read(&token).await, "permit");
    web.set_down(true);
    // Five minutes where the issuer does not say how long, and an hour.
    world.wait_ms(65 * 60 * 1_000 - 1);
    assert_eq!(world.read(&token).await, "permit");
    world.wait_ms(1);
    let found = world.read(&token).await;
    assert!(found.starts_with("credential_unavailable: "), "{found}");
    web.set_down(false);
    world.wait_ms(10_000);
    assert_eq!(world.read(&token).await, "permit");
}

/// A key ends when its issuer has said so, whether the issuer answers then or not, and whatever
/// somebody does to the clock.
#[actix_web::test]
async fn a_key_ends_while_its_issuer_is_out_of_reach() {
    let (one, other) = (Key::new("k1"), Key::new("k2"));
    let ending = support::tokens::with(
        &one.published(),
        &json!({"exp": support::service::NOW_MS / 1_000 + 5}),
    );
    let set = json!({"keys": [ending, other.published()]}).to_string();
    let web = Web::start(move |_| (200, String::new(), set.clone()));
    let world = World::new(vec![profile(&web)], Vec::new());
    let fresh = |key: &Key, jti: &str| key.access_token(&claims_with(&json!({"jti": jti})));
    let token = fresh(&one, "t1");
    assert_eq!(world.read(&token).await, "permit");
    web.set_down(true);
    world.wait_ms(4_999);
    assert_eq!(world.read(&token).await, "permit");
    world.wait_ms(1);
    for token in [&token, &fresh(&one, "t2")] {
        let found = world.read(token).await;
        assert!(found.starts_with("credential_unavailable: "), "{found}");
    }
    world.clock.correct(support::service::NOW_MS);
    for token in [&token, &fresh(&one, "t3")] {
        let found = world.read(token).await;
        assert!(found.starts_with("credential_"), "{found}");
    }
    assert_eq!(world.read(&fresh(&other, "t4")).await, "permit");
}

#[actix_web::test]
async fn a_key_that_cannot_be_fetched_now_is_no_wrong_one() {
    let (world, key, web) = standard();
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
    let rotated = Key::new("k2");
    web.set_down(true);
    world.wait_ms(10_000);
    let found = world.read(&rotated.access_token(&claims())).await;
    assert!(found.starts_with("credential_unavailable: "), "{found}");
    // Another's key under a known name stays wrong, whether the issuer answers or not.
    let found = world.read(&Key::new("k1").access_token(&claims())).await;
    assert!(found.starts_with("credential_invalid: "), "{found}");
    web.set_down(false);
    world.wait_ms(10_000);
    let found = world.read(&rotated.access_token(&claims())).await;
    assert!(found.starts_with("credential_invalid: "), "{found}");
}

#[actix_web::test]
async fn keys_that_are_rotated_twice_in_a_row_are_followed() {
    let (world, first, web) = standard();
    assert_eq!(world.read(&first.access_token(&claims())).await, "permit");
    for kid in ["k2", "k3", "k4"] {
        let key = Key::new(kid);
        let set = json!({"keys": [key.published()]}).to_string();
        web.answer(move |_| (200, String::new(), set.clone()));
        assert_eq!(
            world.read(&key.access_token(&claims())).await,
            "permit",
            "{kid}"
        );
    }
}

#[actix_web::test]
async fn keys_last_no_longer_because_the_clock_is_set_back() {
    let (world, key, web) = standard();
    let token = key.access_token(&claims());
    assert_eq!(world.read(&token).await, "permit");
    web.set_down(true);
    world.wait_ms(65 * 60 * 1_000);
    world.clock.correct(support::service::NOW_MS);
    let found = world.read(&token).await;
    assert!(found.starts_with("credential_unavailable: "), "{found}");
}

#[actix_web::test]
async fn keys_that_are_withdrawn_verify_nothing_whatever_is_left() {
    let other = Key::new("k2");
    for left in [
        json!([]),
        json!([other.published()]),
        json!([{"kty": "oct", "k": "AAAA", "kid": "z"}]),
    ] {
        let (world, key, web) = standard();
        let token = key.access_token(&claims());
        assert_eq!(world.read(&token).await, "permit");
        let set = json!({"keys": left}).to_string();
        web.answer(move |_| (200, String::new(), set.clone()));
        // Somebody's token makes the service look.
        world.read(&Key::new("z").access_token(&claims())).await;
        let found = world.read(&token).await;
        assert!(
            found.contains("a key that its issuer does not publish"),
            "{left}: {found}"
        );
        // An issuer that is out of reach then brings nothing back: all that is not known any more
        // is whether it has published the key again.
        web.set_down(true);
        world.wait_ms(60_000);
        let found = world.read(&token).await;
        assert!(found.starts_with("credential_unavailable: "), "{found}");
    }
}

#[actix_web::test]
async fn a_key_is_tried_where_it_fits() {
    let (one, two, stranger) = (Key::new("k1"), Key::new("k1"), Key::new("k1"));
    let named = |key: &Key, over: Value| with(&key.published(), &over);
    let mut bare = one.published();
    for name in ["use", "alg", "key_ops"] {
        bare[name] = json!(null);
    }
    let unnamed = |key: &Key| key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims());
    let many: Vec<Value> = (0..9)
        .map(|at| Key::new(&format!("m{at}")).published())
        .collect();
    let none = "none of the 2 keys of its issuer that fit signed it";
    for (published, token, expected) in [
        (
            json!([one.published(), one.published()]),
            one.access_token(&claims()),
            "permit",
        ),
        (
            json!([two.published(), one.published()]),
            one.access_token(&claims()),
            "permit",
        ),
        (
            json!([two.published(), one.published()]),
            two.access_token(&claims()),
            "permit",
        ),
        (
            json!([two.published(), one.published()]),
            stranger.access_token(&claims()),
            "the token's signature is wrong",
        ),
        (json!([bare]), one.access_token(&claims()), "permit"),
        (
            json!([named(&one, json!({"revoked": {"revoked_at": 1}}))]),
            one.access_token(&claims()),
            "a key that its issuer does not publish",
        ),
        (
            json!([named(
                &one,
                json!({"exp": support::service::NOW_MS / 1_000})
            )]),
            one.access_token(&claims()),
            "a key that its issuer does not publish",
        ),
        (
            json!([named(
                &one,
                json!({"exp": support::service::NOW_MS / 1_000 + 60})
            )]),
            one.access_token(&claims()),
            "permit",
        ),
        (
            json!([named(&two, json!({"kid": "k2"})), one.published()]),
            unnamed(&one),
            "permit",
        ),
        (
            json!([named(&two, json!({"kid": null})), one.published()]),
            unnamed(&two),
            "permit",
        ),
        (
            json!([named(&two, json!({"kid": "k2"})), one.published()]),
            unnamed(&stranger),
            none,
        ),
        (
            json!([one.published()]),
            unnamed(&stranger),
            "the token's signature is wrong",
        ),
        (
            json!(many),
            unnamed(&stranger),
            "publishes 9 that fit, and none of the 8 that were tried signed it",
        ),
        (
            json!([]),
            unnamed(&stranger),
            "publishes none for its algorithm",
        ),
    ] {
        let set = json!({"keys": published}).to_string();
        let web = Web::start(move |_| (200, String::new(), set.clone()));
        let found = World::new(vec![profile(&web)], Vec::new())
            .read(&token)
            .await;
        assert!(found.contains(expected), "{published}: {found}");
    }
}

#[actix_web::test]
async fn an_algorithm_may_have_its_curve_in_the_name() {
    let key = Key::ed25519("k1");
    for of_key in [json!(null), json!("EdDSA"), json!("Ed25519")] {
        let set = json!({"keys": [with(&key.published(), &json!({"alg": of_key}))]}).to_string();
        let web = Web::start(move |_| (200, String::new(), set.clone()));
        let trust = Trust::Keys {
            source: KeySource::Jwks(web.url.clone()),
            algorithms: vec![Algorithm::EdDSA],
        };
        let world = World::new(
            vec![Profile {
                trust,
                ..profile(&web)
            }],
            Vec::new(),
        );
        for alg in ["EdDSA", "Ed25519"] {
            let token = key.sign(
                &json!({"alg": alg, "typ": "at+jwt", "kid": "k1"}),
                &claims(),
            );
            assert_eq!(world.read(&token).await, "permit", "{alg} by {of_key}");
        }
        let token = key.sign(
            &json!({"alg": "Ed448", "typ": "at+jwt", "kid": "k1"}),
            &claims(),
        );
        assert!(world.read(&token).await.contains("algorithm"));
    }
}

/// A service with an administrator, whose issuer is there.
fn administered(web: &Web) -> World {
    let caller = |name: &str, permission| Caller {
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(name.as_bytes())),
        permissions: [Permission::Decide, permission].into_iter().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let callers = vec![
        caller("admin", Permission::Admin),
        caller("other", Permission::RelationsWrite),
    ];
    World::with(
        vec![profile(web)],
        Vec::new(),
        Settings {
            callers,
            ..Settings::default()
        },
    )
}

async fn refresh(world: &World, key: &str) -> Reply {
    let request = post("/admin/v1/keys/refresh", "")
        .insert_header(("Authorization", format!("Bearer {key}")));
    send(&world.server, request).await
}

#[actix_web::test]
async fn an_administrator_makes_a_withdrawal_count_at_once() {
    let (old, new) = (Key::new("k1"), Key::new("k2"));
    let web = publish(&old);
    let world = administered(&web);
    let token = old.access_token(&claims());
    let read = async || {
        let body = question("read", &[access(&token)]).to_string();
        let request =
            post("/access/v1/evaluation", body).insert_header(("Authorization", "Bearer other"));
        send(&world.server, request).await.json()["decision"].clone()
    };
    assert_eq!(read().await, true);
    let answer = |keys: usize, added: Value, removed: Value| json!({"issuers": [{"issuer": ISSUER, "keys": keys, "added": added, "removed": removed}]});
    assert_eq!(
        refresh(&world, "admin").await.json(),
        answer(1, json!([]), json!([]))
    );
    for (set, expected, decision) in [
        (
            json!([new.published(), old.published()]),
            answer(2, json!(["k2"]), json!([])),
            true,
        ),
        (
            json!([new.published()]),
            answer(1, json!([]), json!(["k1"])),
            false,
        ),
        (json!([]), answer(0, json!([]), json!(["k2"])), false),
        (
            json!([old.published()]),
            answer(1, json!(["k1"]), json!([])),
            true,
        ),
    ] {
        let set = json!({"keys": set}).to_string();
        web.answer(move |_| (200, String::new(), set.clone()));
        let reply = refresh(&world, "admin").await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, expected));
        assert_eq!(read().await, decision);
    }
    // What cannot be fetched leaves the last keys, and says so.
    web.set_down(true);
    let failed = refresh(&world, "admin").await.json();
    assert!(
        failed["issuers"][0]["error"]
            .as_str()
            .unwrap()
            .contains("does not answer"),
        "{failed}"
    );
    assert_eq!(read().await, true);
    assert_eq!(refresh(&world, "other").await.status, 403);
    assert_eq!(refresh(&world, "wrong").await.status, 401);
    let unnamed = send(&world.server, post("/admin/v1/keys/refresh", "")).await;
    assert_eq!(unnamed.status, 401);
}

#[actix_web::test]
async fn keys_that_are_of_no_form_leave_the_last_good_ones() {
    let (world, key, web) = standard();
    let token = key.access_token(&claims());
    assert_eq!(world.read(&token).await, "permit");
    let mut since = web.count();
    let large = " ".repeat(600 * 1024);
    for (status, body) in [
        (202, "{\"keys\":[]}"),
        (200, "# busy"),
        (200, "\"x\""),
        (200, "<html>{\"keys\":[]}"),
        (200, "busy"),
        (200, &large),
        (404, "{}"),
        (503, "{}"),
    ] {
        let body = body.to_owned();
        web.answer(move |_| (status, String::new(), body.clone()));
        world.wait_ms(10_000);
        world.read(&Key::new("z").access_token(&claims())).await;
        assert_eq!(web.count(), since + 1);
        since = web.count();
        assert_eq!(world.read(&token).await, "permit");
    }
}

#[actix_web::test]
async fn an_answer_without_a_key_withdraws_it_whatever_its_form() {
    let key = Key::new("k1");
    let token = key.access_token(&claims());
    let own = key.published().to_string();
    let twice = own.replacen('{', "{\"kid\":\"k1\",", 1);
    let others = |count: usize| {
        let one = Key::new("x").published();
        (0..count)
            .map(|_| one.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let padding = " ".repeat(600 * 1024);
    for (status, body, told) in [
        (200, "{\"keys\":null}".to_owned(), "no array"),
        (200, "{\"keys\":{}}".to_owned(), "no array"),
        (200, "{}".to_owned(), "no `keys`"),
        (200, "[]".to_owned(), "an array"),
        (200, "null".to_owned(), "`null`"),
        (200, "false".to_owned(), "`false`"),
        (200, "0".to_owned(), "`0`"),
        (200, "\"\"".to_owned(), "an empty text"),
        (200, "\0".to_owned(), "empty"),
        (203, "{}".to_owned(), "no `keys`"),
        (206, "// none\n{}".to_owned(), "no `keys`"),
        (200, String::new(), "empty"),
        (204, String::new(), "empty"),
        (410, "gone".to_owned(), "gone (410)"),
        (
            200,
            format!("{{\"keys\":[{twice}]}}"),
            "1 of its keys cannot be read",
        ),
        (
            200,
            format!("{{\"keys\":[{}]}}", others(101)),
            "publishes 101 keys",
        ),
        // What stands beyond the limit is no key, and neither is what stands behind damage.
        (
            200,
            format!("{{\"keys\":[{},{own}]}}", others(100)),
            "publishes 101 keys",
        ),
        (200, format!("{{\"keys\":[{padding}{own}]}}"), "too large"),
        (200, format!("{{\"keys\":[7,x,{own}]}}"), "damaged"),
        (
            200,
            format!("{{\"keys\":[{own}],\"keys\":[{own}]}}"),
            "twice",
        ),
    ] {
        let web = publish(&key);
        let world = administered(&web);
        let read = async || {
            let body = question("read", &[access(&token)]).to_string();
            let request = post("/access/v1/evaluation", body)
                .insert_header(("Authorization", "Bearer other"));
            send(&world.server, request).await.json()["decision"].clone()
        };
        assert_eq!(read().await, true);
        let short = body.chars().take(60).collect::<String>();
        web.answer(move |_| (status, String::new(), body.clone()));
        let refreshed = refresh(&world, "admin").await.json()["issuers"][0].clone();
        assert_eq!(refreshed["removed"], json!(["k1"]), "{short}: {refreshed}");
        assert!(
            refreshed["error"].as_str().unwrap().contains(told),
            "{short}: {refreshed}"
        );
        assert_eq!(read().await, false, "{short}");
        // What comes whole again counts again.
        let set = json!({"keys": [key.published()]}).to_string();
        web.answer(move |_| (200, String::new(), set.clone()));
        let refreshed = refresh(&world, "admin").await.json()["issuers"][0].clone();
        assert_eq!(
            (&refreshed["added"], &refreshed["error"]),
            (&json!(["k1"]), &Value::Null)
        );
        assert_eq!(read().await, true, "{short}");
    }
}

#[actix_web::test]
async fn keys_that_can_be_read_verify_beside_those_that_cannot() {
    let key = Key::new("k1");
    let own = key.published().to_string();
    let padding = " ".repeat(600 * 1024);
    for body in [
        format!("{{\"keys\":[{{\"kid\":\"a\",\"kid\":\"b\"}},7,{own}]}}"),
        format!("{{\"keys\":[{own}],\"x\":\"{padding}\"}}"),
        format!("{{\"keys\":[{own},x"),
        format!("\u{feff}{{\"keys\":[{own}]}}"),
    ] {
        let web = Web::start(move |_| (200, String::new(), body.clone()));
        assert_eq!(
            World::new(vec![profile(&web)], Vec::new())
                .read(&key.access_token(&claims()))
                .await,
            "permit"
        );
    }
}

#[actix_web::test]
async fn an_issuer_is_discovered_and_must_be_itself() {
    let key = Key::new("k1");
    let set = json!({"keys": [key.published()]}).to_string();
    for (metadata, good) in [
        (json!({"issuer": "SELF", "jwks_uri": "SELF/keys"}), true),
        (
            json!({"issuer": "https://other.example", "jwks_uri": "SELF/keys"}),
            false,
        ),
        (json!({"issuer": "SELF"}), false),
        (
            json!({"issuer": "SELF", "jwks_uri": "http://other.example/keys"}),
            false,
        ),
        (json!([]), false),
    ] {
        let metadata = metadata.to_string();
        let web = Web::start(|_| (404, String::new(), String::new()));
        let (url, set) = (web.url.clone(), set.clone());
        web.answer(move |asked: &Asked| match asked.path.as_str() {
            "/.well-known/openid-configuration" => {
                (200, String::new(), metadata.replace("SELF", &url))
            }
            "/keys" => (200, String::new(), set.clone()),
            _ => (404, String::new(), String::new()),
        });
        let issuer = Profile {
            issuer: web.url.as_str().into(),
            ..by(KeySource::Discovery(web.url.clone()), &web)
        };
        let world = World::new(vec![issuer], Vec::new());
        let found = world
            .read(&key.access_token(&claims_with(&json!({"iss": web.url}))))
            .await;
        assert_eq!(found == "permit", good, "{found}");
        assert!(
            good || found.starts_with("credential_unavailable: "),
            "{found}"
        );
    }
}

#[actix_web::test]
async fn keys_stand_in_a_file() {
    let key = Key::new("k1");
    let web = publish(&key);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, json!({"keys": [key.published()]}).to_string()).unwrap();
    let world = World::new(vec![by(KeySource::File(path.clone()), &web)], Vec::new());
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
    let new = Key::new("k2");
    std::fs::write(&path, json!({"keys": [new.published()]}).to_string()).unwrap();
    world.wait_ms(10_000);
    assert_eq!(world.read(&new.access_token(&claims())).await, "permit");
    // An empty file withdraws them, and so does one that is gone.
    let looked = async || {
        world.wait_ms(10_000);
        world.read(&Key::new("z").access_token(&claims())).await;
    };
    for text in [Some(""), Some("# none\n"), Some("\0"), Some("none"), None] {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        looked().await;
        if text == Some("none") {
            // Somebody may be writing it. If it stays, it is meant.
            assert_eq!(world.read(&new.access_token(&claims())).await, "permit");
            looked().await;
        }
        assert!(
            world
                .read(&new.access_token(&claims()))
                .await
                .contains("does not publish"),
            "{text:?}"
        );
        std::fs::write(&path, json!({"keys": [new.published()]}).to_string()).unwrap();
        world.wait_ms(10_000);
        assert_eq!(world.read(&new.access_token(&claims())).await, "permit");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    looked().await;
    let found = world.read(&new.access_token(&claims())).await;
    assert!(found.contains("does not publish"), "{found}");
    assert_eq!(web.count(), 0);
}

#[actix_web::test]
async fn metadata_that_name_no_keys_withdraw_them() {
    let key = Key::new("k1");
    let set = json!({"keys": [key.published()]}).to_string();
    let good = r#"{"issuer":"SELF","jwks_uri":"SELF/keys"}"#;
    for (metadata, is_withdrawn) in [
        ("{}", true),
        ("null", true),
        ("[]", true),
        ("", true),
        (r#"{"issuer":"SELF"}"#, true),
        (r#"{"issuer":"SELF","jwks_uri":""}"#, true),
        (r#"{"issuer":"SELF","jwks_uri":[]}"#, true),
        (r#"{"issuer":"SELF","jw"#, true),
        (r#"{"issuer":"https://other.example"}"#, false),
        ("<html>", false),
    ] {
        let web = Web::start(|_| (404, String::new(), String::new()));
        let publish = |metadata: &str| {
            let (metadata, set) = (metadata.replace("SELF", &web.url), set.clone());
            web.answer(move |asked: &Asked| match asked.path.as_str() {
                "/keys" => (200, String::new(), set.clone()),
                _ => (200, String::new(), metadata.clone()),
            });
        };
        publish(good);
        let issuer = Profile {
            issuer: web.url.as_str().into(),
            ..by(KeySource::Discovery(web.url.clone()), &web)
        };
        let world = World::new(vec![issuer], Vec::new());
        let token = |key: &Key| key.access_token(&claims_with(&json!({"iss": web.url})));
        assert_eq!(world.read(&token(&key)).await, "permit");
        publish(metadata);
        world.read(&token(&Key::new("z"))).await;
        let found = world.read(&token(&key)).await;
        assert_eq!(found != "permit", is_withdrawn, "{metadata}: {found}");
    }
}

#[actix_web::test]
async fn a_shared_secret_is_replaced_and_withdrawn() {
    use behest::evidence::{Preset, Secret};
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let put = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let owners = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, owners).unwrap();
    };
    let (one, two) = ("9f8e7d6c5b4a".repeat(3), "0a1b2c3d4e5f".repeat(3));
    put(&one);
    let profile = Profile {
        trust: Trust::Secret(Secret::read(&path).unwrap().shared(|_| None).unwrap()),
        ..Preset::SharedSecret.profile("agents")
    };
    let world = World::new(vec![profile], Vec::new());
    let now = support::service::NOW_MS / 1_000;
    let own = json!({"agentId": "copilot", "role": "coder", "permissions": ["read"], "iat": now, "exp": now + 600});
    let read = async |secret: &str| {
        let token =
            support::tokens::sign_with_secret(secret.as_bytes(), &json!({"alg": "HS256"}), &own);
        let found = world.ask(&question("look", &[access(&token)])).await;
        found.split(':').next().unwrap().to_owned()
    };
    let refused = "credential_invalid";
    let looked = async || {
        world.wait_ms(10_000);
        read("another secret, of which nobody knows").await;
    };
    assert_eq!([read(&one).await, read(&two).await], ["permit", refused]);
    put(&two);
    looked().await;
    assert_eq!([read(&one).await, read(&two).await], [refused, "permit"]);
    for text in [Some(""), Some("# none"), Some("short"), None] {
        match text {
            Some(text) => put(text),
            None => std::fs::remove_file(&path).unwrap(),
        }
        looked().await;
        assert_eq!(read(&two).await, refused, "{text:?}");
        put(&two);
        looked().await;
        assert_eq!(read(&two).await, "permit", "{text:?}");
    }
}

#[actix_web::test]
async fn a_redirect_and_an_endless_answer_are_no_keys() {
    let key = Key::new("k1");
    let elsewhere = publish(&key);
    let location = format!("Location: {}\r\n", elsewhere.url);
    for answer in [
        (302, location, String::new()),
        (200, String::new(), " ".repeat(600 * 1024)),
    ] {
        let web = Web::start(move |_| answer.clone());
        let world = World::new(vec![profile(&web)], Vec::new());
        assert!(
            world
                .read(&key.access_token(&claims()))
                .await
                .starts_with("credential_unavailable: ")
        );
    }
    assert_eq!(elsewhere.count(), 0);
}

#[actix_web::test]
async fn many_requests_wait_for_one_fetch() {
    let key = Key::new("k1");
    let set: Value = json!({"keys": [key.published()]});
    let web = Web::start(move |_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        (200, String::new(), set.to_string())
    });
    let world = World::new(vec![profile(&web)], Vec::new());
    let token = key.access_token(&claims_with(&json!({"iss": ISSUER})));
    let (one, two, three) = (world.read(&token), world.read(&token), world.read(&token));
    let (one, two, three) = tokio::join!(one, two, three);
    assert_eq!([one, two, three], ["permit", "permit", "permit"]);
    assert_eq!(web.count(), 1);
}
