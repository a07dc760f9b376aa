//! Keys of issuers: discovery, rotation, outages, and what a flood of unknown names costs.

use crate::tokens::Key;
use crate::web::{Asked, Web};
use crate::world::{ISSUER, World, claims, claims_with, profile, publish, standard};
use behest::evidence::{KeySource, Profile, Trust};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

fn by(source: KeySource, web: &Web) -> Profile {
    Profile { trust: Trust::Keys { source, algorithms: vec![Algorithm::ES256] }, ..profile(web) }
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
    assert!(world.read(&before).await.contains("a key that its issuer does not publish"));
}

#[actix_web::test]
async fn a_flood_of_unknown_names_asks_the_issuer_once_in_ten_seconds() {
    let (world, key, web) = standard();
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
    for at in 0..20 {
        let stranger = Key::new(&format!("x{at}"));
        assert!(world.read(&stranger.access_token(&claims())).await.contains("a key that its issuer does not publish"));
    }
    assert_eq!(web.count(), 2);
    world.wait_ms(9_999);
    world.read(&Key::new("y").access_token(&claims())).await;
    assert_eq!(web.count(), 2);
    world.wait_ms(1);
    world.read(&Key::new("y").access_token(&claims())).await;
    assert_eq!(web.count(), 3);
    assert_eq!(world.read(&key.access_token(&claims())).await, "permit");
}

#[actix_web::test]
async fn the_last_good_keys_are_used_for_an_hour_more_and_then_nothing_verifies() {
    let (world, key, web) = standard();
    let now = crate::service::NOW_MS / 1_000;
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

#[actix_web::test]
async fn keys_that_are_none_leave_the_last_good_ones() {
    let (world, key, web) = standard();
    let token = key.access_token(&claims());
    assert_eq!(world.read(&token).await, "permit");
    let mut since = web.count();
    for body in [json!({"keys": []}), json!({}), json!("x"), json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "z"}]})]
    {
        web.answer(move |_| (200, String::new(), body.to_string()));
        world.wait_ms(10_000);
        world.read(&Key::new("z").access_token(&claims())).await;
        assert_eq!(web.count(), since + 1);
        since = web.count();
        assert_eq!(world.read(&token).await, "permit");
    }
}

#[actix_web::test]
async fn an_issuer_is_discovered_and_must_be_itself() {
    let key = Key::new("k1");
    let set = json!({"keys": [key.published()]}).to_string();
    for (metadata, good) in [
        (json!({"issuer": "SELF", "jwks_uri": "SELF/keys"}), true),
        (json!({"issuer": "https://other.example", "jwks_uri": "SELF/keys"}), false),
        (json!({"issuer": "SELF"}), false),
        (json!({"issuer": "SELF", "jwks_uri": "http://other.example/keys"}), false),
        (json!([]), false),
    ] {
        let metadata = metadata.to_string();
        let web = Web::start(|_| (404, String::new(), String::new()));
        let (url, set) = (web.url.clone(), set.clone());
        web.answer(move |asked: &Asked| match asked.path.as_str() {
            "/.well-known/openid-configuration" => (200, String::new(), metadata.replace("SELF", &url)),
            "/keys" => (200, String::new(), set.clone()),
            _ => (404, String::new(), String::new()),
        });
        let issuer = Profile { issuer: web.url.as_str().into(), ..by(KeySource::Discovery(web.url.clone()), &web) };
        let world = World::new(vec![issuer], Vec::new());
        let found = world.read(&key.access_token(&claims_with(&json!({"iss": web.url})))).await;
        assert_eq!(found == "permit", good, "{found}");
        assert!(good || found.starts_with("credential_unavailable: "), "{found}");
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
    assert_eq!(web.count(), 0);
}

#[actix_web::test]
async fn a_redirect_and_an_endless_answer_are_no_keys() {
    let key = Key::new("k1");
    let elsewhere = publish(&key);
    let location = format!("Location: {}\r\n", elsewhere.url);
    for answer in [(302, location, String::new()), (200, String::new(), " ".repeat(600 * 1024))] {
        let web = Web::start(move |_| answer.clone());
        let world = World::new(vec![profile(&web)], Vec::new());
        assert!(world.read(&key.access_token(&claims())).await.starts_with("credential_unavailable: "));
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
