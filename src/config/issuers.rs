//! The settings of issuers and trust domains whose credentials are verified: `[[issuers]]` and
//! `[[trust_domains]]`.
//!
//! A missing member has the value of the preset. The meaning of the values, and contradictions
//! between them, are checked where they are used; this file only refuses malformed values.

use crate::evidence::Profile;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An issuer, and the form of its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Issuer")]
pub struct IssuerSettings {
    /// The `iss` of its tokens, byte for byte.
    pub issuer: String,
    /// The kind of issuer: `standard`, `keycloak`, `entra`, `entra-v1`, `auth0`, `okta`, `cognito`,
    /// `google` or `gcp`, `github-actions`, `kubernetes`, `aws`, `oidc-provider`, `shared-secret`.
    pub preset: Option<String>,
    /// Where its keys are: `discovery`, an address, `file:PATH`, `secret:PATH`, or `introspection`
    /// if there are none.
    pub keys: Option<String>,
    /// A file with the authorities that may have issued its TLS certificate; by default, those of
    /// the system.
    pub ca_file: Option<PathBuf>,
    /// The algorithms that it may sign with.
    pub algorithms: Option<Vec<String>>,
    /// One of these must be among a token's audiences.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The clients whose tokens are accepted; if empty, those of all clients.
    #[serde(default)]
    pub client_ids: Vec<String>,
    /// One of these must be among an ID token's audiences.
    #[serde(default)]
    pub id_token_audiences: Vec<String>,
    /// One of these must be among the audiences of a token by which a caller of this service
    /// authenticates.
    #[serde(default)]
    pub caller_audiences: Vec<String>,
    /// The `typ` values of its access tokens; an empty one stands for a missing `typ`.
    pub types: Option<Vec<String>>,
    /// Claims that its access tokens must have, with their values; an empty value stands for any.
    pub required: Option<BTreeMap<String, WordList>>,
    /// Claims, with their values, any of which marks an ID token; an empty value stands for any.
    pub id_tokens: Option<BTreeMap<String, WordList>>,
    /// Whether an ID token may be the only credential that names its subject.
    #[serde(default)]
    pub id_tokens_alone: bool,
    /// Other issuers whose subjects are the same people.
    #[serde(default)]
    pub subjects_of: Vec<String>,
    /// Clients that act as the user's own hand; `*` for all.
    #[serde(default)]
    pub own_clients: WordList,
    /// How to treat a token that says that it does not contain everything: `unknown`, `refuse`.
    pub overage: Option<String>,
    /// How far clocks may differ, in seconds.
    pub leeway_s: Option<u64>,
    /// The longest accepted lifetime of a token, in seconds.
    pub longest_life_s: Option<u64>,
    /// For each entity type, the form of its ids: `acme|{sub}`.
    pub ids: Option<BTreeMap<String, String>>,
    /// The entity type of subjects.
    pub subject_type: Option<String>,
    /// The entity type of actors whose type the token does not say.
    pub actor_type: Option<String>,
    /// The entity type of clients that act for themselves.
    pub client_type: Option<String>,
    /// Where tokens have which claim.
    #[serde(default)]
    pub claims: ClaimSettings,
    /// Claims that become members of `context.token`, by the names of the members.
    #[serde(default)]
    pub facts: BTreeMap<String, FactSettings>,
    /// Claims whose value says that a client acts for itself; `{client}` in it stands for the
    /// client's id.
    pub autonomous: Option<BTreeMap<String, Mark>>,
    /// Claims that every token of a user has: one that lacks any of them is its client's own.
    pub of_users: Option<Vec<String>>,
    /// Claims that say once more who the subject is in a client's own token alone.
    pub accounts: Option<Vec<String>>,
    /// Claims that only users' tokens have: one that has any of them and is otherwise its client's
    /// own is refused.
    pub only_of_users: Option<Vec<String>>,
    /// How `act` is read: `rfc8693`, `inverted`, `list`, `none`.
    pub actor: Option<String>,
    /// The introspection endpoint that is asked about tokens.
    pub introspection: Option<IntrospectionSettings>,
    /// What its rich authorization requests cover.
    #[serde(default)]
    pub details: Vec<DetailSettings>,
}

/// The value of a claim that says that a client acts for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a text, or `{ value = …, any_sub = … }`")]
pub enum Mark {
    /// The value.
    Value(String),
    /// The value, and what it says of the subject.
    Of(MarkOf),
}

/// The value of a claim, and whether only clients' own accounts have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkOf {
    /// The value.
    pub value: String,
    /// Whether the token's subject is the client's account, whatever it is called.
    #[serde(default)]
    pub any_sub: bool,
}

/// A claim that becomes a fact: its name, or its name and Cedar's type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a claim's name, or `{ claim = …, type = … }`")]
pub enum FactSettings {
    /// A claim that becomes a text.
    Text(ClaimName),
    /// A claim with a type.
    Typed(TypedFactSettings),
}

/// A claim with a type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct TypedFact")]
pub struct TypedFactSettings {
    /// The claim.
    pub claim: ClaimName,
    /// The Cedar type: `String`, `Bool`, `Long`, `decimal`, `datetime`, `Set<String>`.
    pub r#type: String,
}

/// A claim, or a member of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a claim's name with dots before its members, or a list of names"
)]
pub enum ClaimName {
    /// The names separated by dots.
    Dotted(String),
    /// The names one by one, for a name that contains a dot.
    Names(Vec<String>),
}

/// Where claims are found. Each claim has a list of paths: the first one that exists counts, but
/// for roles and groups all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Claims")]
pub struct ClaimSettings {
    /// Paths of the subject.
    pub subject: Option<Vec<ClaimName>>,
    /// Paths of the client.
    pub client: Option<Vec<ClaimName>>,
    /// Paths of the scopes.
    pub scopes: Option<Vec<ClaimName>>,
    /// Paths of the roles.
    pub roles: Option<Vec<ClaimName>>,
    /// Paths of the groups.
    pub groups: Option<Vec<ClaimName>>,
    /// Paths of an actor's client, in `act`.
    pub actor_client: Option<Vec<ClaimName>>,
}

/// One word, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordList(pub Vec<String>);

impl<'de> Deserialize<'de> for WordList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a text, or a list of texts")]
        enum OneOrMore {
            One(String),
            All(Vec<String>),
        }
        Ok(Self(match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(word) => vec![word],
            OneOrMore::All(words) => words,
        }))
    }
}

/// An introspection endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Introspection")]
pub struct IntrospectionSettings {
    /// The address of the endpoint.
    pub url: String,
    /// The client id with which the service authenticates.
    pub client_id: String,
    /// A file with the client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// How long an answer is cached, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub keep_ms: u64,
    /// Whether answers say who acts (`act`), as tokens do; by default, as the preset says.
    pub carries_act: Option<bool>,
    /// Whether answers must be signed.
    #[serde(default)]
    pub signed: bool,
    /// Where the keys of signed answers are, in the same form as for tokens; by default, the keys
    /// of the issuer's tokens or of its discovery document.
    pub keys: Option<String>,
}

/// What the objects of one type in a rich authorization request cover.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Detail")]
pub struct DetailSettings {
    /// The type of the objects.
    pub r#type: String,
    /// The entity type of the resources that the objects are about.
    pub resource_type: String,
    /// The `locations` that stand for this service's resources.
    #[serde(default)]
    pub locations: Vec<String>,
    /// The meaning of the words in `actions`: for each word, the names of actions.
    #[serde(default)]
    pub actions: BTreeMap<String, Vec<String>>,
    /// Actions that an object without `actions` covers.
    #[serde(default)]
    pub without_actions: Vec<String>,
    /// Members that must equal a value of the request: paths in the object, with paths in the
    /// request.
    #[serde(default)]
    pub equal: BTreeMap<String, String>,
    /// Members that are an upper bound of a number in the request.
    #[serde(default)]
    pub at_most: BTreeMap<String, String>,
    /// Members that do not restrict what is allowed.
    #[serde(default)]
    pub ignored: Vec<String>,
}

/// A SPIFFE trust domain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct TrustDomain")]
pub struct TrustDomainSettings {
    /// The name of the trust domain.
    pub name: String,
    /// Its bundle of keys: an address, `file:PATH` for a JWK set, `pem:PATH` for certificates.
    pub bundle: String,
    /// A file with the authorities that may have issued the TLS certificate of the bundle's
    /// address.
    pub ca_file: Option<PathBuf>,
    /// One of these must be among a JWT-SVID's audiences.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The entity type of its workloads.
    pub entity_type: String,
    /// The longest accepted lifetime of an SVID, in seconds.
    #[serde(default = "longest_life")]
    pub longest_life_s: u64,
    /// How far clocks may differ, in seconds.
    #[serde(default = "leeway")]
    pub leeway_s: u64,
}

/// The default lifetime of a cached answer; a revocation is noticed after this time at the latest.
fn ten_seconds() -> u64 {
    10_000
}

fn longest_life() -> u64 {
    Profile::LONGEST_LIFE.as_secs()
}

fn leeway() -> u64 {
    Profile::LEEWAY.as_secs()
}
