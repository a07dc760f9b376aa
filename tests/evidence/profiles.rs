//! Tokens of each profile, for the tables of who is named by what.

use crate::named::SECRET;
use crate::world::{AUDIENCE, ISSUER};
use behest::evidence::{ActorForm, Preset, Profile, Secret, Trust};
use serde_json::{Value, json};
use support::tokens::with;

pub(crate) const PARTNER: &str = "https://partner.example";

/// Tokens of one profile: what each has beside the claims of all.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) profile: Profile,
    pub(crate) claims: Value,
    pub(crate) rows: Vec<(&'static str, Value)>,
}

fn standard(over: impl Fn(Profile) -> Profile) -> Profile {
    over(Preset::Standard.profile(ISSUER))
}

pub(crate) fn tables() -> Vec<Table> {
    let mut all = standard_tables();
    all.extend(tables_of_forms());
    all.push(keycloak());
    all.push(entra("`entra`", Preset::Entra, "2.0", "azp"));
    all.push(entra("`entra-v1`", Preset::EntraV1, "1.0", "appid"));
    all.push(okta());
    all.push(shared_secret());
    all
}

/// Tokens of the standard's profile as it comes.
fn plain_rows() -> Vec<(&'static str, Value)> {
    let act = json!({"act": {"sub": "bot"}, "client_id": "bot"});
    let id_token = json!({"aud": "web", "nonce": "n"});
    vec![
        ("a user's, of a client", json!({"client_id": "copilot"})),
        ("a user's, of a client in `azp`", json!({"azp": "copilot"})),
        ("a user's, of no client", json!({})),
        ("exchanged, its client the actor", act),
        (
            "exchanged, its client another",
            json!({"act": {"sub": "bot"}, "client_id": "web"}),
        ),
        (
            "exchanged twice",
            json!({"act": {"sub": "specialist", "act": {"sub": "orchestrator"}}, "client_id": "specialist"}),
        ),
        (
            "exchanged, its actor a partner's",
            json!({"act": {"sub": "bot", "iss": PARTNER}, "client_id": "web"}),
        ),
        (
            "a client's own",
            json!({"sub": "batch", "client_id": "batch"}),
        ),
        (
            "an agent's, which says so",
            json!({"sub": "bot", "sub_profile": "ai_agent", "client_id": "web"}),
        ),
        (
            "a user's, which says so",
            json!({"sub_profile": "user", "client_id": "copilot"}),
        ),
        ("of two clients", json!({"client_id": "one", "azp": "two"})),
        (
            "of a client that is spelled otherwise",
            json!({"Client_Id": "bot"}),
        ),
        (
            "of a second client, by another issuer's name",
            json!({"client_id": "web", "cid": "copilot"}),
        ),
        (
            "exchanged, its actor with a client by another issuer's name",
            json!({"act": {"sub": "bot", "cid": "copilot"}}),
        ),
        (
            "exchanged, its actor acting for another",
            json!({"act": {"sub": "bot", "on_behalf_of": "bob"}}),
        ),
        (
            "with an `act` of another form",
            json!({"act": [{"sub": "bot"}], "client_id": "bot"}),
        ),
        ("ID token alone", id_token.clone()),
        ("ID token beside an access token", id_token.clone()),
        (
            "ID token of a client, beside an access token",
            with(&id_token, &json!({"sub": "web", "azp": "web"})),
        ),
    ]
}

fn standard_tables() -> Vec<Table> {
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice"});
    let id_token = json!({"aud": "web", "nonce": "n"});
    let own = |profile| Profile {
        own_clients: vec!["web".into()],
        ..profile
    };
    let alone = |profile| Profile {
        own_clients: vec!["web".into()],
        id_token_audiences: vec!["copilot".into()],
        id_tokens_alone: true,
        ..profile
    };
    let id_token_of = |client: &str| with(&id_token, &json!({"azp": client}));
    vec![
        Table {
            title: "`standard`, `own_clients = [\"web\"]`, `id_tokens_alone = true`",
            profile: standard(alone),
            claims: claims.clone(),
            rows: vec![
                ("ID token alone", id_token.clone()),
                ("ID token alone, of another client", id_token_of("copilot")),
                (
                    "ID token alone, for another client, too",
                    with(&id_token, &json!({"aud": ["web", "copilot"], "azp": "web"})),
                ),
                (
                    "ID token of another client, beside an access token",
                    id_token_of("copilot"),
                ),
            ],
        },
        Table {
            title: "`standard`",
            profile: standard(|profile| profile),
            claims: claims.clone(),
            rows: plain_rows(),
        },
        Table {
            title: "`standard`, `own_clients = [\"web\"]`",
            profile: standard(own),
            claims,
            rows: vec![
                ("a user's, of her own hand", json!({"client_id": "web"})),
                (
                    "a user's, of another client",
                    json!({"client_id": "copilot"}),
                ),
                (
                    "a user's, of a client that is an agent",
                    json!({"client_id": "web", "client_profile": "ai_agent"}),
                ),
                (
                    "a user's, of a client of no known kind",
                    json!({"client_id": "web", "client_profile": "agent"}),
                ),
                (
                    "an agent's, of a user's own hand",
                    json!({"sub": "bot", "sub_profile": "ai_agent", "client_id": "web"}),
                ),
                (
                    "exchanged, its client her own hand",
                    json!({"act": {"sub": "bot"}, "client_id": "web"}),
                ),
            ],
        },
    ]
}

fn tables_of_forms() -> Vec<Table> {
    let inverted = json!({"sub": "bot", "client_id": "bot", "act": {"sub": "alice"}});
    vec![
        Table {
            title: "`standard`, `actor = \"inverted\"`",
            profile: standard(|profile| Profile {
                actor: ActorForm::Inverted,
                ..profile
            }),
            claims: json!({"iss": ISSUER, "aud": AUDIENCE}),
            rows: vec![
                (
                    "ID token alone",
                    json!({"aud": "web", "nonce": "n", "sub": "bot"}),
                ),
                ("for a user", inverted.clone()),
                (
                    "for a user, its client another",
                    with(&inverted, &json!({"client_id": "web"})),
                ),
                (
                    "for another agent of a user's",
                    with(
                        &inverted,
                        &json!({"act": {"sub": "orchestrator", "act": {"sub": "alice"}}}),
                    ),
                ),
                (
                    "for a partner's user",
                    with(&inverted, &json!({"act": {"sub": "alice", "iss": PARTNER}})),
                ),
                ("without `act`", json!({"sub": "bot", "client_id": "bot"})),
                (
                    "without `act`, of another client",
                    json!({"sub": "bot", "client_id": "web"}),
                ),
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
            rows: vec![(
                "for a partner's user",
                with(&inverted, &json!({"act": {"sub": "alice", "iss": PARTNER}})),
            )],
        },
        Table {
            title: "`standard`, `actor = \"list\"`",
            profile: standard(|profile| Profile {
                actor: ActorForm::List,
                ..profile
            }),
            claims: json!({"iss": ISSUER, "aud": AUDIENCE}),
            rows: vec![
                (
                    "for a user",
                    with(&inverted, &json!({"act": [{"sub": "alice"}]})),
                ),
                (
                    "for another agent of a user's",
                    with(
                        &inverted,
                        &json!({"act": [{"sub": "orchestrator"}, {"sub": "alice"}]}),
                    ),
                ),
                (
                    "for a partner's user",
                    with(
                        &inverted,
                        &json!({"act": [{"sub": "alice", "iss": PARTNER}]}),
                    ),
                ),
            ],
        },
    ]
}

fn keycloak() -> Table {
    let account = json!({"sub": "5f1c-uuid", "azp": "batch", "preferred_username": "service-account-batch",
        "clientHost": "10.0.0.1"});
    Table {
        title: "`keycloak`",
        profile: Preset::Keycloak.profile(ISSUER),
        claims: json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "typ": "Bearer"}),
        rows: vec![
            ("a user's", json!({"azp": "copilot"})),
            (
                "a user's, with a `nonce`",
                json!({"azp": "copilot", "nonce": "n"}),
            ),
            (
                "a user's, said to be bound, and to no key",
                json!({"azp": "copilot", "typ": "DPoP"}),
            ),
            (
                "exchanged, the actor by its client's name",
                json!({"azp": "bot", "act": {"sub": "bot"}}),
            ),
            (
                "exchanged, the actor with its client",
                json!({"azp": "web", "act": {"sub": "5f1c-uuid", "client_id": "batch"}}),
            ),
            (
                "exchanged, the actor with two clients",
                json!({"azp": "web", "act": {"sub": "5f1c-uuid", "client_id": "batch", "azp": "copilot"}}),
            ),
            (
                "exchanged, the actor by its account's number",
                json!({"azp": "batch", "act": {"sub": "5f1c-uuid"}}),
            ),
            ("a service account's own", account.clone()),
            (
                "a service account's own, with a user's session",
                with(&account, &json!({"sid": "s1"})),
            ),
            (
                "a user's who is named like a service account",
                with(&account, &json!({"clientHost": null, "sid": "s1"})),
            ),
            (
                "a service account's own, of a client in other letters",
                json!({"sub": "5f1c-uuid", "azp": "BÜRO", "preferred_username": "service-account-büro"}),
            ),
            (
                "a user's, with marks of a service account",
                with(&account, &json!({"preferred_username": "alice"})),
            ),
            (
                "a user's, her session spelled otherwise",
                with(&account, &json!({"clientHost": null, "Sid": "s1"})),
            ),
            (
                "of an account named like another client's",
                with(&account, &json!({"azp": "web"})),
            ),
            ("a refresh token", json!({"typ": "Refresh", "azp": "web"})),
            (
                "an ID token as an access token",
                json!({"typ": "ID", "azp": "web"}),
            ),
            (
                "ID token alone",
                json!({"typ": "ID", "aud": "web", "azp": "web"}),
            ),
            (
                "ID token that is an access token",
                json!({"aud": "web", "azp": "web", "nonce": "n"}),
            ),
            (
                "ID token of a service account",
                with(&account, &json!({"typ": "ID", "aud": "web"})),
            ),
        ],
    }
}

fn okta() -> Table {
    let id_token = json!({"aud": "web", "nonce": "n"});
    Table {
        title: "`okta`, `own_clients = [\"web\"]`, `id_tokens_alone = true`",
        profile: Profile {
            own_clients: vec!["web".into()],
            id_tokens_alone: true,
            ..Preset::Okta.profile(ISSUER)
        },
        claims: json!({"iss": ISSUER, "aud": AUDIENCE, "uid": "00u1", "sub": "alice@x"}),
        rows: vec![
            ("a user's, of her own hand", json!({"cid": "web"})),
            ("a user's, of a client", json!({"cid": "copilot"})),
            (
                "of a second client, by another issuer's name",
                json!({"cid": "web", "azp": "copilot"}),
            ),
            (
                "a client's own",
                json!({"uid": null, "sub": "batch", "cid": "batch"}),
            ),
            ("ID token alone", id_token.clone()),
            (
                "ID token alone, of another client",
                with(&id_token, &json!({"azp": "copilot"})),
            ),
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
            (
                "with `act`",
                json!({"act": {"sub": "alice", "iss": PARTNER}}),
            ),
            ("ID token", json!({"nonce": "n"})),
        ],
    }
}

fn entra(title: &'static str, preset: Preset, version: &str, client: &str) -> Table {
    let claims =
        json!({"iss": ISSUER, "aud": AUDIENCE, "oid": "a1", "sub": "pairwise", "ver": version});
    let rows = vec![
        ("a user's", json!({client: "copilot", "scp": "read"})),
        (
            "an application's own",
            json!({client: "batch", "sub": "a1", "roles": ["read"]}),
        ),
        (
            "an application's own, which says so",
            json!({client: "batch", "sub": "a1", "idtyp": "app", "roles": ["read"]}),
        ),
        (
            "a user's, without scopes",
            json!({client: "batch", "roles": ["read"]}),
        ),
        (
            "a user's, without scopes, which says so",
            json!({client: "batch", "sub": "a1", "idtyp": "user", "roles": ["read"]}),
        ),
        (
            "an application's own, with scopes spelled otherwise",
            json!({client: "batch", "sub": "a1", "Scp": "read"}),
        ),
        ("an ID token as an access token", json!({"nonce": "n"})),
        (
            "of the other version",
            json!({client: "copilot", "scp": "read", "ver": "3.0"}),
        ),
        ("ID token alone", json!({"aud": "web", "nonce": "n"})),
    ];
    Table {
        title,
        profile: preset.profile(ISSUER),
        claims,
        rows,
    }
}
