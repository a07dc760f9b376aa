//! Profiles of issuers: what is trusted of each.
//!
//! **Problem.** No two issuers write the same token: one names scopes `scp`, one gives access
//! tokens no type, one puts the agent into `sub` and the user into `act`. A reader that accepts any
//! of these forms mistakes one for another.
//! **Decision.** Each issuer has a profile that says exactly what its tokens look like. A token
//! that does not fit is refused; nothing is guessed from a token.
//! **Trade-off.** An issuer must be configured before its first token is of use. Presets hold what
//! is known of some issuers.
//!
//! INVARIANT: a profile that could accept what it should not (no audience, HMAC beside a published
//! key, the type of an ID-JAG) does not exist: [`Profile::check`] refuses it before the service
//! starts.

mod autonomous;
mod checks;
mod claim_path;

pub use autonomous::AutonomousClaim;
pub use claim_path::ClaimPath;

use super::claims::bad_claim;
use super::facts::FactRule;
use super::introspection::IntrospectionEndpoint;
use super::keys::KeySource;
use super::marks::misspelt_value;
use super::secret::Secret;
use crate::model::{ActorNames, CredentialError, DetailRule, NamingClaims, Record, Value, alike};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;
use std::time::Duration;

/// An issuer and the form of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The issuer, compared byte for byte.
    pub issuer: SmolStr,
    /// How its tokens are verified.
    pub trust: Trust,
    /// The introspection endpoint, if the issuer has one.
    pub introspection: Option<IntrospectionEndpoint>,
    /// One of these must be among a token's audiences.
    pub audiences: Vec<SmolStr>,
    /// The clients whose tokens are accepted; all if empty. If [`Profile::audiences`] is empty,
    /// because the issuer's tokens have no audience, some clients must be listed here, and a token
    /// that has an audience is refused as one for another service.
    pub client_ids: Vec<SmolStr>,
    /// One of these must be among an ID token's audiences; if empty, no ID token is accepted.
    pub id_token_audiences: Vec<SmolStr>,
    /// One of these must be among the audiences of a token by which a caller of this service
    /// authenticates; if empty, no caller can. None of them may be one of [`Profile::audiences`]:
    /// whoever receives a token for those could authenticate with it.
    pub caller_audiences: Vec<SmolStr>,
    /// Types of access tokens, as [`media_type`] writes them; the empty text stands for a token
    /// without a type.
    pub types: Vec<String>,
    /// Claims that an access token must have, which distinguish it from the issuer's other tokens.
    pub required: Vec<ClaimMark>,
    /// Claims of ID tokens that access tokens do not have: an ID token has at least one of them.
    pub id_tokens: Vec<ClaimMark>,
    /// Whether an ID token may be the only credential that names its subject.
    pub id_tokens_alone: bool,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Maximum time between a token's issue and its expiry.
    pub longest_life: Duration,
    /// For each entity type, the text that is put before a token's subject to make an entity's id.
    pub ids: Vec<(SmolStr, SmolStr)>,
    /// The entity type of the subject of a token.
    pub subject_type: SmolStr,
    /// The entity type of an actor that does not say what it is.
    pub actor_type: SmolStr,
    /// The entity type of a client that acts for itself.
    pub client_type: SmolStr,
    /// The claims to read.
    pub claims: ClaimPaths,
    /// Other issuers that issue tokens for the same people. A token of this issuer may name a
    /// subject of one of these issuers as the party for which it acts.
    pub subjects_of: Vec<SmolStr>,
    /// Clients that count as the user's own: they are not added to the chain of a user's token. `*`
    /// stands for all.
    pub own_clients: Vec<SmolStr>,
    /// How to handle a token that leaves out some values of a claim, such as groups, and says so.
    pub overage: Overage,
    /// Claims whose value says that a token has no user, so that its client acts for itself. A
    /// token whose subject *is* its client needs none of them (RFC 9068 section 2.2).
    pub autonomous: Vec<AutonomousClaim>,
    /// Claims that every user's token has: a token that lacks one is its client's own.
    pub of_users: Vec<ClaimPath>,
    /// Claims that equal the subject in a client's own token and differ from it in a user's. If a
    /// token has no user, they show that its subject is the client's account.
    pub accounts: Vec<ClaimPath>,
    /// Claims that only users' tokens have, such as a session. A token that has one of them, and
    /// also the marks of a client's own token, is refused.
    pub only_of_users: Vec<ClaimPath>,
    /// Claims that become members of `context.token`.
    pub facts: Vec<FactRule>,
    /// How `act` is read.
    pub actor: ActorForm,
    /// How rich authorization requests cover a question.
    pub details: Vec<DetailRule>,
}

/// A claim that distinguishes one kind of token from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMark {
    /// The claim.
    pub claim: ClaimPath,
    /// The values, one of which a token must have; if empty, any value will do.
    pub values: Vec<SmolStr>,
}

impl ClaimMark {
    /// Creates a mark: the claim with any value.
    #[must_use]
    pub fn any(path: &str) -> Self {
        Self {
            claim: ClaimPath::new(path),
            values: Vec::new(),
        }
    }

    /// Creates a mark: the claim with one of these values, each a text, an ending behind a `*`, or
    /// a boolean.
    #[must_use]
    pub fn one_of(path: &str, values: &[&str]) -> Self {
        Self {
            claim: ClaimPath::new(path),
            values: values.iter().map(SmolStr::new).collect(),
        }
    }

    /// Returns `true` if the token has the mark. Refuses a claim that is neither a text nor a
    /// boolean, and a value that is spelled like one of the mark's: if it only counted as a
    /// different value, the token would be taken for one of another kind.
    pub(super) fn is_in(&self, claims: &Record) -> Result<bool, CredentialError> {
        let Some(found) = self.claim.of(claims) else {
            return Ok(false);
        };
        if self.values.is_empty() {
            return Ok(true);
        }
        let found = match found {
            Value::Text(text) => text.as_str(),
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            _ => return Err(bad_claim(self.claim.name())),
        };
        if self.values.iter().any(|value| fits(value, found)) {
            Ok(true)
        } else if self.values.iter().any(|value| alike(value, found)) {
            Err(misspelt_value(self.claim.name()))
        } else {
            Ok(false)
        }
    }
}

/// Returns `true` if a claim has this value, or the ending that follows a `*`.
fn fits(value: &str, found: &str) -> bool {
    match value.strip_prefix('*') {
        Some(end) => found.len() > end.len() && found.ends_with(end),
        None => found == value,
    }
}

/// How to handle a token that says that there is more of a claim than it contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overage {
    /// The fact is unknown: a policy that reads it denies.
    #[default]
    Unknown,
    /// The token is refused.
    Refuse,
}

impl Overage {
    /// Parses the word of a setting.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "unknown" => Some(Self::Unknown),
            "refuse" => Some(Self::Refuse),
            _ => None,
        }
    }
}

/// How an issuer's tokens are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By published keys, with one of these algorithms.
    Keys {
        /// The source of the keys.
        source: KeySource,
        /// The algorithms that the issuer may sign with; all of them are for key pairs.
        algorithms: Vec<Algorithm>,
    },
    /// By a secret that both sides know, with HS256. The tokens name neither an issuer nor an
    /// audience.
    Secret(Secret),
    /// By asking the issuer about each token: [`Profile::introspection`].
    Introspection,
}

/// The claims to read for each purpose. Of several paths the first that is present counts, except
/// that all count for roles and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimPaths {
    /// The subject.
    pub subject: Vec<ClaimPath>,
    /// The client.
    pub client: Vec<ClaimPath>,
    /// Scopes: a text with spaces, or a list.
    pub scopes: Vec<ClaimPath>,
    /// Roles.
    pub roles: Vec<ClaimPath>,
    /// Groups.
    pub groups: Vec<ClaimPath>,
    /// The client of an actor, in `act`. If there are paths, `sub` in `act` does not name a client,
    /// unless one of the paths is `sub`. An actor is then refused if it is not a user, names no
    /// client, and is not recognised as the token's own client. Without paths, an actor is
    /// named by `sub`.
    pub actor_client: Vec<ClaimPath>,
}

/// The form in which an issuer says who acts for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorForm {
    /// `sub` is the subject, `act` the current actor, and an `act` inside it the previous actor
    /// (RFC 8693 section 4.1).
    Rfc8693,
    /// `sub` is the current actor, `act` the party for which it acts, and an `act` inside it the
    /// party for which that one acts.
    Inverted,
    /// `sub` is the current actor, `act` a list of those before it, the nearest first and the
    /// subject last.
    List,
    /// There is no `act`, and a token that has one is refused.
    None,
}

impl ActorForm {
    /// Returns `true` if `sub` is the actor and `act` contains the party for which it acts.
    pub(super) fn begins_with_actor(self) -> bool {
        match self {
            Self::Inverted | Self::List => true,
            Self::Rfc8693 | Self::None => false,
        }
    }

    /// Parses the word of a setting.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "rfc8693" => Some(Self::Rfc8693),
            "inverted" => Some(Self::Inverted),
            "list" => Some(Self::List),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Profile {
    /// How far clocks may differ, unless a profile or a trust domain says otherwise.
    pub const LEEWAY: Duration = Duration::from_secs(30);

    /// Maximum time between issue and expiry, unless a profile or a trust domain says otherwise: a
    /// day. Access tokens live for minutes, those of some issuers for an hour.
    pub const LONGEST_LIFE: Duration = Duration::from_hours(24);

    /// Replaces the placeholder in paths by the audiences: a path for each audience.
    pub(super) fn with_paths_for_audiences(mut self) -> Self {
        for paths in [
            &mut self.claims.roles,
            &mut self.claims.groups,
            &mut self.claims.scopes,
        ] {
            *paths = paths
                .iter()
                .flat_map(|path| path.for_audiences(&self.audiences))
                .collect();
        }
        self
    }

    /// Returns how other issuers' tokens name this issuer's actors.
    pub(super) fn actor_names(&self) -> ActorNames {
        let places = |paths: &[ClaimPath]| {
            let places = paths.iter().flat_map(ClaimPath::places);
            places.cloned().collect()
        };
        // The text around a client's name in `sub` of the client's own tokens.
        let form = self
            .autonomous
            .iter()
            .find(|claim| claim.of_client && claim.claim.name() == "sub");
        ActorNames::Claims(NamingClaims {
            people: self.subject_type.clone(),
            // Only the first path is used: tokens of one person may or may not have the others.
            person: places(self.claims.subject.get(..1).unwrap_or_default()),
            clients: self.client_type.clone(),
            client: places(&self.claims.actor_client),
            own_client: places(&self.claims.client),
            hands: self.own_clients.clone(),
            before_client: form.map(|form| form.value.clone()).unwrap_or_default(),
            after_client: form.map(|form| form.after.clone()).unwrap_or_default(),
        })
    }

    /// Returns `true` if this client counts as the user's own.
    pub(super) fn is_own_client(&self, client: &str) -> bool {
        self.own_clients
            .iter()
            .any(|own| own == client || own == "*")
    }
}
