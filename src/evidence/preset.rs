//! What is known of some issuers' tokens. Every value of a preset can be set otherwise.

use super::profile::{ActorForm, AutonomousClaim, ClaimPath, Claims, Profile, Trust};
use super::{KeySource, Secret};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;
use std::time::Duration;

/// An issuer whose tokens are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Access tokens as the standard has them (RFC 9068).
    #[default]
    Standard,
    /// Keycloak: access tokens and ID tokens have the same type in the header, and another in a claim.
    Keycloak,
    /// Entra ID, version 2 of its tokens.
    Entra,
    /// The npm package `oidc-provider`.
    OidcProvider,
    /// Tokens of a local framework of agents: HS256 with a secret that all share, no issuer, no audience, no subject but
    /// `agentId` (with `role` and `permissions`).
    SharedSecret,
}

impl Preset {
    /// All of them, by the words of a setting.
    pub const WORDS: [(&str, Self); 5] = [
        ("standard", Self::Standard),
        ("keycloak", Self::Keycloak),
        ("entra", Self::Entra),
        ("oidc-provider", Self::OidcProvider),
        ("shared-secret", Self::SharedSecret),
    ];

    /// Reads the word of a setting.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, preset)| preset)
    }

    /// A profile for this issuer: keys by discovery, and nobody's audience yet.
    #[must_use]
    pub fn profile(self, issuer: &str) -> Profile {
        let standard = standard(issuer);
        let paths = |names: &[&str]| names.iter().map(|name| ClaimPath::new(*name)).collect::<Vec<_>>();
        match self {
            Self::Standard | Self::OidcProvider => standard,
            Self::Keycloak => Profile {
                types: vec!["jwt".to_owned(), "at+jwt".to_owned()],
                required: vec![(ClaimPath::new("typ"), Some("Bearer".into()))],
                claims: Claims {
                    client: paths(&["azp", "client_id"]),
                    roles: paths(&["realm_access.roles"]),
                    ..standard.claims.clone()
                },
                // A service account's user has a subject of its own, and this name with the client's id, in lower case.
                autonomous: vec![AutonomousClaim {
                    claim: ClaimPath::new("preferred_username"),
                    value: "service-account-".into(),
                    of_client: true,
                }],
                ..standard
            },
            Self::Entra => Profile {
                types: vec!["jwt".to_owned()],
                // ID tokens have no `azp`, and the same type.
                required: vec![(ClaimPath::new("ver"), Some("2.0".into())), (ClaimPath::new("azp"), None)],
                claims: Claims {
                    // `sub` is another one for each application.
                    subject: paths(&["oid"]),
                    client: paths(&["azp"]),
                    scopes: paths(&["scp"]),
                    ..standard.claims.clone()
                },
                autonomous: vec![AutonomousClaim {
                    claim: ClaimPath::new("idtyp"),
                    value: "app".into(),
                    of_client: false,
                }],
                // `idtyp` is there only where the application asks for it; an application's own token never has scopes.
                of_users: paths(&["scp"]),
                actor: ActorForm::None,
                ..standard
            },
            Self::SharedSecret => Profile {
                trust: Trust::Secret(Secret::new(Vec::new())),
                types: vec!["jwt".to_owned(), String::new()],
                subject_type: "agent".into(),
                ids: vec![("agent".into(), SmolStr::default())],
                claims: Claims {
                    subject: paths(&["agentId"]),
                    client: Vec::new(),
                    scopes: paths(&["permissions"]),
                    roles: paths(&["role"]),
                    groups: Vec::new(),
                },
                actor: ActorForm::None,
                ..standard
            },
        }
    }
}

fn standard(issuer: &str) -> Profile {
    let path = |name: &str| vec![ClaimPath::new(name)];
    Profile {
        issuer: issuer.into(),
        trust: Trust::Keys {
            source: KeySource::Discovery(issuer.to_owned()),
            algorithms: vec![Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA],
        },
        introspection: None,
        audiences: Vec::new(),
        id_token_audiences: Vec::new(),
        caller_audiences: Vec::new(),
        types: vec!["at+jwt".to_owned()],
        required: Vec::new(),
        leeway: Duration::from_secs(30),
        // A day: access tokens live minutes, some issuers' an hour.
        longest_life: Duration::from_hours(24),
        ids: vec![("user".into(), SmolStr::default()), ("agent".into(), SmolStr::default())],
        subject_type: "user".into(),
        actor_type: "agent".into(),
        client_type: "agent".into(),
        claims: Claims {
            subject: path("sub"),
            client: path("client_id"),
            scopes: path("scope"),
            roles: path("roles"),
            groups: path("groups"),
        },
        autonomous: Vec::new(),
        of_users: Vec::new(),
        actor: ActorForm::Rfc8693,
        details: Vec::new(),
    }
}
