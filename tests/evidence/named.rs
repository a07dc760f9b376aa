//! Who is named by what: a table of tokens and profiles, in the documentation, written by what the
//! service reads.

use crate::profiles::{PARTNER, Table, tables};
use crate::world::{AUDIENCE, ISSUER, World, access, profile, publish, question};
use behest::evidence::{IntrospectionEndpoint, Preset, Profile, Trust};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;
use support::golden;
use support::service::NOW_MS;
use support::tokens::{Key, sign_with_secret, with};
use support::web::Web;

const PAGE: &str = "docs/credentials-chains.md";
const BEGIN: &str = "<!-- The tables below are written by tests/evidence/named.rs. -->\n";
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: i64 = NOW_MS / 1_000;

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
    let Table {
        title,
        profile: made,
        claims,
        rows,
    } = table;
    let key = Key::new("k1");
    let web = publish(&key);
    let keys = profile(&web);
    let trust = if matches!(made.trust, Trust::Secret(_)) {
        made.trust.clone()
    } else {
        keys.trust.clone()
    };
    let audiences = if matches!(trust, Trust::Secret(_)) {
        Vec::new()
    } else {
        keys.audiences.clone()
    };
    let id_token_audiences = if audiences.is_empty() {
        Vec::new()
    } else {
        vec!["web".into()]
    };
    let partner = Profile {
        issuer: PARTNER.into(),
        ids: vec![
            ("user".into(), "partner/".into()),
            ("agent".into(), "partner/".into()),
        ],
        ..keys
    };
    let is_secret = matches!(trust, Trust::Secret(_));
    let made = Profile {
        trust,
        audiences,
        id_token_audiences,
        ..made
    };
    let typ = if made.types.contains(&"at+jwt".to_owned()) {
        "at+jwt"
    } else {
        "JWT"
    };
    let world = World::new(vec![made, partner], Vec::new());
    let mut told = format!("\n## {title}\n\nEach token has `{claims}` beside its own.\n\n{HEAD}");
    for (kind, over) in rows {
        let all = with(
            &with(&claims, &json!({"iat": NOW - 10, "exp": NOW + 300})),
            &over,
        );
        let is_id_token = kind.starts_with("ID token");
        let typ = if is_id_token { "JWT" } else { typ };
        let token = if is_secret {
            sign_with_secret(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &all)
        } else {
            key.sign(&json!({"alg": "ES256", "typ": typ, "kid": "k1"}), &all)
        };
        let mut credentials = vec![
            json!({"type": if is_id_token { "id_token" } else { "access_token" }, "value": token}),
        ];
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
    let name = |member: &Value| {
        format!(
            "{}:{}",
            member["type"].as_str().unwrap(),
            member["id"].as_str().unwrap()
        )
    };
    match explanation["credentials"].as_array().map(Vec::as_slice) {
        Some([first, ..]) => {
            let chain: Vec<String> = first["chain"]
                .as_array()
                .unwrap()
                .iter()
                .map(name)
                .collect();
            format!("`{}`", chain.join(" > "))
        }
        _ => {
            let answer = world.ask(&body).await;
            let (code, why) = answer.split_once(": ").unwrap();
            let why = why
                .trim_start_matches("`context.credentials[0]`")
                .trim_start();
            let why = if why.starts_with(": ") {
                why.trim_start_matches(": ").to_owned()
            } else {
                format!("it {why}")
            };
            format!("`{code}`: {why}")
        }
    }
}

/// Tokens that their issuer is asked about.
/// An issuer's answer about a token, and what the token says of itself where it is a JWT.
struct Answered {
    profile: &'static str,
    preset: Preset,
    carries_act: bool,
    answer: Value,
    token: Option<Value>,
}

fn answered() -> Vec<Answered> {
    let alice = json!({"sub": "alice", "client_id": "copilot"});
    let acted = with(&alice, &json!({"act": {"sub": "x"}}));
    let bound = with(&alice, &json!({"cnf": {"jkt": "k"}}));
    let bob = with(&alice, &json!({"sub": "bob"}));
    let batch = json!({"client_id": "batch"});
    let standard = |answer: &Value, token: Option<&Value>| Answered {
        profile: "`standard`",
        preset: Preset::Standard,
        carries_act: true,
        answer: answer.clone(),
        token: token.cloned(),
    };
    let without_act = |token| Answered {
        profile: "`standard`, `carries_act = false`",
        carries_act: false,
        ..standard(&alice, token)
    };
    let provider = |answer| Answered {
        profile: "`oidc-provider`",
        preset: Preset::OidcProvider,
        ..standard(answer, None)
    };
    vec![
        standard(&alice, None),
        standard(&acted, None),
        standard(&alice, Some(&alice)),
        standard(&acted, Some(&acted)),
        standard(&alice, Some(&acted)),
        standard(&alice, Some(&bound)),
        standard(&alice, Some(&bob)),
        without_act(None),
        without_act(Some(&acted)),
        standard(&batch, None),
        provider(&batch),
        provider(&alice),
    ]
}

async fn introspected() -> String {
    let mut told =
        "\n## By introspection\n\nWhat the issuer answers, and what the token says of itself where it is a JWT.\n\n\
                    | Profile | Answer | Token | Chain, or why it is refused |\n|---|---|---|---|\n"
            .to_owned();
    let usual = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 300});
    for case in answered() {
        let (world, _web) = asking(&case);
        let Answered {
            profile,
            answer,
            token,
            ..
        } = case;
        let jwt = |claims: &Value| Key::new("k1").access_token(&with(claims, &usual));
        let value = token.as_ref().map_or("opaque".to_owned(), jwt);
        let shown = token.map_or("opaque".to_owned(), |token| format!("`{token}`"));
        let found = named(&world, &[access(&value)]).await;
        writeln!(told, "| {profile} | `{answer}` | {shown} | {found} |").unwrap();
    }
    told
}

/// A service whose issuer gives this answer about every token.
fn asking(case: &Answered) -> (World, Web) {
    let answer = with(
        &case.answer,
        &json!({"active": true, "aud": AUDIENCE, "exp": NOW + 300}),
    )
    .to_string();
    let web = Web::start(move |_| (200, String::new(), answer.clone()));
    let introspection = Some(IntrospectionEndpoint {
        url: web.url.clone(),
        client_id: "pdp".to_owned(),
        client_secret: None,
        keep: Duration::from_secs(10),
        signed: None,
        carries_act: case.carries_act,
    });
    let profile = Profile {
        trust: Trust::Introspection,
        introspection,
        audiences: vec![AUDIENCE.into()],
        ..case.preset.profile(ISSUER)
    };
    (World::new(vec![profile], Vec::new()), web)
}
