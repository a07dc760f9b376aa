//! What is trusted of an issuer: one profile each.
//!
//! **Problem.** No two issuers write the same token: one names scopes `scp`, one gives access
//! tokens no type, one puts the agent into `sub` and the user into `act`. A reader that takes what
//! it finds takes one for the other.
//! **Decision.** Each issuer has a profile that says exactly what its tokens look like. What does
//! not fit is refused; nothing is guessed from a token.
//! **Trade-off.** An issuer must be configured before its first token is of use. Presets hold what
//! is known of some.
//!
//! INVARIANT: a profile that could accept what it should not (no audience, HMAC beside a published
//! key, the type of an ID-JAG) does not exist: [`Profile::check`] refuses it before the service
//! starts.

mod autonomous;
mod checks;

pub use autonomous::AutonomousClaim;

use super::facts::FactRule;
use super::introspection::Introspection;
use super::keys::KeySource;
use super::secret::Secret;
use crate::model::{ActorNames, DetailRule, NamingClaims, Record, Value};
use jsonwebtoken::Algorithm;
use smol_str::SmolStr;
use std::time::Duration;

/// An issuer, and what its tokens look like.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The issuer, compared byte for byte.
    pub issuer: SmolStr,
    /// How its tokens are verified.
    pub trust: Trust,
    /// Asked about opaque tokens, where there is such an endpoint.
    pub introspection: Option<Introspection>,
    /// One of these must be among a token's audiences.
    pub audiences: Vec<SmolStr>,
    /// The clients whose tokens are accepted; all where there are none. An issuer whose tokens have
    /// no audience must list some, and then a token that has one is for another service.
    pub client_ids: Vec<SmolStr>,
    /// One of these must be among an ID token's audiences; without any, no ID token is accepted.
    pub id_token_audiences: Vec<SmolStr>,
    /// One of these must be among the audiences of a token by which a caller of this service shows
    /// who it is; without any, no caller can. Never one of [`Profile::audiences`]: whoever is sent
    /// a token for those could call with it.
    pub caller_audiences: Vec<SmolStr>,
    /// Types of access tokens, as [`media_type`] writes them; the empty one is that of a token
    /// without a type.
    pub types: Vec<String>,
    /// Claims that an access token must have: what tells it from the issuer's other tokens.
    pub required: Vec<ClaimMark>,
    /// Claims that ID tokens have and access tokens have not: an ID token has one of them at least.
    pub id_tokens: Vec<ClaimMark>,
    /// Whether an ID token may be the only credential that names its subject.
    pub id_tokens_alone: bool,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The longest time between a token's issue and its end.
    pub longest_life: Duration,
    /// For each entity type: what stands before a subject in an id.
    pub ids: Vec<(SmolStr, SmolStr)>,
    /// The entity type of the subject of a token.
    pub subject_type: SmolStr,
    /// That of an actor which does not say what it is.
    pub actor_type: SmolStr,
    /// That of a client which acts for itself.
    pub client_type: SmolStr,
    /// Where a token has what.
    pub claims: Claims,
    /// Other issuers of the same people: their subjects are this one's too, and its tokens may name
    /// one of theirs as the party whose authority is used.
    pub subjects_of: Vec<SmolStr>,
    /// Clients that are a user's own hand: they add nobody to the chain of a user's token. `*`
    /// stands for all.
    pub own_clients: Vec<SmolStr>,
    /// What becomes of a token that says that there is more than it holds.
    pub overage: Overage,
    /// Claims whose value says that a token has no user: its client acts for itself. A token whose
    /// subject *is* its client needs none of them (RFC 9068 section 2.2).
    pub autonomous: Vec<AutonomousClaim>,
    /// Claims that every token of a user has: one that lacks any of them is its client's own.
    pub of_users: Vec<ClaimPath>,
    /// Claims that say once more who the subject is in a client's own token, and somebody else in a
    /// user's: what tells whose account the subject of a token without a user is.
    pub accounts: Vec<ClaimPath>,
    /// Claims that no client's own token has, such as a session's: a token that has one of them and
    /// is otherwise a client's own is refused.
    pub only_of_users: Vec<ClaimPath>,
    /// Claims that become members of `context.token`.
    pub facts: Vec<FactRule>,
    /// How `act` is read.
    pub actor: ActorForm,
    /// How rich authorization requests cover a question.
    pub details: Vec<DetailRule>,
}

/// A claim that tells one kind of token from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMark {
    /// Which claim.
    pub claim: ClaimPath,
    /// Its values, one of which a token must have; any will do where there are none.
    pub values: Vec<SmolStr>,
}

impl ClaimMark {
    /// A claim with any value.
    #[must_use]
    pub fn any(path: &str) -> Self {
        Self {
            claim: ClaimPath::new(path),
            values: Vec::new(),
        }
    }

    /// A claim with one of these values.
    #[must_use]
    pub fn one_of(path: &str, values: &[&str]) -> Self {
        Self {
            claim: ClaimPath::new(path),
            values: values.iter().map(SmolStr::new).collect(),
        }
    }

    /// Returns `true` if the token has the mark.
    pub(super) fn is_in(&self, claims: &Record) -> bool {
        self.claim.of(claims).is_some_and(|found| {
            self.values.is_empty() || self.values.iter().any(|value| fits(value, found))
        })
    }
}

/// Returns `true` if a claim has this value: a text, the end of a text behind a `*`, or a boolean.
fn fits(value: &str, found: &Value) -> bool {
    match (found, value.strip_prefix('*')) {
        (Value::Text(found), Some(end)) => found.len() > end.len() && found.ends_with(end),
        (Value::Text(found), None) => found == value,
        (Value::Bool(found), _) => value == if *found { "true" } else { "false" },
        _ => false,
    }
}

/// What becomes of a token that says that there is more of a claim than it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overage {
    /// The fact is unknown: a policy that reads it denies.
    #[default]
    Unknown,
    /// The token is refused.
    Refuse,
}

impl Overage {
    /// Reads the word of a setting.
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
#[derive(Clone, Debug)]
pub enum Trust {
    /// By its published keys, with one of these algorithms.
    Keys {
        /// Where they are.
        source: KeySource,
        /// What it may sign with; all of them are of key pairs.
        algorithms: Vec<Algorithm>,
    },
    /// By a secret that both sides know, with HS256. Its tokens name neither an issuer nor an
    /// audience.
    Secret(Secret),
    /// By asking about each: [`Profile::introspection`].
    Introspection,
}

/// Where a token has what; the first path that is there counts, and of roles and groups all of
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
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
    /// The client of an actor, in `act`: where there are paths, `sub` there is no id of a client,
    /// and an actor that is no user and whose client is not said is refused. Without paths an actor
    /// is named by `sub`.
    pub actor_client: Vec<ClaimPath>,
}

/// A claim, or a member of one: `realm_access.roles`. A claim of the whole name comes first, unless
/// the names were given one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    text: SmolStr,
    names: Vec<SmolStr>,
    /// Whether the names were given one by one, since one of them has a dot.
    exact: bool,
    /// The audience that it has the place of; none where it has no place for one.
    audience: Option<SmolStr>,
}

impl ClaimPath {
    /// A name that stands for each of the profile's audiences.
    pub const AUDIENCE: &str = "{audience}";

    /// Takes a path with dots between its names.
    #[must_use]
    pub fn new(path: impl Into<SmolStr>) -> Self {
        let text = path.into();
        let names = text.split('.').map(SmolStr::new).collect();
        Self {
            text,
            names,
            exact: false,
            audience: None,
        }
    }

    /// Takes the names of a path.
    #[must_use]
    pub fn exact(names: impl IntoIterator<Item = impl Into<SmolStr>>) -> Self {
        let names: Vec<SmolStr> = names.into_iter().map(Into::into).collect();
        Self {
            text: names.join(".").into(),
            names,
            exact: true,
            audience: None,
        }
    }

    /// The path, as it was written.
    pub(super) fn name(&self) -> &str {
        &self.text
    }

    /// The claim in which it begins.
    pub(super) fn first(&self) -> &str {
        self.names.first().map(SmolStr::as_str).unwrap_or_default()
    }

    /// Returns `true` if what stands there is said to services of these audiences.
    pub(super) fn is_for(&self, audiences: &[SmolStr]) -> bool {
        self.audience
            .as_ref()
            .is_none_or(|audience| audiences.contains(audience))
    }

    /// What stands there: at the first of its places that there is.
    #[must_use]
    pub fn of<'a>(&self, claims: &'a Record) -> Option<&'a Value> {
        self.all_of(claims).next()
    }

    /// The names of members under which it is looked for, one place after the other.
    pub(super) fn places(&self) -> impl Iterator<Item = &[SmolStr]> {
        let whole = !self.exact && self.names.len() > 1;
        whole
            .then_some(std::slice::from_ref(&self.text))
            .into_iter()
            .chain([self.names.as_slice()])
    }

    /// What stands at each of its places.
    pub(super) fn all_of<'a>(&self, claims: &'a Record) -> impl Iterator<Item = &'a Value> {
        let at = move |place: &[SmolStr]| {
            let (first, rest) = place.split_first()?;
            rest.iter()
                .try_fold(claims.get_present(first)?, |value, name| {
                    value.as_record()?.get_present(name)
                })
        };
        self.places().filter_map(at)
    }

    /// Returns `true` for the name of an audience among its names: others beside it are those of
    /// other services.
    pub(super) fn is_audience(&self, name: &str) -> bool {
        self.audience.as_deref() == Some(name)
    }

    /// The path for each of these audiences, where it has a place for one.
    fn for_audiences(&self, audiences: &[SmolStr]) -> Vec<Self> {
        if !self.names.iter().any(|name| name == Self::AUDIENCE) {
            return vec![self.clone()];
        }
        let put = |audience: &SmolStr| {
            let names = self.names.iter().map(|name| {
                if name == Self::AUDIENCE {
                    audience
                } else {
                    name
                }
            });
            Self {
                audience: Some(audience.clone()),
                ..Self::exact(names.cloned())
            }
        };
        audiences.iter().map(put).collect()
    }
}

/// How an issuer says who acts for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorForm {
    /// `sub` is the subject, `act` the actor of now, `act` in it the one before (RFC 8693 section
    /// 4.1).
    Rfc8693,
    /// `sub` is the actor of now, `act` whom it acts for, `act` in it whom that one acts for.
    Inverted,
    /// `sub` is the actor of now, `act` a list of those before it, the nearest first and the
    /// subject last.
    List,
    /// There is no `act`, and a token that has one is refused.
    None,
}

impl ActorForm {
    /// Returns `true` if `sub` is whoever acts, and whom it acts for stands in `act`.
    pub(super) fn begins_with_actor(self) -> bool {
        match self {
            Self::Inverted | Self::List => true,
            Self::Rfc8693 | Self::None => false,
        }
    }

    /// Reads the word of a setting.
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
    /// Puts the audiences into paths that have a place for one.
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

    /// How its actors are named in others' tokens.
    pub(super) fn actor_names(&self) -> ActorNames {
        let places = |paths: &[ClaimPath]| {
            let places = paths.iter().flat_map(ClaimPath::places);
            places.map(<[SmolStr]>::to_vec).collect()
        };
        // What a client's own tokens have around its name in `sub`.
        let form = self
            .autonomous
            .iter()
            .find(|claim| claim.of_client && claim.claim.name() == "sub");
        ActorNames::Claims(NamingClaims {
            people: self.subject_type.clone(),
            // Only the first: tokens of one person may have the others or not.
            person: places(self.claims.subject.get(..1).unwrap_or_default()),
            clients: self.client_type.clone(),
            client: places(&self.claims.actor_client),
            own_client: places(&self.claims.client),
            hands: self.own_clients.clone(),
            before_client: form.map(|form| form.value.clone()).unwrap_or_default(),
            after_client: form.map(|form| form.after.clone()).unwrap_or_default(),
        })
    }

    /// Returns `true` if this client is a user's own hand.
    pub(super) fn is_own_client(&self, client: &str) -> bool {
        self.own_clients
            .iter()
            .any(|own| own == client || own == "*")
    }
}
