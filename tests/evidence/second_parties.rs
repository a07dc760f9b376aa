//! Everybody whom a token names is in its chain, or the token is refused: a client by any name at
//! any level, an agent in any word, a subject in any claim.

use crate::actors::chain;
use crate::callers::{OURS, call, caller};
use crate::world::{AUDIENCE, ISSUER, World, claims_with, profile, publish, question};
use behest::evidence::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, FactKind, FactRule, IntrospectionEndpoint,
    Preset, Profile, Secret, Trust,
};
use behest::http::{CallerCredential, Settings};
use behest::model::EntityRef;
use serde_json::{Value, json};
use std::time::Duration;
use support::service::NOW_MS;
use support::tokens::{Key, with};
use support::web::Web;

const NOW: i64 = NOW_MS / 1_000;

fn paths(names: &[&str]) -> Vec<ClaimPath> {
    names.iter().map(|name| ClaimPath::new(*name)).collect()
}

/// A profile of this preset, whose tokens have the type of the standard's.
fn preset(preset: Preset) -> impl Fn(Profile) -> Profile {
    move |profile| Profile {
        types: vec!["at+jwt".to_owned()],
        trust: profile.trust,
        audiences: profile.audiences,
        own_clients: profile.own_clients,
        ..preset.profile(ISSUER)
    }
}

fn inverted(profile: Profile) -> Profile {
    Profile {
        actor: ActorForm::Inverted,
        ..profile
    }
}

/// Holds the chains of access tokens with these claims beside the usual ones, or a part of why they
/// are refused.
async fn hold(over: impl Fn(Profile) -> Profile, cases: &[(Value, &str)]) {
    let key = Key::new("k1");
    let world = World::new(vec![over(profile(&publish(&key)))], Vec::new());
    let usual = claims_with(&json!({"client_id": null}));
    for (claims, expected) in cases {
        let found = chain(&world, &key.access_token(&with(&usual, claims))).await;
        let is_refused = expected.contains(' ') && !expected.contains(" > ");
        assert!(
            found == *expected || (is_refused && found.contains(expected)),
            "{claims}: {found}"
        );
    }
}

#[actix_web::test]
async fn a_client_by_another_issuers_name_is_the_client_or_refuses() {
    let unread = "which its issuer's profile does not read";
    let okta = json!({"uid": "alice", "scp": ["read"], "cid": "web"});
    let and = |over: Value| with(&okta, &over);
    hold(
        preset(Preset::Okta),
        &[
            (okta.clone(), "user:alice"),
            (and(json!({"azp": "web", "appid": "web"})), "user:alice"),
            (and(json!({"azp": "copilot"})), unread),
            (and(json!({"client_id": "copilot"})), unread),
            (and(json!({"AppId": "copilot"})), unread),
            (and(json!({"azp": 7})), unread),
        ],
    )
    .await;
    for (named, own, other) in [
        (Preset::Entra, "azp", "appid"),
        (Preset::EntraV1, "appid", "azp"),
    ] {
        let version = if named == Preset::Entra { "2.0" } else { "1.0" };
        let entra = json!({"ver": version, "oid": "a1", "scp": "read", own: "web"});
        hold(
            preset(named),
            &[
                (entra.clone(), "user:a1"),
                (with(&entra, &json!({other: "web"})), "user:a1"),
                (with(&entra, &json!({other: "copilot"})), unread),
            ],
        )
        .await;
    }
    let by_one = |profile: Profile| {
        let mut profile = profile;
        profile.claims.client = paths(&["client_id"]);
        profile
    };
    hold(
        by_one,
        &[
            (json!({"azp": "copilot"}), unread),
            (json!({"client_id": "web", "azp": "copilot"}), unread),
            // It is its client's own, and nobody's else.
            (json!({"sub": "copilot", "azp": "copilot"}), unread),
        ],
    )
    .await;
    let subject = json!({"repository_id": "1", "job_workflow_ref": "w", "sub": "job"});
    hold(
        preset(Preset::GithubActions),
        &[
            (subject.clone(), "agent:job"),
            (with(&subject, &json!({"azp": "job"})), "agent:job"),
            (with(&subject, &json!({"azp": "web"})), unread),
        ],
    )
    .await;
    let account = "b@p.iam.gserviceaccount.com";
    let google = json!({"email": account, "email_verified": true, "sub": "1134", "azp": account});
    hold(
        preset(Preset::Google),
        &[
            (google.clone(), "agent:1134"),
            (with(&google, &json!({"azp": "1134"})), "agent:1134"),
            (with(&google, &json!({"azp": "copilot"})), unread),
            (with(&google, &json!({"scope": "read"})), "agent:1134"),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_client_in_act_by_another_issuers_name_is_the_actor_or_refuses() {
    let okta = |act: Value| json!({"uid": "alice", "scp": ["read"], "cid": "web", "act": act});
    let two = "its claims name two clients";
    let led = "its claims name a client that would act, too";
    hold(
        preset(Preset::Okta),
        &[
            (okta(json!({"sub": "bot"})), "user:alice > agent:bot"),
            (
                okta(json!({"sub": "bot", "azp": "bot"})),
                "user:alice > agent:bot",
            ),
            (okta(json!({"sub": "bot", "azp": "x"})), two),
            (okta(json!({"sub": "bot", "clientId": "x"})), two),
            (
                okta(json!({"uid": "bob", "sub_profile": "user", "client_id": "x"})),
                led,
            ),
            (
                okta(json!({"uid": "bob", "sub_profile": "user", "client_id": "web"})),
                "user:alice > user:bob",
            ),
        ],
    )
    .await;
    let standard = |act: Value| json!({"client_id": "web", "act": act});
    hold(
        |profile| profile,
        &[
            (standard(json!({"sub": "bot", "cid": "x"})), two),
            (standard(json!({"sub": "bot", "appid": "x"})), two),
            (standard(json!({"sub": "bot", "appid": ["bot"]})), two),
        ],
    )
    .await;
    // Where the actor's client is not named as it has to be, and another one is.
    let by_claim = |profile: Profile| {
        let mut profile = profile;
        profile.claims.actor_client = paths(&["client_id"]);
        profile
    };
    hold(
        by_claim,
        &[
            (standard(json!({"sub": "web"})), "user:alice > agent:web"),
            (standard(json!({"sub": "web", "cid": "x"})), two),
            (standard(json!({"sub": "web", "azp": "x"})), two),
        ],
    )
    .await;
}

#[actix_web::test]
async fn the_words_of_a_client_are_read_at_every_level() {
    let own = |profile: Profile| Profile {
        own_clients: vec!["x".into()],
        ..profile
    };
    let agents = json!({"sub": "alice", "client_id": "x", "client_profile": "ai_agent"});
    let led = "its claims name a client that would act, too";
    let over = |word: Value| with(&agents, &json!({"client_profile": word}));
    let bot = |act: Value| json!({"sub": "bot", "client_id": "bot", "act": act});
    hold(
        move |profile| inverted(own(profile)),
        &[
            (bot(over(Value::Null)), "user:alice > agent:bot"),
            (bot(over(json!("web_app"))), "user:alice > agent:bot"),
            (bot(agents.clone()), led),
            (
                bot(over(json!("AI_Agent"))),
                "its `client_profile` has a word",
            ),
            (
                bot(over(json!(["ai_agent"]))),
                "its `client_profile` has a word",
            ),
            (
                bot(with(
                    &over(Value::Null),
                    &json!({"clientProfile": "ai_agent"}),
                )),
                "would not be read there",
            ),
            // Whoever it is, it is no person alone.
            (bot(with(&agents, &json!({"client_id": null}))), led),
        ],
    )
    .await;
    let act = with(&agents, &json!({"sub": "bob", "sub_profile": "user"}));
    let acted = |act: &Value| json!({"client_id": "x", "act": act});
    hold(
        own,
        &[
            (acted(&act), led),
            (
                acted(&with(&act, &json!({"client_profile": null}))),
                "user:alice > user:bob",
            ),
            (agents.clone(), "user:alice > agent:x"),
            (
                with(&agents, &json!({"client_id": null})),
                "names no client",
            ),
        ],
    )
    .await;
    let unknown = "the claim `client_profile` has a word that is not known";
    for word in [
        "AI_Agent",
        "ai-agent",
        "agent",
        "service,ai_agent",
        "service\tai_agent",
        "user",
        "",
    ] {
        hold(own, &[(over(json!(word)), unknown)]).await;
    }
}

#[actix_web::test]
async fn a_client_is_the_own_hand_of_a_user_alone() {
    let own = |profile: Profile| Profile {
        own_clients: vec!["x".into()],
        ..profile
    };
    let bot = json!({"sub": "bot", "sub_profile": "ai_agent", "client_id": "x"});
    hold(
        own,
        &[
            (bot.clone(), "agent:bot > agent:x"),
            (json!({"client_id": "x"}), "user:alice"),
            (
                json!({"sub_profile": "user", "client_id": "x"}),
                "user:alice",
            ),
        ],
    )
    .await;
    let agent = json!({"sub": "other", "sub_profile": "ai_agent"});
    hold(
        move |profile| inverted(own(profile)),
        &[
            (
                json!({"sub": "bot", "client_id": "x"}),
                "agent:bot > agent:x",
            ),
            (
                json!({"sub": "bot", "client_id": "x", "act": {"sub": "alice"}}),
                "user:alice > agent:bot",
            ),
            (
                json!({"sub": "bot", "client_id": "x", "act": agent}),
                "agent:other > agent:bot > agent:x",
            ),
        ],
    )
    .await;
    // People act for people, and whoever does so first is none of whom it is known.
    hold(
        move |profile| Profile {
            actor_type: "user".into(),
            ..inverted(own(profile))
        },
        &[(
            json!({"sub": "bot", "client_id": "x"}),
            "user:bot > agent:x",
        )],
    )
    .await;
    // Where subjects have the type of clients, none is known for a user.
    hold(
        move |profile| Profile {
            subject_type: "agent".into(),
            ..own(profile)
        },
        &[(
            json!({"sub": "bot", "client_id": "x"}),
            "agent:bot > agent:x",
        )],
    )
    .await;
}

#[actix_web::test]
async fn a_subject_in_sub_is_not_lost_where_another_claim_names_subjects() {
    let by_email = |profile: Profile| {
        let mut profile = profile;
        profile.claims.subject = paths(&["email"]);
        Profile {
            of_users: paths(&["scp"]),
            ..profile
        }
    };
    let act = json!({"email": "alice"});
    let own = json!({"sub": "batch", "client_id": "batch"});
    let no_account = "is not known to be the account of `web`";
    hold(
        by_email,
        &[
            (own.clone(), "agent:batch"),
            (json!({"sub": "x", "client_id": "web"}), no_account),
            (
                json!({"sub": "x", "client_id": "web", "email": "web"}),
                no_account,
            ),
            (
                json!({"sub": "x", "client_id": "web", "email": "alice"}),
                no_account,
            ),
        ],
    )
    .await;
    for form in [ActorForm::Inverted, ActorForm::List] {
        let act = if form == ActorForm::List {
            json!([act])
        } else {
            act.clone()
        };
        let marked = move |profile: Profile| Profile {
            actor: form,
            autonomous: vec![AutonomousClaim::value("gty", "cc")],
            ..by_email(profile)
        };
        let nobody = "the token names no subject";
        hold(
            marked,
            &[
                (json!({"sub": "x", "client_id": "web", "act": act}), nobody),
                (
                    json!({"sub": "x", "client_id": "web", "gty": "cc", "scp": "read", "act": act}),
                    nobody,
                ),
                (with(&own, &json!({"act": act})), "user:alice > agent:batch"),
            ],
        )
        .await;
    }
    let entra = json!({"ver": "2.0", "sub": "p", "azp": "batch"});
    hold(
        preset(Preset::Entra),
        &[
            (entra.clone(), "is not known to be the account of `batch`"),
            (with(&entra, &json!({"sub": "batch"})), "agent:batch"),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_claim_is_of_its_type_and_in_its_place_or_refuses() {
    let by_kind = |profile: Profile| Profile {
        id_tokens: vec![ClaimMark::one_of("kind", &["id"])],
        ..profile
    };
    let of_kind = |kind: Value| json!({"client_id": "web", "kind": kind});
    let bad_kind = "the claim `kind` is not of its form";
    hold(
        by_kind,
        &[
            (of_kind(json!("access")), "user:alice"),
            (of_kind(json!("id")), "the token is an ID token"),
            (of_kind(json!(["id"])), bad_kind),
            (of_kind(json!({})), bad_kind),
            (of_kind(json!(1)), bad_kind),
        ],
    )
    .await;
    let below = |profile: Profile| {
        let mut profile = profile;
        profile.claims.client = paths(&["ext.client.id"]);
        Profile {
            only_of_users: paths(&["session.id"]),
            autonomous: vec![AutonomousClaim::value("ext.app", "true")],
            ..profile
        }
    };
    let bad = "the claim `ext.client.id` is not of its form";
    hold(
        below,
        &[
            (
                json!({"ext": {"client": {"id": "copilot"}}}),
                "user:alice > agent:copilot",
            ),
            (
                json!({"ext.client": {"id": "copilot"}}),
                "user:alice > agent:copilot",
            ),
            (
                json!({"ext": {"client.id": "copilot"}}),
                "user:alice > agent:copilot",
            ),
            (
                json!({"ext": {"client": {"id": "web"}}, "ext.client": {"id": "copilot"}}),
                "names two clients",
            ),
            (
                json!({"ext": {"client": {"id": "web"}, "client.id": "copilot"}}),
                "names two clients",
            ),
            (
                json!({"ext": [{"client": {"id": "copilot"}}]}),
                "is not of its form",
            ),
            (json!({"ext": {"client": [{"id": "copilot"}]}}), bad),
            (json!({"ext": {"client": "copilot"}}), bad),
            (
                json!({"sub": "web", "ext": {"client": {"id": "web"}}, "session": [{"id": "s"}]}),
                "the claim `session.id` is not of its form",
            ),
        ],
    )
    .await;
    // What stands on the way and is read by itself is in nobody's way.
    let either = |profile: Profile| {
        let mut profile = profile;
        profile.claims.client = paths(&["client.id", "client"]);
        profile
    };
    hold(
        either,
        &[(json!({"client": "copilot"}), "user:alice > agent:copilot")],
    )
    .await;
    let in_act = |profile: Profile| {
        let mut profile = profile;
        profile.claims.client = paths(&["ext.client"]);
        profile
    };
    let acted = |act: Value| json!({"act": act, "ext": {"client": "web"}});
    let two = "its claims name two clients, or one is no text";
    hold(
        in_act,
        &[
            (acted(json!({"sub": "bot"})), "user:alice > agent:bot"),
            (acted(json!({"sub": "bot", "ext": {"client": "x"}})), two),
            (acted(json!({"sub": "bot", "ext": [{"client": "x"}]})), two),
        ],
    )
    .await;
}

#[actix_web::test]
async fn whoever_acts_by_another_form_refuses() {
    let unread = "which is not read: who acts stands in `act`";
    let cases: Vec<(Value, &str)> = ["actor", "actors", "agent", "delegation", "user", "Actor"]
        .into_iter()
        .map(|name| (json!({"client_id": "web", name: {"sub": "x"}}), unread))
        .collect();
    hold(|profile| profile, &cases).await;
    let not_there = "names somebody, and would not be read there";
    let acted = |name: &str| json!({"act": {"sub": "bot", name: {"sub": "x"}}});
    let cases: Vec<(Value, &str)> = ["actor", "actors", "agent", "user", "Actors"]
        .into_iter()
        .map(|name| (acted(name), not_there))
        .collect();
    hold(|profile| profile, &cases).await;
}

/// The name of an agent that says what it is has around it what its own tokens have.
#[actix_web::test]
async fn an_agent_that_says_so_has_the_id_of_its_own_tokens() {
    let around = |profile: Profile| Profile {
        autonomous: vec![AutonomousClaim::client("sub", "client-", "")],
        ..profile
    };
    hold(
        around,
        &[
            (
                json!({"sub": "client-batch", "client_id": "batch"}),
                "agent:batch",
            ),
            (
                json!({"sub": "batch", "sub_profile": "ai_agent", "client_id": "x"}),
                "agent:batch > agent:x",
            ),
        ],
    )
    .await;
}

/// The chain of an ID token that stands alone, or why it is refused.
async fn alone(of: Preset, hands: &[&str], claims: &Value) -> String {
    let key = Key::new("k1");
    let keys = profile(&publish(&key));
    let made = Profile {
        trust: keys.trust,
        audiences: vec![AUDIENCE.into()],
        id_token_audiences: vec!["web".into()],
        id_tokens_alone: true,
        own_clients: hands.iter().map(|hand| (*hand).into()).collect(),
        ..of.profile(ISSUER)
    };
    let world = World::new(vec![made], Vec::new());
    let usual = json!({"iss": ISSUER, "sub": "alice", "oid": "alice", "uid": "alice", "aud": "web",
        "nonce": "n", "token_use": "id", "typ": "ID", "iat": NOW - 10, "exp": NOW + 300});
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": "k1"});
    let id = json!({"type": "id_token", "value": key.sign(&header, &with(&usual, claims))});
    let told = world
        .explain(&question("look", std::slice::from_ref(&id)))
        .await;
    match told["credentials"][0]["chain"].as_array() {
        Some(chain) => {
            let ids = chain.iter().map(|member| member["id"].as_str().unwrap());
            ids.collect::<Vec<_>>().join(" > ")
        }
        None => world.ask(&question("look", &[id])).await,
    }
}

#[actix_web::test]
async fn every_client_of_an_id_token_alone_acts_under_every_preset() {
    for of in [
        Preset::Standard,
        Preset::Keycloak,
        Preset::Entra,
        Preset::EntraV1,
        Preset::Auth0,
        Preset::Okta,
        Preset::Cognito,
        Preset::Google,
        Preset::OidcProvider,
    ] {
        let both = json!(["web", "x"]);
        for (claims, expected) in [
            (json!({}), "alice"),
            (json!({"azp": "web"}), "alice"),
            (json!({"azp": "x"}), "alice > x"),
            (json!({"aud": both, "azp": "web"}), "alice > x"),
            (
                json!({"azp": "web", "client_profile": "ai_agent"}),
                "alice > web",
            ),
            (json!({"client_profile": "ai_agent"}), "alice > web"),
        ] {
            assert_eq!(
                alone(of, &["web"], &claims).await,
                expected,
                "{of:?}: {claims}"
            );
        }
        assert_eq!(
            alone(of, &[], &json!({"azp": "x"})).await,
            "alice > x > web",
            "{of:?}"
        );
        for (claims, why) in [
            (json!({"azp": 7}), "the claim `azp` is not of its form"),
            (json!({"azp": "alice"}), "a client's own"),
            (json!({"azp": "web", "Azp": "x"}), "zp`"),
            (json!({"clientId": "x"}), "names"),
            (json!({"_claim_names": {"azp": "s"}}), "`azp` elsewhere"),
            (json!({"_claim_names": {"cid": "s"}}), "`cid` elsewhere"),
            (json!({"_claim_names": {"users": "s"}}), "`users` elsewhere"),
        ] {
            let found = alone(of, &["*"], &claims).await;
            assert!(
                found.contains(": ") && found.contains(why),
                "{of:?}: {claims}: {found}"
            );
        }
    }
}

/// Whether a caller is let in who comes with these claims, where `agent:gw` may call.
async fn lets_in(over: impl Fn(Profile) -> Profile, claims: &Value) -> bool {
    let key = Key::new("k1");
    let made = Profile {
        caller_audiences: vec![OURS.into()],
        ..over(profile(&publish(&key)))
    };
    let by = CallerCredential::Token {
        issuer: ISSUER.to_owned(),
        principal: EntityRef::new("agent", "gw"),
    };
    let settings = Settings {
        callers: vec![caller("gw", by, None)],
        ..Settings::default()
    };
    let world = World::with(vec![made], Vec::new(), settings);
    let usual = claims_with(&json!({"aud": OURS, "client_id": null}));
    let token = key.access_token(&with(&usual, claims));
    match call(&world, &format!("Bearer {token}"))
        .await
        .status
        .as_u16()
    {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[actix_web::test]
async fn a_caller_is_nobody_but_itself() {
    let agent = json!({"sub": "gw", "sub_profile": "ai_agent"});
    assert!(lets_in(|profile| profile, &agent).await);
    for client in ["web", "x"] {
        let through = with(&agent, &json!({"client_id": client}));
        assert!(!lets_in(|profile| profile, &through).await, "{client}");
    }
    let by_email = |profile: Profile| {
        let mut profile = profile;
        profile.claims.subject = paths(&["email"]);
        Profile {
            of_users: paths(&["scp"]),
            ..profile
        }
    };
    assert!(lets_in(by_email, &json!({"sub": "gw", "client_id": "gw"})).await);
    assert!(!lets_in(by_email, &json!({"sub": "mallory", "client_id": "gw"})).await);
}

#[actix_web::test]
async fn an_answer_about_another_kind_of_token_is_known_in_any_spelling() {
    for (over, expected) in [
        (json!({"token_type": "Bearer"}), "user:alice"),
        (json!({"Token_Type": "Bearer"}), "user:alice"),
        (json!({"token_type": "refresh_token"}), "no access token"),
        (json!({"Token_Type": "refresh_token"}), "no access token"),
        (
            json!({"token_type": "Bearer", "tokenType": "N_A"}),
            "no access token",
        ),
        (json!({"tokenType": ["Bearer"]}), "no access token"),
        (json!({"token_use": "refresh_token"}), "no access token"),
        (json!({"token_use": "access_token"}), "user:alice"),
        (json!({"Active": false}), "is not active"),
        (json!({"ACTIVE": "true"}), "is not active"),
        (json!({"Active": true}), "user:alice"),
    ] {
        let usual = json!({"active": true, "sub": "alice", "client_id": "web", "aud": AUDIENCE, "exp": NOW + 300});
        let answer = with(&usual, &over).to_string();
        let web = Web::start(move |_| (200, String::new(), answer.clone()));
        let asked = Profile {
            trust: Trust::Introspection,
            introspection: Some(IntrospectionEndpoint {
                url: web.url.clone(),
                client_id: "pdp".to_owned(),
                client_secret: None,
                keep: Duration::from_secs(10),
                signed: None,
                carries_act: true,
            }),
            ..profile(&web)
        };
        let found = chain(&World::new(vec![asked], Vec::new()), "opaque").await;
        assert!(found.contains(expected), "{over}: {found}");
    }
}

/// Names of parties in the words of some issuers. Those that may be read are said of nobody else.
const HIDDEN: [&str; 30] = [
    "agents",
    "Users",
    "delegations",
    "delegation-chains",
    "delegate",
    "acts",
    "actChain",
    "impersonator",
    "obo",
    "client",
    "clients",
    "principals",
    "sub_id",
    "subjects",
    "actors",
    "https://corp.example/act",
    "https://corp.example/claims#agent",
    "custom:delegator",
    "act.sub",
    "parentAgentId",
    "clientProfiles",
    "subProfiles",
    "applicationId",
    "https://corp.example/clientId",
    "custom:azp",
    "client_ids",
    "AppIDs",
    "cids",
    "agentId",
    "authorizedParty",
];

/// A party counts by any name that issuers have for it, wherever it stands, and whatever else of it
/// is read.
#[actix_web::test]
async fn no_party_is_passed_over_by_its_name_its_place_or_what_else_is_read() {
    let key = Key::new("k1");
    let web = publish(&key);
    let as_facts = |profile: Profile| {
        let parts = ["name", "sub", "id"];
        let of = |name: &&str| {
            let name = *name;
            [ClaimPath::exact([name])]
                .into_iter()
                .chain(parts.map(|part| ClaimPath::exact([name, part])))
        };
        let mut profile = profile;
        profile.claims.roles = HIDDEN.iter().flat_map(of).collect();
        profile
    };
    for is_read in [false, true] {
        let plain = profile(&web);
        let made = if is_read { as_facts(plain) } else { plain };
        let world = World::new(vec![made], Vec::new());
        let party = json!({"sub": "x", "name": "n"});
        for name in HIDDEN {
            let mut cases = vec![
                json!({ name: party }),
                json!({ name: [party] }),
                json!({"ext": { name: party }}),
                json!({"ext": [[{ name: [party] }]]}),
                json!({"_claim_names": { name: "s" }}),
                json!({ name: "s", "_claim_sources": {"s": {}} }),
                json!({"act": {"sub": "bot", name: party}}),
                json!({"act": {"sub": "bot", "act": {"sub": "bat", name: [party]}}}),
                json!({"act": {"sub": "bot", "ext": { name: party }}}),
            ];
            let is_clients =
                |name: &str| ["id", "azp", "arty"].iter().any(|end| name.ends_with(end));
            if is_clients(&name.to_lowercase()) && name != "sub_id" {
                cases.push(json!({ name: "x" }));
            }
            for claims in cases {
                let found = chain(&world, &key.access_token(&claims_with(&claims))).await;
                assert!(
                    found.starts_with("credential_invalid: "),
                    "{is_read}: {claims}: {found}"
                );
            }
        }
        for claims in [
            json!({"actor": "octocat", "actor_id": "1", "user": "u", "may_act": {"sub": "x"}}),
            json!({"applicationId": "web", "agent": "web", "ext": {"client_id": "web"}}),
            json!({"resource_access": {"client": {"roles": ["r"]}, "users": {"roles": ["r"]}}}),
            json!({"urn:zitadel:iam:org:project:roles": {"agent": {"1": "a.example"}}}),
            json!({"authorization_details": [{"type": "t", "client_id": "x", "user": {"id": "u"}}]}),
            json!({"_claim_names": {"address": "s"}, "email": "a@b.example"}),
        ] {
            let found = chain(&world, &key.access_token(&claims_with(&claims))).await;
            assert_eq!(found, "user:alice", "{is_read}: {claims}");
        }
    }
    for name in ["_claim_names", "_claim_sources", "_Claim_Names"] {
        for claims in [
            json!({"act": {"sub": "bot", name: {"act": "s"}}}),
            json!({"ext": { name: {"act": "s"}}}),
        ] {
            hold(|profile| profile, &[(claims, " names somebody")]).await;
        }
    }
}

/// A token without a user that has the name of one is refused: as its client's, it would be decided
/// without the user.
#[actix_web::test]
async fn an_account_in_a_token_without_a_user_is_not_lost() {
    let own = json!({"sub": "batch", "client_id": "batch"});
    let of_agent = json!({"sub": "bot", "client_id": "bot", "sub_profile": "ai_agent"});
    let and = |claims: &Value, name: &str, value: &str| with(claims, &json!({ name: value }));
    let names = [
        "username",
        "preferred_username",
        "userId",
        "upn",
        "https://corp.example/login",
        "UniqueName",
        "userPrincipalName",
    ];
    for name in names {
        for claims in [&own, &of_agent] {
            hold(
                |profile| profile,
                &[(and(claims, name, "blocked"), "names somebody else")],
            )
            .await;
        }
        let inverted_case = and(&json!({"sub": "bot", "client_id": "bot"}), name, "blocked");
        hold(inverted, &[(inverted_case, "names somebody else")]).await;
        hold(
            |profile| profile,
            &[(and(&own, name, "batch"), "agent:batch")],
        )
        .await;
    }
    hold(
        |profile| profile,
        &[
            (
                with(
                    &own,
                    &json!({"name": "Batch job", "email": "ops@corp.example"}),
                ),
                "agent:batch",
            ),
            (
                json!({"sub": "alice", "client_id": "web", "username": "al"}),
                "user:alice",
            ),
        ],
    )
    .await;
}

/// A delegation is one wherever its name stands in a longer one, and whatever it says.
#[actix_web::test]
async fn a_delegation_is_passed_over_in_no_name_and_no_form() {
    let key = Key::new("k1");
    let world = World::new(vec![profile(&publish(&key))], Vec::new());
    let names = [
        "https://corp.example/act/sub",
        "https://corp.example/act.sub",
        "https://corp.example/act/v1",
        "https://corp.example/act?v=1",
        "https://corp.example/on_behalf_of/id",
        "urn:corp:act:v1",
        "corp:act:sub",
        "corp.act.sub",
        "corp|act",
        "corp@act",
        "corp-act",
        "ext_act",
        "extension_0f1a_act",
        "extAct",
        "act[sub]",
        "act|sub",
        "act_sub",
        "actV1",
        "on_behalf_of_user",
    ];
    let forms = [
        json!({"Sub": "bot"}),
        json!({"client": "bot"}),
        json!({"agent": "bot"}),
        json!({"name": "bot"}),
        json!({"iss": "x", "actor": "bot"}),
        json!([["bot"]]),
        json!([{"name": "bot"}]),
        json!("bot"),
        json!(5),
        json!({"roles": ["r"], "sub": "bot"}),
        json!({"roles": {"sub": "bot"}}),
    ];
    let mut cases: Vec<Value> = Vec::new();
    for name in names {
        cases.push(json!({ name: "bot" }));
        cases.push(json!({ name: {"sub": "bot"} }));
        cases.push(json!({"ext": { name: "bot" }}));
    }
    for name in ["act", "on_behalf_of", "delegation_chain", "x-act"] {
        for form in &forms {
            cases.push(json!({"ext": { name: form }}));
            cases.push(json!({"ext": [{"in": { name: form }}]}));
        }
    }
    cases.extend([
        json!({"ext": {"agent": {"uid": "bot"}}}),
        json!({"ext": {"client": {"clientId": "bot"}}}),
        json!({"ext": {"user": {"Sub": "bob"}}}),
    ]);
    for claims in cases {
        let found = chain(&world, &key.access_token(&claims_with(&claims))).await;
        assert!(
            found.starts_with("credential_invalid: "),
            "{claims}: {found}"
        );
    }
    for claims in [
        json!({"https://act.example/roles": ["r"], "contact": "c", "ext": {"may_act": {"sub": "x"}}}),
        json!({"resource_access": {"act": {"roles": ["r"]}, "obo": {"roles": []}}}),
        json!({"ext": {"user": {"email": "a@b.example", "name": "Alice"}, "agent": "web"}}),
    ] {
        let found = chain(&world, &key.access_token(&claims_with(&claims))).await;
        assert_eq!(found, "user:alice", "{claims}");
    }
}

#[actix_web::test]
async fn what_is_read_for_another_purpose_is_not_read_as_a_party() {
    let by = |client: &'static [&'static str]| {
        move |profile: Profile| {
            let mut profile = profile;
            profile.claims.client = paths(client);
            profile
        }
    };
    let fact = |claim: &str| FactRule {
        name: "fact".into(),
        claim: ClaimPath::new(claim),
        kind: FactKind::Text,
    };
    let below = by(&["ext.client", "azp"]);
    let bad = "the claim `ext.client` is not of its form";
    let cut = [(json!({"azp": "web", "ext": [{"client": "x"}]}), bad)];
    let with_fact = |profile: Profile| Profile {
        facts: vec![fact("ext")],
        ..below(profile)
    };
    hold(with_fact, &cut).await;
    let of_users = |profile: Profile| Profile {
        of_users: paths(&["ext"]),
        only_of_users: paths(&["ext"]),
        ..below(profile)
    };
    hold(of_users, &cut).await;
    let deeper = by(&["ext.client.id", "azp"]);
    hold(
        move |profile| Profile {
            facts: vec![fact("ext.client")],
            ..deeper(profile)
        },
        &[(
            json!({"azp": "web", "ext": {"client": [{"id": "x"}]}}),
            "the claim `ext.client.id` is not of its form",
        )],
    )
    .await;
    // A claim that is spelled like that of the client, and is a fact.
    hold(
        |profile| Profile {
            facts: vec![fact("Client-Id")],
            ..profile
        },
        &[(json!({"Client-Id": "x"}), "spelled like `client_id`")],
    )
    .await;
    let unread = "which its issuer's profile does not read";
    let second = |profile: Profile| {
        let mut profile = by(&["azp"])(profile);
        profile.claims.subject = paths(&["sub", "client_id"]);
        profile
    };
    hold(
        second,
        &[
            (json!({"azp": "web", "client_id": "x"}), unread),
            (json!({"azp": "web", "client_id": "web"}), "user:alice"),
            (
                json!({"sub": null, "azp": "web", "client_id": "bob"}),
                "user:bob",
            ),
        ],
    )
    .await;
    let none = |profile: Profile| {
        let mut profile = second(profile);
        profile.claims.client = Vec::new();
        profile
    };
    hold(none, &[(json!({"client_id": "x"}), unread)]).await;
    let form = |profile: Profile| Profile {
        autonomous: vec![AutonomousClaim::client("client_id", "svc-", "")],
        ..by(&["azp"])(profile)
    };
    hold(
        form,
        &[
            (json!({"azp": "web", "client_id": "x"}), unread),
            (
                json!({"sub": "web", "azp": "web", "client_id": "svc-web"}),
                "agent:web",
            ),
        ],
    )
    .await;
    let within = by(&["client_id.name", "azp"]);
    hold(
        within,
        &[
            (
                json!({"azp": "web", "client_id": {"name": "web"}}),
                "user:alice",
            ),
            (json!({"azp": "web", "client_id": {"id": "x"}}), unread),
        ],
    )
    .await;
    // Who is read there is a party.
    let subject = |profile: Profile| {
        let mut profile = profile;
        profile.claims.subject = paths(&["user.id"]);
        profile
    };
    hold(
        subject,
        &[
            (
                json!({"client_id": "web", "user": {"id": "bob"}}),
                "user:bob",
            ),
            (
                json!({"client_id": "web", "user": {"id": "bob", "act": {"sub": "x"}}}),
                "names somebody in `user.act`",
            ),
            (
                json!({"client_id": "web", "user": {"id": "bob"}, "users": [{"id": "x"}]}),
                "names somebody in `users`",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_tokens_use_is_known_by_whichever_door_it_comes() {
    let other = "is no access token";
    let used = |over: Value| with(&json!({"client_id": "web"}), &over);
    hold(
        |profile| profile,
        &[
            (used(json!({"token_type": "Bearer"})), "user:alice"),
            (used(json!({"token_type": "refresh_token"})), other),
            (used(json!({"token_type": "N_A"})), other),
            (used(json!({"TokenType": "N_A"})), other),
            (used(json!({"token_use": "refresh_token"})), other),
            (used(json!({"token_type": "DPoP"})), "is bound to a key"),
        ],
    )
    .await;
    let required = |profile: Profile| Profile {
        required: vec![ClaimMark::one_of("token_type", &["svc"])],
        ..profile
    };
    hold(
        required,
        &[
            (used(json!({"token_type": "svc"})), "user:alice"),
            (used(json!({"token_type": "SVC"})), other),
            (used(json!({"token_type": "svc", "token_use": "id"})), other),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_subject_by_any_name_is_nobodys_account() {
    let no_account = "is not known to be the account of `web`";
    let nameless = |over: Value| with(&json!({"sub": null, "client_id": "web"}), &over);
    hold(
        preset(Preset::OidcProvider),
        &[
            (nameless(json!({})), "agent:web"),
            (nameless(json!({"username": "web"})), "agent:web"),
            (nameless(json!({"username": "mallory"})), no_account),
            (nameless(json!({"UserName": "mallory"})), no_account),
            (nameless(json!({"email": "m@x.example"})), no_account),
            (nameless(json!({"https://x.example/uid": 7})), no_account),
            (
                nameless(json!({"_claim_names": {"username": "s"}})),
                no_account,
            ),
        ],
    )
    .await;
    let by_email = |profile: Profile| {
        let mut profile = inverted(profile);
        profile.claims.subject = paths(&["email"]);
        Profile {
            of_users: paths(&["scp"]),
            ..profile
        }
    };
    let act = json!({"email": "alice"});
    hold(
        by_email,
        &[
            (nameless(json!({"act": act})), "user:alice > agent:web"),
            (
                nameless(json!({"act": act, "username": "x"})),
                "names no subject",
            ),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_word_of_a_mark_is_that_word_or_refuses() {
    let misspelt = "is spelled like one that says whose the token is";
    let auth0 = |sub: &str, gty: &str| json!({"azp": "web", "sub": sub, "gty": gty});
    hold(
        preset(Preset::Auth0),
        &[
            (auth0("web@clients", "client-credentials"), "agent:web"),
            (auth0("alice", "password"), "user:alice"),
            (auth0("alice", "client_credentials"), misspelt),
            (auth0("alice", "Client-Credentials"), misspelt),
            (auth0("x@Clients", "password"), misspelt),
        ],
    )
    .await;
    let entra =
        |idtyp: &str| json!({"ver": "2.0", "oid": "o", "azp": "web", "scp": "r", "idtyp": idtyp});
    hold(
        preset(Preset::Entra),
        &[(entra("user"), "user:o"), (entra("App"), misspelt)],
    )
    .await;
    let by_kind = |profile: Profile| Profile {
        id_tokens: vec![ClaimMark::one_of("kind", &["id"])],
        ..profile
    };
    hold(
        by_kind,
        &[
            (json!({"client_id": "web", "kind": "access"}), "user:alice"),
            (json!({"client_id": "web", "kind": "ID"}), misspelt),
        ],
    )
    .await;
    // What a client's own token says of its subject is of the type of clients.
    let own = |word: &str| json!({"sub": "bot", "client_id": "bot", "sub_profile": word});
    hold(
        |profile| profile,
        &[
            (own("ai_agent"), "agent:bot"),
            (own("service"), "would have two ids"),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_token_by_a_shared_secret_names_its_agent_alone() {
    let secret = "a9f3c1d77a0be43e29b51c6d2e8f70a345b6c88";
    let made = Profile {
        trust: Trust::Secret(Secret::new(secret.as_bytes())),
        ..Preset::SharedSecret.profile("local")
    };
    let world = World::new(vec![made], Vec::new());
    let usual = json!({"agentId": "dev", "iat": NOW - 10, "exp": NOW + 300});
    for (over, expected) in [
        (json!({}), "agent:dev"),
        (json!({"sub": "dev", "client_id": "dev"}), "agent:dev"),
        (json!({"sub": "x"}), "names somebody in `sub`"),
        (json!({"sub": 7}), "names somebody in `sub`"),
        (json!({"client_id": "x"}), "names a client in `client_id`"),
        (
            json!({"sub": "x", "client_id": "x"}),
            "names somebody in `sub`",
        ),
        (json!({"aud": "other"}), "names an audience"),
        (json!({"iss": "x"}), "is not configured"),
        (json!({"agent_id": "x"}), "spelled like `agentId`"),
        (json!({"agent": "x"}), "names a client in `agent`"),
        (json!({"agents": ["x"]}), "names somebody in `agents`"),
        (json!({"parentAgentId": "x"}), "names somebody in"),
    ] {
        let token = jsonwebtoken::encode(
            &jsonwebtoken::Header::default(),
            &with(&usual, &over),
            &jsonwebtoken::EncodingKey::from_secret(secret.as_bytes()),
        );
        let found = chain(&world, &token.unwrap()).await;
        assert!(found.contains(expected), "{over}: {found}");
    }
}
