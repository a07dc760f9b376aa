//! Presets: what is known of some issuers' tokens. Every value of a preset can be changed by a
//! setting.

use super::profile::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, ClaimPaths, Overage, Profile, Trust,
};
use super::{KeySource, Secret, providers};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;
use std::time::Duration;

/// An issuer whose tokens are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Access tokens as in the standard (RFC 9068).
    #[default]
    Standard,
    /// Keycloak: access tokens and ID tokens have the same type in the header, and different types
    /// in a claim.
    Keycloak,
    /// Entra ID, version 2 of its tokens.
    Entra,
    /// Entra ID, version 1 of its tokens, which an API receives unless it asks for version 2.
    EntraV1,
    /// Auth0.
    Auth0,
    /// Okta.
    Okta,
    /// Amazon Cognito.
    Cognito,
    /// Google: service accounts, and ID tokens of people.
    Google,
    /// GitHub Actions.
    GithubActions,
    /// Service accounts of Kubernetes.
    Kubernetes,
    /// Roles of AWS.
    Aws,
    /// The npm package `oidc-provider`.
    OidcProvider,
    /// Tokens of a local framework of agents: HS256 with one shared secret, no issuer, no audience,
    /// and no subject but `agentId` (with `role` and `permissions`).
    SharedSecret,
}

impl Preset {
    /// All presets, by the words of a setting.
    pub const WORDS: [(&str, Self); 14] = [
        ("standard", Self::Standard),
        ("keycloak", Self::Keycloak),
        ("entra", Self::Entra),
        ("entra-v1", Self::EntraV1),
        ("auth0", Self::Auth0),
        ("okta", Self::Okta),
        ("cognito", Self::Cognito),
        ("google", Self::Google),
        ("gcp", Self::Google),
        ("github-actions", Self::GithubActions),
        ("kubernetes", Self::Kubernetes),
        ("aws", Self::Aws),
        ("oidc-provider", Self::OidcProvider),
        ("shared-secret", Self::SharedSecret),
    ];

    /// Parses the word of a setting.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .into_iter()
            .find(|(known, _)| *known == word)
            .map(|(_, preset)| preset)
    }

    /// Returns `true` if the issuer's introspection answers say who acts (`act`), as its tokens do.
    #[must_use]
    pub fn carries_act(self) -> bool {
        match self {
            Self::Standard
            | Self::Entra
            | Self::EntraV1
            | Self::Auth0
            | Self::Okta
            | Self::Cognito
            | Self::Google
            | Self::GithubActions
            | Self::Kubernetes
            | Self::Aws
            | Self::OidcProvider
            | Self::SharedSecret => true,
            // Some versions of Keycloak omit it.
            Self::Keycloak => false,
        }
    }

    /// Creates a profile for this issuer, with keys by discovery and no audience yet.
    #[must_use]
    pub fn profile(self, issuer: &str) -> Profile {
        let standard = standard(issuer);
        match self {
            Self::Standard => standard,
            // Its answer about a client's own opaque token has no `sub`; every token of a user has
            // one.
            Self::OidcProvider => Profile {
                of_users: paths(&["sub"]),
                ..standard
            },
            Self::Keycloak => keycloak(standard),
            Self::Auth0 => providers::auth0(standard),
            Self::Okta => providers::okta(standard),
            Self::Cognito => providers::cognito(standard),
            Self::Google => providers::google(standard),
            Self::GithubActions => providers::github_actions(standard),
            Self::Kubernetes => providers::kubernetes(standard),
            Self::Aws => providers::aws(standard),
            Self::Entra => entra(standard, "2.0", "azp"),
            Self::EntraV1 => entra(standard, "1.0", "appid"),
            Self::SharedSecret => shared_secret(standard),
        }
    }
}

fn paths(names: &[&str]) -> Vec<ClaimPath> {
    names.iter().map(|name| ClaimPath::new(*name)).collect()
}

fn keycloak(standard: Profile) -> Profile {
    Profile {
        types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
        // Access tokens may have a `nonce`, so only the type distinguishes them.
        required: vec![ClaimMark::one_of("typ", &["Bearer", "DPoP"])],
        id_tokens: vec![ClaimMark::one_of("typ", &["ID"])],
        claims: ClaimPaths {
            client: paths(&["azp", "client_id"]),
            // The roles of the realm, and those of this service as a client.
            roles: vec![
                ClaimPath::new("realm_access.roles"),
                ClaimPath::exact(["resource_access", ClaimPath::AUDIENCE, "roles"]),
            ],
            // In `act`, `sub` is the number of the service account's user.
            actor_client: paths(&["client_id", "azp"]),
            ..standard.claims.clone()
        },
        autonomous: keycloak_accounts(),
        only_of_users: paths(&["sid", "session_state"]),
        ..standard
    }
}

/// Marks by which a token is a service account's. The token contains the host and the address that
/// the client connected from, which the issuer adds only in the client's own grant (client scope
/// `service_account`), and no session. Its user has a subject of its own, and a name with the
/// client's id in lower case (`username` in introspection answers). Where people register
/// themselves, somebody may have chosen that name, but such a person's tokens belong to a session.
fn keycloak_accounts() -> Vec<AutonomousClaim> {
    let named = ["preferred_username", "username"].map(|claim| AutonomousClaim {
        is_chosen: true,
        ..AutonomousClaim::client(claim, "service-account-", "")
    });
    let hosts = ["clientHost", "clientAddress"].map(|claim| AutonomousClaim::account(claim, "*"));
    named.into_iter().chain(hosts).collect()
}

fn shared_secret(standard: Profile) -> Profile {
    Profile {
        trust: Trust::Secret(Secret::new(Vec::new())),
        types: vec!["jwt".to_owned(), String::new()],
        id_tokens: Vec::new(),
        subject_type: "agent".into(),
        ids: vec![("agent".into(), SmolStr::default())],
        claims: ClaimPaths {
            subject: paths(&["agentId"]),
            client: Vec::new(),
            scopes: paths(&["permissions"]),
            roles: paths(&["role"]),
            groups: Vec::new(),
            actor_client: Vec::new(),
        },
        actor: ActorForm::None,
        ..standard
    }
}

/// Returns the profile of Entra ID for a version of its tokens and the claim that names the client
/// in them.
fn entra(standard: Profile, version: &str, client: &str) -> Profile {
    let paths = |name: &str| vec![ClaimPath::new(name)];
    Profile {
        types: vec!["jwt".to_owned()],
        // ID tokens name no client, and have the same type.
        required: vec![ClaimMark::one_of("ver", &[version]), ClaimMark::any(client)],
        claims: ClaimPaths {
            // `sub` differs for each application.
            subject: paths("oid"),
            client: paths(client),
            scopes: paths("scp"),
            // Issuers that name an application by `sub` mean another number of it.
            actor_client: paths(client),
            ..standard.claims.clone()
        },
        autonomous: vec![AutonomousClaim::account("idtyp", "app")],
        // `idtyp` is present only if the application asks for it. An application's own token never
        // has scopes, and its `sub` equals its `oid`; a user's token can lack scopes, too.
        of_users: paths("scp"),
        only_of_users: paths("scp"),
        accounts: paths("sub"),
        // Tokens of managed identities live for a day, those under continuous access evaluation for
        // 28 hours, and `iat` is set back by five minutes.
        longest_life: Duration::from_hours(29),
        actor: ActorForm::None,
        ..standard
    }
}

fn standard(issuer: &str) -> Profile {
    let path = |name: &str| vec![ClaimPath::new(name)];
    Profile {
        issuer: issuer.into(),
        trust: Trust::Keys {
            source: KeySource::Discovery(issuer.to_owned()),
            algorithms: vec![
                Algorithm::RS256,
                Algorithm::PS256,
                Algorithm::ES256,
                Algorithm::EdDSA,
            ],
        },
        introspection: None,
        audiences: Vec::new(),
        client_ids: Vec::new(),
        id_token_audiences: Vec::new(),
        caller_audiences: Vec::new(),
        types: vec!["at+jwt".to_owned()],
        required: Vec::new(),
        // OpenID Connect Core section 2.
        id_tokens: ["nonce", "at_hash", "c_hash"].map(ClaimMark::any).into(),
        id_tokens_alone: false,
        leeway: Profile::LEEWAY,
        longest_life: Profile::LONGEST_LIFE,
        ids: vec![
            ("user".into(), SmolStr::default()),
            ("agent".into(), SmolStr::default()),
        ],
        subject_type: "user".into(),
        actor_type: "agent".into(),
        client_type: "agent".into(),
        claims: ClaimPaths {
            subject: path("sub"),
            client: ["client_id", "azp"].map(ClaimPath::new).into(),
            scopes: path("scope"),
            roles: path("roles"),
            groups: path("groups"),
            actor_client: Vec::new(),
        },
        subjects_of: Vec::new(),
        own_clients: Vec::new(),
        overage: Overage::Unknown,
        autonomous: Vec::new(),
        of_users: Vec::new(),
        accounts: Vec::new(),
        only_of_users: Vec::new(),
        facts: Vec::new(),
        actor: ActorForm::Rfc8693,
        details: Vec::new(),
    }
}
