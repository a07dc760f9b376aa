//! Who is named by what: a table of tokens and profiles, in the documentation, written by what the service reads.

use crate::golden;
use crate::service::NOW_MS;
use crate::tokens::{Key, sign_with_secret, with};
use crate::web::Web;
use crate::world::{AUDIENCE, ISSUER, World, access, profile, publish, question};
use behest::evidence::{ActorForm, Introspection, Preset, Profile, Secret, Trust};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

const PAGE: &str = "docs/credentials-chains.md";
const BEGIN: &str = "<!-- The tables below are written by tests/evidence/named.rs. -->\n";
const PARTNER: &str = "https://partner.example";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: i64 = NOW_MS / 1_000;

/// Tokens of one profile: what each has beside the claims of all.
struct Table {
    title: &'static str,
    profile: Profile,
    claims: Value,
    rows: Vec<(&'static str, Value)>,
}

#[actix_web::test]
async fn the_page_says_who_is_named_by_what() {
    let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
    let (text, _) = committed.split_once(BEGIN).unwrap_or((&committed, ""));
    let mut page = format!("{text}{BEGIN}");
    for table in tables() {
        page.push_str(&write(table).await);
    }
    page.push_str(&introspected().await);
    golden::check(PAGE, &page);
}

async fn write(table: Table) -> String {
    let Table { title, profile: made, claims, rows } = table;
    let key = Key::new("k1");
    let web = publish(&key);
    let keys = profile(&web);
    let trust = if matches!(made.trust, Trust::Secret(_)) { made.trust.clone() } else { keys.trust.clone() };
    let audiences = if matches!(trust, Trust::Secret(_)) { Vec::new() } else { keys.audiences.clone() };
    let id_token_audiences = if audiences.is_empty() { Vec::new() } else { vec!["web".into()] };
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![("user".into(), "partner/".into()), ("agent".into(), "partner/".into())],
        ..keys
    };
    let is_secret = matches!(trust, Trust::Secret(_));
    let made = Profile { trust, audiences, id_token_audiences, ..made };
    let typ = if made.types.contains(&"at+jwt".to_owned()) { "at+jwt" } else { "JWT" };
    let world = World::new(vec![made, partner], Vec::new());
    let mut told = format!("\n## {title}\n\nEach token has `{claims}` beside its own.\n\n{HEAD}");
    for (kind, over) in rows {
        let all = with(&with(&claims, &json!({"iat": NOW - 10, "exp": NOW + 300})), &over);
        let is_id_token = kind.starts_with("ID token");
        let typ = if is_id_token { "JWT" } else { typ };
        let token = if is_secret {
            sign_with_secret(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &all)
        } else {
            key.sign(&json!({"alg": "ES256", "typ": typ, "kid": "k1"}), &all)
        };
        let mut credentials =
            vec![json!({"type": if is_id_token { "id_token" } else { "access_token" }, "value": token})];
        if kind.contains("beside an access token") {
            let plain = key.sign(
                &json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}),
                &with(&claims, &json!({"exp": NOW + 300})),
            );
            credentials.push(access(&plain));
        }
        row(&mut told, kind, &over, &named(&world, &credentials).await);
    }
    told
}

const HEAD: &str = "| Token | Claims | Chain, or why it is refused |\n|---|---|---|\n";

fn row(told: &mut String, kind: &str, claims: &Value, found: &str) {
    writeln!(told, "| {kind} | `{claims}` | {found} |").unwrap();
}

/// The chain of the first credential, or the refusal.
async fn named(world: &World, credentials: &[Value]) -> String {
    let body = question("look", credentials);
    let explanation = world.explain(&body).await;
    let name = |member: &Value| format!("{}:{}", member["type"].as_str().unwrap(), member["id"].as_str().unwrap());
    match explanation["credentials"].as_array().map(Vec::as_slice) {
        Some([first, ..]) => {
            let chain: Vec<String> = first["chain"].as_array().unwrap().iter().map(name).collect();
            format!("`{}`", chain.join(" > "))
        }
        _ => {
            let answer = world.ask(&body).await;
            let (code, why) = answer.split_once(": ").unwrap();
            let why = why.trim_start_matches("`context.credentials[0]`").trim_start();
            let why = if why.starts_with(": ") { why.trim_start_matches(": ").to_owned() } else { format!("it {why}") };
            format!("`{code}`: {why}")
        }
    }
}

fn standard(over: impl Fn(Profile) -> Profile) -> Profile {
    over(Preset::Standard.profile(ISSUER))
}

fn tables() -> Vec<Table> {
    let mut all = standard_tables();
    all.extend(tables_of_forms());
    all.push(keycloak());
    all.push(entra("`entra`", Preset::Entra, "2.0", "azp"));
    all.push(entra("`entra-v1`", Preset::EntraV1, "1.0", "appid"));
    all.push(shared_secret());
    all
}

fn standard_tables() -> Vec<Table> {
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice"});
    let act = json!({"act": {"sub": "bot"}, "client_id": "bot"});
    let id_token = json!({"aud": "web", "nonce": "n"});
    let plain = vec![
        ("a user's, of a client", json!({"client_id": "copilot"})),
        ("a user's, of a client in `azp`", json!({"azp": "copilot"})),
        ("a user's, of no client", json!({})),
        ("exchanged, its client the actor", act),
        ("exchanged, its client another", json!({"act": {"sub": "bot"}, "client_id": "web"})),
        (
            "exchanged twice",
            json!({"act": {"sub": "specialist", "act": {"sub": "orchestrator"}}, "client_id": "specialist"}),
        ),
        ("exchanged, its actor a partner's", json!({"act": {"sub": "bot", "iss": PARTNER}, "client_id": "web"})),
        ("a client's own", json!({"sub": "batch", "client_id": "batch"})),
        ("of two clients", json!({"client_id": "one", "azp": "two"})),
        ("with an `act` of another form", json!({"act": [{"sub": "bot"}], "client_id": "bot"})),
        ("ID token alone", id_token.clone()),
        ("ID token beside an access token", id_token.clone()),
        ("ID token of a client, beside an access token", with(&id_token, &json!({"sub": "web", "azp": "web"}))),
    ];
    let own = |profile| Profile { own_clients: vec!["web".into()], ..profile };
    vec![
        Table { title: "`standard`", profile: standard(|profile| profile), claims: claims.clone(), rows: plain },
        Table {
            title: "`standard`, `own_clients = [\"web\"]`",
            profile: standard(own),
            claims,
            rows: vec![
                ("a user's, of her own hand", json!({"client_id": "web"})),
                ("a user's, of another client", json!({"client_id": "copilot"})),
                ("exchanged, its client her own hand", json!({"act": {"sub": "bot"}, "client_id": "web"})),
            ],
        },
    ]
}

fn tables_of_forms() -> Vec<Table> {
    let inverted = json!({"sub": "bot", "client_id": "bot", "act": {"sub": "alice"}});
    vec![
        Table {
            title: "`standard`, `actor = \"inverted\"`",
            profile: standard(|profile| Profile { actor: ActorForm::Inverted, ..profile }),
            claims: json!({"iss": ISSUER, "aud": AUDIENCE}),
            rows: vec![
                ("for a user", inverted.clone()),
                ("for a user, its client another", with(&inverted, &json!({"client_id": "web"}))),
                (
                    "for another agent of a user's",
                    with(&inverted, &json!({"act": {"sub": "orchestrator", "act": {"sub": "alice"}}})),
                ),
                ("for a partner's user", with(&inverted, &json!({"act": {"sub": "alice", "iss": PARTNER}}))),
                ("without `act`", json!({"sub": "bot", "client_id": "bot"})),
                ("without `act`, of another client", json!({"sub": "bot", "client_id": "web"})),
            ],
        },
        Table {
            title: "`standard`, `actor = \"inverted\"`, `subjects_of = [\"https://partner.example\"]`",
            profile: standard(|profile| Profile {
                actor: ActorForm::Inverted,
                subjects_of: vec![PARTNER.into()],
                ..profile
            }),
            claims: json!({"iss": ISSUER, "aud": AUDIENCE}),
            rows: vec![("for a partner's user", with(&inverted, &json!({"act": {"sub": "alice", "iss": PARTNER}})))],
        },
        Table {
            title: "`standard`, `actor = \"list\"`",
            profile: standard(|profile| Profile { actor: ActorForm::List, ..profile }),
            claims: json!({"iss": ISSUER, "aud": AUDIENCE}),
            rows: vec![
                ("for a user", with(&inverted, &json!({"act": [{"sub": "alice"}]}))),
                (
                    "for another agent of a user's",
                    with(&inverted, &json!({"act": [{"sub": "orchestrator"}, {"sub": "alice"}]})),
                ),
                ("for a partner's user", with(&inverted, &json!({"act": [{"sub": "alice", "iss": PARTNER}]}))),
            ],
        },
    ]
}

fn keycloak() -> Table {
    let account = json!({"sub": "5f1c-uuid", "azp": "batch", "preferred_username": "service-account-batch"});
    Table {
        title: "`keycloak`",
        profile: Preset::Keycloak.profile(ISSUER),
        claims: json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "typ": "Bearer"}),
        rows: vec![
            ("a user's", json!({"azp": "copilot"})),
            ("a user's, with a `nonce`", json!({"azp": "copilot", "nonce": "n"})),
            ("a user's, said to be bound, and to no key", json!({"azp": "copilot", "typ": "DPoP"})),
            ("exchanged, the actor by its client's name", json!({"azp": "bot", "act": {"sub": "bot"}})),
            (
                "exchanged, the actor with its client",
                json!({"azp": "web", "act": {"sub": "5f1c-uuid", "client_id": "batch"}}),
            ),
            ("exchanged, the actor by its account's number", json!({"azp": "batch", "act": {"sub": "5f1c-uuid"}})),
            ("a service account's own", account.clone()),
            ("of an account named like another client's", with(&account, &json!({"azp": "web"}))),
            ("a refresh token", json!({"typ": "Refresh", "azp": "web"})),
            ("an ID token as an access token", json!({"typ": "ID", "azp": "web"})),
            ("ID token alone", json!({"typ": "ID", "aud": "web", "azp": "web"})),
            ("ID token that is an access token", json!({"aud": "web", "azp": "web", "nonce": "n"})),
            ("ID token of a service account", with(&account, &json!({"typ": "ID", "aud": "web"}))),
        ],
    }
}

fn shared_secret() -> Table {
    Table {
        title: "`shared-secret`",
        profile: Profile {
            trust: Trust::Secret(Secret::new(SECRET.to_vec())),
            ..Preset::SharedSecret.profile("local")
        },
        claims: json!({"agentId": "dev-1", "permissions": ["read"]}),
        rows: vec![
            ("an agent's", json!({})),
            ("with `act`", json!({"act": {"sub": "alice", "iss": PARTNER}})),
            ("ID token", json!({"nonce": "n"})),
        ],
    }
}

fn entra(title: &'static str, preset: Preset, version: &str, client: &str) -> Table {
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "oid": "a1", "sub": "pairwise", "ver": version});
    let rows = vec![
        ("a user's", json!({client: "copilot", "scp": "read"})),
        ("an application's own", json!({client: "batch", "roles": ["read"]})),
        ("an application's own, which says so", json!({client: "batch", "idtyp": "app", "roles": ["read"]})),
        ("an ID token as an access token", json!({"nonce": "n"})),
        ("of the other version", json!({client: "copilot", "scp": "read", "ver": "3.0"})),
        ("ID token alone", json!({"aud": "web", "nonce": "n"})),
    ];
    Table { title, profile: preset.profile(ISSUER), claims, rows }
}

/// Tokens that their issuer is asked about.
async fn introspected() -> String {
    let mut told =
        "\n## By introspection\n\nWhat the issuer answers, and what the token says of itself where it is a JWT.\n\n\
                    | Profile | Answer | Token | Chain, or why it is refused |\n|---|---|---|---|\n"
            .to_owned();
    let (alice, act) = (json!({"sub": "alice", "client_id": "copilot"}), json!({"act": {"sub": "x"}}));
    for (profile, carries_act, preset, answer, token) in [
        ("`standard`", true, Preset::Standard, alice.clone(), None),
        ("`standard`", true, Preset::Standard, with(&alice, &act), None),
        ("`standard`", true, Preset::Standard, alice.clone(), Some(alice.clone())),
        ("`standard`", true, Preset::Standard, with(&alice, &act), Some(with(&alice, &act))),
        ("`standard`", true, Preset::Standard, alice.clone(), Some(with(&alice, &act))),
        ("`standard`", true, Preset::Standard, alice.clone(), Some(with(&alice, &json!({"cnf": {"jkt": "k"}})))),
        ("`standard`", true, Preset::Standard, alice.clone(), Some(with(&alice, &json!({"sub": "bob"})))),
        ("`standard`, `carries_act = false`", false, Preset::Standard, alice.clone(), None),
        ("`standard`, `carries_act = false`", false, Preset::Standard, alice.clone(), Some(with(&alice, &act))),
        ("`standard`", true, Preset::Standard, json!({"client_id": "batch"}), None),
        ("`oidc-provider`", true, Preset::OidcProvider, json!({"client_id": "batch"}), None),
        ("`oidc-provider`", true, Preset::OidcProvider, alice.clone(), None),
    ] {
        let answers = with(&answer, &json!({"active": true, "aud": AUDIENCE, "exp": NOW + 300})).to_string();
        let web = Web::start(move |_| (200, String::new(), answers.clone()));
        let introspection = Some(Introspection {
            url: web.url.clone(),
            client_id: "pdp".to_owned(),
            client_secret: None,
            keep: Duration::from_secs(10),
            signed: None,
            carries_act,
        });
        let made = Profile {
            trust: Trust::Introspection,
            introspection,
            audiences: vec![AUDIENCE.into()],
            ..preset.profile(ISSUER)
        };
        let world = World::new(vec![made], Vec::new());
        let all = |token: &Value| {
            Key::new("k1").access_token(&with(token, &json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 300})))
        };
        let value = token.as_ref().map_or("opaque".to_owned(), all);
        let shown = token.map_or("opaque".to_owned(), |token| format!("`{token}`"));
        let found = named(&world, &[access(&value)]).await;
        writeln!(told, "| {profile} | `{answer}` | {shown} | {found} |").unwrap();
    }
    told
}
