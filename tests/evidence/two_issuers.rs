//! The people of two issuers are never one.

use crate::chains::{alice, body};
use crate::world::{World, access, claims, claims_with, profile, publish};
use behest::evidence::{Profile, Verifier};
use behest::record::Recorder;
use serde_json::{Value, json};
use support::tokens::Key;

#[actix_web::test]
async fn an_actor_of_an_issuer_has_that_issuers_id() {
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let (web, elsewhere) = (publish(&key), publish(&other));
    let partner = Profile {
        issuer: "https://partner.example".into(),
        ids: vec![
            ("user".into(), "partner|".into()),
            ("agent".into(), "partner|".into()),
        ],
        ..profile(&elsewhere)
    };
    let world = World::new(vec![profile(&web), partner], Vec::new());
    let mine = access(&key.access_token(&claims()));
    let theirs =
        access(&other.access_token(&claims_with(&json!({"iss": "https://partner.example"}))));
    let ask = async |subject: Value, credential: &Value| {
        world
            .ask(&body(
                &subject,
                &json!({}),
                std::slice::from_ref(credential),
            ))
            .await
    };
    // The same `sub` of two issuers is two users.
    assert_eq!(
        ask(json!({"type": "user", "id": "alice"}), &mine).await,
        "permit"
    );
    assert_eq!(
        ask(json!({"type": "user", "id": "partner|alice"}), &theirs).await,
        "permit"
    );
    assert!(
        ask(json!({"type": "user", "id": "alice"}), &theirs)
            .await
            .starts_with("credential_mismatch")
    );
    assert!(
        ask(json!({"type": "user", "id": "partner|alice"}), &mine)
            .await
            .starts_with("credential_mismatch")
    );
    let posing = access(&key.access_token(&claims_with(&json!({"sub": "partner|alice"}))));
    assert!(
        ask(json!({"type": "user", "id": "partner|alice"}), &posing)
            .await
            .contains("begins like another issuer's ids")
    );
    // In a request, too, without any credential.
    let explained = |issuer: &str| {
        let subject = alice(&json!({"sub": "bot", "iss": issuer}));
        json!({"subject": subject, "action": {"name": "look"}, "resource": {"type": "doc", "id": "d"}})
    };
    let legs = world.explain(&explained("https://partner.example")).await["legs"].clone();
    assert_eq!(
        legs[1]["principal"],
        json!({"type": "agent", "id": "partner|bot"})
    );
    let unknown = world.ask(&explained("https://nobody.example")).await;
    assert_eq!(
        unknown,
        "chain_invalid: `act.iss` names an issuer that is not configured"
    );
}

#[actix_web::test]
async fn types_that_a_bundle_reads_as_one_do_not_make_two_issuers_people_one() {
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let (web, elsewhere) = (publish(&key), publish(&other));
    for (prefix, expected) in [("", "two issuers can give one id"), ("partner|", "permit")] {
        // Ids of a type of its own, which the service takes for another than `user` when it starts.
        let partner = Profile {
            issuer: "https://partner.example".into(),
            ids: vec![
                ("identity".into(), prefix.into()),
                ("agent".into(), "partner|".into()),
            ],
            subject_type: "identity".into(),
            ..profile(&elsewhere)
        };
        let ours = Profile {
            ids: vec![
                ("user".into(), "login|".into()),
                ("agent".into(), "login|".into()),
            ],
            ..profile(&web)
        };
        let toml = "[types]\nidentity = \"user\"";
        let world = World::of_bundle(
            vec![ours, partner],
            Vec::new(),
            support::service::local(),
            toml,
            Recorder::default(),
        );
        let claims = claims_with(&json!({"iss": "https://partner.example", "sub": "login|alice"}));
        let theirs = access(&other.access_token(&claims));
        let subjects = [
            json!({"type": "credential", "id": "0"}),
            json!({"type": "user", "id": format!("{prefix}login|alice")}),
        ];
        for subject in subjects {
            let found = world
                .ask(&body(&subject, &json!({}), std::slice::from_ref(&theirs)))
                .await;
            assert!(found.contains(expected), "{prefix} {subject}: {found}");
        }
        let mine = access(&key.access_token(&crate::world::claims()));
        let subject = json!({"type": "user", "id": "login|alice"});
        assert_eq!(
            world.ask(&body(&subject, &json!({}), &[mine])).await,
            "permit"
        );
    }
}

#[test]
fn two_issuers_that_could_make_one_id_do_not_start() {
    let key = Key::new("k1");
    let web = publish(&key);
    let other = Profile {
        issuer: "https://partner.example".into(),
        ..profile(&web)
    };
    let client = || behest::evidence::HttpClient::new(None).unwrap();
    let clock = std::sync::Arc::new(behest::clock::SystemClock);
    let problems = Verifier::start(
        vec![(profile(&web), client()), (other, client())],
        Vec::new(),
        clock,
    )
    .unwrap_err();
    assert_eq!(
        problems,
        [
            "the issuers `https://login.example` and `https://partner.example` can give the same id to two subjects of \
          the type `user`; give each another text before `{sub}` in `ids`"
        ]
    );
}
